//! Is a task offered to one client at a time, though many wait, and does it reach somebody whatever
//! becomes of the one that was called?

use crate::support::{Client, Options, Play, Protocol, Reply, Server, wait_until};

/// How often a client that waits was decided anew.
fn decisions(client: &mut Client) -> u64 {
    client.info("everything", "baton_clients_decided_anew").parse().unwrap()
}

fn blocked(client: &mut Client) -> usize {
    client.info("clients", "blocked_clients").parse().unwrap()
}

/// As many clients, each an agent of its own, that wait for tasks of a queue. It is there already:
/// the server itself has everybody decided anew who waits for a key that comes to be.
fn waiting(server: &Server, count: usize, options: impl Fn(usize) -> String) -> Vec<Client> {
    server.client().cmd("WF.SET q maxlen 1000");
    let mut clients: Vec<Client> = (0..count).map(|_| server.client()).collect();
    for (nth, waiting) in clients.iter_mut().enumerate() {
        waiting.send(&format!("WF.POP q agent-{nth} {} BLOCK 0", options(nth)));
        let mut other = server.client();
        wait_until("it waits", || blocked(&mut other) > nth);
    }
    clients
}

#[test]
fn a_task_is_offered_to_one_of_many_and_to_none_that_does_not_want_it() {
    let server = Server::start();
    let mut client = server.client();
    let mut clients = waiting(&server, 60, |nth| match nth % 3 {
        0 => "TYPES 1 red".to_owned(),
        1 => format!("TYPES 2 red own-{nth}"),
        _ => "TYPES 1 blue MAXPRIORITY 5".to_owned(),
    });
    let before = decisions(&mut client);
    for kind in ["green", "own-2", "own-60", "x"] {
        client.cmd(&format!("WF.PUSH q p TYPE {kind}"));
    }
    client.cmd("WF.PUSH q p TYPE blue PRIORITY 6");
    assert_eq!(decisions(&mut client), before, "nobody wants any of these");
    // The order in which they came, of those who take it.
    for (payload, kind, nth) in
        [("1", "red", 0), ("2", "red", 1), ("3", "own-58", 58), ("4", "blue", 2), ("5", "red", 3)]
    {
        client.cmd(&format!("WF.PUSH q {payload} TYPE {kind}"));
        assert_eq!(clients[nth].receive().unwrap().map().text("payload"), payload);
    }
    assert_eq!(decisions(&mut client), before + 5);
    client.cmd(&format!("WF.MPUSH q 20 {} TYPE red", "p ".repeat(20).trim_end()));
    wait_until("all are served", || blocked(&mut client) == 60 - 25);
    assert_eq!(decisions(&mut client), before + 25);
    client.cmd("WF.CHECK q");
}

#[test]
fn who_goes_on_waiting_has_changed_nothing() {
    // What a waiting client changes is propagated late by some servers, or ends them.
    let server = Options::new().append_only("always").start();
    let mut client = server.client();
    for change in
        ["WF.SET q maxlen 9", "WF.PUSH q x DELAY 60000", "WF.PUSH q x TYPE other", "WF.PAUSE q"]
    {
        client.cmd("WF.SET q maxlen 10");
        let mut waiting = server.client();
        waiting.send("WF.POP q a TYPES 1 t BLOCK 0");
        wait_until("it waits", || blocked(&mut client) == 1);
        client.cmd("FLUSHALL");
        client.cmd(change);
        client.cmd("WF.RESUME q");
        client.cmd("DEL a");
        client.cmd("WF.PUSH q mine TYPE t");
        assert_eq!(waiting.receive().unwrap().map().text("payload"), "mine", "{change}");
        let digest = client.digest();
        client.cmd("DEBUG LOADAOF");
        assert_eq!(client.digest(), digest);
        client.cmd("FLUSHALL");
    }
}

#[test]
fn a_queue_that_has_expired_while_a_client_waits_for_it_ends_no_server() {
    let server = Options::new().append_only("always").start();
    let mut client = server.client();
    client.cmd("DEBUG SET-ACTIVE-EXPIRE 0");
    client.cmd("WF.SET q maxlen 10");
    client.cmd("WF.SET r maxlen 10");
    let mut waiting = server.client();
    waiting.send("WF.MPOP a 2 q r BLOCK 0");
    wait_until("it waits", || blocked(&mut client) == 1);
    client.cmd("PEXPIRE r 1");
    std::thread::sleep(std::time::Duration::from_millis(5));
    client.cmd("WF.PAUSE q");
    client.cmd("WF.RESUME q");
    assert_eq!(client.text("PING"), "PONG");
    client.cmd("DEBUG SET-ACTIVE-EXPIRE 1");
}

#[test]
fn nobody_is_called_while_clients_are_paused_for_a_failover() {
    // Some servers end themselves when anything is propagated during a pause.
    let server = Options::new().append_only("always").start();
    let mut client = server.client();
    let mut clients = waiting(&server, 2, |_| String::new());
    client.cmd("WF.POOL p SIZE 1 LEASE 60000");
    client.cmd("WF.ASSUME p");
    let mut late = server.client();
    late.send("WF.ASSUME p BLOCK 0");
    wait_until("it waits", || blocked(&mut client) == 3);
    let list = client.text("CLIENT LIST");
    let first = list.lines().find(|line| line.contains("cmd=wf.pop")).unwrap();
    let first = first.split(['=', ' ']).nth(1).unwrap();
    client.cmd("MULTI");
    client.cmd("WF.PUSH q x");
    client.cmd(&format!("CLIENT KILL ID {first}"));
    client.cmd("DEL {p}:1");
    client.cmd("CLIENT PAUSE 400 WRITE");
    client.cmd("EXEC");
    assert_eq!(clients[1].receive().unwrap().map().text("payload"), "x");
    assert_eq!(late.receive().unwrap().map().text("agent"), "{p}:1");
}

#[test]
fn a_task_goes_on_to_the_next_when_the_one_that_was_called_is_gone() {
    let server = Server::start();
    let mut play = Play::new(&server, Protocol::Resp3);
    play.run(
        "one> WF.POP q a BLOCK 0    => (blocked)
         two> WF.POP q b BLOCK 0    => (blocked)
         three> WF.POP q c BLOCK 0  => (blocked)",
    );
    let one = play.number_of("one");
    play.run(&format!(
        "MULTI                      => OK
         WF.PUSH q first            => QUEUED
         CLIENT KILL ID {one}       => QUEUED
         EXEC                       => [_, 1]
         two<                       => {{payload first, ...}}"
    ));
    // One whose time is over in the very transaction, or whose key is gone: the key by which it is
    // called.
    let three = play.number_of("three");
    play.run(&format!(
        "two> WF.POP q b BLOCK 0    => (blocked)
         MULTI                      => OK
         WF.PUSH q second           => QUEUED
         CLIENT UNBLOCK {three} ERROR  => QUEUED
         EXEC                       => [_, 1]
         two<                       => {{payload second, ...}}
         four> WF.POP q d BLOCK 0   => (blocked)
         MULTI                      => OK
         WF.PUSH q third            => QUEUED
         DEL d                      => QUEUED
         EXEC                       => [_, 1]
         four<                      => {{payload third, ...}}
         WF.LEN q STATE ready       => 0"
    ));
}

#[test]
fn who_was_called_for_nothing_stands_in_line_again() {
    let server = Server::start();
    let mut play = Play::new(&server, Protocol::Resp3);
    play.run(
        "one> WF.POP q a BLOCK 0    => (blocked)
         two> WF.POP q b BLOCK 0    => (blocked)
         MULTI                      => OK
         WF.PUSH q stolen           => QUEUED
         WF.POP q thief             => QUEUED
         EXEC                       => [_, _]
         one<                       => (blocked)
         WF.PUSH q first            => _
         one<                       => {payload first, ...}
         # Two in one transaction call two.
         one> WF.POP q a BLOCK 0    => (blocked)
         MULTI                      => OK
         WF.PUSH q second           => QUEUED
         WF.PUSH q third            => QUEUED
         EXEC                       => [_, _]
         two<                       => {payload second, ...}
         one<                       => {payload third, ...}
         # It is the turn of one that is told something else: the next one has the task.
         one> WF.POP q a BLOCK 0    => (blocked)
         two> WF.POP q b BLOCK 0    => (blocked)
         MULTI                      => OK
         WF.PUSH q fourth           => QUEUED
         WF.DRAIN a                 => QUEUED
         EXEC                       => [_, _]
         one<                       => !DRAINING
         two<                       => {payload fourth, ...}",
    );
}

#[test]
fn a_pop_of_several_queues_is_called_by_each_of_them() {
    let server = Server::start();
    let mut play = Play::new(&server, Protocol::Resp3);
    play.run(
        "one> WF.MPOP a 3 p q r BLOCK 0    => (blocked)
         two> WF.MPOP b 2 r p BLOCK 0      => (blocked)
         three> WF.POP q c BLOCK 0         => (blocked)
         MULTI                             => OK
         WF.PUSH p first                   => QUEUED
         WF.PUSH r second                  => QUEUED
         WF.PUSH q third                   => QUEUED
         EXEC                              => [_, _, _]
         two<                              => {queue r, payload second, ...}
         one<                              => {queue p, payload first, ...}
         three<                            => {payload third, ...}",
    );
}

#[test]
fn hundreds_of_waiters_are_served_by_as_many_decisions() {
    let server = Options::new().set("maxclients", "1200").start();
    let mut client = server.client();
    const COUNT: usize = 300;
    let mut clients = waiting(&server, COUNT, |_| String::new());
    let before = decisions(&mut client);
    for nth in 0..COUNT / 2 {
        client.cmd(&format!("WF.PUSH q {nth}"));
    }
    let rest: Vec<String> = (COUNT / 2..COUNT).map(|nth| nth.to_string()).collect();
    client.cmd(&format!("WF.MPUSH q {} {}", rest.len(), rest.join(" ")));
    for (nth, waited) in clients.iter_mut().enumerate() {
        assert_eq!(waited.receive().unwrap().map().text("payload"), nth.to_string());
    }
    assert_eq!(decisions(&mut client), before + COUNT as u64);
    client.cmd("WF.CHECK q");
}
