//! What becomes of tasks of which nothing is heard any more?

use super::super::script::scenario;

#[test]
fn there_is_no_backstop_unless_one_is_set() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        +604800000
        tick
        WF.TASK q $t1 => {state:"running" ..}
        "#,
    );
}

#[test]
fn a_task_of_which_nothing_was_heard_for_so_long_is_ready_again() {
    scenario(
        r#"
        WF.SET q backstop 1000
        WF.PUSH q 1 => $t1
        +70
        WF.POP q a
        +999
        tick
        WF.TASK q $t1 => {state:"running" ..}
        +1
        tick
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" attempts:1 pushed-at:_ crashes:1 \
            reason:"reset by the backstop"}
        WF.DONE q a $t1 => !NOTOWNER is ready: reset by the backstop
        "#,
    );
}

#[test]
fn it_counts_from_the_last_touch_though_there_was_no_backstop_then() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2
        +5000
        WF.TOUCH q a $t1
        WF.RESET q IDLE 1 => {count:1 more:0}
        +999
        WF.SET q backstop 1000
        tick
        WF.TASK q $t1 => {state:"running" ..}
        +1
        tick
        WF.TASK q $t1 => {state:"ready" reason:"reset by the backstop" ..}
        "#,
    );
}

#[test]
fn each_touch_postpones_it_for_its_task_only() {
    scenario(
        r#"
        WF.SET q backstop 1000
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 3
        +600
        WF.TOUCH q a $t1
        WF.TOUCH q a $t2 PROGRESS 5
        +400
        tick
        WF.TASK q $t1 => {state:"running" ..}
        WF.TASK q $t2 => {state:"running" ..}
        WF.TASK q $t3 => {state:"ready" ..}
        +599
        tick
        WF.LEN q STATE running => 2
        +1
        tick
        WF.LEN q STATE running => 0
        "#,
    );
}

#[test]
fn a_task_taken_later_falls_silent_later() {
    scenario(
        r#"
        WF.SET q backstop 1000
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a
        +600
        WF.POP q a
        +400
        tick
        WF.TASK q $t1 => {state:"ready" ..}
        WF.TASK q $t2 => {state:"running" ..}
        +600
        tick
        WF.TASK q $t2 => {state:"ready" ..}
        "#,
    );
}

#[test]
fn a_task_that_is_taken_again_begins_anew() {
    scenario(
        r#"
        WF.SET q backstop 1000
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.TOUCH q a $t1
        +900
        WF.NACK q a IDS 1 $t1
        WF.POP q a
        +900
        tick
        WF.TASK q $t1 => {state:"running" interruptions:1 ..}
        +100
        tick
        WF.TASK q $t1 => {state:"ready" crashes:1 ..}
        "#,
    );
}

#[test]
fn set_holds_at_once_for_what_runs_already() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        +5000
        WF.SET q backstop 9000
        tick
        WF.TASK q $t1 => {state:"running" ..}
        WF.SET q backstop 5000
        tick
        WF.TASK q $t1 => {state:"ready" ..}
        WF.POP q a
        WF.SET q backstop 0
        +90000
        tick
        WF.TASK q $t1 => {state:"running" ..}
        "#,
    );
}

#[test]
fn a_recovery_is_a_sign_of_life_for_all_that_is_held() {
    scenario(
        r#"
        WF.SET q backstop 1000
        WF.MPUSH q 2 1 2
        WF.POP q a COUNT 2
        +900
        WF.RECOVER a COUNT 1
        +900
        tick
        WF.LEN q STATE running => 2
        +100
        tick
        WF.LEN q STATE running => 0
        "#,
    );
}

#[test]
fn the_backstop_makes_poison() {
    scenario(
        r#"
        WF.SET q backstop 1000 crashes 1
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2
        WF.POP q b
        +1000
        tick
        WF.LIST q STATE failed => {tasks:[{id:$t1 reason:"quarantined" crashes:1 ..} {id:$t2 ..}] \
            cursor:"0"}
        "#,
    );
}

#[test]
fn after_a_restart_agents_are_spared_for_a_while() {
    scenario(
        r#"
        WF.SET q backstop 1000
        WF.PUSH q 1 => $t1
        WF.POP q a
        reload
        +29999
        tick
        WF.TOUCH q a $t1
        WF.PUSH q 2 => $t2
        WF.POP q b
        +1
        tick
        WF.LEN q STATE running => 2
        +999
        tick
        WF.LEN q STATE running => 0
        "#,
    );
}

#[test]
fn many_owners_fall_silent_in_one_go_and_none_is_forgotten() {
    scenario(
        r#"
        WF.SET q backstop 1000
        WF.MPUSH q 9 1 2 3 4 5 6 7 8 9 => [$t1 _ _ $t4 _ ..]
        WF.POP q a COUNT 3
        WF.POP q b COUNT 3
        WF.POP q c COUNT 3
        +500
        WF.TOUCH q b $t4
        +500
        tick
        WF.OWNERS q => [{agent:"b" running:1 oldest:1000}]
        WF.LEN q STATE ready => 8
        +500
        tick
        WF.LEN q STATE ready => 9
        "#,
    );
}
