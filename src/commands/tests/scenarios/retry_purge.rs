//! How do tasks come back that have failed, and how do those go that have ended?

use super::super::script::scenario;

#[test]
fn retry_makes_a_failed_task_ready_as_if_nothing_had_happened() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 1 TIMEOUT 90 => $t1
        WF.MPUSH q 1 2 => [$t2]
        WF.POP q a => {id:$t1 ..}
        WF.TOUCH q a $t1 CHECKPOINT c PROGRESS 5 HANDLE h
        WF.RECOVER a RELEASE
        WF.POP q a => {id:$t2 ..}
        WF.POP q a => {id:$t1 ..}
        WF.NACK q a IDS 1 $t1
        WF.POP q a => {id:$t1 crashes:1 interruptions:1 ..}
        WF.FAIL q a $t1 ERROR e FATAL => "failed"
        WF.PUSH q 3 => $t3
        WF.RETRY q IDS 4 $t1 $t1 $t2 7 => {count:1 more:0}
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" attempts:3 pushed-at:_ reason:"retried" \
            retries:1 timeout:90 checkpoint:"c" progress:5 handle:"h"}
        WF.POP q b COUNT 2 => [{id:$t3 ..} {id:$t1 fence:_ payload:"1" attempt:4 deadline:_ \
            checkpoint:"c" progress:5 handle:"h"}]
        # It has all its tries again.
        WF.FAIL q b $t1 => "ready"
        WF.INFO q => {failed:0 total-failed:1 ..}
        +604800000
        tick
        WF.TASK q $t1 => {state:"ready" ..}
        WF.RETRY missing FAILED => {count:0 more:0}
        "#,
    );
}

#[test]
fn retry_failed_takes_all_in_the_order_of_their_failures() {
    scenario(
        r#"
        WF.SET q crashes 1
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 2
        WF.POP q b
        WF.FAIL q a $t2
        WF.RECOVER b
        WF.FAIL q a $t1
        WF.RETRY q FAILED COUNT 2 => {count:2 more:1}
        WF.LIST q STATE ready => {tasks:[{id:$t4 ..} {id:$t2 ..} {id:$t3 ..}] cursor:"0"}
        WF.RETRY q FAILED COUNT 1 => {count:1 more:0}
        WF.RETRY q FAILED => {count:0 more:0}
        "#,
    );
}

#[test]
fn retry_quarantined_takes_only_those_that_saw_too_many_crashes() {
    scenario(
        r#"
        WF.SET q crashes 1
        WF.PUSH q 1 TIMEOUT 50 => $t1
        WF.MPUSH q 2 2 3 => [$t2 $t3]
        WF.POP q a COUNT 2
        WF.POP q b
        WF.FAIL q a $t2
        +50
        tick
        WF.RECOVER b
        WF.RETRY q QUARANTINED COUNT 1 => {count:1 more:1}
        WF.RETRY q QUARANTINED => {count:1 more:0}
        WF.LIST q STATE failed => {tasks:[{id:$t2 ..}] cursor:"0"}
        WF.POP q a COUNT 9 => [{id:$t1 fence:_ payload:"1" attempt:2 deadline:_} {id:$t3 ..}]
        "#,
    );
}

#[test]
fn a_retried_task_takes_its_unique_key_back() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k => $t1
        WF.POP q a
        WF.FAIL q a $t1
        WF.TASK q $t1 => {id:_ state:"failed" payload:"1" attempts:1 pushed-at:_ ended-at:_ \
            expires-at:_ reason:"failed" failures:1}
        reload
        WF.RETRY q FAILED => {count:1 more:0}
        WF.TASK q $t1 => {unique:"k" ..}
        WF.PUSH q 2 UNIQUE k => $t1
        WF.INFO q => {unique-keys:1 ..}
        "#,
    );
}

#[test]
fn a_key_that_was_to_stay_taken_for_a_while_does_so_after_a_retry() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k FOR 500 => $t1
        WF.POP q a
        WF.FAIL q a $t1
        WF.RETRY q FAILED => {count:1 more:0}
        WF.POP q a
        WF.DONE q a $t1
        WF.PUSH q 2 UNIQUE k => $t1
        +500
        tick
        WF.INFO q => {unique-keys:0 ..}
        WF.PUSH q 2 UNIQUE k => $t2
        $t2 != $t1
        "#,
    );
}

#[test]
fn a_task_whose_key_is_taken_elsewhere_is_left_alone() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k => $t1
        WF.POP q a
        WF.FAIL q a $t1
        WF.PUSH q 2 UNIQUE k => $t2
        WF.RETRY q IDS 1 $t1 => {count:0 more:0}
        WF.RETRY q FAILED => {count:0 more:0}
        WF.POP q a => {id:$t2 ..}
        WF.RETRY q FAILED => {count:0 more:0}
        WF.DONE q a $t2
        WF.RETRY q FAILED => {count:1 more:0}
        WF.POP q a => {id:$t1 ..}
        "#,
    );
}

#[test]
fn of_several_failed_tasks_with_one_key_one_is_retried() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k => $t1
        WF.POP q a
        WF.FAIL q a $t1
        WF.PUSH q 2 UNIQUE k => $t2
        WF.POP q a
        WF.FAIL q a $t2
        WF.PUSH q 3 => $t3
        WF.POP q a
        WF.FAIL q a $t3
        copy q c
        WF.RETRY q FAILED => {count:2 more:0}
        WF.LIST q STATE ready => {tasks:[{id:$t1 unique:"k" ..} {id:$t3 ..}] cursor:"0"}
        WF.RETRY c IDS 3 $t2 $t1 $t3 => {count:2 more:0}
        WF.LIST c STATE ready => {tasks:[{id:$t2 unique:"k" ..} {id:$t3 ..}] cursor:"0"}
        WF.LIST c STATE failed => {tasks:[{id:$t1 ..}] cursor:"0"}
        "#,
    );
}

#[test]
fn purge_drops_what_ended_so_and_so_long_ago() {
    scenario(
        r#"
        WF.SET q retain 90000
        WF.MPUSH q 6 1 2 3 4 5 6 => [$t1 $t2 $t3 $t4 $t5 $t6]
        WF.POP q a COUNT 5
        WF.DONE q a $t1
        WF.FAIL q a $t2
        +100
        WF.DONE q a $t3
        WF.DONE q a $t4
        +100
        WF.PURGE q STATE done OLDER 201 => {count:0 more:0}
        WF.PURGE q STATE done OLDER 200 => {count:1 more:0}
        WF.TASK q $t1 => !NOTASK
        WF.PURGE q STATE done COUNT 1 => {count:1 more:1}
        WF.TASK q $t3 => !NOTASK
        WF.TASK q $t4 => {state:"done" ..}
        WF.PURGE q STATE failed => {count:1 more:0}
        WF.CANCEL q IDS 1 $t6
        WF.PURGE q STATE CANCELLED => {count:1 more:0}
        WF.PURGE q STATE done => {count:1 more:0}
        WF.PURGE q STATE done => {count:0 more:0}
        WF.INFO q => {done:0 failed:0 cancelled:0 running:1 total-completed:3 ..}
        +90000
        tick
        WF.LEN q => 1
        WF.PURGE missing STATE done => {count:0 more:0}
        "#,
    );
}

#[test]
fn purge_drops_nothing_that_may_still_run() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.PUSH q 2 DELAY 50 => $t2
        WF.PUSH q 3 => $t3
        WF.PUSH q 4 RETAIN 900 => $t4
        WF.POP q a
        WF.CANCEL q IDS 2 $t1 $t4
        WF.PURGE q STATE ready => !ERR STATE must be done, failed or cancelled
        WF.PURGE q STATE running => !ERR cancel what may still run
        WF.PURGE q STATE scheduled OLDER 0 => !ERR cancel what may still run
        WF.PURGE q IDS 6 $t1 $t2 $t3 $t4 $t4 7 => {count:1 more:0}
        WF.INFO q => {ready:1 scheduled:1 running:1 cancelled:0 ..}
        "#,
    );
}

#[test]
fn a_key_stays_taken_for_its_time_though_its_task_is_purged() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k FOR 500 => $t1
        WF.POP q a
        WF.FAIL q a $t1
        WF.PURGE q STATE failed => {count:1 more:0}
        WF.PUSH q 2 UNIQUE k => $t1
        WF.RETRY q IDS 1 $t1 => {count:0 more:0}
        "#,
    );
}
