//! Does the next process under a name go on where the last one died?
//!
//! The dying agent is a real process (a `redis-cli` that is killed) or a connection that is cut;
//! the successor is somebody else who knows nothing but the name.

use crate::support::wait::next_millisecond;
use crate::support::{Client, Reply, Server, play, wait_until};
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// A process of its own that acts under a name; lines go to its standard input.
struct Agent(Child);

impl Agent {
    fn start(server: &Server) -> Self {
        let child = Command::new("redis-cli")
            .args(["-p", &server.port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-cli is needed, from the package redis-tools");
        Agent(child)
    }

    fn says(&mut self, line: &str) {
        writeln!(self.0.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn dies(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn running(client: &mut Client) -> i64 {
    client.int("WF.LEN q STATE running")
}

#[test]
fn the_successor_of_a_killed_process_gets_task_checkpoint_handle_and_progress() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q transcode TYPE video");
    let mut agent = Agent::start(&server);
    agent.says("WF.POP q worker");
    wait_until("the agent has the task", || running(&mut client) == 1);
    agent.says(&format!("WF.TOUCH q worker {id} PROGRESS 40 CHECKPOINT frame-800 HANDLE slurm:17"));
    wait_until("it said how far it is", || client.map(&format!("WF.TASK q {id}")).has("progress"));
    agent.dies();

    let reply = client.map("WF.RECOVER worker");
    let task = &reply.maps("tasks")[0];
    assert_eq!(task.int("id"), id);
    assert_eq!(task.text("payload"), "transcode");
    assert_eq!(task.text("type"), "video");
    assert_eq!(task.text("checkpoint"), "frame-800");
    assert_eq!(task.text("handle"), "slurm:17");
    assert_eq!(task.int("progress"), 40);
    assert_eq!(task.int("crashes"), 1);
    assert_eq!(task.text("queue"), "q");
    let (epoch, fence) = (reply.int("epoch"), task.int("fence"));
    client.cmd(&format!("WF.DONE q worker {id} EPOCH {epoch} FENCE {fence}"));
    assert_eq!(client.int("WF.LEN q"), 0);
}

#[test]
fn an_agent_killed_while_it_waits_leaves_nothing_behind() {
    let server = Server::start();
    let mut client = server.client();
    let mut agent = Agent::start(&server);
    agent.says("WF.POP q worker BLOCK 0");
    wait_until("it waits", || client.info("clients", "blocked_clients") == "1");
    agent.dies();
    wait_until("it is gone", || client.info("clients", "blocked_clients") == "0");
    client.cmd("WF.PUSH q x");
    assert_eq!(client.int("WF.LEN q STATE ready"), 1);
    assert!(client.map("WF.RECOVER worker").maps("tasks").is_empty());
}

#[test]
fn a_pop_whose_reply_never_arrived_is_found_by_name() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q x");
    let mut cut = server.client();
    cut.send("WF.POP q worker");
    wait_until("the server handed it out", || running(&mut client) == 1);
    drop(cut);
    assert_eq!(client.map("WF.RECOVER worker").ids(), [id]);
}

#[test]
fn a_chain_of_dying_agents_passes_its_work_on() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q x");
    client.cmd("WF.SET q crashes 100");
    client.cmd("WF.POP q worker");
    let (mut last_epoch, mut last_fence) = (0, 0);
    for step in 0..20 {
        let mut agent = server.client();
        let reply = agent.map("WF.RECOVER worker");
        let task = &reply.maps("tasks")[0];
        let (epoch, fence) = (reply.int("epoch"), task.int("fence"));
        assert!(epoch > last_epoch && fence > last_fence, "step {step}");
        (last_epoch, last_fence) = (epoch, fence);
        if step > 0 {
            assert_eq!(task.text("checkpoint"), format!("step-{}", step - 1));
        }
        agent.cmd(&format!(
            "WF.TOUCH q worker {id} EPOCH {epoch} FENCE {fence} CHECKPOINT step-{step}"
        ));
    }
    let task = client.map(&format!("WF.TASK q {id}"));
    assert_eq!((task.int("crashes"), task.int("attempts")), (20, 1));
}

#[test]
fn a_zombie_predecessor_changes_nothing() {
    let server = Server::start();
    let mut zombie = server.client();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 4 a b c d");
    let epoch = zombie.map("WF.RECOVER worker").int("epoch");
    let task = zombie.map(&format!("WF.POP q worker EPOCH {epoch} REQID r"));
    let (id, fence) = (task.int("id"), task.int("fence"));

    client.cmd("WF.RECOVER worker");
    let digest = client.digest();
    let with_epoch = format!("EPOCH {epoch}");
    let with_fence = format!("FENCE {fence}");
    for (line, code) in [
        (format!("WF.POP q worker {with_epoch}"), "STALE"),
        (format!("WF.POP q worker {with_epoch} REQID r"), "STALE"),
        (format!("WF.POP q worker {with_epoch} BLOCK 0"), "STALE"),
        (format!("WF.MPOP worker 1 q {with_epoch}"), "STALE"),
        (format!("WF.DONE q worker {id} {with_epoch}"), "STALE"),
        (format!("WF.DONE q worker {id} {with_epoch} {with_fence}"), "STALE"),
        (format!("WF.MDONE q worker {with_epoch} IDS 1 {id}"), "STALE"),
        (format!("WF.NEXT q worker {id} {with_epoch}"), "STALE"),
        (format!("WF.NEXT q worker {id} {with_epoch} BLOCK 0"), "STALE"),
        (format!("WF.FAIL q worker {id} {with_epoch} ERROR e"), "STALE"),
        (format!("WF.NACK q worker {with_epoch} IDS 1 {id}"), "STALE"),
        (format!("WF.TOUCH q worker {id} {with_epoch} CHECKPOINT c"), "STALE"),
        (format!("WF.RECOVER worker {with_epoch}"), "STALE"),
        (format!("WF.RECOVER worker RELEASE {with_epoch}"), "STALE"),
        (format!("WF.DONE q worker {id} {with_fence}"), "NOTOWNER"),
        (format!("WF.NEXT q worker {id} {with_fence}"), "NOTOWNER"),
        (format!("WF.FAIL q worker {id} {with_fence}"), "NOTOWNER"),
        (format!("WF.TOUCH q worker {id} {with_fence} CHECKPOINT c"), "NOTOWNER"),
    ] {
        zombie.refused_as(code, &line);
        assert_eq!(client.digest(), digest, "{line}: refused, yet something changed");
    }
    let none = zombie.cmd(&format!("WF.MDONE q worker IDS 1 {id} FENCES 1 {fence}"));
    assert_eq!(none.ints(), [0]);
    assert_eq!(zombie.int(&format!("WF.NACK q worker IDS 1 {id} FENCES 1 {fence}")), 0);
    assert_eq!(client.digest(), digest);
}

#[test]
fn an_agent_whose_key_was_deleted_is_recovered_from_its_queues() {
    let server = Server::start();
    let mut client = server.client();
    for queue in ["q1", "q2"] {
        client.cmd(&format!("WF.PUSH {queue} x"));
        client.cmd(&format!("WF.POP {queue} worker"));
    }
    let before = client.map("WF.RECOVER worker").int("epoch");
    client.cmd("DEL worker");
    next_millisecond(&mut client);
    // The queues alone say who holds what.
    let owners = client.maps("WF.OWNERS q1");
    assert_eq!((owners[0].text("agent").as_str(), owners[0].int("running")), ("worker", 1));
    assert!(client.map("WF.RECOVER worker").maps("tasks").is_empty());
    let reply = client.map("WF.RECOVER worker QUEUES 2 q1 q2");
    assert_eq!(reply.maps("tasks").len(), 2);
    assert!(reply.int("epoch") > before, "a deleted identity must not get an old epoch again");
    let known = client.map("WF.RECOVER worker");
    assert_eq!(known.maps("tasks").len(), 2, "the queues are known again");
}

#[test]
fn a_renamed_queue_is_said_to_be_missing_and_is_found_by_its_new_name() {
    play(
        r#"
        WF.PUSH q x                            => $id
        WF.POP q worker                        => {id $id, fence $f, ...}
        RENAME q archive                       => OK
        WF.RECOVER worker                      => {tasks [], missing [q], ...}
        WF.HELD worker                         => {tasks [], missing [q], ...}
        WF.RECOVER worker QUEUES 1 archive     => {missing [q], \
            tasks [{id $id, queue archive, fence $f+, ...}], ...}
        WF.DONE archive worker $id FENCE $f    => OK
        "#,
    );
}

#[test]
fn a_queue_overwritten_by_a_string_does_not_stop_a_recovery() {
    play(
        r#"
        WF.PUSH q1 x               => _
        WF.PUSH q2 y               => $id
        WF.POP q1 worker           => _
        WF.POP q2 worker           => _
        SET q1 text                => OK
        WF.RECOVER worker          => {tasks [{id $id, ...}], missing [q1], ...}
        WF.HELD worker             => {tasks [{id $id, ...}], missing [q1], ...}
        GET q1                     => text
        "#,
    );
}

#[test]
fn owners_say_who_holds_what_after_every_kind_of_end() {
    play(
        r#"
        WF.MPUSH q 6 a b c d e f    => [$a, $b, $c, $d, $e, $f]
        WF.POP q x COUNT 5          => [_, _, _, _, _]
        WF.POP q y                  => {id $f, ...}
        WF.OWNERS q                 => [_, _]
        WF.DONE q x $a              => OK
        WF.FAIL q x $b              => failed
        WF.NACK q x IDS 1 $c        => 1
        WF.MDONE q x IDS 1 $d       => [1]
        WF.RECOVER y RELEASE        => {count 1, ...}
        WF.OWNERS q                 => [{agent x, running 1, oldest _}]
        WF.RECOVER x RELEASE        => {count 1, ...}
        WF.OWNERS q                 => []
        "#,
    );
}

#[test]
fn a_server_that_dies_with_its_agent_still_knows_the_task() {
    let mut server = crate::support::Options::new().append_only("always").start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q x");
    let epoch = client.map("WF.RECOVER worker").int("epoch");
    let fence = client.map(&format!("WF.POP q worker EPOCH {epoch}")).int("fence");
    client.cmd(&format!("WF.TOUCH q worker {id} CHECKPOINT c"));
    server.restart();
    let mut client = server.client();
    // The predecessor may still live and go on, as long as nobody recovered its name.
    client.cmd(&format!("WF.TOUCH q worker {id} EPOCH {epoch} FENCE {fence} PROGRESS 50"));
    let reply = client.map("WF.RECOVER worker");
    assert!(reply.int("epoch") > epoch);
    assert_eq!(reply.maps("tasks")[0].text("checkpoint"), "c");
    assert_eq!(reply.maps("tasks")[0].int("progress"), 50);
    client.refused_as("STALE", &format!("WF.DONE q worker {id} EPOCH {epoch}"));
}
