//! When is a task ready that waits for its time?

use super::super::script::scenario;

#[test]
fn a_task_with_delay_is_ready_when_it_is_over_and_not_a_millisecond_before() {
    scenario(
        r#"
        WF.PUSH q 1 DELAY 500 => $t1
        WF.TASK q $t1 => {id:$t1 state:"scheduled" payload:"1" pushed-at:_ starts-at:1800000000500}
        WF.POP q a => nil
        WF.LEN q => 1
        WF.LEN q STATE scheduled => 1
        +499
        tick
        WF.POP q a => nil
        WF.DONE q a $t1 => !NOTOWNER is scheduled: nobody took it yet
        +1
        # Time alone does nothing: the timer does.
        WF.POP q a => nil
        tick
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" pushed-at:_}
        WF.POP q a => {id:$t1 fence:_ payload:"1"}
        "#,
    );
}

#[test]
fn at_names_the_moment_itself_and_one_that_is_over_means_now() {
    scenario(
        r#"
        WF.PUSH q 1 AT 1800000000050 => $t1
        WF.PUSH q 2 AT 1800000000000 => $t2
        WF.PUSH q 3 AT 5 => $t3
        WF.PUSH q 4 DELAY 0 => $t4
        WF.LIST q STATE scheduled => {tasks:[{id:$t1 starts-at:1800000000050 ..}] cursor:"0"}
        WF.POP q a COUNT 9 => [{id:$t2 ..} {id:$t3 ..} {id:$t4 ..}]
        +50
        tick
        WF.POP q a => {id:$t1 ..}
        "#,
    );
}

#[test]
fn tasks_become_ready_in_the_order_of_their_times_behind_those_that_are_ready() {
    scenario(
        r#"
        WF.PUSH q 1 DELAY 30 => $t1
        WF.MPUSH q 3 2 3 4 DELAY 20 => [$t2 $t3 $t4]
        WF.PUSH q 5 DELAY 30 PRIORITY 0 => $t5
        WF.PUSH q 6 DELAY 30 PRIORITY 1 => $t6
        +10
        WF.PUSH q 7 => $t7
        +90
        tick
        WF.LIST q STATE ready => {tasks:[{id:$t7 ..} {id:$t2 ..} {id:$t3 ..} {id:$t4 ..} \
            {id:$t1 ..} {id:$t5 ..} {id:$t6 ..}] cursor:"0"}
        WF.POP q a COUNT 2 => [{id:$t7 ..} {id:$t2 ..}]
        "#,
    );
}

#[test]
fn a_scheduled_task_keeps_its_time_over_reload_copy_and_rename() {
    scenario(
        r#"
        WF.PUSH q 1 DELAY 500 NAME n => $t1
        reload
        copy q c
        rename q r
        +499
        tick
        WF.LEN r STATE ready => 0
        +1
        tick
        WF.POP r a => {id:$t1 name:"n" ..}
        WF.POP c a => {id:$t1 name:"n" ..}
        "#,
    );
}

#[test]
fn a_scheduled_task_counts_against_maxlen_and_holds_its_unique_key() {
    scenario(
        r#"
        WF.SET q maxlen 1
        WF.PUSH q 1 DELAY 500 UNIQUE k => $t1
        WF.PUSH q 2 DELAY 500 => !FULL maxlen
        WF.PUSH q 2 UNIQUE k => $t1
        WF.TASK q $t1 => {state:"scheduled" unique:"k" ..}
        "#,
    );
}

#[test]
fn what_was_handed_back_with_a_delay_comes_back_after_it() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2
        WF.NACK q a DELAY 300 IDS 1 $t1 => 1
        WF.NACK q a DELAY 0 IDS 1 $t2 => 1
        WF.TASK q $t1 => {state:"scheduled" starts-at:1800000000300 reason:"handed back" \
            attempts:1 interruptions:1 ..}
        WF.TASK q $t2 => {state:"ready" ..}
        WF.DONE q a $t1 => !NOTOWNER is scheduled: handed back
        +300
        tick
        WF.TASK q $t1 => {id:_ state:"ready" payload:"1" attempts:1 pushed-at:_ interruptions:1 \
            reason:"handed back"}
        "#,
    );
}

#[test]
fn a_clock_that_goes_back_starts_nothing_and_loses_nothing() {
    scenario(
        r#"
        WF.PUSH q 1 DELAY 500 => $t1
        -60000
        tick
        WF.LEN q STATE scheduled => 1
        +60499
        tick
        WF.LEN q STATE scheduled => 1
        +1
        tick
        WF.POP q a => {id:$t1 ..}
        "#,
    );
}
