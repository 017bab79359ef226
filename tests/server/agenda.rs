//! Is what falls due served at its time, whatever became of its key, and without anybody touching
//! it? What a server has done is asked of its counters, which opens no key.

use crate::replication::in_step;
use crate::support::wait::now_ms;
use crate::support::{Client, Options, Reply, Server, wait_until};

/// A number of the server's information about the module.
fn count(client: &mut Client, name: &str) -> i64 {
    client.info("baton", &format!("baton_{name}")).parse().unwrap()
}

/// A queue with a task that is done and kept for so long.
fn done_task(client: &mut Client, queue: &str, retain_ms: u64) {
    let id = client.int(&format!("WF.PUSH {queue} x RETAIN {retain_ms}"));
    client.cmd(&format!("WF.POP {queue} agent"));
    client.cmd(&format!("WF.DONE {queue} agent {id}"));
}

/// Keys of others, in several databases, so that there is something to look through.
fn crowd(client: &mut Client) {
    for db in [5, 3, 0] {
        client.cmd(&format!("SELECT {db}"));
        client.cmd("DEBUG POPULATE 3000");
        done_task(client, "late", 600_000);
        client.cmd("WF.PUSH nothing-due x");
    }
}

#[test]
fn a_queue_that_came_under_another_name_is_served_without_being_touched() {
    let table: [&[&str]; 10] = [
        &["RENAME q p"],
        &["RENAME q p", "RENAME p q"],
        &["RENAME q p", "RENAME p o", "MOVE o 5"],
        &["RENAME q late"],
        &["MOVE q 5"],
        &["MOVE q 5", "SWAPDB 5 7", "SWAPDB 7 3"],
        &["SWAPDB 0 5"],
        &["SWAPDB 0 5", "SELECT 5", "RENAME q p"],
        &["SWAPDB 0 5", "SWAPDB 5 0", "SWAPDB 3 9"],
        &["DEBUG RELOAD", "RENAME q p"],
    ];
    for change in table {
        let mut server = Server::start();
        let mut client = server.client();
        crowd(&mut client);
        done_task(&mut client, "q", 300);
        for line in change {
            client.cmd(line);
        }
        wait_until(&format!("it ends after {change:?}"), || {
            count(&mut client, "tasks_expired") == 1
        });
        server.must_live();
    }
}

#[test]
fn many_queues_renamed_and_deleted_at_once_all_end() {
    let server = Server::start();
    let mut client = server.client();
    crowd(&mut client);
    for nth in 0..60 {
        done_task(&mut client, &format!("q{nth}"), 300);
    }
    for nth in 0..30 {
        client.cmd(&format!("RENAME q{nth} p{nth}"));
    }
    for nth in 40..50 {
        client.cmd(&format!("UNLINK q{nth}"));
    }
    wait_until("all that live end", || count(&mut client, "tasks_expired") == 50);
}

#[test]
fn a_value_put_in_the_place_of_an_equal_one_is_served() {
    for change in ["RESTORE", "COPY"] {
        let server = Server::start();
        let mut client = server.client();
        done_task(&mut client, "q", 300);
        if change == "COPY" {
            client.cmd("COPY q p");
            client.cmd("COPY q p REPLACE");
        } else {
            let dump = client.cmd("DUMP q").bytes();
            client.call(&[&b"RESTORE"[..], b"q", b"0", &dump, b"REPLACE"]).unwrap();
        }
        let want = if change == "COPY" { 2 } else { 1 };
        wait_until(change, || count(&mut client, "tasks_expired") == want);
        assert_eq!(count(&mut client, "keys_with_deadlines"), 0);
    }
}

#[test]
fn nothing_is_expected_of_copies_and_restored_keys_that_are_gone() {
    let server = Server::start();
    let mut client = server.client();
    done_task(&mut client, "q", 600_000);
    client.cmd("COPY q p");
    client.cmd("COPY q p DB 5");
    assert_eq!(count(&mut client, "keys_with_deadlines"), 3);
    client.cmd("DEL p");
    client.cmd("SWAPDB 0 5");
    client.cmd("FLUSHDB");
    assert_eq!(count(&mut client, "keys_with_deadlines"), 1);
    client.cmd("SELECT 5");
    client.cmd("DEL q");
    assert_eq!(count(&mut client, "keys_with_deadlines"), 0);
}

#[test]
fn a_promoted_replica_serves_what_was_renamed_before() {
    let mut primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let mut client = primary.client();
    in_step(&mut client, &mut replica.client());
    for nth in 0..3 {
        done_task(&mut client, &format!("q{nth}"), 1_500);
    }
    client.cmd("RENAME q0 p");
    client.cmd("SWAPDB 0 2");
    client.cmd("WAIT 1 20000");
    primary.kill();
    let mut client = replica.client();
    client.cmd("REPLICAOF NO ONE");
    wait_until("all end", || count(&mut client, "tasks_expired") == 3);
}

#[test]
fn clients_get_their_turn_while_very_many_tasks_fall_due() {
    let server = Server::start();
    let mut client = server.client();
    let due_ms = now_ms(&mut client) + 3_000;
    for _ in 0..40 {
        let left_ms = due_ms - now_ms(&mut client);
        let ids = client.cmd(&format!("WF.MPUSH q 1000{} RETAIN {left_ms}", " x".repeat(1_000)));
        let ids: Vec<String> = ids.ints().iter().map(ToString::to_string).collect();
        client.cmd("WF.POP q agent COUNT 1000");
        client.cmd(&format!("WF.MDONE q agent IDS 1000 {}", ids.join(" ")));
    }
    // How far the server has come whenever this client is answered.
    let mut seen = vec![count(&mut client, "tasks_expired")];
    wait_until("all have ended", || {
        (0..20).any(|_| {
            seen.push(count(&mut client, "tasks_expired"));
            seen.last() == Some(&40_000)
        })
    });
    seen.dedup();
    let longest = seen.windows(2).map(|pair| pair[1] - pair[0]).max();
    assert!(seen.len() > 4 && longest < Some(30_000), "{seen:?}");
}
