//! What becomes of a task when its holder lets go of it, or says something of it?

use super::super::script::scenario;

#[test]
fn a_task_that_is_handed_back_stands_behind_its_equals_and_keeps_what_was_saved() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a => {id:$t1 fence:$f1 ..}
        WF.TOUCH q a $t1 PROGRESS 40 CHECKPOINT "c\x00p" HANDLE job-9 => {cancel:0 draining:0}
        WF.NACK q a IDS 1 $t1 => 1
        WF.TASK q $t1 => {state:"ready" attempts:1 interruptions:1 reason:"handed back" \
            checkpoint:"c\x00p" progress:40 handle:"job-9" id:_ payload:"1" pushed-at:_}
        WF.POP q b => {id:$t2 fence:_ payload:"2"}
        WF.POP q b => {id:$t1 fence:$f2 payload:"1" attempt:2 interruptions:1 \
            checkpoint:"c\x00p" progress:40 handle:"job-9"}
        $f2 > $f1
        "#,
    );
}

#[test]
fn nack_hands_back_what_the_agent_holds_and_counts_only_that() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 2 => [{id:$t1 fence:$f1 ..} {id:$t2 fence:$f2 ..}]
        WF.POP q b => {id:$t3 ..}
        WF.NACK q a IDS 4 $t3 $t4 7 $t1 FENCES 4 1 1 1 $f2 => 0
        WF.NACK q a IDS 2 $t1 $t2 FENCES 1 $f1 => !ERR FENCES must be as many as IDS
        WF.NACK q a IDS 5 $t2 $t2 $t3 $t1 7 => 2
        WF.NACK q a IDS 2 $t1 $t2 => 0
        WF.NACK missing a IDS 1 $t1 => 0
        # They are ready in the order in which they were named.
        WF.POP q c COUNT 9 => [{id:$t4 ..} {id:$t2 ..} {id:$t1 ..}]
        WF.NACK q a EPOCH 7 IDS 1 $t1 => !STALE
        "#,
    );
}

#[test]
fn done_repeated_by_the_agent_that_completed_the_task_is_ok_again() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a => {id:$t1 fence:$f1 ..}
        WF.DONE q a $t1 FENCE $f1 => OK
        WF.DONE q a $t1 FENCE $f1 => OK
        WF.DONE q a $t1 => OK
        reload
        WF.DONE q a $t1 FENCE $f1 => OK
        # Nobody else completed it, nor was it completed under another fence.
        WF.DONE q b $t1 => !NOTASK
        WF.DONE q a $t1 FENCE $t1 => !NOTASK
        WF.INFO q => {total-completed:1 done:0 ready:1 ..}
        "#,
    );
}

#[test]
fn done_of_a_task_that_is_not_the_callers_says_what_became_of_it() {
    scenario(
        r#"
        WF.SET q retain 9000
        WF.MPUSH q 6 1 2 3 4 5 6 => [$t1 $t2 $t3 $t4 $t5 $t6]
        WF.POP q a COUNT 5 => [{fence:$f1 ..} {fence:$f2 ..} ..]
        WF.DONE q b $t1 => !NOTOWNER is held by 'a'
        WF.DONE q a $t1 FENCE $f2 => !NOTOWNER was taken again or recovered
        WF.DONE q a $t6 => !NOTOWNER is ready: nobody took it yet
        WF.NACK q a IDS 1 $t1 => 1
        WF.DONE q a $t1 => !NOTOWNER is ready: handed back
        WF.FAIL q a $t2 => "failed"
        WF.DONE q a $t2 => !NOTOWNER is failed
        WF.DONE q a $t3 => OK
        WF.DONE q b $t3 => !NOTOWNER is done: completed
        WF.RECOVER a RELEASE COUNT 1 => {count:1 ..}
        WF.DONE q a $t4 => !NOTOWNER is ready: released by recovery
        WF.RECOVER a FAIL => {count:1 ..}
        WF.DONE q a $t5 => !NOTOWNER is failed: failed by recovery
        WF.DONE q a 7 => !NOTASK there is no task 7
        WF.DONE missing a $t1 => !NOTASK
        WF.INFO q => {ready:3 done:1 failed:2 running:0 ..}
        "#,
    );
}

#[test]
fn mdone_tells_for_each_task_whether_this_agent_completed_it() {
    scenario(
        r#"
        WF.MPUSH q 5 1 2 3 4 5 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q a COUNT 3 => [{fence:$f1 ..} {fence:$f2 ..} {fence:$f3 ..}]
        WF.POP q b => {id:$t4 ..}
        WF.MDONE q a IDS 2 $t1 $t2 FENCES 2 $f2 $f1 => [0 0]
        WF.MDONE q a IDS 2 $t1 $t2 FENCES 1 $f1 => !ERR FENCES must be as many as IDS
        WF.MDONE q a FENCES 1 $f1 => !ERR IDS is missing
        WF.MDONE q a EPOCH 7 IDS 1 $t1 => !STALE
        WF.MDONE q a IDS 6 $t1 $t4 $t5 7 $t2 $t1 => [1 0 0 0 1 1]
        WF.INFO q => {total-completed:2 running:2 ..}
        WF.DONE q a $t1 FENCE $f1 => OK
        WF.MDONE missing a IDS 2 $t3 7 => [0 0]
        "#,
    );
}

#[test]
fn mdone_repeated_answers_as_the_first_time_also_after_other_completions() {
    scenario(
        r#"
        WF.MPUSH q 5 1 2 3 4 5 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q a COUNT 4 => [{fence:$f1 ..} {fence:$f2 ..} ..]
        WF.MDONE q a IDS 3 $t1 $t5 $t2 => [1 0 1]
        WF.MDONE q a IDS 3 $t1 $t5 $t2 => [1 0 1]
        WF.DONE q a $t3 => OK
        WF.DONE q a $t4 => OK
        reload
        WF.MDONE q a IDS 3 $t1 $t5 $t2 => [1 0 1]
        WF.MDONE q a IDS 2 $t1 $t2 FENCES 2 $f1 $f2 => [1 1]
        WF.MDONE q a IDS 2 $t1 $t2 FENCES 2 $f2 $f1 => [0 0]
        WF.MDONE q b IDS 2 $t1 $t2 => [0 0]
        WF.INFO q => {total-completed:4 ..}
        "#,
    );
}

#[test]
fn a_task_named_twice_counts_under_the_fence_that_is_right() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a => {fence:$f1 ..}
        WF.MDONE q a IDS 3 $t1 $t1 $t1 FENCES 3 7 $f1 $f1 => [0 1 1]
        WF.MDONE q a IDS 3 $t1 $t1 $t1 FENCES 3 7 $f1 $f1 => [0 1 1]
        WF.INFO q => {total-completed:1 ..}
        "#,
    );
}

#[test]
fn results_are_kept_with_the_tasks_that_are_kept() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 RETAIN 5000 => [$t1 $t2]
        WF.PUSH q 3 => $t3
        WF.POP q a COUNT 3
        WF.MDONE q a IDS 3 $t1 $t3 $t2 RESULTS 3 r1 r3 "r\xff2" => [1 1 1]
        WF.TASK q $t1 => {state:"done" result:"r1" ..}
        WF.TASK q $t2 => {state:"done" result:"r\xff2" ..}
        WF.TASK q $t3 => !NOTASK
        # A repetition does not change what was said first.
        WF.MDONE q a IDS 2 $t1 $t2 RESULTS 2 x y => [1 1]
        WF.DONE q a $t1 RESULT z => OK
        WF.TASK q $t1 => {result:"r1" ..}
        WF.MDONE q a IDS 2 $t1 $t2 RESULTS 1 x => !ERR RESULTS must be as many as IDS
        "#,
    );
}

#[test]
fn a_failed_task_is_kept_for_retain_failed_and_then_dropped() {
    scenario(
        r#"
        WF.SET q retain-failed 5000
        WF.MPUSH q 2 1 2 TYPE t => [$t1 $t2]
        WF.POP q a COUNT 2 => [{fence:$f1 ..} ..]
        WF.TOUCH q a $t1 HANDLE h CHECKPOINT c
        WF.FAIL q a $t1 FENCE $t1 => !NOTOWNER
        WF.FAIL q b $t1 => !NOTOWNER held by 'a'
        WF.FAIL q a 7 => !NOTASK
        WF.FAIL q a $t1 EPOCH 7 => !STALE
        WF.FAIL q a $t1 FENCE $f1 ERROR "no \x00 disk" FATAL => "failed"
        WF.TASK q $t1 => {id:$t1 state:"failed" payload:"1" type:"t" attempts:1 failures:1 \
            reason:"failed" error:"no \x00 disk" handle:"h" checkpoint:"c" \
            ended-at:1800000000000 expires-at:1800000005000 pushed-at:_}
        # A failure is no completion, and not repeated as one.
        WF.FAIL q a $t1 => !NOTOWNER is failed
        +4999
        tick
        WF.LEN q STATE failed => 1
        +1
        tick
        WF.TASK q $t1 => !NOTASK
        # 0: not kept at all.
        WF.SET q retain-failed 0
        WF.FAIL q a $t2 => "failed"
        WF.TASK q $t2 => !NOTASK
        WF.INFO q => {failed:0 total-failed:2 ..}
        "#,
    );
}

#[test]
fn without_a_setting_a_failed_task_is_kept_for_a_week() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.FAIL q a $t1
        +604799999
        tick
        WF.TASK q $t1 => {state:"failed" ..}
        +1
        tick
        WF.TASK q $t1 => !NOTASK
        "#,
    );
}

#[test]
fn what_touch_saves_stays_until_it_is_said_anew_and_goes_to_the_next_taker() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a => {fence:$f1 ..}
        WF.TOUCH q a $t1 => {cancel:0 draining:0}
        WF.TOUCH q a $t1 PROGRESS 0 CHECKPOINT c1 HANDLE h1
        WF.TOUCH q a $t1 FENCE $f1 PROGRESS 100
        WF.TOUCH q a $t1 CHECKPOINT ""
        WF.TASK q $t1 => {progress:100 handle:"h1" ..}
        WF.TOUCH q a $t1 PROGRESS 101 => !ERR progress is not an integer from 0 to 100
        WF.TOUCH q a $t1 FENCE $t1 PROGRESS 1 => !NOTOWNER
        WF.TOUCH q b $t1 PROGRESS 1 => !NOTOWNER held by 'a'
        WF.TOUCH q a 7 PROGRESS 1 => !NOTASK
        reload
        WF.RECOVER a RELEASE => {count:1 ..}
        WF.TOUCH q a $t1 PROGRESS 1 => !NOTOWNER is ready: released by recovery
        WF.POP q b => {id:$t1 attempt:2 crashes:1 progress:100 handle:"h1" ..}
        # The remote job is over: no janitor need look for it.
        WF.TOUCH q b $t1 HANDLE ""
        WF.TASK q $t1 => {id:$t1 state:"running" payload:"1" attempts:2 pushed-at:_ owner:"b" \
            fence:_ running-for:0 progress:100 crashes:1}
        "#,
    );
}
