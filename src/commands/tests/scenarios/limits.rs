//! What does the server refuse to keep, and what always works?

use super::super::script::scenario;

#[test]
fn where_queues_may_be_evicted_nothing_grows() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        evictable allkeys-lru
        WF.PUSH q x => !ERR maxmemory-policy is allkeys-lru
        WF.MPUSH q 1 x => !ERR maxmemory-policy is allkeys-lru
        WF.SET q maxlen 5 => !ERR maxmemory-policy is allkeys-lru
        # What is there is still worked off.
        WF.POP q a => {id:$t1 ..}
        WF.TOUCH q a $t1 PROGRESS 5
        WF.NEXT q a $t1 => {id:$t2 ..}
        WF.NACK q a IDS 1 $t2 => 1
        WF.RECOVER a
        evictable no
        WF.PUSH q x
        "#,
    );
}

#[test]
fn with_memory_used_up_small_things_are_kept_and_large_ones_refused() {
    scenario(
        r#"
        WF.MPUSH q 5 1 2 3 4 5 RETAIN 9000 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q a COUNT 5
        memory-full yes
        WF.DONE q a $t1 RESULT "x"*1025 => !OOM above 1 KiB
        WF.NEXT q a $t1 RESULT "x"*1025 => !OOM
        WF.MDONE q a IDS 1 $t1 RESULTS 1 "x"*1025 => !OOM
        WF.MDONE q a IDS 2 $t1 $t2 RESULTS 2 x "x"*1025 => !OOM
        WF.TOUCH q a $t1 CHECKPOINT "x"*1025 => !OOM
        WF.TOUCH q a $t1 HANDLE "x"*1025 => !OOM
        WF.FAIL q a $t1 ERROR "x"*1025 => !OOM
        WF.LEN q STATE running => 5
        WF.TOUCH q a $t1 CHECKPOINT "x"*1024 HANDLE "x"*1024
        WF.DONE q a $t1 RESULT "x"*1024 => OK
        WF.MDONE q a IDS 1 $t2 RESULTS 1 "x"*1024 => [1]
        WF.FAIL q a $t3 ERROR "x"*1024 => "failed"
        WF.NACK q a IDS 1 $t4 => 1
        WF.NEXT q a $t5 RESULT "x"*1024 => {id:$t4 ..}
        WF.RECOVER a => {tasks:[{id:$t4 ..}] ..}
        memory-full no
        WF.DONE q a $t4 RESULT "x"*1025 => OK
        "#,
    );
}
