//! What becomes of the work of identities that nobody acts under any more?

use super::super::script::scenario;

#[test]
fn what_an_orphan_holds_is_released_a_crash_each() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 ORPHAN 5000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.MPUSH q 5 1 2 3 4 5 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q {p}:1 EPOCH $e1 COUNT 5
        +8000
        tick
        +4999
        tick
        WF.LEN q STATE running => 5
        # Who says in time that it lives is no orphan.
        WF.BEAT {p}:1 EPOCH $e1 => {lease:8000 ..}
        +1
        tick
        WF.LEN q STATE running => 5
        +8000
        tick
        +5000
        tick
        WF.LEN q STATE running => 0
        WF.TASK q $t5 => {state:"ready" crashes:1 reason:"released from an orphan" ..}
        WF.DONE q {p}:1 $t1 EPOCH $e1 => !NOTOWNER released from an orphan
        "#,
    );
}

#[test]
fn how_long_an_orphan_keeps_its_work_may_be_changed_when_it_is_one_already() {
    scenario(
        r#"
        WF.POOL p LEASE 8000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q {p}:1 EPOCH $e1 COUNT 2
        +8000
        tick
        +9000
        WF.POOL p ORPHAN 10000 => OK
        tick
        +999
        tick
        # Longer, for ever, and longer again: each time before it would have happened.
        WF.POOL p ORPHAN 20000 => OK
        +1
        tick
        WF.LEN q STATE running => 2
        WF.POOL p ORPHAN 0 => OK
        +10000
        tick
        WF.LEN q STATE running => 2
        WF.POOL p ORPHAN 30000 => OK
        tick
        +9999
        tick
        WF.LEN q STATE running => 2
        # It counts from the end of the lease, which is long past.
        WF.POOL p ORPHAN 5000 => OK
        tick
        WF.LEN q STATE running => 0
        WF.TASK q $t1 => {crashes:1 reason:"released from an orphan" ..}
        "#,
    );
}

#[test]
fn an_orphan_is_one_again_once_a_drain_is_called_off() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 ORPHAN 5000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.ASSUME p => {agent:"{p}:2" epoch:$e2 ..}
        WF.MPUSH q 2 1 2
        WF.POP q {p}:1 EPOCH $e1
        WF.POP q {p}:2 EPOCH $e2
        # One lapses while a drain is planned, the other one before.
        WF.DRAIN {p}:1 BLOCK 60000 RESET
        +8000
        tick
        WF.DRAIN {p}:2 BLOCK 60000 RESET
        WF.RESUME {p}:1 => OK
        WF.RESUME {p}:2 => OK
        +4999
        tick
        WF.LEN q STATE running => 2
        +1
        tick
        WF.LEN q STATE running => 0
        "#,
    );
}

#[test]
fn an_orphans_poison_is_quarantined() {
    scenario(
        r#"
        WF.SET q crashes 1 => OK
        WF.POOL p LEASE 8000 ORPHAN 1 => OK
        WF.ASSUME p => {epoch:$e1 ..}
        WF.PUSH q x => $t1
        WF.POP q {p}:1 EPOCH $e1
        +8000
        tick
        +1
        tick
        WF.TASK q $t1 => {state:"failed" crashes:1 reason:"quarantined" ..}
        "#,
    );
}

#[test]
fn after_a_restart_orphans_are_spared_for_a_while() {
    scenario(
        r#"
        WF.POOL p LEASE 8000 ORPHAN 1000 => OK
        WF.ASSUME p => {epoch:$e1 ..}
        WF.PUSH q x => $t1
        WF.POP q {p}:1 EPOCH $e1
        +8000
        tick
        +999
        reload
        +29999
        tick
        WF.LEN q STATE running => 1
        +1
        tick
        WF.LEN q STATE running => 0
        "#,
    );
}
