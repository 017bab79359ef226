//! Does what depends on time happen at its time, once, on the right server, and also when the
//! server was not there at that time?

use crate::replication::in_step;
use crate::support::wait::now_ms;
use crate::support::{Client, Options, Server, play, wait_until};

fn count(client: &mut Client, state: &str) -> i64 {
    client.int(&format!("WF.LEN q STATE {state}"))
}

#[test]
fn a_delayed_task_reaches_an_agent_that_waits() {
    play(
        "one> WF.POP q a BLOCK 0             => (blocked)
         WF.PUSH q later DELAY 80            => $t
         WF.LEN q STATE scheduled            => 1
         one<                                => {id $t, payload later, ...}
         WF.FAIL q a $t DELAY 60 FATAL       => !ERR exclude
         WF.NACK q a DELAY 60 IDS 1 $t       => 1
         WF.TASK q $t                        => {state scheduled, reason \"handed back\", ...}
         two> WF.MPOP b 2 p q BLOCK 0        => (blocked)
         two<                                => {id $t, queue q, attempt 2, interruptions 1, ...}",
    );
}

#[test]
fn a_task_that_runs_for_too_long_goes_to_the_next_agent_and_is_done_once() {
    play(
        "WF.PUSH q x TIMEOUT 60              => $t
         WF.POP q slow                       => {id $t, fence $f, deadline _, ...}
         WF.TOUCH q slow $t HANDLE job:1     => {remaining 0..60, cancel 0, draining 0}
         one> WF.POP q fast BLOCK 0          => (blocked)
         one<                                => {id $t, fence $f+, handle job:1, crashes 1, ...}
         WF.DONE q slow $t                   => !NOTOWNER held by
         WF.DONE q fast $t                   => OK
         WF.DONE q slow $t                   => !NOTASK
         WF.LEN q                            => 0",
    );
}

#[test]
fn the_backstop_takes_what_nobody_speaks_of() {
    play(
        "WF.SET q backstop 100               => OK
         WF.MPUSH q 2 1 2                    => [$s, $t]
         WF.POP q a COUNT 2                  => [_, _]
         one> WF.POP q b BLOCK 0             => (blocked)
         one<                                => {id $s, crashes 1, ...}
         WF.DONE q a $s                      => !NOTOWNER held by",
    );
}

#[test]
fn many_tasks_that_are_due_at_once_all_become_ready() {
    let server = Server::start();
    let mut client = server.client();
    let at = now_ms(&mut client) + 700;
    for _ in 0..20 {
        let payloads = "p ".repeat(1_000);
        client.cmd(&format!("WF.MPUSH q 1000 {payloads}AT {at}"));
    }
    assert_eq!(count(&mut client, "scheduled"), 20_000);
    wait_until("all are ready", || count(&mut client, "ready") == 20_000);
    assert!(now_ms(&mut client) >= at, "they were ready before their time");
    client.cmd("WF.CHECK q");
}

/// A queue of which something falls due while the server is away: a delay, a time limit, and what
/// comes later.
fn prepare(client: &mut Client) {
    client.cmd("WF.PUSH q soon DELAY 1500");
    client.cmd("WF.PUSH q later DELAY 3600000");
    client.cmd("WF.PUSH q short TYPE run TIMEOUT 1500");
    client.cmd("WF.PUSH q long TYPE run TIMEOUT 3600000");
    client.cmd("WF.POP q agent TYPES 1 run COUNT 2");
}

/// After a server took over: what harms nobody happens at once, what harms an agent after the
/// grace period.
fn goes_on(client: &mut Client, since: i64) {
    wait_until("the delay that passed is over", || count(client, "ready") == 1);
    assert_eq!(count(client, "running"), 2, "an agent was harmed");
    assert_eq!(count(client, "scheduled"), 1);
    wait_until("the time limit holds again", || count(client, "running") == 1);
    assert!(now_ms(client) >= since + 1_000, "the grace period was cut short");
    assert_eq!(count(client, "ready"), 2);
    let tasks = client.map("WF.LIST q STATE ready").maps("tasks");
    let late: Vec<_> = tasks.iter().filter(|task| task.has("reason")).collect();
    assert_eq!(late.len(), 1);
    assert_eq!(late[0].text("reason"), "timed out");
    client.cmd("WF.CHECK q");
}

#[test]
fn deadlines_survive_a_crash_and_spare_agents_for_a_while() {
    for preamble in ["yes", "no"] {
        let mut server = Options::new()
            .append_only("always")
            .set("aof-use-rdb-preamble", preamble)
            .set("baton.grace-ms", "1000")
            .start();
        let mut client = server.client();
        prepare(&mut client);
        if preamble == "no" {
            client.cmd("BGREWRITEAOF");
            wait_until("it is rewritten", || {
                client.info("persistence", "aof_rewrite_in_progress") == "0"
            });
        }
        let digest = client.digest();
        let started = now_ms(&mut client);
        server.kill();
        // The server is away when the deadlines pass: the wall clock goes on.
        std::thread::sleep(std::time::Duration::from_millis(1_600));
        server.start_again();
        let mut client = server.client();
        let since = now_ms(&mut client);
        assert!(since >= started + 1_600);
        if count(&mut client, "scheduled") == 2 {
            assert_eq!(client.digest(), digest, "preamble {preamble}");
        }
        goes_on(&mut client, since - 200);
        server.must_live();
    }
}

#[test]
fn nothing_falls_due_on_a_replica_until_it_is_promoted() {
    let mut primary = Server::start();
    let replica = Options::new().set("baton.grace-ms", "1000").replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    in_step(&mut client, &mut other);
    prepare(&mut client);
    in_step(&mut client, &mut other);
    let started = now_ms(&mut client);
    primary.kill();
    let digest = other.digest();
    wait_until("the deadlines pass", || now_ms(&mut other) > started + 1_600);
    assert_eq!(other.digest(), digest, "a replica decided something");
    other.cmd("REPLICAOF NO ONE");
    let since = now_ms(&mut other);
    goes_on(&mut other, since);
}

#[test]
fn a_restart_in_the_middle_of_many_deadlines_loses_none() {
    let mut server = Options::new().append_only("always").set("baton.grace-ms", "100").start();
    let mut client = server.client();
    for nth in 0..300 {
        client.cmd(&format!("WF.PUSH q {nth} DELAY {} TIMEOUT 200 RETAIN 3600000", 5 * nth));
    }
    let mut ends = 0;
    for _ in 0..3 {
        server.kill();
        server.start_again();
        let mut client = server.client();
        wait_until("some are ready", || count(&mut client, "ready") > 20);
        // Half of what an agent takes it leaves to the time limit.
        for task in client.maps("WF.POP q agent COUNT 20").iter().step_by(2) {
            client.cmd(&format!("WF.DONE q agent {} FENCE {}", task.int("id"), task.int("fence")));
            ends += 1;
        }
    }
    let mut client = server.client();
    wait_until("all others come back", || count(&mut client, "ready") == 300 - ends);
    assert_eq!(count(&mut client, "done"), ends);
    client.cmd("WF.CHECK q");
}
