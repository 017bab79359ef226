//! Can a workflow be paused, resumed, cancelled, retried and purged at any moment?

use super::super::script::scenario;

#[test]
fn a_paused_workflow_holds_its_tasks_and_a_resumed_one_has_its_places_again() {
    scenario(
        r#"
        WF.PUSH q 0 => $t0
        WF.SUBMIT q w TASK a 1 TASK b 2 TASK c 3 AFTER 1 a => $w
        WF.PUSH q 9 => $t9
        WF.POP q x => {id:$t0 ..}
        WF.POP q x => {id:$a ..}
        WF.PAUSE q WORKFLOW $w => OK
        WF.PAUSE q WORKFLOW $w => OK
        WF.WORKFLOW q $w => {state:"paused" ..}
        # A running task may finish; what it unlocks is held.
        WF.DONE q x $a => OK
        WF.LEN q STATE ready => 3
        WF.POP q x => {id:$t9 ..}
        WF.POP q x => nil
        WF.PUSH q 10 => $t10
        reload
        WF.NACK q x IDS 1 $t9 => 1
        WF.RESUME q WORKFLOW $w => OK
        WF.WORKFLOW q $w => {state:"running" ..}
        # b stands where it stood, before what came later; c became ready before the others did.
        WF.POP q x COUNT 9 => [{name:"b" ..} {name:"c" ..} {id:$t10 ..} {id:$t9 ..}]
        WF.RESUME q WORKFLOW $w => OK
        "#,
    );
}

#[test]
fn what_comes_back_to_a_paused_workflow_or_falls_due_in_it_is_held_too() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 DELAY 50 TASK c 3 TYPE t => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$c ..}]
        WF.PAUSE q WORKFLOW $w => OK
        WF.NACK q x IDS 1 $a => 1
        WF.RESET q IDS 1 $c => {count:1 ..}
        +50
        tick
        WF.POP q x COUNT 9 => []
        WF.PUSH q 4 WORKFLOW $w NAME d => $d
        WF.EDIT q $a PRIORITY 3 TYPE u => OK
        WF.EDIT q $c PRIORITY 0 => OK
        WF.POP q x COUNT 9 => []
        WF.LEN q STATE ready => 4
        WF.PAUSE q TYPE t => OK
        WF.RESUME q WORKFLOW $w => OK
        WF.POP q x COUNT 9 => [{name:"b" ..} {id:$d ..} {id:$a type:"u" ..}]
        WF.RESUME q TYPE t => OK
        WF.POP q x COUNT 9 => [{id:$c ..}]
        "#,
    );
}

#[test]
fn a_cancelled_workflow_starts_nothing_and_ends_with_what_runs() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 TASK c 3 AFTER 1 a TASK d 4 AFTERANY 1 a => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.CANCEL q WORKFLOW $w => {count:4 more:0}
        WF.CANCEL q WORKFLOW $w => {count:0 more:0}
        WF.WORKFLOW q $w => {state:"running" cancel:1 unfinished:2 cancelled:2 ..}
        WF.TOUCH q x $a => {cancel:1 ..}
        WF.PUSH q 5 WORKFLOW $w => !NOWORKFLOW is being cancelled
        WF.RETRY q WORKFLOW $w => !NOWORKFLOW is being cancelled
        WF.DONE q x $a => OK
        WF.NACK q x IDS 1 $b => 1
        # Dropped at once: nobody asked for it to be kept.
        WF.WORKFLOW q $w => !NOWORKFLOW
        WF.DONE q x $b => !NOTASK
        WF.INFO q => {unfinished:0 cancelled:0 done:0 workflows:0 types:0 unique-keys:0 ..}
        WF.CANCEL q WORKFLOW $w => !NOWORKFLOW
        WF.CANCEL missing WORKFLOW 5 => !NOWORKFLOW
        WF.CANCEL q WORKFLOW 5 IDS 1 5 => !ERR one of IDS and WORKFLOW is needed
        "#,
    );
}

#[test]
fn a_cancelled_workflow_with_external_work_stays_listed() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 a => $w
        WF.POP q x => {id:$a ..}
        WF.TOUCH q x $a HANDLE job-1
        WF.CANCEL q WORKFLOW $w => {count:2 ..}
        WF.NACK q x IDS 1 $a => 1
        WF.WORKFLOW q $w => {state:"cancelled" cancelled:2 ..}
        WF.LIST q STATE cancelled HANDLES => {tasks:[{id:$a handle:"job-1" workflow:$w ..}] ..}
        # A task of it is not purged alone.
        WF.PURGE q IDS 1 $a => {count:0 more:0}
        WF.PURGE q IDS 1 $w => {count:2 more:0}
        WF.LIST q STATE cancelled => {tasks:[] ..}
        "#,
    );
}

#[test]
fn a_single_task_that_is_cancelled_stops_its_workflow_like_a_failure() {
    scenario(
        r#"
        WF.SUBMIT q w RETAIN 500 TASK a 1 TASK b 2 AFTER 1 a TASK c 3 => $w
        WF.LIST q WORKFLOW $w => {tasks:[{id:$a ..} {id:$b ..} {id:$c ..}] ..}
        WF.CANCEL q IDS 1 $a => {count:1 more:0}
        WF.WORKFLOW q $w => {state:"cancelled" cancelled:3 tasks:[{reason:"cancelled" ..} \
            {reason:"parent" ..} {reason:"parent" ..}] ..}
        WF.POP q x => nil
        "#,
    );
}

#[test]
fn a_failed_workflow_is_retried_from_where_it_failed() {
    scenario(
        r#"
        WF.SUBMIT q w UNIQUE k TASK a 1 TASK b 2 AFTER 1 a TASK c 3 AFTER 1 b \
            TASK d 4 AFTERANY 1 b TASK e 5 => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$e ..}]
        WF.MDONE q x IDS 2 $a $e => [1 1]
        WF.POP q x => {id:$b ..}
        WF.FAIL q x $b ERROR boom FATAL => "failed"
        WF.POP q x => {name:"d" id:$d ..}
        WF.FAIL q x $d => "failed"
        WF.WORKFLOW q $w => {state:"failed" failed:2 cancelled:1 ..}
        # Not task by task.
        WF.RETRY q IDS 1 $b => {count:0 more:0}
        WF.RETRY q FAILED => {count:0 more:0}
        reload
        WF.RETRY q WORKFLOW $w => {count:3 more:0}
        WF.WORKFLOW q $w => {state:"running" failed:0 cancelled:0 unfinished:3 unique:"k" \
            tasks:[{state:"done" ..} {name:"b" state:"ready" ..} {state:"waiting" ..} _ _] ..}
        WF.SUBMIT q w UNIQUE k TASK a 1 => $w
        WF.POP q x COUNT 9 => [{id:$b attempt:2 ..}]
        WF.TASK q $b => {state:"running" ..}
        WF.DONE q x $b => OK
        WF.POP q x COUNT 9 => [{name:"c" id:$c ..} {id:$d attempt:2 ..}]
        WF.MDONE q x IDS 2 $c $d => [1 1]
        WF.WORKFLOW q $w => !NOWORKFLOW
        WF.RETRY q WORKFLOW $w => !NOWORKFLOW
        "#,
    );
}

#[test]
fn a_workflow_that_goes_on_with_a_failure_can_be_mended_meanwhile() {
    scenario(
        r#"
        WF.SUBMIT q w ONFAIL CONTINUE TASK a 1 TASK b 2 TASK c 3 AFTER 2 a b => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.FAIL q x $a => "failed"
        WF.RETRY q WORKFLOW $w => {count:2 more:0}
        WF.POP q x => {id:$a ..}
        WF.DONE q x $b => OK
        WF.POP q x => nil
        WF.DONE q x $a => OK
        WF.POP q x => {name:"c" ..}
        WF.RETRY q WORKFLOW $w => {count:0 more:0}
        "#,
    );
}

#[test]
fn what_a_retried_task_had_let_start_waits_for_it_again() {
    scenario(
        r#"
        WF.SUBMIT q w ONFAIL CONTINUE TASK a 1 \
            TASK b 2 AFTERANY 1 a TASK c 3 AFTERANY 1 a DELAY 50 \
            TASK d 4 AFTERANY 1 a TYPE u TASK e 5 => $w
        WF.POP q x => {name:"a" id:$a ..}
        WF.FAIL q x $a => "failed"
        WF.POP q y TYPES 1 u => {name:"d" id:$d ..}
        WF.RETRY q WORKFLOW $w => {count:1 more:0}
        # Neither the ready one nor the scheduled one; the running one goes on, or waits too.
        WF.LEN q STATE waiting => 2
        WF.LEN q STATE scheduled => 0
        WF.NACK q y IDS 1 $d => 1
        WF.LEN q STATE waiting => 3
        WF.TASK q $d => {state:"waiting" reason:"handed back" interruptions:1 ..}
        reload
        WF.POP q x COUNT 9 => [{name:"e" ..} {id:$a ..}]
        WF.DONE q x $a => OK
        WF.LEN q STATE scheduled => 1
        WF.POP q y COUNT 9 => [{name:"b" ..} {id:$d ..}]
        "#,
    );
}

#[test]
fn what_is_retried_in_a_paused_workflow_is_held() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.FAIL q x $a => "failed"
        WF.PAUSE q WORKFLOW $w => OK
        WF.DONE q x $b => OK
        WF.RETRY q WORKFLOW $w => {count:1 ..}
        WF.WORKFLOW q $w => {state:"paused" ..}
        WF.POP q x => nil
        WF.RESUME q WORKFLOW $w => OK
        WF.POP q x => {id:$a ..}
        "#,
    );
}

#[test]
fn a_retry_leaves_a_workflow_alone_whose_key_another_one_has() {
    scenario(
        r#"
        WF.SUBMIT q w UNIQUE k TASK a 1 => $w
        WF.POP q x => {id:$a ..}
        WF.FAIL q x $a => "failed"
        WF.SUBMIT q w UNIQUE k TASK a 1 => $v
        $v > $w
        WF.RETRY q WORKFLOW $w => {count:0 more:0}
        WF.CANCEL q WORKFLOW $v => {count:1 ..}
        WF.RETRY q WORKFLOW $w => {count:1 more:0}
        "#,
    );
}

#[test]
fn a_workflow_that_is_dropped_in_part_is_gone_and_does_no_harm() {
    scenario(
        r#"
        WF.SUBMIT q w RETAIN 9000 TASK a 1 TASK b 2 AFTER 1 a TASK c 3 AFTER 2 a b => $w
        WF.POP q x => {id:$a ..}
        WF.NEXT q x $a => {id:$b ..}
        WF.FAIL q x $b => "failed"
        WF.PURGE q IDS 1 $w COUNT 1 => {count:1 more:1}
        reload
        WF.WORKFLOW q $w => !NOWORKFLOW
        WF.RETRY q WORKFLOW $w => !NOWORKFLOW
        WF.TASK q $a => {name:"a" ..}
        tick
        WF.INFO q => {done:0 failed:0 cancelled:0 workflows:0 ..}
        "#,
    );
}

#[test]
fn what_had_ended_when_its_workflow_was_resumed_is_not_held_when_it_runs_again() {
    scenario(
        r#"
        WF.SUBMIT q w ONFAIL CONTINUE TASK a 1 TASK b 2 TYPE t => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.PAUSE q WORKFLOW $w => OK
        WF.FAIL q x $a => "failed"
        WF.RESUME q WORKFLOW $w => OK
        WF.RETRY q WORKFLOW $w => {count:1 ..}
        WF.EDIT q $a TYPE t => OK
        reload
        WF.POP q x => {id:$a type:"t" ..}
        "#,
    );
}

#[test]
fn a_cancelled_task_that_runs_again_has_its_key_again() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 => $w
        WF.PUSH q 3 WORKFLOW $w AFTER 1 a UNIQUE k => $c
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.FAIL q x $a => "failed"
        WF.TASK q $c => {state:"cancelled" ..}
        reload
        WF.RETRY q WORKFLOW $w => {count:2 ..}
        WF.PUSH q 4 UNIQUE k => $c
        "#,
    );
}

#[test]
fn purge_drops_whole_workflows_that_have_ended_and_spares_open_ones() {
    scenario(
        r#"
        WF.SUBMIT q open TASK a 1 TASK b 2 AFTER 1 a => $w
        WF.SUBMIT q ends RETAIN 9000 TASK a 1 TASK b 2 AFTER 1 a => $v
        WF.POP q x COUNT 2 => [{id:$wa ..} {id:$va ..}]
        WF.MDONE q x IDS 2 $wa $va => [1 1]
        WF.POP q x COUNT 2 => [{id:$wb ..} {id:$vb ..}]
        WF.DONE q x $vb => OK
        WF.LEN q STATE done => 3
        WF.PURGE q STATE done OLDER 5 => {count:0 more:0}
        WF.PURGE q STATE done COUNT 1 => {count:1 more:1}
        WF.PURGE q STATE done => {count:1 more:0}
        WF.WORKFLOW q $v => !NOWORKFLOW
        WF.LEN q STATE done => 1
        WF.PURGE q IDS 2 $w $wa => {count:0 more:0}
        WF.DONE q x $wb => OK
        WF.LEN q STATE done => 0
        "#,
    );
}
