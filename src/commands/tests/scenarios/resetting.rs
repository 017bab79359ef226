//! What becomes of running tasks that an operator resets?

use super::super::script::scenario;

#[test]
fn reset_puts_all_that_runs_back_as_an_interruption() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 TYPE t => [$t1 $t2 $t3]
        WF.POP q a => {fence:$f1 ..}
        WF.POP q b
        WF.TOUCH q a $t1 CHECKPOINT c PROGRESS 5 HANDLE h
        WF.RESET q => {count:2 more:0}
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" type:"t" attempts:1 pushed-at:_ \
            reason:"reset" interruptions:1 checkpoint:"c" progress:5 handle:"h"}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER is ready: reset
        WF.TOUCH q a $t1 => !NOTOWNER is ready: reset
        WF.OWNERS q => []
        WF.POP q a COUNT 3 => [{id:$t3 ..} _ _]
        WF.INFO q => {total-returned:2 total-failed:0 ..}
        WF.RESET missing => {count:0 more:0}
        WF.INFO missing => nil
        "#,
    );
}

#[test]
fn reset_agent_resets_what_it_holds_in_the_order_of_taking() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a
        WF.POP q b
        WF.POP q a COUNT 2
        WF.RESET q AGENT a => {count:3 more:0}
        WF.RESET q AGENT nobody => {count:0 more:0}
        WF.LIST q STATE ready => {tasks:[{id:$t1 ..} {id:$t3 ..} {id:$t4 ..}] cursor:"0"}
        WF.DONE q b $t2 => OK
        "#,
    );
}

#[test]
fn reset_ids_resets_those_that_run_each_once() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 3
        WF.RESET q IDS 5 $t3 $t1 $t3 $t4 7 => {count:2 more:0}
        WF.LIST q STATE ready => {tasks:[{id:$t4 pushed-at:_ payload:"4" state:_} {id:$t3 ..} \
            {id:$t1 interruptions:1 ..}] cursor:"0"}
        WF.LEN q STATE running => 1
        "#,
    );
}

#[test]
fn reset_idle_resets_that_of_which_nothing_was_heard() {
    scenario(
        r#"
        WF.SET q backstop 900000
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 3
        +600
        WF.TOUCH q a $t2
        WF.POP q b
        +400
        WF.RESET q IDLE 1001 => {count:0 more:0}
        WF.RESET q IDLE 1000 COUNT 1 => {count:1 more:1}
        WF.RESET q IDLE 1000 => {count:1 more:0}
        WF.TASK q $t1 => {state:"ready" ..}
        WF.TASK q $t2 => {state:"running" ..}
        WF.TASK q $t3 => {state:"ready" reason:"reset" ..}
        WF.RECOVER a
        +400
        # A recovery is a sign of life.
        WF.RESET q IDLE 800 => {count:1 more:0}
        WF.TASK q $t4 => {state:"ready" ..}
        WF.RESET q IDLE 0 => {count:1 more:0}
        "#,
    );
}

#[test]
fn reset_does_at_most_count_and_tells_whether_there_are_more() {
    scenario(
        r#"
        WF.MPUSH q 5 1 2 3 4 5 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q a COUNT 3
        WF.POP q b COUNT 2
        WF.RESET q AGENT a COUNT 2 => {count:2 more:1}
        WF.RESET q AGENT a COUNT 1 => {count:1 more:0}
        WF.RESET q COUNT 1 => {count:1 more:1}
        WF.RESET q IDS 2 $t4 $t5 COUNT 1 => {count:1 more:0}
        WF.RESET q => {count:0 more:0}
        "#,
    );
}

#[test]
fn a_reset_ends_the_clock_the_fence_and_the_answer_to_a_repeated_request() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.POP q a REQID r => {fence:$f1 ..}
        WF.RESET q
        WF.POP q a REQID r => {id:$t1 fence:$f2 attempt:2 deadline:1800000000500 ..}
        $f2 > $f1
        +499
        tick
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.DONE q a $t1 FENCE $f2 => OK
        "#,
    );
}

#[test]
fn what_a_recovery_did_not_get_to_counts_its_crash_when_it_is_reset() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 2
        WF.POP q b
        WF.RECOVER a COUNT 1
        WF.RECOVER b COUNT 0
        WF.RESET q => {count:3 more:0}
        WF.TASK q $t1 => {crashes:1 interruptions:1 ..}
        WF.TASK q $t2 => {crashes:1 interruptions:1 reason:"reset" ..}
        WF.TASK q $t3 => {crashes:1 interruptions:1 ..}
        "#,
    );
}
