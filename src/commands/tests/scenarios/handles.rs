//! Does whoever takes a task next learn where the work really runs?

use super::super::script::scenario;

#[test]
fn after_it_was_handed_back() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.NACK q a IDS 1 $t1
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_it_was_handed_back_with_a_delay() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.NACK q a DELAY 50 IDS 1 $t1
        +50
        tick
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_a_failure() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.FAIL q a $t1
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_a_failure_and_its_back_off() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.FAIL q a $t1 DELAY 50
        +50
        tick
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_a_reset() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.RESET q
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_a_drain() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.DRAIN q RESET
        WF.RESUME q
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_a_time_out() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        +500
        tick
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_the_backstop() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.SET q backstop 50
        +50
        tick
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_it_was_released_by_a_recovery() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.RECOVER a RELEASE
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_it_was_failed_by_a_recovery() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.RECOVER a FAIL
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_a_retry() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.FAIL q a $t1 FATAL
        WF.RETRY q FAILED
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_an_edit_of_what_came_back() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        WF.NACK q a IDS 1 $t1
        WF.EDIT q $t1 TYPE t PRIORITY 1
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn after_a_reload_and_a_copy() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7
        reload
        copy q c
        del q
        rename c q
        WF.POP q next => {id:$t1 handle:"job" checkpoint:"c" progress:7 attempt:2 ..}
        "#,
    );
}

#[test]
fn also_who_recovers_the_identity_that_holds_it() {
    scenario(
        r#"
        WF.PUSH q 1 RETRIES 9 TIMEOUT 500 RETAIN 90000 => $t1
        WF.POP q a
        WF.TOUCH q a $t1 HANDLE job CHECKPOINT c PROGRESS 7

        WF.RECOVER a => {tasks:[{id:$t1 handle:"job" checkpoint:"c" progress:7 ..}] ..}
        WF.HELD a => {tasks:[{id:$t1 handle:"job" checkpoint:"c" ..}] ..}
        "#,
    );
}
