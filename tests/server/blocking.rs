//! What happens to a client that waits for a task?
//!
//! It is served first come, first served, by whatever makes a task ready; it is never served in
//! place of somebody who could use the task when it cannot; it loses nothing when it goes away; and
//! whatever is done to the key it waits for, it neither hangs nor gets what is not there.

use crate::support::{Play, Protocol, Reply, Rng, Server, play, wait_until};
use std::collections::BTreeSet;

#[test]
fn a_waiting_pop_is_woken_by_a_push() {
    play(
        r#"
        one> WF.POP q a BLOCK 0      => (blocked)
        WF.PUSH q x                  => $id
        one<                         => {id $id, fence _, payload x}
        one> WF.POP q a BLOCK 0 COUNT 5  => (blocked)
        WF.MPUSH q 3 a b c           => [_, _, _]
        one<                         => [{payload a, ...}, {payload b, ...}, {payload c, ...}]
        WF.HELD a                    => {tasks [_, _, _, _], ...}
        "#,
    );
}

#[test]
fn a_task_that_is_there_is_taken_without_waiting() {
    play(
        r#"
        WF.PUSH q x              => $id
        WF.POP q a BLOCK 0       => {id $id, ...}
        WF.PUSH q x              => $id2
        WF.MPOP a 2 p q BLOCK 0  => {id $id2, queue q, ...}
        "#,
    );
}

#[test]
fn a_waiting_pop_is_woken_by_a_task_handed_back() {
    play(
        r#"
        WF.PUSH q x                  => $id
        WF.POP q a                   => {id $id, ...}
        one> WF.POP q b BLOCK 0      => (blocked)
        WF.NACK q a IDS 1 $id        => 1
        one<                         => {id $id, attempt 2, interruptions 1, ...}
        "#,
    );
}

#[test]
fn a_waiting_pop_is_woken_by_a_recovery_that_releases() {
    play(
        r#"
        WF.PUSH q x                  => $id
        WF.POP q a                   => {id $id, ...}
        one> WF.POP q b BLOCK 0      => (blocked)
        WF.RECOVER a RELEASE         => {count 1, ...}
        one<                         => {id $id, attempt 2, crashes 1, ...}
        "#,
    );
}

#[test]
fn a_recovery_that_keeps_wakes_nobody() {
    play(
        r#"
        WF.PUSH q x                  => $id
        WF.POP q a                   => {id $id, ...}
        one> WF.POP q b BLOCK 0      => (blocked)
        WF.RECOVER a                 => {tasks [_], ...}
        one<                         => (blocked)
        WF.RECOVER a FAIL            => {count 1, ...}
        one<                         => (blocked)
        "#,
    );
}

#[test]
fn waiters_are_served_in_the_order_they_came() {
    play(
        r#"
        one> WF.POP q a BLOCK 0      => (blocked)
        two> WF.POP q b BLOCK 0      => (blocked)
        three> WF.POP q c BLOCK 0    => (blocked)
        WF.PUSH q 1st                => _
        one<                         => {payload 1st, ...}
        two<                         => (blocked)
        # Who asks again queues up again.
        one> WF.POP q a BLOCK 0      => (blocked)
        WF.MPUSH q 3 2nd 3rd 4th     => [_, _, _]
        two<                         => {payload 2nd, ...}
        three<                       => {payload 3rd, ...}
        one<                         => {payload 4th, ...}
        "#,
    );
}

#[test]
fn a_push_the_first_waiter_cannot_use_serves_the_second() {
    play(
        r#"
        one> WF.POP q a TYPES 1 red BLOCK 0       => (blocked)
        two> WF.POP q b TYPES 2 blue red BLOCK 0  => (blocked)
        three> WF.POP q c BLOCK 0                 => (blocked)
        WF.PUSH q green TYPE green                => _
        three<                                    => {payload green, ...}
        one<                                      => (blocked)
        two<                                      => (blocked)
        WF.PUSH q blue TYPE blue                  => _
        two<                                      => {payload blue, ...}
        WF.PUSH q plain                           => _
        one<                                      => (blocked)
        WF.PUSH q red TYPE red                    => _
        one<                                      => {payload red, ...}
        WF.LEN q STATE ready                      => 1
        "#,
    );
}

#[test]
fn a_push_of_many_types_serves_everyone_who_can_use_one() {
    play(
        r#"
        one> WF.POP q a TYPES 1 red BLOCK 0       => (blocked)
        two> WF.POP q b TYPES 1 blue BLOCK 0      => (blocked)
        MULTI                                     => OK
        WF.PUSH q blue TYPE blue                  => _
        WF.PUSH q red TYPE red                    => _
        WF.PUSH q green TYPE green                => _
        EXEC                                      => [_, _, _]
        one<                                      => {payload red, ...}
        two<                                      => {payload blue, ...}
        WF.LEN q STATE ready                      => 1
        "#,
    );
}

#[test]
fn a_waiter_for_urgent_tasks_is_not_woken_by_others() {
    play(
        r#"
        one> WF.POP q a MAXPRIORITY 3 BLOCK 0     => (blocked)
        WF.PUSH q later PRIORITY 4                => _
        one<                                      => (blocked)
        WF.PUSH q now PRIORITY 3                  => _
        one<                                      => {payload now, ...}
        "#,
    );
}

#[test]
fn a_pop_of_several_queues_is_woken_by_any_of_them() {
    play(
        r#"
        one> WF.MPOP a 3 q1 q2 q3 BLOCK 0         => (blocked)
        two> WF.POP q2 b BLOCK 0                  => (blocked)
        WF.PUSH q2 first                          => _
        one<                                      => {payload first, queue q2, ...}
        one> WF.MPOP a 3 q1 q2 q3 BLOCK 0         => (blocked)
        WF.PUSH q3 second                         => _
        one<                                      => {payload second, queue q3, ...}
        WF.PUSH q2 third                          => _
        two<                                      => {payload third, ...}
        # It was served once and waits nowhere any more.
        WF.PUSH q1 fourth                         => _
        WF.LEN q1 STATE ready                     => 1
        "#,
    );
}

#[test]
fn inside_a_transaction_or_a_script_nothing_waits() {
    play(
        r#"
        MULTI                                     => OK
        WF.POP q a BLOCK 0                        => _
        WF.POP q a BLOCK 0 COUNT 3                => _
        WF.MPOP a 1 q BLOCK 0                     => _
        EXEC                                      => [nil, _, nil]
        EVAL "return redis.call('WF.POP', 'q', 'a', 'BLOCK', '0')" 0        => nil
        WF.PUSH q x                               => $id
        EVAL "return redis.call('WF.POP', 'q', 'a', 'BLOCK', '0')[2]" 0     => $id
        MULTI                                     => OK
        WF.NEXT q a $id BLOCK 0                   => _
        EXEC                                      => [nil]
        WF.LEN q                                  => 0
        "#,
    );
}

#[test]
fn a_task_taken_in_the_transaction_that_pushed_it_wakes_nobody() {
    play(
        r#"
        one> WF.POP q a BLOCK 0      => (blocked)
        MULTI                        => OK
        WF.PUSH q x                  => _
        WF.POP q b                   => _
        EXEC                         => [_, {payload x, ...}]
        one<                         => (blocked)
        WF.PUSH q y                  => _
        one<                         => {payload y, ...}
        "#,
    );
}

#[test]
fn a_wait_ends_with_null() {
    play(
        r#"
        WF.POP q a BLOCK 30                   => nil
        WF.POP q a BLOCK 30 COUNT 3           => nil
        WF.MPOP a 2 q p BLOCK 30              => nil
        WF.PUSH q x                           => $id
        WF.POP q a                            => {id $id, ...}
        WF.NEXT q a $id BLOCK 30              => nil
        # What comes later goes to who asks later.
        WF.PUSH q y                           => _
        WF.LEN q STATE ready                  => 1
        WF.POP q a BLOCK 1 TYPES 1 none       => nil
        EXISTS p                              => 0
        "#,
    );
}

#[test]
fn a_wait_can_be_ended_by_an_operator() {
    let server = Server::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        server.client().cmd("FLUSHALL");
        let mut play = Play::new(&server, protocol);
        let number = play.number_of("one");
        play.run("one> WF.POP q a BLOCK 0 => (blocked)");
        play.run(&format!("CLIENT UNBLOCK {number} TIMEOUT => 1"));
        play.run("one< => nil");
        play.run("one> WF.POP q a BLOCK 0 => (blocked)");
        play.run(&format!("CLIENT UNBLOCK {number} ERROR => 1"));
        play.run("one< => !UNBLOCKED");
        play.run(
            r#"
            WF.PUSH q x                => _
            WF.LEN q STATE ready       => 1
            one> WF.POP q a BLOCK 0    => {payload x, ...}
            "#,
        );
    }
}

#[test]
fn a_waiter_that_goes_away_loses_no_task() {
    let server = Server::start();
    let mut play = Play::new(&server, Protocol::Resp2);
    play.run(
        r#"
        one> WF.POP q a BLOCK 0      => (blocked)
        two> WF.POP q b BLOCK 0      => (blocked)
        "#,
    );
    play.hang_up("one");
    play.run(
        r#"
        WF.PUSH q x                  => _
        two<                         => {payload x, ...}
        three> WF.POP q c BLOCK 0    => (blocked)
        "#,
    );
    play.hang_up("three");
    play.run(
        r#"
        WF.PUSH q y                  => _
        WF.LEN q STATE ready         => 1
        WF.HELD a                    => {tasks [], ...}
        "#,
    );
}

#[test]
fn waiters_that_vanish_at_any_moment_lose_nothing() {
    let server = Server::start();
    let mut rng = Rng::from_environment();
    let mut client = server.client();
    let mut ids = BTreeSet::new();
    for round in 0..10 {
        let mut waiters = Vec::new();
        for at in 0..10 {
            let mut waiter = server.client();
            waiter.send(&format!("WF.POP q agent-{round}-{at} BLOCK 0"));
            waiters.push(waiter);
        }
        for _ in 0..10 {
            if rng.one_in(2) {
                waiters.remove(rng.below(waiters.len()));
            }
            ids.insert(client.int("WF.PUSH q x"));
        }
    }
    let mut found = BTreeSet::new();
    for task in client.map("WF.LIST q COUNT 10000").maps("tasks") {
        assert!(found.insert(task.int("id")), "twice: {task:?}");
        if task.text("state") == "running" {
            let held = client.map(&format!("WF.HELD {}", task.text("owner")));
            assert!(held.ids().contains(&task.int("id")), "{task:?}: {held:?}");
        }
    }
    assert_eq!(found, ids);
    client.cmd("WF.CHECK q");
}

#[test]
fn a_waiter_survives_that_its_key_is_deleted() {
    play(
        r#"
        WF.PUSH q x                  => _
        WF.POP q other               => _
        one> WF.POP q a BLOCK 0      => (blocked)
        DEL q                        => 1
        one<                         => (blocked)
        WF.PUSH q y                  => _
        one<                         => {payload y, ...}
        "#,
    );
}

#[test]
fn a_waiter_survives_that_its_key_becomes_something_else() {
    play(
        r#"
        WF.SET q crashes 3           => OK
        one> WF.POP q a BLOCK 0      => (blocked)
        SET q text                   => OK
        one<                         => (blocked)
        DEL q                        => 1
        WF.PUSH q y                  => _
        one<                         => {payload y, ...}
        "#,
    );
}

#[test]
fn a_queue_renamed_onto_the_name_serves_its_waiter() {
    play(
        r#"
        WF.PUSH other x              => $id
        one> WF.POP q a BLOCK 0      => (blocked)
        RENAME other q               => OK
        one<                         => {id $id, payload x, ...}
        "#,
    );
}

#[test]
fn a_queue_copied_onto_the_name_serves_its_waiter() {
    play(
        r#"
        WF.PUSH other x              => $id
        one> WF.POP q a BLOCK 0      => (blocked)
        COPY other q                 => 1
        one<                         => {id $id, payload x, ...}
        WF.LEN other STATE ready     => 1
        "#,
    );
}

#[test]
fn a_queue_that_is_restored_serves_its_waiter() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    let dump = client.cmd("DUMP q").bytes();
    client.cmd("DEL q");
    let mut play = Play::new(&server, Protocol::Resp2);
    play.run("one> WF.POP q a BLOCK 0 => (blocked)");
    client.call(&[&b"RESTORE"[..], b"q", b"0", &dump]).unwrap();
    play.run("one< => {payload x, ...}");
}

#[test]
fn a_queue_moved_or_swapped_into_the_database_serves_its_waiter() {
    play(
        r#"
        side> SELECT 5               => OK
        side> WF.PUSH q x            => $id
        one> WF.POP q a BLOCK 0      => (blocked)
        side> MOVE q 0               => 1
        one<                         => {id $id, payload x, ...}
        side> WF.PUSH p y            => _
        one> WF.POP p a BLOCK 0      => (blocked)
        SWAPDB 0 5                   => OK
        one<                         => {payload y, ...}
        SWAPDB 0 5                   => OK
        "#,
    );
}

#[test]
fn waiters_of_one_database_are_not_served_from_another() {
    play(
        r#"
        one> WF.POP q a BLOCK 0      => (blocked)
        side> SELECT 5               => OK
        side> WF.PUSH q x            => _
        one<                         => (blocked)
        WF.PUSH q y                  => _
        one<                         => {payload y, ...}
        side> WF.LEN q STATE ready   => 1
        "#,
    );
}

#[test]
fn a_waiter_survives_that_everything_is_flushed() {
    for line in ["FLUSHALL", "FLUSHALL ASYNC", "FLUSHDB"] {
        let mut server = Server::start();
        let mut play = Play::new(&server, Protocol::Resp2);
        play.run(
            r#"
            WF.SET q crashes 3           => OK
            WF.RECOVER b                 => _
            one> WF.POP q a BLOCK 0      => (blocked)
            "#,
        );
        server.client().cmd(line);
        play.run(
            r#"
            WF.PUSH q x                  => _
            one<                         => {payload x, ...}
            WF.HELD a                    => {tasks [_], ...}
            "#,
        );
        drop(play);
        server.must_live();
    }
}

#[test]
fn a_predecessor_that_waits_is_stale_as_soon_as_it_is_recovered() {
    play(
        r#"
        WF.RECOVER a                             => {epoch $e, ...}
        one> WF.POP q a EPOCH $e BLOCK 0         => (blocked)
        two> WF.MPOP a 2 p q EPOCH $e BLOCK 0    => (blocked)
        three> WF.POP q b BLOCK 0                => (blocked)
        WF.RECOVER a                             => {epoch $new, ...}
        one<                                     => !STALE
        two<                                     => !STALE
        three<                                   => (blocked)
        one> WF.POP q a EPOCH $new BLOCK 0       => (blocked)
        WF.MPUSH q 2 x y                         => _
        three<                                   => {payload x, ...}
        one<                                     => {payload y, ...}
        "#,
    );
}

#[test]
fn a_waiter_whose_identity_was_deleted_gets_no_task() {
    play(
        r#"
        WF.RECOVER a                             => {epoch $e, ...}
        one> WF.POP q a EPOCH $e BLOCK 0         => (blocked)
        two> WF.POP q b BLOCK 0                  => (blocked)
        DEL a                                    => 1
        WF.PUSH q x                              => _
        one<                                     => !STALE
        two<                                     => {payload x, ...}
        "#,
    );
}

#[test]
fn a_woken_next_does_not_repeat_its_done() {
    play(
        r#"
        WF.PUSH q a RETAIN 600000                => $a
        WF.POP q x                               => {id $a, fence $f, ...}
        one> WF.NEXT q x $a FENCE $f RESULT r BLOCK 0  => (blocked)
        # The task is done while its agent waits for the next.
        WF.TASK q $a                             => {state done, result r, ...}
        WF.LEN q                                 => 0
        WF.PUSH q b                              => $b
        one<                                     => {id $b, fence $f+, payload b}
        WF.TASK q $a                             => {state done, result r, ...}
        WF.INFO q                                => {done 1, running 1, ...}
        "#,
    );
}

#[test]
fn a_next_that_waits_for_a_dropped_task_is_served_too() {
    play(
        r#"
        WF.PUSH q a                              => $a
        WF.POP q x                               => {id $a, ...}
        one> WF.NEXT q x $a BLOCK 0              => (blocked)
        WF.TASK q $a                             => !NOTASK
        WF.PUSH q b                              => $b
        one<                                     => {id $b, payload b, ...}
        WF.HELD x                                => {tasks [{id $b, ...}], ...}
        "#,
    );
}

#[test]
fn two_hundred_waiters_get_one_task_each() {
    let server = Server::start();
    let mut client = server.client();
    let mut waiters = Vec::new();
    for at in 0..200 {
        let mut waiter = server.client();
        waiter.send(&format!("WF.POP q agent-{at} BLOCK 0"));
        waiters.push(waiter);
    }
    wait_until("all wait", || client.info("clients", "blocked_clients") == "200");
    let mut words = vec!["WF.MPUSH".to_owned(), "q".to_owned(), "150".to_owned()];
    words.extend((0..150).map(|at| at.to_string()));
    let mut pushed: BTreeSet<i64> = client.call(&words).unwrap().ints().into_iter().collect();
    for _ in 0..50 {
        pushed.insert(client.int("WF.PUSH q x"));
    }
    let mut got = BTreeSet::new();
    for waiter in &mut waiters {
        assert!(got.insert(waiter.receive().unwrap().map().int("id")), "a task was given twice");
    }
    assert_eq!(got, pushed);
    assert_eq!(client.info("clients", "blocked_clients"), "0");
    assert_eq!(client.int("WF.LEN q STATE ready"), 0);
}

#[test]
fn waiters_are_let_go_when_their_server_becomes_a_replica() {
    play_once(
        r#"
        one> WF.POP q a BLOCK 0      => (blocked)
        REPLICAOF 127.0.0.1 1        => OK
        one<                         => !UNBLOCKED
        REPLICAOF NO ONE             => OK
        WF.PUSH q x                  => _
        WF.LEN q STATE ready         => 1
        "#,
    );
}

fn play_once(script: &str) {
    let mut server = Server::start();
    Play::new(&server, Protocol::Resp2).run(script);
    server.must_live();
}
