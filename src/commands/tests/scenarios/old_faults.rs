//! Are the faults that earlier systems of this kind had faults of this one? One test each.

use super::super::script::scenario;

#[test]
fn a_task_whose_other_parent_is_still_open_hangs_nobody() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 TASK both 3 AFTER 2 a b TASK one 4 AFTER 1 a => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.DONE q x $a => OK
        # The walk over the children of a goes on behind the one that has to wait.
        WF.POP q x COUNT 9 => [{name:"one" ..}]
        WF.LEN q STATE waiting => 1
        "#,
    );
}

#[test]
fn a_task_that_failed_for_good_is_not_brought_back_by_a_recovery() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 a => $w
        WF.POP q x => {id:$a ..}
        WF.FAIL q x $a FATAL => "failed"
        WF.RECOVER x => {tasks:[] ..}
        WF.RECOVER x RELEASE => {count:0 ..}
        WF.POP q x => nil
        WF.TASK q $a => {state:"failed" attempts:1 ..}
        "#,
    );
}

#[test]
fn a_priority_floor_is_compared_with_the_priority_and_not_with_a_rank() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 PRIORITY 900 TASK b 2 PRIORITY 7 TASK c 3 PRIORITY 8 => $w
        WF.POP q x MAXPRIORITY 6 => nil
        WF.POP q x MAXPRIORITY 7 => {name:"b" ..}
        WF.POP q x MAXPRIORITY 7 => nil
        WF.POP q x MAXPRIORITY 899 => {name:"c" ..}
        WF.POP q x MAXPRIORITY 899 => nil
        WF.POP q x MAXPRIORITY 900 => {name:"a" ..}
        "#,
    );
}

#[test]
fn a_resumed_task_is_of_the_type_and_priority_it_was_of() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TYPE red PRIORITY 5 TASK b 2 TYPE blue AFTER 1 a => $w
        WF.PAUSE q WORKFLOW $w => OK
        WF.RESUME q WORKFLOW $w => OK
        WF.POP q x TYPES 1 blue => nil
        WF.POP q x TYPES 1 red MAXPRIORITY 4 => nil
        WF.POP q x TYPES 1 red => {id:$a type:"red" ..}
        WF.PAUSE q WORKFLOW $w => OK
        WF.DONE q x $a => OK
        WF.RESUME q WORKFLOW $w => OK
        WF.POP q x TYPES 1 red => nil
        WF.POP q x TYPES 1 blue => {name:"b" ..}
        "#,
    );
}

#[test]
fn nothing_is_left_of_a_workflow_that_is_cleaned_up() {
    scenario(
        r#"
        WF.SUBMIT q w UNIQUE k TASK a 1 TYPE red DELAY 5 TASK b 2 AFTER 1 a TYPE blue => $w
        WF.PAUSE q WORKFLOW $w => OK
        WF.CANCEL q WORKFLOW $w => {count:2 ..}
        WF.INFO q => {waiting:0 scheduled:0 ready:0 running:0 done:0 failed:0 cancelled:0 types:0 \
            workflows:0 unique-keys:0 owners:0 unfinished:0 ..}
        WF.SUBMIT q w UNIQUE k TASK a 1 => $v
        WF.POP q x => {id:$a ..}
        WF.FAIL q x $a => "failed"
        +604800000
        tick
        WF.INFO q => {failed:0 types:0 workflows:0 unique-keys:0 ..}
        "#,
    );
}
