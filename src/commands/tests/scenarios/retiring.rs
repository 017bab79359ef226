//! How does an agent stop cleanly?

use super::super::script::scenario;

#[test]
fn retire_hands_everything_back_as_interruptions_and_deletes_the_identity() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.PUSH p 4 => $t4
        WF.RECOVER a LEASE 8000 => {epoch:$e1 ..}
        WF.POP q a EPOCH $e1 COUNT 2
        WF.POP p a EPOCH $e1
        WF.RETIRE a EPOCH 7 => !STALE
        WF.RETIRE a RELEASE KEEP => !ERR
        WF.RETIRE a EPOCH $e1 => OK
        WF.INFO a => nil
        WF.TASK q $t1 => {state:"ready" interruptions:1 reason:"handed back by retiring" id:_ \
            payload:_ attempts:1 pushed-at:_}
        WF.POP p b => {id:$t4 interruptions:1 attempt:2 ..}
        WF.POP q b COUNT 9 => [{id:$t3 ..} {id:$t1 ..} {id:$t2 ..}]
        # Whoever still acts under it can change nothing.
        WF.DONE q a $t1 EPOCH $e1 => !STALE there is no such agent
        WF.POP q a EPOCH $e1 => !STALE
        WF.RETIRE a EPOCH $e1 => !STALE
        "#,
    );
}

#[test]
fn retire_keep_leaves_the_tasks_to_the_successor() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.ASSUME p => {agent:"{p}:2" epoch:$e2 ..}
        WF.PUSH q x => $t1
        WF.POP q {p}:2 EPOCH $e2
        WF.RETIRE {p}:2 EPOCH $e2 KEEP => OK
        WF.INFO {p}:2 => {state:"retired" lease:0 queues:["q"] epoch:$e3 pool:"p" kind:_}
        $e3 > $e2
        WF.DONE q {p}:2 $t1 EPOCH $e2 => !STALE it was recovered, assumed or retired since
        WF.DONE q {p}:2 $t1 => !STALE is retired: RECOVER or ASSUME it
        WF.DONE q {p}:2 $t1 EPOCH $e3 => !STALE is retired
        # Its place is free at once, and the work is found.
        WF.ASSUME p => {agent:"{p}:2" epoch:$e4 lease:8000 tasks:[{id:$t1 ..}] ..}
        WF.INFO {p}:2 => {state:"active" ..}
        WF.DONE q {p}:2 $t1 EPOCH $e4 => OK
        # One that holds nothing is deleted, KEEP or not.
        WF.RETIRE {p}:2 KEEP EPOCH $e4 => OK
        WF.INFO {p}:2 => nil
        WF.ASSUME p => {agent:"{p}:2" ..}
        "#,
    );
}

#[test]
fn an_identity_without_a_lease_retires_too_and_may_be_recovered() {
    scenario(
        r#"
        WF.PUSH q x => $t1
        WF.POP q a => {id:$t1 ..}
        WF.INFO a => {epoch:$e1 ..}
        WF.RETIRE a EPOCH $e1 KEEP => OK
        WF.POP q a => !STALE is retired
        require-epoch yes
        WF.POP q a => !STALE is retired
        require-epoch no
        WF.RECOVER a => {tasks:[{id:$t1 ..}] epoch:$e2 ..}
        WF.DONE q a $t1 => OK
        WF.RETIRE a EPOCH $e2 => OK
        WF.INFO a => nil
        # The name itself is nobody's: it can be used again.
        WF.PUSH q y
        WF.POP q a => {payload:"y" ..}
        "#,
    );
}

#[test]
fn what_is_beyond_one_call_is_handed_back_within_moments() {
    let payloads = "x ".repeat(10_005);
    scenario(&format!(
        r#"
        WF.POOL p => OK
        WF.ASSUME p => {{epoch:$e1 ..}}
        WF.MPUSH q 10005 {payloads}
        WF.POP q {{p}}:1 EPOCH $e1 COUNT 10005
        WF.RETIRE {{p}}:1 EPOCH $e1 => OK
        WF.LEN q STATE running => 5
        WF.INFO {{p}}:1 => {{state:"retired" ..}}
        tick
        WF.LEN q STATE running => 0
        WF.INFO {{p}}:1 => nil
        "#
    ));
}

#[test]
fn work_that_a_retired_identity_kept_counts_no_crash() {
    scenario(
        r#"
        WF.SET q crashes 1 => OK
        WF.RECOVER a LEASE 8000 => {epoch:$e1 ..}
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a EPOCH $e1 COUNT 4
        WF.RETIRE a EPOCH $e1 KEEP => OK
        # Also what the first page did not reach.
        WF.RECOVER a COUNT 1 => {epoch:$e2 tasks:[{id:$t1 interruptions:1 ..}] \
            quarantined:[] more:1 ..}
        WF.TOUCH q a $t2 EPOCH $e2 => {fence:_ ..}
        WF.TASK q $t2 => {state:"running" interruptions:1 ..}
        WF.HELD a => {tasks:[_ _ {id:$t3 interruptions:1 ..} {id:$t4 interruptions:1 ..}] ..}
        WF.RETIRE a EPOCH $e2 KEEP => OK
        WF.RECOVER a RELEASE COUNT 3 => {epoch:$e3 count:3 quarantined:[] more:1 ..}
        WF.TASK q $t1 => {state:"ready" interruptions:2 reason:"handed back by retiring" ..}
        # Who did not retire crashed.
        WF.RECOVER a EPOCH $e3 => {quarantined:[{id:$t4 crashes:1 ..}] ..}
        "#,
    );
}

#[test]
fn a_crash_that_no_page_has_reached_counts_though_the_next_one_retires() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 3
        WF.RECOVER a COUNT 1 => {epoch:$e1 more:1 ..}
        WF.RETIRE a EPOCH $e1 KEEP => OK
        WF.RECOVER a => {tasks:[{id:$t1 crashes:2 ..} {id:$t2 crashes:1 ..} \
            {id:$t3 crashes:1 ..}] ..}
        "#,
    );
}

#[test]
fn an_orphan_may_keep_its_work_for_as_long_as_numbers_go() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 ORPHAN 9007199254740991 => OK
        WF.ASSUME p => {epoch:$e1 ..}
        WF.PUSH q x
        WF.POP q {p}:1 EPOCH $e1
        WF.RETIRE {p}:1 EPOCH $e1 KEEP => OK
        reload
        WF.LEN q STATE running => 1
        WF.POOL p LEASE 9007199254740991 => OK
        WF.ASSUME p => {epoch:$e2 ..}
        reload
        WF.BEAT {p}:1 EPOCH $e2
        "#,
    );
}

#[test]
fn a_drain_resets_what_a_retired_identity_left() {
    scenario(
        r#"
        WF.RECOVER a => {epoch:$e1 ..}
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a EPOCH $e1 => {id:$t1 ..}
        WF.RETIRE a EPOCH $e1 KEEP => OK
        WF.DRAIN a => {running:1 reset:0}
        WF.DRAIN a RESET => {running:0 reset:1}
        WF.TASK q $t1 => {state:"ready" reason:"reset by a drain" ..}
        WF.INFO a => nil
        # What was planned happens, though the agent wanted to leave it to a successor.
        WF.RECOVER b => {epoch:$e2 ..}
        WF.POP q b EPOCH $e2 => {id:$t2 ..}
        WF.DRAIN b BLOCK 500 RESET
        WF.RETIRE b EPOCH $e2 KEEP => OK
        +499
        tick
        WF.LEN q STATE running => 1
        +1
        tick
        WF.LEN q STATE running => 0
        WF.INFO b => nil
        # A successor calls it off.
        WF.RECOVER c => {epoch:$e3 ..}
        WF.POP q c EPOCH $e3 => {id:$t1 ..}
        WF.DRAIN c BLOCK 500 RESET
        WF.RECOVER c => {tasks:[{id:$t1 ..}] ..}
        +500
        tick
        WF.LEN q STATE running => 1
        "#,
    );
}

#[test]
fn a_retired_identity_that_kept_its_work_may_become_an_orphan() {
    scenario(
        r#"
        WF.POOL p LEASE 8000 ORPHAN 5000 => OK
        WF.ASSUME p => {epoch:$e1 ..}
        WF.PUSH q x => $t1
        WF.POP q {p}:1 EPOCH $e1
        WF.RETIRE {p}:1 EPOCH $e1 KEEP => OK
        +4999
        tick
        WF.LEN q STATE running => 1
        +1
        tick
        WF.TASK q $t1 => {state:"ready" crashes:1 ..}
        WF.INFO {p}:1 => nil
        "#,
    );
}
