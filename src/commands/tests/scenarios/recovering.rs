//! What does a successor find, and what becomes of it?

use super::super::script::scenario;

#[test]
fn recover_keep_gives_the_successor_its_predecessors_tasks_with_all_it_saved() {
    scenario(
        r#"
        WF.RECOVER a => {agent:"a" epoch:$e1 tasks:[] quarantined:[] missing:[] more:0 cursor:"0"}
        WF.PUSH q one TYPE t NAME n => $t1
        WF.PUSH p two => $t2
        WF.POP q a EPOCH $e1 => {fence:$f1 ..}
        +100
        WF.POP p a EPOCH $e1 => {fence:$f2 ..}
        WF.TOUCH q a $t1 EPOCH $e1 PROGRESS 7 CHECKPOINT "c\x01" HANDLE h
        +50
        WF.RECOVER a KEEP => {agent:"a" epoch:$e2 quarantined:[] missing:[] more:0 cursor:"0" \
            tasks:[{id:$t2 fence:$g2 payload:"two" crashes:1 queue:"p" running-for:50} \
            {id:$t1 fence:$g1 payload:"one" type:"t" name:"n" progress:7 checkpoint:"c\x01" \
            handle:"h" crashes:1 queue:"q" running-for:150}]}
        $e2 > $e1
        $g1 > $f1
        $g2 > $f2
        WF.LEN q STATE running => 1
        # It is no attempt, no failure, no interruption; it goes on, and is done under the new one.
        WF.TASK q $t1 => {attempts:1 crashes:1 owner:"a" fence:$g1 running-for:150 id:_ state:_ \
            payload:_ type:_ pushed-at:_ name:_ progress:_ checkpoint:_ handle:_}
        WF.DONE q a $t1 EPOCH $e2 FENCE $g1 => OK
        # KEEP is what is meant when nothing is said.
        WF.RECOVER a => {tasks:[{id:$t2 crashes:2 ..}] epoch:$e3 ..}
        $e3 > $e2
        "#,
    );
}

#[test]
fn recover_release_makes_the_tasks_ready_again_a_crash_each() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 2 => [{fence:$f1 ..} ..]
        WF.RECOVER a RELEASE => {agent:"a" epoch:$e1 count:2 tasks:[] quarantined:[] missing:[] \
            more:0 cursor:"0"}
        WF.TASK q $t1 => {state:"ready" crashes:1 reason:"released by recovery" ..}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER released by recovery
        WF.HELD a => {tasks:[] ..}
        WF.POP q b COUNT 9 => [{id:$t3 ..} {id:$t1 crashes:1 attempt:2 ..} {id:$t2 crashes:1 ..}]
        WF.RECOVER a RELEASE => {count:0 ..}
        "#,
    );
}

#[test]
fn recover_fail_fails_the_tasks_a_failure_each() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2
        WF.TOUCH q a $t1 HANDLE h
        WF.RECOVER a FAIL => {count:2 tasks:[] more:0 cursor:"0" ..}
        WF.TASK q $t1 => {state:"failed" failures:1 reason:"failed by recovery" handle:"h" id:_ \
            payload:_ attempts:1 pushed-at:_ ended-at:_ expires-at:_}
        WF.DONE q a $t1 => !NOTOWNER is failed: failed by recovery
        WF.INFO q => {failed:2 running:0 total-failed:2 ..}
        WF.RECOVER a KEEP RELEASE => !ERR exclude each other
        WF.RECOVER a FAIL FAIL => {count:0 ..}
        "#,
    );
}

#[test]
fn recover_makes_an_identity_that_is_not_there_and_finds_what_the_name_holds() {
    scenario(
        r#"
        WF.RECOVER new => {agent:"new" epoch:$e1 tasks:[] ..}
        WF.INFO new => {kind:"agent" epoch:$e1 queues:[] ..}
        WF.PUSH q 1 => $t1
        WF.POP q a => {id:$t1 ..}
        WF.INFO a => {epoch:$e2 queues:["q"] ..}
        del a
        # Where it took from is forgotten with the key; QUEUES tells where to look.
        WF.HELD a => {tasks:[] quarantined:[] cursor:"0" missing:[]}
        WF.RECOVER a => {tasks:[] missing:[] ..}
        WF.RECOVER a QUEUES 2 nowhere q => {tasks:[{id:$t1 queue:"q" ..}] missing:["nowhere"] ..}
        # And it is known again from then on.
        WF.RECOVER a => {tasks:[{id:$t1 crashes:2 ..}] missing:[] ..}
        "#,
    );
}

#[test]
fn a_recovery_without_request_id_counts_each_time() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.RECOVER a => {epoch:$e1 tasks:[{crashes:1 fence:$f1 ..}] ..}
        WF.RECOVER a => {epoch:$e2 tasks:[{crashes:2 fence:$f2 ..}] ..}
        $e2 > $e1
        $f2 > $f1
        "#,
    );
}

#[test]
fn a_recovery_repeated_with_its_request_id_counts_one_crash_and_one_epoch() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.INFO a => {epoch:$e0 ..}
        WF.RECOVER a EPOCH $e0 REQID r => {epoch:$e1 tasks:[{crashes:1 fence:$f1 ..}] ..}
        $e1 > $e0
        reload
        # A repetition names the epoch that the first one ended.
        WF.RECOVER a EPOCH $e0 REQID r => {epoch:$e1 tasks:[{crashes:1 fence:$f1 ..}] ..}
        WF.RECOVER a REQID r => {epoch:$e1 tasks:[{crashes:1 fence:$f1 ..}] ..}
        WF.RECOVER a EPOCH $e0 => !STALE
        WF.RECOVER a EPOCH $e0 REQID s => !STALE
        WF.RECOVER a EPOCH $e1 REQID s => {epoch:$e2 tasks:[{crashes:2 ..}] ..}
        $e2 > $e1
        # The request before the last one is not remembered: it is a new one.
        WF.RECOVER a REQID r => {epoch:$e3 tasks:[{crashes:3 ..}] ..}
        $e3 > $e2
        "#,
    );
}

#[test]
fn a_repeated_release_goes_on_and_spares_what_was_taken_since() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 3
        WF.RECOVER a RELEASE REQID r COUNT 1 => {epoch:$e1 count:1 more:1 ..}
        # Taken under the epoch of this very request.
        WF.POP q a EPOCH $e1 => {id:$t4 fence:$f4 ..}
        WF.RECOVER a RELEASE REQID r COUNT 1 => {epoch:$e1 count:1 more:1 ..}
        WF.RECOVER a RELEASE REQID r COUNT 9 => {epoch:$e1 count:1 more:0 cursor:"0" ..}
        WF.RECOVER a RELEASE REQID r COUNT 9 => {epoch:$e1 count:0 more:0 ..}
        WF.LEN q STATE ready => 3
        WF.DONE q a $t4 EPOCH $e1 FENCE $f4 => OK
        WF.POP q b COUNT 9 => [{id:$t1 crashes:1 ..} {id:$t2 crashes:1 ..} {id:$t3 crashes:1 ..}]
        "#,
    );
}
