//! What becomes of a task that is not wanted any more?

use super::super::script::scenario;

#[test]
fn a_task_that_does_not_run_is_cancelled_at_once() {
    scenario(
        r#"
        WF.PUSH q 1 RETAIN 500 => $t1
        WF.PUSH q 2 DELAY 50 RETAIN 500 TYPE t => $t2
        WF.PUSH q 3 => $t3
        WF.CANCEL q IDS 4 $t1 $t2 $t3 7 => {count:3 more:0}
        WF.TASK q $t1 => {id:$t1 state:"cancelled" payload:"1" pushed-at:_ reason:"cancelled" \
            ended-at:1800000000000 expires-at:1800000000500 retain:500}
        WF.TASK q $t2 => {state:"cancelled" ..}
        # Without RETAIN and handle it is not kept.
        WF.TASK q $t3 => !NOTASK
        WF.POP q a => nil
        +50
        tick
        WF.POP q a => nil
        WF.CANCEL q IDS 1 $t1 => {count:0 more:0}
        WF.INFO q => {cancelled:2 total-cancelled:3 unfinished:0 scheduled:0 ..}
        +450
        tick
        WF.TASK q $t1 => !NOTASK
        WF.CANCEL missing IDS 1 7 => {count:0 more:0}
        "#,
    );
}

#[test]
fn a_running_one_is_told_to_its_agent_and_cancelled_when_handed_back() {
    scenario(
        r#"
        WF.PUSH q 1 RETAIN 500 => $t1
        WF.POP q a => {fence:$f1 ..}
        WF.CANCEL q IDS 1 $t1 => {count:1 more:0}
        WF.CANCEL q IDS 1 $t1 => {count:0 more:0}
        WF.TASK q $t1 => {state:"running" cancel:1 ..}
        WF.TOUCH q a $t1 => {cancel:1 draining:0}
        WF.HELD a => {tasks:[{id:$t1 cancel:1 ..}] ..}
        reload
        WF.RECOVER a => {tasks:[{id:$t1 cancel:1 ..}] ..}
        WF.NACK q a DELAY 500 IDS 1 $t1 => 1
        WF.TASK q $t1 => {id:$t1 state:"cancelled" payload:"1" attempts:1 pushed-at:_ \
            reason:"cancelled" ended-at:_ expires-at:1800000000500 retain:500 \
            crashes:1 interruptions:1}
        WF.DONE q a $t1 => !NOTOWNER is cancelled
        WF.INFO q => {total-cancelled:1 total-returned:0 cancelled:1 ..}
        "#,
    );
}

#[test]
fn done_counts_all_the_same() {
    scenario(
        r#"
        WF.PUSH q 1 RETAIN 500 => $t1
        WF.POP q a
        WF.CANCEL q IDS 1 $t1
        WF.DONE q a $t1 RESULT r => OK
        WF.TASK q $t1 => {id:$t1 state:"done" payload:"1" attempts:1 pushed-at:_ ended-at:_ \
            expires-at:_ retain:500 result:"r"}
        WF.INFO q => {total-cancelled:0 total-completed:1 ..}
        "#,
    );
}

#[test]
fn a_further_try_is_not_made_and_a_last_failure_is_one() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 RETRIES 1 BACKOFF 50 RETAIN 500 => [$t1 $t2]
        WF.POP q a COUNT 2
        WF.CANCEL q IDS 2 $t1 $t2
        WF.FAIL q a $t1 ERROR e => "cancelled"
        WF.TASK q $t1 => {state:"cancelled" failures:1 error:"e" ..}
        WF.FAIL q a $t2 FATAL => "failed"
        WF.TASK q $t2 => {state:"failed" reason:"failed" ..}
        # It is failed like any other, and may be retried.
        WF.RETRY q IDS 1 $t2 => {count:1 more:0}
        WF.POP q a => {id:$t2 fence:$f2 payload:"2" attempt:2}
        WF.NACK q a IDS 1 $t2
        WF.TASK q $t2 => {state:"ready" ..}
        "#,
    );
}

#[test]
fn every_way_back_ends_cancelled() {
    scenario(
        r#"
        WF.MPUSH q 6 1 2 3 4 5 6 RETAIN 90000 RETRIES 5 => [$t1 $t2 $t3 $t4 $t5 $t6]
        WF.POP q a COUNT 2
        WF.POP q b
        WF.POP q c COUNT 2
        WF.CANCEL q IDS 5 $t1 $t2 $t3 $t4 $t5 => {count:5 more:0}
        WF.RESET q IDS 1 $t1 => {count:1 more:0}
        WF.RECOVER a RELEASE => {count:1 quarantined:[] ..}
        WF.RECOVER b FAIL => {count:1 ..}
        WF.LIST q STATE cancelled => {tasks:[{id:$t1 interruptions:1 ..} {id:$t2 crashes:1 ..} \
            {id:$t3 failures:1 ..}] cursor:"0"}
        WF.DRAIN q RESET => {running:0 reset:2}
        WF.LEN q STATE cancelled => 5
        WF.LEN q STATE ready => 1
        WF.INFO q => {total-returned:0 total-cancelled:5 total-failed:0 ..}
        "#,
    );
}

#[test]
fn so_do_a_time_out_and_the_backstop() {
    scenario(
        r#"
        WF.PUSH q 1 TIMEOUT 500 RETAIN 90000 => $t1
        WF.PUSH q 2 RETAIN 90000 => $t2
        WF.POP q a COUNT 2
        WF.CANCEL q IDS 2 $t1 $t2
        +500
        tick
        WF.TASK q $t1 => {state:"cancelled" reason:"cancelled" crashes:1 ended-at:1800000000500 ..}
        WF.TASK q $t2 => {state:"running" cancel:1 ..}
        WF.SET q backstop 500
        tick
        WF.TASK q $t2 => {state:"cancelled" crashes:1 ..}
        "#,
    );
}

#[test]
fn quarantine_is_a_failure_also_of_what_was_to_be_cancelled() {
    scenario(
        r#"
        WF.SET q crashes 1
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a
        WF.POP q b
        WF.CANCEL q IDS 2 $t1 $t2
        WF.RECOVER a RELEASE => {count:0 quarantined:[{id:$t1 ..}] ..}
        WF.TASK q $t1 => {id:_ state:"failed" reason:"quarantined" payload:"1" attempts:1 \
            pushed-at:_ ended-at:_ expires-at:_ crashes:1}
        WF.RECOVER b => {tasks:[] quarantined:[{id:$t2 ..}] ..}
        "#,
    );
}

#[test]
fn one_with_a_handle_is_kept_and_listed_until_somebody_has_ended_the_work_outside() {
    scenario(
        r#"
        WF.SET q retain-failed 5000
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 3
        WF.TOUCH q a $t1 HANDLE job-1
        WF.TOUCH q a $t2 HANDLE job-2
        WF.NACK q a IDS 1 $t2
        WF.CANCEL q IDS 3 $t1 $t2 $t3
        WF.LIST q HANDLES => {tasks:[{id:$t1 state:"running" ..} {id:$t2 state:"cancelled" ..}] \
            cursor:"0"}
        WF.NACK q a IDS 2 $t1 $t3
        WF.LIST q HANDLES => {tasks:[{id:$t2 handle:"job-2" expires-at:1800000005000 ..} \
            {id:$t1 handle:"job-1" ..}] cursor:"0"}
        WF.PURGE q IDS 1 $t1
        +4999
        tick
        WF.LIST q HANDLES => {tasks:[{id:$t2 ..}] cursor:"0"}
        +1
        tick
        WF.LIST q HANDLES => {tasks:[] cursor:"0"}
        "#,
    );
}

#[test]
fn with_a_handle_the_longer_of_both_times_counts() {
    scenario(
        r#"
        WF.SET q retain-failed 5000
        WF.PUSH q 1 RETAIN 9000 => $t1
        WF.PUSH q 2 RETAIN 10 => $t2
        WF.POP q a COUNT 2
        WF.TOUCH q a $t1 HANDLE h
        WF.TOUCH q a $t2 HANDLE h
        WF.CANCEL q IDS 2 $t1 $t2
        WF.RESET q
        WF.TASK q $t1 => {expires-at:1800000009000 ..}
        WF.TASK q $t2 => {expires-at:1800000005000 ..}
        "#,
    );
}

#[test]
fn a_cancelled_task_lets_go_of_its_unique_key() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k RETAIN 900 => $t1
        WF.PUSH q 2 UNIQUE l FOR 500 => $t2
        WF.CANCEL q IDS 2 $t1 $t2
        WF.PUSH q 3 UNIQUE k => $t3
        $t3 != $t1
        WF.PUSH q 4 UNIQUE l => $t2
        +500
        WF.PUSH q 4 UNIQUE l => $t4
        $t4 != $t2
        WF.INFO q => {unique-keys:2 ..}
        "#,
    );
}

#[test]
fn in_a_copy_what_was_to_be_cancelled_is_cancelled() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 RETAIN 900 => [$t1 $t2]
        WF.POP q a COUNT 2
        WF.CANCEL q IDS 1 $t1
        copy q c
        WF.TASK c $t1 => {state:"cancelled" reason:"cancelled" ..}
        WF.TASK c $t2 => {state:"ready" reason:"copied with its queue" ..}
        WF.INFO c => {cancelled:1 total-cancelled:1 total-returned:1 running:0 ..}
        WF.TOUCH q a $t1 => {cancel:1 ..}
        "#,
    );
}

#[test]
fn cancel_does_at_most_count_in_the_order_named() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.CANCEL q IDS 4 $t3 $t3 $t1 $t2 COUNT 2 => {count:2 more:1}
        WF.LIST q STATE ready => {tasks:[{id:$t2 ..} {id:$t4 ..}] cursor:"0"}
        "#,
    );
}
