//! Is a replica its primary, and may it take over?
//!
//! Digests decide: `DEBUG DIGEST` covers every stored field of every key, which
//! `every_stored_byte_counts_in_the_digest` proves by planting differences.

use crate::support::crc64::{body, sign};
use crate::support::traffic::Traffic;
use crate::support::wait::{next_millisecond, now_ms};
use crate::support::{Client, Map, Options, Reply, Rng, Server, wait_until};
use std::collections::BTreeSet;

/// Waits until the replica has applied all its primary has written.
pub(crate) fn in_step(primary: &mut Client, replica: &mut Client) {
    wait_until("the replica is in step", || {
        replica.info("replication", "master_link_status") == "up"
            && replica.info("replication", "slave_repl_offset")
                == primary.info("replication", "master_repl_offset")
    });
}

/// Waits until both are in step and equal; a deadline may pass between two looks.
fn equal(primary: &mut Client, replica: &mut Client) {
    in_step(primary, replica);
    wait_until("both digests are equal", || primary.digest() == replica.digest());
    assert_ne!(primary.digest(), "0".repeat(40), "nothing to compare");
}

#[test]
fn replicas_of_replicas_and_their_own_files_equal_the_primary() {
    let mut rng = Rng::from_environment();
    let primary = Server::start();
    let middle = Options::new().replica_of(&primary).start();
    let mut last = Options::new().replica_of(&middle).append_only("no").start();
    let mut client = primary.client();
    in_step(&mut client, &mut middle.client());
    in_step(&mut middle.client(), &mut last.client());
    let mut traffic = Traffic::new(&primary, rng.fork());
    traffic.short_lives = true;
    traffic.key_commands = true;
    for _ in 0..4 {
        traffic.run(1500);
        equal(&mut client, &mut middle.client());
        equal(&mut middle.client(), &mut last.client());
        for server in [&primary, &middle, &last] {
            Traffic::check(&mut server.client());
        }
    }
    // Short lives end, so that nothing is due while the file is loaded.
    let start = now_ms(&mut client);
    wait_until("all deadlines of the traffic are over", || now_ms(&mut client) > start + 200);
    equal(&mut client, &mut middle.client());
    equal(&mut middle.client(), &mut last.client());
    let digests = last.client().digests();
    let digest = last.client().digest();
    last.forget("replicaof");
    last.restart();
    let mut alone = last.client();
    assert_eq!(alone.info("replication", "role"), "master");
    assert_eq!(alone.digests(), digests, "the replica's own file says something else");
    assert_eq!(alone.digest(), digest, "the replica's own file says something else");
    Traffic::check(&mut alone);
}

#[test]
fn a_full_and_a_partial_synchronisation_end_equal() {
    let mut rng = Rng::from_environment();
    let primary = Server::start();
    let mut client = primary.client();
    let mut traffic = Traffic::new(&primary, rng.fork());
    traffic.run(500);
    let replica = Options::new().replica_of(&primary).start();
    equal(&mut client, &mut replica.client());
    assert!(client.info("stats", "sync_full").parse::<u64>().unwrap() >= 1);
    let partial = |client: &mut Client| client.info("stats", "sync_partial_ok");
    let before = partial(&mut client);
    client.cmd("CLIENT KILL TYPE replica");
    traffic.run(300);
    wait_until("it came back by a partial synchronisation", || partial(&mut client) != before);
    equal(&mut client, &mut replica.client());
    Traffic::check(&mut replica.client());
}

#[test]
fn replicas_load_a_full_synchronisation_in_every_way_the_server_knows() {
    let mut rng = Rng::from_environment();
    for (diskless, load) in
        [("yes", "disabled"), ("yes", "on-empty-db"), ("yes", "swapdb"), ("no", "disabled")]
    {
        let primary = Options::new().set("repl-diskless-sync", diskless).start();
        let mut traffic = Traffic::new(&primary, rng.fork());
        traffic.run(300);
        let replica = Options::new().set("repl-diskless-load", load).start();
        // What it had before must be gone, also what would have ended by itself.
        let mut other = replica.client();
        let id = other.int("WF.PUSH old x RETAIN 50");
        other.cmd("WF.POP old agent");
        other.cmd(&format!("WF.DONE old agent {id}"));
        other.cmd(&format!("REPLICAOF 127.0.0.1 {}", primary.port));
        equal(&mut primary.client(), &mut other);
        traffic.run(100);
        equal(&mut primary.client(), &mut other);
        Traffic::check(&mut other);
    }
}

#[test]
fn a_waiting_pop_is_replicated_like_any_other() {
    let primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    in_step(&mut client, &mut other);
    let mut waiting = primary.client();
    waiting.send("WF.POP q a BLOCK 0");
    wait_until("it waits", || client.info("clients", "blocked_clients") == "1");
    let id = client.int("WF.PUSH q x");
    waiting.receive().unwrap();
    equal(&mut client, &mut other);
    assert_eq!(other.map("WF.HELD a").ids(), [id]);
    let task = other.map(&format!("WF.TASK q {id}"));
    assert_eq!(task.int("fence"), client.map(&format!("WF.TASK q {id}")).int("fence"));
}

#[test]
fn what_held_settles_after_a_recovery_reaches_the_replica() {
    let primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    client.cmd("WF.MPUSH q 9 a b c d e f g h i");
    client.cmd("WF.POP q agent COUNT 9");
    let mut page = client.map("WF.RECOVER agent COUNT 2");
    equal(&mut client, &mut other);
    loop {
        let cursor = page.text("cursor");
        if cursor == "0" {
            break;
        }
        // On the replica the same page is only read.
        let digest = other.digest();
        other.map(&format!("WF.HELD agent CURSOR {cursor} COUNT 2"));
        assert_eq!(other.digest(), digest);
        page = client.map(&format!("WF.HELD agent CURSOR {cursor} COUNT 2"));
        equal(&mut client, &mut other);
    }
    for task in client.map("WF.HELD agent").maps("tasks") {
        let there = other.map(&format!("WF.TASK q {}", task.int("id")));
        assert_eq!(there.int("fence"), task.int("fence"));
        assert_eq!(there.int("crashes"), 1);
    }
}

#[test]
fn a_replica_answers_questions_and_changes_nothing() {
    let primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    let ids = client.cmd("WF.MPUSH q 3 a b c RETAIN 600000").ints();
    client.cmd("WF.POP q x COUNT 2");
    client.cmd(&format!("WF.DONE q x {}", ids[0]));
    equal(&mut client, &mut other);
    let digest = other.digest();
    for line in [
        "WF.LEN q",
        "WF.INFO q",
        "WF.INFO x",
        "WF.OWNERS q",
        "WF.LIST q",
        "WF.HELD x",
        "WF.CHECK q",
        "WF.CHECK x",
        &format!("WF.TASK q {}", ids[1]),
    ] {
        other.cmd(line);
    }
    for line in [
        "WF.PUSH q x",
        "WF.MPUSH q 1 x",
        "WF.POP q x",
        "WF.POP q x BLOCK 0",
        "WF.MPOP x 1 q",
        "WF.RECOVER x",
        "WF.SET q crashes 3",
        &format!("WF.DONE q x {}", ids[1]),
        &format!("WF.TOUCH q x {}", ids[1]),
    ] {
        other.refused_as("READONLY", line);
    }
    assert_eq!(other.digest(), digest);
}

#[test]
fn what_ends_by_itself_ends_on_the_primary_only() {
    let mut primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    in_step(&mut client, &mut other);
    let id = client.int("WF.PUSH q x RETAIN 1500");
    client.cmd("WF.POP q a");
    client.cmd(&format!("WF.DONE q a {id}"));
    in_step(&mut client, &mut other);
    primary.kill();
    let digest = other.digest();
    let start = now_ms(&mut other);
    wait_until("its time is over", || now_ms(&mut other) > start + 1700);
    assert_eq!(other.digest(), digest, "a replica ended something by itself");
    assert_eq!(other.int("WF.LEN q STATE done"), 1);
    other.cmd("REPLICAOF NO ONE");
    wait_until("the new primary ends it", || other.int("WF.LEN q STATE done") == 0);
    other.cmd("WF.CHECK q");
}

#[test]
fn what_ends_while_writes_are_paused_ends_afterwards() {
    let mut primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    in_step(&mut client, &mut other);
    client.cmd("WF.MPUSH q 3 a b c RETAIN 100");
    let ids: Vec<String> =
        client.maps("WF.POP q a COUNT 3").iter().map(|task| task.int("id").to_string()).collect();
    client.cmd(&format!("WF.MDONE q a IDS 3 {}", ids.join(" ")));
    let start = now_ms(&mut client);
    client.cmd("CLIENT PAUSE 400 WRITE");
    wait_until("they are due", || now_ms(&mut client) > start + 200);
    primary.must_live();
    wait_until("they end after the pause", || client.int("WF.LEN q STATE done") == 0);
    equal(&mut client, &mut other);
}

#[test]
fn a_promoted_replica_goes_on_with_larger_numbers() {
    let mut primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    in_step(&mut client, &mut other);
    client.cmd("WF.MPUSH q 20 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
    let epoch = client.map("WF.RECOVER a").int("epoch");
    let held = client.maps(&format!("WF.POP q a EPOCH {epoch} COUNT 10"));
    let last_id = client.int("WF.PUSH q x");
    in_step(&mut client, &mut other);
    primary.kill();
    other.cmd("REPLICAOF NO ONE");

    // The agent lives on and has lost nothing.
    let (first, second) = (&held[0], &held[1]);
    let (id, fence) = (first.int("id"), first.int("fence"));
    other.cmd(&format!("WF.DONE q a {id} EPOCH {epoch} FENCE {fence}"));
    assert!(other.int("WF.PUSH q y") > last_id);
    let largest = held.iter().map(|task| task.int("fence")).max().unwrap();
    assert!(other.map(&format!("WF.POP q a EPOCH {epoch}")).int("fence") > largest);
    let reply = other.map("WF.RECOVER a");
    assert!(reply.int("epoch") > epoch);
    assert_eq!(reply.maps("tasks").len(), 10);
    let (id, fence) = (second.int("id"), second.int("fence"));
    other.refused_as("NOTOWNER", &format!("WF.DONE q a {id} FENCE {fence}"));
    other.refused_as("STALE", &format!("WF.DONE q a {id} EPOCH {epoch}"));
    other.cmd("WF.CHECK q");
}

/// What one side hands out: ids, fences, epochs per agent.
#[derive(Default)]
struct Numbers {
    ids: BTreeSet<i64>,
    fences: BTreeSet<i64>,
    epochs: BTreeSet<(String, i64)>,
}

impl Numbers {
    fn draw(&mut self, client: &mut Client) {
        for _ in 0..20 {
            self.ids.insert(client.int("WF.PUSH q x"));
            let task = client.map("WF.POP q a");
            self.fences.insert(task.int("fence"));
        }
        for agent in 0..20 {
            let name = format!("agent-{agent}");
            let epoch = client.map(&format!("WF.RECOVER {name}")).int("epoch");
            self.epochs.insert((name, epoch));
        }
    }
}

#[test]
fn two_primaries_never_give_the_same_number() {
    let primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut one, mut two) = (primary.client(), replica.client());
    Numbers::default().draw(&mut one);
    equal(&mut one, &mut two);
    two.cmd("REPLICAOF NO ONE");
    let (mut by_one, mut by_two) = (Numbers::default(), Numbers::default());
    for _ in 0..5 {
        next_millisecond(&mut one);
        by_one.draw(&mut one);
        next_millisecond(&mut one);
        by_two.draw(&mut two);
    }
    assert_eq!((by_one.ids.len(), by_two.ids.len()), (100, 100));
    assert!(by_one.ids.is_disjoint(&by_two.ids), "the same id");
    assert!(by_one.fences.is_disjoint(&by_two.fences), "the same fence");
    assert!(by_one.epochs.is_disjoint(&by_two.epochs), "the same epoch");

    // A zombie of the old primary is refused on the new one.
    for fence in &by_one.fences {
        let id = by_one.ids.last().unwrap();
        let failure = two.refused(&format!("WF.DONE q a {id} FENCE {fence}"));
        assert!(["NOTASK", "NOTOWNER"].contains(&failure.code.as_str()), "{}", failure.text);
    }
}

#[test]
fn roles_change_back_and_forth_while_tasks_end() {
    let mut one = Server::start();
    let mut two = Options::new().replica_of(&one).start();
    in_step(&mut one.client(), &mut two.client());
    for round in 0..4 {
        let (old, new) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let (mut leaving, mut coming) = (old.client(), new.client());
        let mut words = vec!["WF.MPUSH".to_owned(), "q".to_owned(), "100".to_owned()];
        words.extend((0..100).map(|at| at.to_string()));
        words.extend(["RETAIN".to_owned(), (1 + round * 7).to_string()]);
        leaving.call(&words).unwrap();
        let ids: Vec<String> = leaving
            .maps("WF.POP q a COUNT 100")
            .iter()
            .map(|task| task.int("id").to_string())
            .collect();
        leaving.cmd(&format!("WF.MDONE q a IDS 100 {}", ids.join(" ")));
        wait_until("the replica can take over", || {
            leaving.text("INFO replication").contains("state=online")
        });
        leaving.cmd(&format!("FAILOVER TO 127.0.0.1 {}", new.port));
        wait_until("the roles are exchanged", || {
            coming.info("replication", "role") == "master"
                && leaving.info("replication", "role") == "slave"
        });
        in_step(&mut coming, &mut leaving);
        wait_until("all ended", || coming.int("WF.LEN q STATE done") == 0);
        equal(&mut coming, &mut leaving);
        coming.cmd("WF.CHECK q");
    }
    one.must_live();
    two.must_live();
}

#[test]
fn refusals_and_questions_replicate_nothing() {
    let primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    client.cmd("WF.MPUSH q 2 a b");
    let task = client.map("WF.POP q x REQID r");
    let (id, fence) = (task.int("id"), task.int("fence"));
    client.cmd("SET text t");
    client.cmd("WF.PUSH q u UNIQUE u");
    in_step(&mut client, &mut other);
    let offset = client.info("replication", "master_repl_offset");
    for line in [
        "WF.LEN q".to_owned(),
        "WF.INFO q".to_owned(),
        "WF.INFO x".to_owned(),
        "WF.OWNERS q".to_owned(),
        "WF.LIST q".to_owned(),
        "WF.HELD x".to_owned(),
        "WF.CHECK q".to_owned(),
        format!("WF.TASK q {id}"),
        "WF.POP q x TYPES 1 none".to_owned(),
        "WF.POP nowhere x".to_owned(),
        "WF.POP q x TYPES 1 none BLOCK 20".to_owned(),
        "WF.POP q x REQID r".to_owned(),
        "WF.PUSH q again UNIQUE u".to_owned(),
        format!("WF.MDONE q y IDS 1 {id}"),
        format!("WF.NACK q y IDS 1 {id}"),
    ] {
        client.cmd(&line);
        let now = client.info("replication", "master_repl_offset");
        assert_eq!(now, offset, "{line} was replicated");
    }
    for line in [
        "WF.PUSH text x".to_owned(),
        "WF.PUSH q x PRIORITY none".to_owned(),
        "WF.POP q x EPOCH 5".to_owned(),
        format!("WF.DONE q y {id}"),
        format!("WF.DONE q x {id} FENCE 5"),
        "WF.DONE q x 5".to_owned(),
        format!("WF.FAIL q y {id}"),
        format!("WF.TOUCH q y {id} PROGRESS 5"),
        format!("WF.NEXT q y {id}"),
        "WF.RECOVER x EPOCH 5".to_owned(),
        "WF.SET q shiny 5".to_owned(),
    ] {
        client.refused(&line);
        let now = client.info("replication", "master_repl_offset");
        assert_eq!(now, offset, "{line} was replicated");
    }
    client.cmd(&format!("WF.DONE q x {id} FENCE {fence}"));
    assert_ne!(client.info("replication", "master_repl_offset"), offset);
    equal(&mut client, &mut other);
    // And the DONE repeated changes nothing any more.
    let offset = client.info("replication", "master_repl_offset");
    client.cmd(&format!("WF.DONE q x {id} FENCE {fence}"));
    assert_eq!(client.info("replication", "master_repl_offset"), offset);
}

/// Two servers with the same queue and agent, restored from one dump.
fn twins() -> (Server, Server, Map) {
    let (one, two) = (Server::start(), Server::start());
    let mut client = one.client();
    client.cmd("WF.PUSH q payload NAME name TYPE type PRIORITY 7 UNIQUE unique RETAIN 600000");
    client.cmd("WF.MPUSH q 2 a b");
    let task = client.map("WF.POP q agent TYPES 1 type");
    let id = task.int("id");
    client.cmd(&format!("WF.TOUCH q agent {id} PROGRESS 10 CHECKPOINT check HANDLE handle"));
    let mut other = two.client();
    for key in ["q", "agent"] {
        let dump = client.cmd(&format!("DUMP {key}")).bytes();
        other.call(&[&b"RESTORE"[..], key.as_bytes(), b"0", &dump]).unwrap();
        assert_eq!(client.digest_of(key), other.digest_of(key), "{key}");
    }
    (one, two, task)
}

#[test]
fn a_planted_divergence_is_seen_in_the_digest() {
    let (_one, two, task) = twins();
    let mut other = two.client();
    let id = task.int("id");
    let seen = [
        ("q", format!("WF.TOUCH q agent {id} PROGRESS 11")),
        ("q", format!("WF.TOUCH q agent {id} CHECKPOINT other")),
        ("q", format!("WF.TOUCH q agent {id} HANDLE other")),
        ("q", "WF.PUSH q more".to_owned()),
        ("q", "WF.POP q agent".to_owned()),
        ("q", "WF.POP q stranger".to_owned()),
        ("q", "WF.SET q crashes 9".to_owned()),
        ("q", "WF.SET q maxlen 9".to_owned()),
        ("q", "WF.SET q retain 9000000".to_owned()),
        ("q", format!("WF.NACK q agent IDS 1 {id}")),
        ("q", "WF.POP q agent TYPES 1 type REQID request".to_owned()),
        ("agent", "WF.RECOVER agent".to_owned()),
        ("q", format!("WF.FAIL q agent {id} ERROR e")),
    ];
    let mut known = BTreeSet::from([other.digest_of("q"), other.digest_of("agent")]);
    for (key, line) in &seen {
        other.cmd(line);
        assert!(known.insert(other.digest_of(key)), "{line}: the digest of {key} is an old one");
    }
    // Another queue it took from is a difference of the agent.
    other.cmd("WF.PUSH p x");
    other.cmd("WF.POP p agent");
    assert!(known.insert(other.digest_of("agent")));
}

#[test]
fn every_stored_byte_counts_in_the_digest() {
    let (one, _two, _) = twins();
    let mut client = one.client();
    for key in ["q", "agent"] {
        let original = client.cmd(&format!("DUMP {key}")).bytes();
        let digest = client.digest_of(key);
        let mut accepted = 0;
        for at in 10..body(&original).len() {
            for flip in [0x01, 0x10, 0x80] {
                let mut changed = body(&original).to_vec();
                changed[at] ^= flip;
                let signed = sign(&changed, &original);
                let key_name = key.as_bytes();
                let words = [&b"RESTORE"[..], key_name, b"0", &signed, b"REPLACE"];
                if client.call(&words).is_err() {
                    continue;
                }
                accepted += 1;
                if client.digest_of(key) == digest {
                    // Only what is normalised away may be equal.
                    let again = client.cmd(&format!("DUMP {key}")).bytes();
                    assert!(again == original, "{key}: byte {at} does not count");
                }
            }
        }
        println!("{key}: {accepted} changed dumps were accepted");
        assert!(accepted > 10, "{key}: only {accepted} changed dumps were accepted");
    }
}
