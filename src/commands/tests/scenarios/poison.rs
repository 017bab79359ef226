//! What becomes of a task that takes one owner after the other down?

use super::super::script::scenario;

#[test]
fn a_task_that_has_seen_too_many_crashes_is_quarantined_and_listed() {
    scenario(
        r#"
        WF.SET q crashes 2
        WF.PUSH q bad TYPE t NAME n => $t1
        WF.PUSH q good => $t2
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 3
        WF.RECOVER a => {tasks:[{id:$t1 crashes:1 ..}] quarantined:[] ..}
        WF.POP q a => {id:$t2 ..}
        +70
        WF.RECOVER a => {tasks:[{id:$t2 crashes:1 ..}] more:0 cursor:"0" \
            quarantined:[{id:$t1 queue:"q" state:"failed" payload:"bad" type:"t" name:"n" \
            attempt:1 handle:"job" checkpoint:"c" progress:3 crashes:2 running-for:70}] ..}
        # It is kept as any failed task is, so that people and janitors find it.
        WF.TASK q $t1 => {state:"failed" reason:"quarantined" handle:"job" crashes:2 \
            checkpoint:"c" ..}
        WF.LIST q HANDLES => {tasks:[{id:$t1 handle:"job" ..}] cursor:"0"}
        WF.DONE q a $t1 => !NOTOWNER is failed: quarantined
        WF.INFO q => {running:1 failed:1 total-failed:1 ..}
        +604800000
        tick
        WF.TASK q $t1 => !NOTASK
        "#,
    );
}

#[test]
fn release_quarantines_too_and_fail_has_no_need_to() {
    scenario(
        r#"
        WF.SET q crashes 2
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a
        WF.RECOVER a RELEASE => {count:1 quarantined:[] ..}
        WF.POP q a COUNT 2 => [{id:$t2 ..} {id:$t1 crashes:1 ..}]
        WF.RECOVER a RELEASE => {count:1 quarantined:[{id:$t1 crashes:2 ..}] ..}
        WF.POP q a COUNT 2 => [{id:$t2 crashes:1 ..}]
        WF.RECOVER a FAIL => {count:1 quarantined:[] ..}
        WF.TASK q $t2 => {state:"failed" failures:1 crashes:1 reason:"failed by recovery" ..}
        WF.TASK q $t1 => {state:"failed" crashes:2 reason:"quarantined" ..}
        "#,
    );
}

#[test]
fn held_quarantines_what_the_recovery_did_not_get_to() {
    scenario(
        r#"
        WF.SET q crashes 1
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 3
        WF.RECOVER a COUNT 1 => {tasks:[] quarantined:[{id:$t1 ..}] more:1 cursor:$c1 ..}
        read-only yes
        WF.HELD a CURSOR $c1 => {tasks:[{id:$t2 ..} {id:$t3 ..}] quarantined:[] ..}
        read-only no
        WF.HELD a CURSOR $c1 COUNT 1 => {tasks:[] quarantined:[{id:$t2 crashes:1 queue:"q" ..}] \
            cursor:$c2 ..}
        WF.HELD a CURSOR $c2 => {tasks:[] quarantined:[{id:$t3 ..}] cursor:"0" ..}
        WF.HELD a => {tasks:[] quarantined:[] cursor:"0" ..}
        WF.LEN q STATE failed => 3
        "#,
    );
}

#[test]
fn crashes_0_lets_a_task_crash_any_number_of_owners() {
    scenario(
        r#"
        WF.SET q crashes 0
        WF.PUSH q 1
        WF.POP q a
        WF.RECOVER a => {tasks:[{crashes:1 ..}] quarantined:[] ..}
        WF.RECOVER a => {tasks:[{crashes:2 ..}] quarantined:[] ..}
        WF.SET q crashes 4
        WF.RECOVER a => {tasks:[{crashes:3 ..}] quarantined:[] ..}
        WF.RECOVER a => {tasks:[] quarantined:[{crashes:4 ..}] ..}
        "#,
    );
}

#[test]
fn a_quarantined_task_lets_go_of_its_unique_key() {
    scenario(
        r#"
        WF.SET q crashes 1 retain-failed 0
        WF.PUSH q 1 UNIQUE k => $t1
        WF.POP q a
        WF.RECOVER a => {tasks:[] quarantined:[{id:$t1 payload:"1" ..}] ..}
        # Not kept at all, it was told all the same.
        WF.TASK q $t1 => !NOTASK
        WF.PUSH q 2 UNIQUE k => $t2
        $t2 > $t1
        "#,
    );
}
