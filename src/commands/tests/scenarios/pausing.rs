//! What is held back by a pause, and what is not?

use super::super::script::scenario;

#[test]
fn a_paused_queue_hands_out_nothing_and_what_waits_keeps_its_place() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.PUSH q 2 => $t2
        WF.PAUSE q => OK
        WF.PAUSE q => OK
        WF.POP q b => nil
        WF.POP q b COUNT 5 TYPES 1 x => []
        WF.POP q b BLOCK 50 => wait
        WF.PUSH q 3 => $t3
        WF.LEN q STATE ready => 2
        # Running ones may finish, and more may come in.
        WF.DONE q a $t1 => OK
        WF.RESUME q => OK
        WF.RESUME q => OK
        woken yes
        WF.POP q b BLOCK 50 => {id:$t2 ..}
        WF.POP q b => {id:$t3 ..}
        "#,
    );
}

#[test]
fn next_completes_its_task_though_the_queue_is_paused() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a
        WF.PAUSE q
        WF.NEXT q a $t1 => nil
        WF.INFO q => {total-completed:1 ready:1 ..}
        "#,
    );
}

#[test]
fn a_repeated_request_is_answered_though_the_queue_is_paused() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a REQID r => {fence:$f1 ..}
        WF.PAUSE q
        WF.POP q a REQID r => {id:$t1 fence:$f1 ..}
        "#,
    );
}

#[test]
fn time_goes_on_in_a_paused_queue() {
    scenario(
        r#"
        WF.PUSH q 1 DELAY 50 => $t1
        WF.PUSH q 2 TIMEOUT 50 => $t2
        WF.POP q a => {id:$t2 ..}
        WF.PAUSE q
        +50
        tick
        WF.LIST q STATE ready => {tasks:[{id:$t1 ..} {id:$t2 reason:"timed out" ..}] cursor:"0"}
        WF.POP q a => nil
        "#,
    );
}

#[test]
fn a_paused_type_is_held_back_and_others_are_not() {
    scenario(
        r#"
        WF.PUSH q 1 TYPE red => $r1
        WF.PUSH q 2 TYPE green PRIORITY 3 => $g1
        WF.PUSH q 3 TYPE red PRIORITY 9 => $r2
        WF.PUSH q 4 => $n1
        WF.PAUSE q TYPE red => OK
        WF.PAUSE q TYPE red => OK
        WF.POP q a TYPES 1 red => nil
        WF.POP q a TYPES 1 red COUNT 3 => []
        WF.POP q a TYPES 2 red green MAXPRIORITY 2 => nil
        WF.POP q a COUNT 9 MAXPRIORITY 2 => [{id:$n1 ..}]
        WF.POP q a TYPES 2 red green COUNT 9 => [{id:$g1 ..}]
        WF.POP q a => nil
        WF.PUSH q 5 TYPE red => $r3
        WF.POP q a COUNT 9 => []
        WF.RESUME q TYPE green => OK
        WF.POP q a => nil
        WF.RESUME q TYPE red => OK
        WF.POP q a COUNT 9 => [{id:$r1 ..} {id:$r3 ..} {id:$r2 ..}]
        "#,
    );
}

#[test]
fn tasks_without_a_type_are_a_type_too() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.PUSH q 2 TYPE red => $t2
        WF.PAUSE q TYPE ""
        WF.POP q a COUNT 9 => [{id:$t2 ..}]
        WF.RESUME q TYPE ""
        WF.POP q a COUNT 9 => [{id:$t1 ..}]
        "#,
    );
}

#[test]
fn a_type_is_paused_before_it_has_a_task_and_stays_so_when_it_has_none() {
    scenario(
        r#"
        WF.PAUSE q TYPE red => OK
        WF.LEN q => 0
        reload
        WF.PUSH q 1 TYPE red => $t1
        WF.POP q a => nil
        WF.CANCEL q IDS 1 $t1
        copy q c
        WF.PUSH q 2 TYPE red => $t2
        WF.POP q a TYPES 1 red => nil
        WF.PUSH c 2 TYPE red => $u2
        WF.POP c a => nil
        WF.RESUME q TYPE red
        WF.POP q a => {id:$t2 ..}
        WF.DONE q a $t2
        WF.INFO q => {types:0 ..}
        WF.RESUME q TYPE never
        WF.INFO q => {types:0 ..}
        "#,
    );
}

#[test]
fn a_task_of_a_paused_type_that_comes_back_is_held() {
    scenario(
        r#"
        WF.PUSH q 1 TYPE red => $t1
        WF.PUSH q 2 TYPE red DELAY 50 => $t2
        WF.POP q a
        WF.PAUSE q TYPE red
        WF.NACK q a IDS 1 $t1
        +50
        tick
        WF.LEN q STATE ready => 2
        WF.POP q a => nil
        # With another type it can be taken.
        WF.EDIT q $t2 TYPE blue
        WF.POP q a => {id:$t2 type:"blue" ..}
        WF.RESUME q TYPE red
        WF.POP q a => {id:$t1 ..}
        "#,
    );
}

#[test]
fn a_pause_of_the_queue_and_one_of_a_type_are_apart() {
    scenario(
        r#"
        WF.PUSH q 1 TYPE red => $t1
        WF.PAUSE q TYPE red
        WF.PAUSE q
        WF.RESUME q
        WF.POP q a => nil
        WF.PAUSE q
        WF.RESUME q TYPE red
        WF.POP q a => nil
        WF.RESUME q
        WF.POP q a => {id:$t1 ..}
        "#,
    );
}

#[test]
fn a_pause_survives_a_reload_and_makes_the_queue_that_is_not_there() {
    scenario(
        r#"
        WF.PAUSE q => OK
        WF.INFO q => {kind:"queue" ready:0 ..}
        WF.PUSH q 1
        reload
        WF.POP q a => nil
        WF.RESUME missing => !ERR no such key
        WF.RESUME missing TYPE t => !ERR no such key
        WF.POP q a BLOCK 9 => wait
        "#,
    );
}
