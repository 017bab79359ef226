//! What can be changed of a task that does not run yet?

use super::super::script::scenario;

#[test]
fn priority_and_type_change_and_the_task_stands_behind_its_new_equals() {
    scenario(
        r#"
        WF.PUSH q 1 TYPE red => $t1
        WF.PUSH q 2 TYPE green PRIORITY 5 => $t2
        WF.PUSH q 3 TYPE green => $t3
        WF.EDIT q $t2 PRIORITY 0 => OK
        WF.EDIT q $t1 TYPE green => OK
        WF.LIST q STATE ready => {tasks:[{id:$t3 ..} {id:$t2 ..} \
            {id:$t1 type:"green" ..}] cursor:"0"}
        WF.POP q a TYPES 1 red => nil
        WF.EDIT q $t1 TYPE "" => OK
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" pushed-at:_}
        WF.INFO q => {types:2 ..}
        WF.EDIT q $t3 PRIORITY 65535 TYPE blue
        WF.POP q a COUNT 9 => [{id:$t2 ..} {id:$t1 ..} {id:$t3 type:"blue" ..}]
        "#,
    );
}

#[test]
fn what_stays_as_it_was_keeps_its_place() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 TYPE red PRIORITY 3 => [$t1 $t2]
        WF.EDIT q $t1 TYPE red PRIORITY 3 TIMEOUT 50 DELAY 0 => OK
        WF.EDIT q $t1 AT 5 => OK
        WF.POP q a => {id:$t1 deadline:1800000000050 ..}
        "#,
    );
}

#[test]
fn delay_and_at_move_the_time_and_0_means_now() {
    scenario(
        r#"
        WF.PUSH q 1 DELAY 500 => $t1
        WF.PUSH q 2 => $t2
        WF.PUSH q 3 => $t3
        WF.EDIT q $t1 AT 1800000000070
        WF.EDIT q $t2 DELAY 60
        WF.TASK q $t1 => {state:"scheduled" starts-at:1800000000070 ..}
        WF.TASK q $t2 => {state:"scheduled" starts-at:1800000000060 ..}
        +60
        tick
        WF.LIST q STATE ready => {tasks:[{id:$t3 ..} {id:$t2 ..}] cursor:"0"}
        WF.EDIT q $t1 DELAY 0
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" pushed-at:_}
        WF.EDIT q $t3 DELAY 0
        WF.POP q a COUNT 9 => [{id:$t3 ..} {id:$t2 ..} {id:$t1 ..}]
        "#,
    );
}

#[test]
fn a_scheduled_task_that_changes_otherwise_keeps_its_time() {
    scenario(
        r#"
        WF.PUSH q 1 DELAY 500 TYPE red => $t1
        WF.EDIT q $t1 PRIORITY 4 TYPE blue TIMEOUT 9
        WF.TASK q $t1 => {state:"scheduled" starts-at:1800000000500 priority:4 \
            type:"blue" timeout:9 ..}
        +500
        tick
        WF.POP q a TYPES 1 blue => {id:$t1 deadline:1800000000509 ..}
        "#,
    );
}

#[test]
fn timeout_0_lifts_the_limit_of_the_queue() {
    scenario(
        r#"
        WF.SET q timeout 50
        WF.PUSH q 1 => $t1
        WF.EDIT q $t1 TIMEOUT 0
        WF.POP q a => {id:$t1 fence:_ payload:"1"}
        "#,
    );
}

#[test]
fn it_is_too_late_for_a_task_that_runs_or_has_ended() {
    scenario(
        r#"
        WF.SET q retain 900
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a
        WF.EDIT q $t1 PRIORITY 1 => !ERR is running: it is too late to change it
        WF.DONE q a $t1
        WF.EDIT q $t1 TIMEOUT 1 => !ERR is done: it is too late
        WF.CANCEL q IDS 1 $t2
        WF.EDIT q $t2 TYPE t => !ERR is cancelled: it is too late
        WF.EDIT q 7 TYPE t => !NOTASK
        WF.EDIT missing 7 TYPE t => !NOTASK
        "#,
    );
}

#[test]
fn an_edited_task_keeps_its_key_its_counters_and_what_was_saved() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k NAME n => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE h CHECKPOINT c
        WF.NACK q a IDS 1 $t1
        WF.EDIT q $t1 PRIORITY 1 DELAY 50
        WF.TASK q $t1 => {id:$t1 state:"scheduled" payload:"1" priority:1 attempts:1 pushed-at:_ \
            starts-at:_ unique:"k" name:"n" handle:"h" checkpoint:"c" interruptions:1 \
            reason:"handed back"}
        "#,
    );
}
