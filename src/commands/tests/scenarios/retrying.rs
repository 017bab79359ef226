//! How often is a task tried that fails, and when again?

use super::super::script::scenario;

#[test]
fn without_retries_the_first_failure_is_the_last() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.FAIL q a $t1 => "failed"
        WF.TASK q $t1 => {state:"failed" failures:1 ..}
        WF.PUSH q 2 RETRIES 0 => $t2
        WF.SET q retries 5
        WF.POP q a
        WF.FAIL q a $t2 => "failed"
        "#,
    );
}

#[test]
fn retries_are_further_tries_after_the_first() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 2 => $t1
        WF.POP q a
        WF.FAIL q a $t1 ERROR e1 => "ready"
        WF.TASK q $t1 => {state:"ready" attempts:1 failures:1 error:"e1" \
            reason:"failed" retries:2 ..}
        WF.DONE q a $t1 => !NOTOWNER is ready: failed
        WF.POP q b => {id:$t1 fence:_ payload:"1" attempt:2 failures:1}
        WF.FAIL q b $t1 ERROR e2 => "ready"
        WF.POP q a => {id:$t1 attempt:3 failures:2 ..}
        WF.FAIL q a $t1 ERROR e3 => "failed"
        WF.TASK q $t1 => {state:"failed" attempts:3 failures:3 error:"e3" ..}
        WF.INFO q => {total-failed:1 total-returned:2 ready:0 failed:1 ..}
        "#,
    );
}

#[test]
fn the_back_off_doubles_up_to_its_most() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 BACKOFF 100 350 => $t1
        WF.POP q a
        WF.FAIL q a $t1 => "scheduled"
        WF.TASK q $t1 => {state:"scheduled" starts-at:1800000000100 reason:"failed" backoff:100 \
            backoff-max:350 retries:9 ..}
        +99
        tick
        WF.POP q a => nil
        +1
        tick
        WF.POP q a => {id:$t1 attempt:2 failures:1 ..}
        WF.FAIL q a $t1 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800000000300 ..}
        +200
        tick
        WF.POP q a
        WF.FAIL q a $t1 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800000000650 ..}
        +350
        tick
        WF.POP q a
        WF.FAIL q a $t1 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800000001000 failures:4 ..}
        "#,
    );
}

#[test]
fn the_most_is_an_hour_where_nothing_is_said_and_never_below_the_base() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 BACKOFF 2400000 => $t1
        WF.PUSH q 2 RETRIES 9 BACKOFF 500 200 => $t2
        WF.POP q a COUNT 2
        WF.FAIL q a $t1 => "scheduled"
        WF.FAIL q a $t2 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800002400000 backoff:2400000 backoff-max:3600000 ..}
        WF.TASK q $t2 => {starts-at:1800000000500 ..}
        +2400000
        tick
        WF.POP q a COUNT 2
        WF.FAIL q a $t1 => "scheduled"
        WF.FAIL q a $t2 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800006000000 ..}
        WF.TASK q $t2 => {starts-at:1800002400500 ..}
        "#,
    );
}

#[test]
fn the_settings_hold_for_tasks_that_say_nothing_themselves() {
    scenario(
        r#"
        WF.SET q retries 1 backoff 40
        WF.PUSH q 1 => $t1
        WF.PUSH q 2 BACKOFF 7 => $t2
        WF.PUSH q 3 RETRIES 2 => $t3
        WF.POP q a COUNT 3
        WF.FAIL q a $t1 => "scheduled"
        WF.FAIL q a $t2 => "scheduled"
        WF.FAIL q a $t3 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800000000040 ..}
        WF.TASK q $t2 => {starts-at:1800000000007 ..}
        +40
        tick
        WF.POP q a COUNT 3 => [{id:$t2 ..} {id:$t1 ..} {id:$t3 ..}]
        WF.FAIL q a $t1 => "failed"
        WF.FAIL q a $t2 => "failed"
        WF.FAIL q a $t3 => "scheduled"
        WF.TASK q $t3 => {starts-at:1800000000120 ..}
        # What is set holds from then on, also for tasks that are there.
        WF.SET q backoff 0 retries 0
        WF.PUSH q 4 => $t4
        WF.POP q a => {id:$t4 ..}
        WF.FAIL q a $t4 => "failed"
        "#,
    );
}

#[test]
fn fail_with_a_delay_waits_so_long_whatever_the_back_off_says() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 3 BACKOFF 1000 => $t1
        WF.POP q a
        WF.FAIL q a $t1 DELAY 30 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800000000030 ..}
        +30
        tick
        WF.POP q a
        WF.FAIL q a $t1 DELAY 0 => "ready"
        WF.POP q a
        WF.FAIL q a $t1 => "scheduled"
        WF.TASK q $t1 => {starts-at:1800000004030 failures:3 ..}
        +4000
        tick
        WF.POP q a
        # A delay makes no further try.
        WF.FAIL q a $t1 DELAY 30 => "failed"
        "#,
    );
}

#[test]
fn fatal_makes_no_further_try() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 3 => $t1
        WF.POP q a
        WF.FAIL q a $t1 FATAL => "failed"
        WF.TASK q $t1 => {state:"failed" failures:1 ..}
        "#,
    );
}

#[test]
fn recover_fail_tries_again_what_has_tries_left() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 1 BACKOFF 50 => $t1
        WF.PUSH q 2 => $t2
        WF.PUSH q 3 RETRIES 1 => $t3
        WF.POP q a COUNT 3
        WF.RECOVER a FAIL => {count:3 tasks:[] quarantined:[] ..}
        WF.TASK q $t1 => {state:"scheduled" starts-at:1800000000050 failures:1 \
            reason:"failed by recovery" ..}
        WF.TASK q $t2 => {state:"failed" failures:1 reason:"failed by recovery" ..}
        WF.TASK q $t3 => {state:"ready" failures:1 reason:"failed by recovery" ..}
        WF.DONE q a $t3 => !NOTOWNER is ready: failed by recovery
        "#,
    );
}

#[test]
fn neither_crashes_nor_interruptions_use_up_retries() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 1 => $t1
        WF.POP q a
        WF.NACK q a IDS 1 $t1
        WF.POP q a
        WF.RECOVER a RELEASE
        WF.POP q a
        WF.RESET q
        WF.POP q a => {attempt:4 crashes:1 interruptions:2 ..}
        WF.FAIL q a $t1 => "ready"
        WF.POP q a
        WF.FAIL q a $t1 => "failed"
        WF.TASK q $t1 => {attempts:5 failures:2 crashes:1 interruptions:2 ..}
        "#,
    );
}
