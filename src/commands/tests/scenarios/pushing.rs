//! When is a push the same push again, how long is a task kept, and when is a queue full?

use super::super::script::scenario;

#[test]
fn a_unique_key_of_an_unfinished_task_replies_that_task() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k => $t1
        WF.PUSH q 2 UNIQUE k TYPE t PRIORITY 3 => $t1
        WF.PUSH q 3 UNIQUE l => $t2
        $t2 != $t1
        WF.TASK q $t1 => {unique:"k" payload:"1" ..}
        WF.POP q a => {id:$t1 ..}
        WF.PUSH q 4 UNIQUE k => $t1
        WF.NACK q a IDS 1 $t1 => 1
        reload
        WF.PUSH q 5 UNIQUE k => $t1
        WF.LEN q => 2
        WF.INFO q => {unique-keys:2 total-pushed:2 ..}
        WF.POP q a TYPES 1 t => nil
        WF.POP q a COUNT 2
        # It has ended: the key is free, whatever the end was.
        WF.DONE q a $t1
        WF.FAIL q a $t2
        WF.INFO q => {unique-keys:0 ..}
        WF.PUSH q 6 UNIQUE k => $t3
        WF.PUSH q 7 UNIQUE l => $t4
        $t3 > $t1
        $t4 > $t2
        "#,
    );
}

#[test]
fn for_keeps_a_unique_key_taken_after_the_task_has_ended() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k FOR 5000 => $t1
        WF.POP q a
        WF.DONE q a $t1
        WF.TASK q $t1 => !NOTASK
        +4999
        tick
        WF.PUSH q 2 UNIQUE k => $t1
        WF.LEN q => 0
        reload
        WF.PUSH q 2 UNIQUE k FOR 9000 => $t1
        +1
        # It is over by the clock, also before the timer has seen it.
        WF.PUSH q 3 UNIQUE k FOR 1000 => $t2
        $t2 > $t1
        tick
        WF.INFO q => {unique-keys:1 ready:1 ..}
        # FOR counts from the push: a task that lives longer leaves nothing behind.
        +5000
        tick
        WF.PUSH q 4 UNIQUE k => $t2
        WF.POP q a
        WF.DONE q a $t2
        WF.INFO q => {unique-keys:0 ..}
        WF.PUSH q 5 FOR 5 => !ERR FOR goes with UNIQUE
        "#,
    );
}

#[test]
fn the_timer_forgets_a_unique_key_that_is_over() {
    scenario(
        r#"
        WF.PUSH q 1 UNIQUE k FOR 5000 => $t1
        WF.POP q a
        WF.DONE q a $t1
        WF.INFO q => {unique-keys:1 ..}
        +5000
        tick
        WF.INFO q => {unique-keys:0 ..}
        "#,
    );
}

#[test]
fn a_done_task_is_kept_as_long_as_it_says_itself_or_else_the_queue() {
    scenario(
        r#"
        WF.SET q retain 3000
        WF.PUSH q by-queue => $t1
        WF.PUSH q by-itself RETAIN 5000 => $t2
        WF.PUSH q not-at-all RETAIN 0 => $t3
        WF.POP q a COUNT 3
        WF.TASK q $t2 => {retain:5000 ..}
        +100
        WF.DONE q a $t1 RESULT r1
        WF.DONE q a $t2 RESULT r2
        WF.DONE q a $t3 RESULT r3
        WF.TASK q $t3 => !NOTASK
        WF.TASK q $t1 => {state:"done" result:"r1" ended-at:1800000000100 \
            expires-at:1800000003100 ..}
        WF.LEN q STATE done => 2
        WF.LEN q => 0
        # What the queue says holds for ends from now on.
        WF.SET q retain 9000
        +3000
        tick
        WF.TASK q $t1 => !NOTASK
        reload
        WF.TASK q $t2 => {result:"r2" expires-at:1800000005100 ..}
        +1999
        tick
        WF.LEN q STATE done => 1
        +1
        tick
        WF.LEN q STATE done => 0
        "#,
    );
}

#[test]
fn a_tick_drops_all_that_is_due_and_nothing_else() {
    scenario(
        r#"
        WF.MPUSH q 5 1 2 3 4 5 RETAIN 1000 => [$t1 $t2 $t3 $t4 $t5]
        WF.PUSH q 6 RETAIN 2000 UNIQUE k FOR 1000 => $t6
        WF.POP q a COUNT 6
        WF.MDONE q a IDS 6 $t1 $t2 $t3 $t4 $t5 $t6 => [1 1 1 1 1 1]
        +1000
        WF.LEN q STATE done => 6
        tick
        WF.LEN q STATE done => 1
        WF.INFO q => {unique-keys:0 types:1 ..}
        # A clock that went back keeps things longer, and loses nothing.
        -5000
        tick
        WF.LEN q STATE done => 1
        +6000
        tick
        WF.LEN q STATE done => 0
        WF.INFO q => {types:0 ..}
        "#,
    );
}

#[test]
fn maxlen_counts_unfinished_tasks_and_refuses_pushes_whole() {
    scenario(
        r#"
        WF.SET q maxlen 3 retain 9000
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.MPUSH q 2 3 4 => !FULL maxlen is 3
        WF.LEN q => 2
        WF.PUSH q 3 UNIQUE k => $t3
        WF.PUSH q 4 => !FULL maxlen
        # The same push again adds nothing.
        WF.PUSH q 4 UNIQUE k => $t3
        WF.POP q a COUNT 3
        WF.PUSH q 4 => !FULL maxlen
        # Handing back is never refused; ended tasks make room, though they are kept.
        WF.NACK q a IDS 2 $t1 $t2 => 2
        WF.DONE q a $t3
        WF.PUSH q 4
        WF.PUSH q 5 => !FULL maxlen
        WF.SET q maxlen 0
        WF.PUSH q 5
        WF.LEN q => 4
        "#,
    );
}

#[test]
fn maxunique_counts_keys_of_live_tasks_and_of_ended_ones() {
    scenario(
        r#"
        WF.SET q maxunique 2
        WF.PUSH q 1 UNIQUE k1 FOR 5000 => $t1
        WF.PUSH q 2 UNIQUE k2 => $t2
        WF.PUSH q 3 UNIQUE k3 => !FULL maxunique is 2
        WF.PUSH q 3
        WF.PUSH q 4 UNIQUE k1 => $t1
        WF.POP q a COUNT 2
        WF.DONE q a $t1
        WF.PUSH q 5 UNIQUE k3 => !FULL maxunique
        WF.DONE q a $t2
        WF.PUSH q 5 UNIQUE k3
        WF.PUSH q 6 UNIQUE k4 => !FULL maxunique
        +5000
        # k1 takes its own place again.
        WF.PUSH q 7 UNIQUE k1
        WF.PUSH q 8 UNIQUE k4 => !FULL maxunique
        WF.SET q maxunique 0
        WF.PUSH q 8 UNIQUE k4
        "#,
    );
}
