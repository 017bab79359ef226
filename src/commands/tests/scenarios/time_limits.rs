//! What becomes of a task that runs for too long?

use super::super::script::scenario;

#[test]
fn a_task_that_overruns_its_timeout_is_taken_from_its_agent() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        +70
        WF.POP q a => {id:$t1 fence:$f1 payload:"1" deadline:1800000000570}
        WF.TASK q $t1 => {state:"running" deadline:1800000000570 timeout:500 ..}
        +499
        tick
        WF.TOUCH q a $t1 => {remaining:1 cancel:0 draining:0}
        +1
        tick
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" attempts:1 pushed-at:_ timeout:500 \
            reason:"timed out" crashes:1}
        WF.INFO q => {ready:1 running:0 owners:0 total-returned:1 ..}
        WF.POP q b => {id:$t1 deadline:1800000001070 attempt:2 crashes:1 ..}
        "#,
    );
}

#[test]
fn what_is_said_after_a_time_out_is_refused_with_the_reason_and_the_task_is_not_lost() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.POP q a => {fence:$f1 ..}
        WF.TOUCH q a $t1 CHECKPOINT c HANDLE h
        +500
        tick
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER is ready: timed out
        WF.FAIL q a $t1 => !NOTOWNER is ready: timed out
        WF.TOUCH q a $t1 => !NOTOWNER is ready: timed out
        WF.NACK q a IDS 1 $t1 => 0
        WF.MDONE q a IDS 1 $t1 => [0]
        WF.POP q b => {id:$t1 checkpoint:"c" handle:"h" fence:$f2 ..}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER is held by 'b'
        WF.DONE q b $t1 FENCE $f2 => OK
        "#,
    );
}

#[test]
fn the_setting_holds_for_tasks_that_say_nothing_and_0_overrides_it() {
    scenario(
        r#"
        WF.SET q timeout 500
        WF.PUSH q 1 TIMEOUT 0 => $t1
        WF.PUSH q 2 => $t2
        WF.PUSH q 3 TIMEOUT 700 => $t3
        WF.POP q a COUNT 3 => [{id:$t1 fence:_ payload:"1"} {deadline:1800000000500 ..} \
            {deadline:1800000000700 ..}]
        # What runs keeps the time it was given.
        WF.SET q timeout 0
        +500
        tick
        WF.TASK q $t2 => {state:"ready" reason:"timed out" ..}
        WF.TASK q $t3 => {state:"running" ..}
        +200
        tick
        WF.TASK q $t3 => {state:"ready" ..}
        +900000
        tick
        WF.TASK q $t1 => {state:"running" running-for:900700 ..}
        WF.POP q b => {id:$t2 fence:_ payload:"2" attempt:2 crashes:1}
        "#,
    );
}

#[test]
fn extend_gives_more_time_and_never_less() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.PUSH q 2 => $t2
        WF.POP q a COUNT 2
        +100
        WF.TOUCH q a $t1 EXTEND 300 => {remaining:400 cancel:0 draining:0}
        WF.TOUCH q a $t1 EXTEND 900 => {remaining:900 cancel:0 draining:0}
        WF.TASK q $t1 => {deadline:1800000001000 ..}
        WF.TOUCH q a $t1 PROGRESS 5 => {remaining:900 ..}
        +899
        tick
        WF.TOUCH q a $t1 => {remaining:1 ..}
        +1
        tick
        WF.TOUCH q a $t1 EXTEND 900 => !NOTOWNER timed out
        # Without a TIMEOUT there is nothing to extend.
        WF.TOUCH q a $t2 EXTEND 5 => {cancel:0 draining:0}
        +10
        tick
        WF.TASK q $t2 => {state:"running" ..}
        "#,
    );
}

#[test]
fn what_happens_to_a_task_otherwise_stops_its_clock() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 TIMEOUT 500 RETRIES 1 RETAIN 9000 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 4
        WF.DONE q a $t1
        WF.NACK q a IDS 1 $t2
        WF.FAIL q a $t3
        WF.RESET q IDS 1 $t4
        +500
        tick
        WF.TASK q $t1 => {state:"done" ..}
        WF.LIST q STATE ready => {tasks:[{id:$t2 reason:"handed back" ..} \
            {id:$t3 reason:"failed" ..} {id:$t4 reason:"reset" ..}] cursor:"0"}
        "#,
    );
}

#[test]
fn recover_keep_starts_the_clock_anew_also_beyond_the_page() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 TIMEOUT 500 => [$t1 $t2]
        WF.POP q a COUNT 2
        +400
        WF.RECOVER a COUNT 1 => {tasks:[{id:$t1 deadline:1800000000900 remaining:500 ..}] more:1 ..}
        +100
        tick
        WF.TASK q $t1 => {state:"running" ..}
        WF.TASK q $t2 => {state:"running" ..}
        +300
        # What is read now has its whole time from now on.
        WF.HELD a => {tasks:[{id:$t1 remaining:100 ..} {id:$t2 remaining:500 crashes:1 ..}] ..}
        +100
        tick
        WF.TASK q $t1 => {state:"ready" crashes:2 reason:"timed out" ..}
        +400
        tick
        WF.TASK q $t2 => {state:"ready" crashes:2 reason:"timed out" ..}
        "#,
    );
}

#[test]
fn a_task_that_nobody_asks_for_after_a_recovery_times_out_all_the_same() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 TIMEOUT 500 => [$t1 $t2]
        WF.POP q a COUNT 2
        +400
        WF.RECOVER a COUNT 0 => {tasks:[] more:1 ..}
        +499
        tick
        WF.LEN q STATE running => 2
        +1
        tick
        WF.LEN q STATE running => 0
        # Once for the agent that was lost, and once for the time.
        WF.TASK q $t2 => {state:"ready" crashes:2 reason:"timed out" ..}
        "#,
    );
}

#[test]
fn a_time_limit_that_was_lifted_before_a_recovery_does_not_end_what_was_not_read() {
    scenario(
        r#"
        WF.SET q timeout 500
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2
        WF.SET q timeout 0
        +400
        WF.RECOVER a COUNT 1 => {tasks:[{id:$t1 ..}] more:1 ..}
        +90000
        tick
        WF.LEN q STATE running => 2
        "#,
    );
}

#[test]
fn a_touch_after_a_recovery_starts_the_clock_before_it_extends_it() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.POP q a
        +400
        WF.RECOVER a COUNT 0
        +50
        WF.TOUCH q a $t1 EXTEND 300 => {remaining:500 cancel:0 draining:0 fence:_}
        WF.RECOVER a COUNT 0
        WF.TOUCH q a $t1 EXTEND 900 => {remaining:900 ..}
        "#,
    );
}

#[test]
fn time_outs_make_poison() {
    scenario(
        r#"
        WF.SET q crashes 2
        WF.PUSH q 1 TIMEOUT 500 UNIQUE k => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE h
        +500
        tick
        WF.POP q a => {crashes:1 ..}
        +500
        tick
        WF.TASK q $t1 => {state:"failed" reason:"quarantined" crashes:2 handle:"h" ..}
        WF.DONE q a $t1 => !NOTOWNER is failed: quarantined
        WF.PUSH q 2 UNIQUE k => $t2
        $t2 != $t1
        WF.INFO q => {total-failed:1 total-returned:1 ..}
        "#,
    );
}

#[test]
fn after_a_restart_agents_are_spared_for_a_while_and_what_harms_nobody_is_not_delayed() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.POP q a
        WF.PUSH q 2 DELAY 500 => $t2
        reload
        +500
        tick
        WF.LEN q STATE scheduled => 0
        WF.TOUCH q a $t1 => {remaining:0 ..}
        +29499
        tick
        WF.TASK q $t1 => {state:"running" ..}
        +1
        tick
        WF.TASK q $t1 => {state:"ready" reason:"timed out" ..}
        "#,
    );
}

#[test]
fn so_are_those_of_a_server_that_was_promoted() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.POP q a
        fork two
        on two
        +29999
        tick
        WF.DONE q a $t1 => OK
        on one
        +500
        tick
        WF.DONE q a $t1 => !NOTOWNER timed out
        "#,
    );
}

#[test]
fn a_clock_that_goes_back_times_nothing_out() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.POP q a
        -60000
        tick
        WF.TOUCH q a $t1 => {remaining:60500 ..}
        +60000
        tick
        WF.TASK q $t1 => {state:"running" ..}
        +500
        tick
        WF.TASK q $t1 => {state:"ready" ..}
        "#,
    );
}

#[test]
fn a_copy_runs_nothing_and_times_nothing_out() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 => $t1
        WF.POP q a
        copy q c
        +500
        tick
        WF.TASK c $t1 => {id:$t1 state:"ready" payload:"1" attempts:1 pushed-at:_ timeout:500 \
            reason:"copied with its queue"}
        "#,
    );
}
