//! Can a workflow grow while it runs, also by the task that runs, and end in between?

use super::super::script::scenario;

#[test]
fn a_running_task_adds_others_and_one_that_waits_for_them() {
    scenario(
        r#"
        WF.SUBMIT q w TASK split 0 => $w
        WF.POP q x => {id:$s ..}
        WF.PUSH q 1 WORKFLOW $w NAME m1 AFTER 1 split => $m1
        WF.PUSH q 2 WORKFLOW $w NAME m2 AFTER 1 split TYPE t PRIORITY 3 => $m2
        WF.PUSH q r WORKFLOW $w NAME reduce AFTER 2 m1 $m2 => $r
        # A second attempt adds nothing twice.
        WF.PUSH q 1 WORKFLOW $w NAME m1 AFTER 1 split => $m1
        WF.PUSH q r WORKFLOW $w NAME reduce AFTER 1 m1 => $r
        WF.LEN q STATE waiting => 3
        WF.DONE q x $s => OK
        WF.POP q x COUNT 9 => [{id:$m1 name:"m1" ..} {id:$m2 type:"t" ..}]
        WF.MDONE q x IDS 2 $m1 $m2 RESULTS 2 one two => [1 1]
        WF.POP q x WITHRESULTS => {id:$r results:{m1:"one" m2:"two"} ..}
        WF.DONE q x $r => OK
        WF.PUSH q 3 WORKFLOW $w => !NOWORKFLOW there is no workflow
        "#,
    );
}

#[test]
fn a_parent_that_is_done_is_no_hindrance_and_one_that_failed_is() {
    scenario(
        r#"
        WF.SUBMIT q w ONFAIL CONTINUE TASK a 1 TASK b 2 TASK c 3 => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.DONE q x $a => OK
        WF.FAIL q x $b => "failed"
        WF.PUSH q 4 WORKFLOW $w AFTER 1 a DELAY 20 => $d
        WF.TASK q $d => {state:"scheduled" starts-at:_ workflow:$w ..}
        WF.PUSH q 5 WORKFLOW $w AFTER 1 b => !BADDAG the parent 'b' is failed: only AFTERANY
        WF.PUSH q 5 WORKFLOW $w AFTERANY 1 b => $e
        WF.TASK q $e => {state:"ready" ..}
        WF.PUSH q 6 WORKFLOW $w AFTER 2 c $d DELAY 20 => $f
        WF.TASK q $f => {state:"waiting" ..}
        WF.PUSH q 7 WORKFLOW $w AFTER 1 z => !BADDAG the parent 'z' is no task
        WF.PUSH q 7 WORKFLOW $w AFTER 2 c c => !BADDAG the parent 'c' is named twice
        WF.PUSH q 7 WORKFLOW $w AFTER 1 c AFTERANY 1 c => !BADDAG is named twice
        WF.WORKFLOW q $w CURSOR 5 => {tasks:[{id:$f after:["c" _] ..}] ..}
        reload
        WF.POP q x COUNT 9 => [{id:$c ..} {id:$e ..}]
        WF.MDONE q x IDS 2 $c $e => [1 1]
        +20
        tick
        WF.POP q x => {id:$d ..}
        WF.DONE q x $d => OK
        WF.TASK q $f => {state:"scheduled" ..}
        +20
        tick
        WF.POP q x => {id:$f ..}
        WF.DONE q x $f => OK
        WF.WORKFLOW q $w => {state:"failed" size:6 failed:1 ..}
        WF.PUSH q 8 WORKFLOW $w => !NOWORKFLOW is failed
        "#,
    );
}

#[test]
fn a_stopped_workflow_takes_nothing_but_last_resorts() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.FAIL q x $a => "failed"
        WF.PUSH q 3 WORKFLOW $w AFTER 1 b => !BADDAG nothing more of it starts
        WF.PUSH q 3 WORKFLOW $w AFTERANY 1 b NAME c => $c
        WF.DONE q x $b => OK
        WF.POP q x => {id:$c ..}
        "#,
    );
}

#[test]
fn what_does_not_go_with_a_workflow_is_refused() {
    scenario(
        r#"
        WF.PUSH q 1 AFTER 1 a => !ERR AFTER goes with WORKFLOW
        WF.PUSH q 1 AFTERANY 1 a => !ERR AFTER goes with WORKFLOW
        WF.PUSH q 1 WORKFLOW 5 => !NOWORKFLOW there is no workflow 5
        WF.SUBMIT q w TASK a 1 => $w
        WF.PUSH q 1 WORKFLOW $w AT 5 => !ERR AT does not go with WORKFLOW
        WF.PUSH q 1 WORKFLOW $w RETAIN 5 => !ERR RETAIN does not go with WORKFLOW
        WF.MPUSH q 1 1 WORKFLOW $w => !ERR unknown option 'WORKFLOW'
        WF.SET q maxdag 1
        WF.PUSH q 1 WORKFLOW $w => !BADDAG maxdag allows 1
        WF.LIST q WORKFLOW $w => {tasks:[{id:$a ..}] ..}
        WF.EDIT q $a DELAY 5 => OK
        WF.SET q maxdag 0
        WF.PUSH q 1 WORKFLOW $w AFTER 1 a => $b
        WF.EDIT q $b DELAY 5 => !ERR waits for other tasks: DELAY and AT cannot be set
        WF.EDIT q $b PRIORITY 5 TYPE t TIMEOUT 7 => OK
        WF.TASK q $b => {state:"waiting" priority:5 type:"t" timeout:7 ..}
        "#,
    );
}

#[test]
fn a_task_with_a_unique_key_is_added_once() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 => $w
        WF.PUSH q 1 WORKFLOW $w UNIQUE k => $b
        WF.PUSH q 1 WORKFLOW $w UNIQUE k => $b
        WF.PUSH q 1 UNIQUE k => $b
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.DONE q x $b => OK
        WF.PUSH q 1 WORKFLOW $w UNIQUE k => $c
        $c > $b
        "#,
    );
}
