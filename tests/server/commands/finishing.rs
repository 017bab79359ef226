//! How does a task end, or go back: DONE, MDONE, FAIL, NACK, TOUCH?

use crate::support::{Server, play, wait_until};

#[test]
fn only_the_owner_completes_a_task() {
    play(
        r#"
        WF.MPUSH q 2 a b           => [$a, $b]
        WF.POP q x                 => {id $a, fence $f, ...}
        WF.DONE q y $a             => !NOTOWNER
        WF.DONE q x $b             => !NOTOWNER
        WF.DONE q x $a FENCE 7     => !NOTOWNER
        WF.DONE q x 12345          => !NOTASK
        WF.DONE nowhere x $a       => !NOTASK
        WF.LEN q                   => 2
        WF.DONE q x $a FENCE $f    => OK
        WF.LEN q                   => 1
        WF.DONE q y $a             => !NOTASK
        "#,
    );
}

#[test]
fn done_may_be_repeated_by_the_one_who_did_it() {
    play(
        r#"
        WF.PUSH q a                       => $a
        WF.PUSH q b RETAIN 600000         => $b
        WF.POP q x COUNT 2                => [{id $a, fence $fa, ...}, {id $b, fence $fb, ...}]
        WF.DONE q x $a FENCE $fa          => OK
        WF.DONE q x $a FENCE $fa          => OK
        WF.DONE q x $a                    => OK
        WF.DONE q x $b RESULT first       => OK
        WF.DONE q x $b RESULT second      => OK
        # It counts once, with what it said the first time.
        WF.TASK q $b                      => {state done, result first, ...}
        WF.DONE q y $b                    => !NOTOWNER
        WF.LEN q                          => 0
        "#,
    );
}

#[test]
fn the_last_sixty_four_completions_are_remembered() {
    let server = Server::start();
    let mut client = server.client();
    let mut ids = Vec::new();
    for _ in 0..64 {
        ids.push(client.int("WF.PUSH q x"));
        client.cmd("WF.POP q agent");
        client.cmd(&format!("WF.DONE q agent {}", ids[ids.len() - 1]));
    }
    for id in &ids {
        client.cmd(&format!("WF.DONE q agent {id}"));
        client.refused_as("NOTASK", &format!("WF.DONE q other {id}"));
    }
}

#[test]
fn mdone_says_one_or_zero_for_each() {
    play(
        r#"
        WF.MPUSH q 4 a b c d                 => [$a, $b, $c, $d]
        WF.POP q x COUNT 2                   => [{fence $fa, ...}, {fence $fb, ...}]
        WF.POP q y                           => {id $c, ...}
        WF.MDONE q x IDS 5 $a $b $c $d 12345 FENCES 5 $fa 7 7 7 7  => [1, 0, 0, 0, 0]
        WF.LEN q                             => 3
        WF.MDONE q x IDS 1 $b FENCES 1 $fb   => [1]
        WF.MDONE nowhere x IDS 2 $a $b       => [0, 0]
        WF.LEN q STATE running               => 1
        "#,
    );
}

#[test]
fn mdone_stores_one_result_for_each() {
    play(
        r#"
        WF.MPUSH q 2 a b RETAIN 600000            => [$a, $b]
        WF.POP q x COUNT 2                        => [_, _]
        WF.MDONE q x IDS 2 $a $b RESULTS 2 "" r2  => [1, 1]
        WF.TASK q $b                              => {result r2, state done, ...}
        WF.TASK q $a                              => {state done, ...}
        "#,
    );
}

#[test]
fn a_repeated_mdone_answers_as_the_first_time() {
    let server = Server::start();
    let mut client = server.client();
    let mut words = vec!["WF.MPUSH".to_owned(), "q".to_owned(), "1000".to_owned()];
    words.extend((0..1000).map(|at| at.to_string()));
    let ids = crate::support::Reply::ints(&client.call(&words).unwrap());
    client.cmd("WF.POP q x COUNT 1000");
    let mut words = vec!["WF.MDONE".to_owned(), "q".to_owned(), "x".to_owned()];
    words.extend(["IDS".to_owned(), "1001".to_owned(), "12345".to_owned()]);
    words.extend(ids.iter().map(i64::to_string));
    let first = crate::support::Reply::ints(&client.call(&words).unwrap());
    assert_eq!(first.iter().sum::<i64>(), 1000);
    let again = crate::support::Reply::ints(&client.call(&words).unwrap());
    assert_eq!(first, again);
    assert_eq!(client.int("WF.LEN q"), 0);
}

#[test]
fn a_failed_task_stays_and_says_why() {
    play(
        r#"
        WF.PUSH q a                             => $a
        WF.POP q x                              => {id $a, fence $f, ...}
        WF.FAIL q y $a                          => !NOTOWNER
        WF.FAIL q x $a FENCE 7                  => !NOTOWNER
        WF.FAIL q x 12345                       => !NOTASK
        WF.FAIL q x $a FENCE $f ERROR "no\x00 disk"  => failed
        WF.TASK q $a       => {state failed, failures 1, error "no\x00 disk", ...}
        WF.LEN q                                => 0
        WF.LEN q STATE failed                   => 1
        WF.POP q x                              => nil
        WF.DONE q x $a                          => !NOTOWNER
        WF.FAIL q x $a                          => !NOTOWNER
        WF.TOUCH q x $a                         => !NOTOWNER
        WF.NACK q x IDS 1 $a                    => 0
        WF.LIST q STATE failed                  => {tasks [{id $a, ...}], cursor "0", ...}
        "#,
    );
}

#[test]
fn a_fatal_failure_is_a_failure() {
    play(
        r#"
        WF.PUSH q a                     => $a
        WF.POP q x                      => {id $a, ...}
        WF.FAIL q x $a FATAL ERROR bad  => failed
        WF.TASK q $a                    => {state failed, failures 1, error bad, ...}
        "#,
    );
}

#[test]
fn failed_tasks_are_dropped_after_retain_failed() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.SET q retain-failed 40");
    let id = client.int("WF.PUSH q x");
    client.cmd("WF.POP q a");
    client.cmd(&format!("WF.FAIL q a {id}"));
    wait_until("it is dropped", || client.int("WF.LEN q STATE failed") == 0);
    client.refused_as("NOTASK", &format!("WF.TASK q {id}"));
}

#[test]
fn done_tasks_are_kept_as_long_as_the_queue_says() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.SET q retain 600000");
    let id = client.int("WF.PUSH q x");
    client.cmd("WF.POP q a");
    client.cmd(&format!("WF.DONE q a {id} RESULT r"));
    assert_eq!(client.map(&format!("WF.TASK q {id}")).text("result"), "r");
}

#[test]
fn a_task_handed_back_goes_behind_its_equals_and_counts_an_interruption() {
    play(
        r#"
        WF.MPUSH q 3 a b c                        => [$a, $b, $c]
        WF.POP q x                                => {id $a, fence $f, ...}
        WF.NACK q x IDS 1 $a FENCES 1 7           => 0
        WF.NACK q y IDS 1 $a                      => 0
        WF.NACK q x IDS 4 $a $b 12345 99 FENCES 4 $f 1 1 1  => 1
        WF.POP q y COUNT 3                        => [{id $b, ...}, {id $c, ...}, \
            {id $a, attempt 2, interruptions 1, ...}]
        WF.TASK q $a                              => {attempts 2, interruptions 1, owner y, ...}
        WF.DONE q x $a                            => !NOTOWNER
        WF.NACK nowhere x IDS 1 $a                => 0
        "#,
    );
}

#[test]
fn a_task_handed_back_keeps_its_priority() {
    play(
        r#"
        WF.PUSH q urgent             => $u
        WF.POP q x                   => {id $u, ...}
        WF.PUSH q later PRIORITY 5   => _
        WF.NACK q x IDS 1 $u         => 1
        WF.POP q x                   => {id $u, ...}
        "#,
    );
}

#[test]
fn what_touch_saved_goes_to_the_next_taker() {
    play(
        r#"
        WF.PUSH q x                         => $id
        WF.POP q a                          => {id $id, fence $f, payload x}
        WF.TOUCH q a $id                    => {cancel 0, draining 0}
        WF.TOUCH q a $id FENCE $f PROGRESS 40 CHECKPOINT "c\x00p" HANDLE "slurm:17"  \
                                            => {cancel 0, draining 0}
        WF.TASK q $id   => {progress 40, checkpoint "c\x00p", handle "slurm:17", owner a, ...}
        WF.NACK q a IDS 1 $id               => 1
        WF.POP q b  => {id $id, fence _, payload x, attempt 2, interruptions 1, progress 40, \
                        checkpoint "c\x00p", handle "slurm:17"}
        # What is not said again stays.
        WF.TOUCH q b $id PROGRESS 100       => {cancel 0, draining 0}
        WF.TASK q $id   => {progress 100, checkpoint "c\x00p", handle "slurm:17", ...}
        WF.TOUCH q b $id CHECKPOINT d       => {cancel 0, draining 0}
        WF.TASK q $id   => {progress 100, checkpoint d, handle "slurm:17", ...}
        "#,
    );
}

#[test]
fn only_the_owner_touches_a_task() {
    play(
        r#"
        WF.MPUSH q 2 a b                  => [$a, $b]
        WF.POP q x                        => {id $a, fence $f, ...}
        WF.TOUCH q y $a PROGRESS 1        => !NOTOWNER
        WF.TOUCH q x $b PROGRESS 1        => !NOTOWNER
        WF.TOUCH q x $a FENCE 7           => !NOTOWNER
        WF.TOUCH q x 12345                => !NOTASK
        WF.TOUCH nowhere x $a             => !NOTASK
        WF.TASK q $a                      => {id $a, state running, payload a, attempts 1, \
            owner x, fence $f, running-for 0..60000, pushed-at _}
        "#,
    );
}

#[test]
fn an_old_fence_is_refused_even_for_the_same_agent() {
    play(
        r#"
        WF.PUSH q x                              => $id
        WF.POP q a                               => {fence $old, ...}
        WF.NACK q a IDS 1 $id                    => 1
        WF.POP q a                               => {id $id, fence $new, ...}
        WF.DONE q a $id FENCE $old               => !NOTOWNER
        WF.FAIL q a $id FENCE $old               => !NOTOWNER
        WF.TOUCH q a $id FENCE $old PROGRESS 1   => !NOTOWNER
        WF.NEXT q a $id FENCE $old               => !NOTOWNER
        WF.NACK q a IDS 1 $id FENCES 1 $old      => 0
        WF.MDONE q a IDS 1 $id FENCES 1 $old     => [0]
        WF.DONE q a $id FENCE $new               => OK
        "#,
    );
}

#[test]
fn a_failed_task_with_a_handle_is_listed_for_the_janitor() {
    play(
        r#"
        WF.MPUSH q 2 a b                    => [$a, $b]
        WF.POP q x COUNT 2                  => [_, _]
        WF.TOUCH q x $a HANDLE "slurm:1"    => _
        WF.FAIL q x $a                      => failed
        WF.FAIL q x $b                      => failed
        WF.LIST q HANDLES                   => {tasks [{id $a, handle "slurm:1", ...}], ...}
        "#,
    );
}
