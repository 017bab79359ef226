//! Do snapshots and logs bring back the state, digest by digest, after any kind of end?

use crate::support::traffic::Traffic;
use crate::support::{Client, Options, Reply, Rng, Server, wait_until};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

/// A server with mixed content.
fn furnished(options: &Options) -> Server {
    let mut rng = Rng::from_environment();
    let server = options.start();
    let mut traffic = Traffic::new(&server, rng.fork());
    traffic.run(1500);
    server
}

#[track_caller]
fn same_after(server: &mut Server, what: &str, change: impl FnOnce(&mut Server)) {
    let digests = server.client().digests();
    let digest = server.client().digest();
    change(server);
    let mut client = server.client();
    assert_eq!(client.digests(), digests, "after {what}");
    assert_eq!(client.digest(), digest, "after {what}");
    Traffic::check(&mut client);
    // And it is alive, not only equal.
    let id = client.int("WF.PUSH q-alive x");
    assert_eq!(client.map("WF.POP q-alive a-alive").int("id"), id);
    client.cmd("DEL q-alive a-alive");
}

#[test]
fn a_snapshot_brings_everything_back() {
    let mut server = furnished(&Options::new());
    same_after(&mut server, "SAVE and a restart", |server| {
        server.client().cmd("SAVE");
        server.restart();
    });
    same_after(&mut server, "BGSAVE and a restart", |server| {
        let mut client = server.client();
        client.cmd("WF.PUSH q-new x");
        client.cmd("DEL q-new");
        client.cmd("BGSAVE");
        wait_until("saved", || client.info("persistence", "rdb_bgsave_in_progress") == "0");
        assert_eq!(client.info("persistence", "rdb_last_bgsave_status"), "ok");
        server.restart();
    });
    for _ in 0..3 {
        same_after(&mut server, "DEBUG RELOAD", |server| {
            server.client().cmd("DEBUG RELOAD");
        });
    }
}

#[test]
fn every_life_of_a_task_survives_a_reload() {
    let server = Server::start();
    let mut client = server.client();
    let lives = [
        "",
        "WF.RECOVER a",
        "WF.RECOVER a|WF.RECOVER a",
        "WF.RECOVER a REQID r",
        "WF.RECOVER a COUNT 0",
        "WF.NACK q a IDS 1 $id|WF.POP q a",
        "WF.TOUCH q a $id PROGRESS 5 CHECKPOINT c HANDLE h",
        "WF.TOUCH q a $id PROGRESS 5|WF.RECOVER a RELEASE|WF.POP q a REQID r",
        "WF.RECOVER a RELEASE|WF.POP q b|WF.RECOVER b RELEASE|WF.POP q a",
    ];
    let ends = [
        "",
        "WF.DONE q a $id RESULT r",
        "WF.MDONE q a IDS 1 $id",
        "WF.NEXT q a $id",
        "WF.FAIL q a $id ERROR e",
        "WF.NACK q a IDS 1 $id",
        "WF.RECOVER a RELEASE",
        "WF.RECOVER a FAIL",
        "WF.SET q crashes 1|WF.RECOVER a",
    ];
    for options in ["", "RETAIN 600000", "UNIQUE k FOR 600000 TYPE t NAME n PRIORITY 3"] {
        for (life, end) in lives.iter().flat_map(|life| ends.iter().map(move |end| (life, end))) {
            client.cmd("FLUSHALL");
            let id = client.int(&format!("WF.PUSH q x {options}"));
            client.cmd("WF.POP q a");
            let told = format!("{options} / {life} / {end}");
            for line in life.split('|').chain(end.split('|')).filter(|line| !line.is_empty()) {
                client.cmd(&line.replace("$id", &id.to_string()));
            }
            for key in ["q", "a"] {
                let checked = client.try_cmd(&format!("WF.CHECK {key}"));
                assert!(checked.is_ok(), "{told}: {checked:?}");
            }
            let digests = client.digests();
            let loaded = client.try_cmd("DEBUG RELOAD");
            assert!(loaded.is_ok(), "{told}: {loaded:?}");
            assert_eq!(client.digests(), digests, "{told}");
        }
    }
}

#[test]
fn compressed_snapshots_are_the_same() {
    let mut server = furnished(&Options::new());
    same_after(&mut server, "DEBUG RELOAD with compression", |server| {
        let mut client = server.client();
        client.cmd("CONFIG SET rdbcompression yes");
        client.cmd("DEBUG RELOAD");
    });
}

#[test]
fn a_log_brings_everything_back() {
    for preamble in ["yes", "no"] {
        let options = Options::new().append_only("no").set("aof-use-rdb-preamble", preamble);
        let mut server = furnished(&options);
        same_after(&mut server, &format!("a restart, preamble {preamble}"), Server::restart);
        same_after(&mut server, &format!("DEBUG LOADAOF, preamble {preamble}"), |server| {
            server.client().cmd("DEBUG LOADAOF");
        });
    }
}

#[test]
fn a_log_holds_what_happened_and_not_what_was_wished() {
    let server = Options::new().append_only("always").start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 3 a b c");
    client.cmd("WF.POP q a COUNT 2");
    client.cmd("WF.RECOVER a");
    client.cmd("MULTI");
    client.cmd("WF.PUSH q d");
    client.cmd("WF.POP q b");
    client.cmd("EXEC");
    client.cmd("EVAL \"return redis.call('WF.POP', 'q', 'a')\" 0");
    let bytes = std::fs::read(server.append_only_file()).unwrap();
    let text = String::from_utf8_lossy(&bytes).to_uppercase();
    assert!(text.contains("WF.APPLY"), "{text}");
    for wish in ["WF.PUSH", "WF.MPUSH", "WF.POP", "WF.RECOVER", "EVAL"] {
        assert!(!text.contains(wish), "{wish} is in the log");
    }
}

#[test]
fn a_log_rewritten_under_traffic_loses_nothing() {
    for preamble in ["yes", "no"] {
        let mut rng = Rng::from_environment();
        let options = Options::new().append_only("no").set("aof-use-rdb-preamble", preamble);
        let mut server = options.start();
        let mut traffic = Traffic::new(&server, rng.fork());
        traffic.key_commands = true;
        let mut client = server.client();
        for _ in 0..3 {
            traffic.run(500);
            client.cmd("BGREWRITEAOF");
            let mut rounds = 0;
            while client.info("persistence", "aof_rewrite_in_progress") == "1"
                || client.info("persistence", "aof_rewrite_scheduled") == "1"
            {
                traffic.run(20);
                rounds += 1;
                assert!(rounds < 2000, "the rewrite does not end");
            }
            assert_eq!(client.info("persistence", "aof_last_bgrewrite_status"), "ok");
        }
        drop(client);
        same_after(&mut server, &format!("a rewrite, preamble {preamble}"), Server::restart);
    }
}

#[test]
fn what_falls_due_after_a_restart_from_a_rewritten_log_needs_no_touch() {
    let options = Options::new().append_only("always").set("aof-use-rdb-preamble", "no");
    let mut server = options.start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q x RETAIN 300");
    client.cmd("WF.POP q a");
    client.cmd("BGREWRITEAOF");
    wait_until("it is rewritten", || client.info("persistence", "aof_rewrite_in_progress") == "0");
    client.cmd(&format!("WF.DONE q a {id}"));
    drop(client);
    server.restart();
    let mut client = server.client();
    // Reading the queue would tell the timer of it: only the count of what ended is read.
    wait_until("the task is dropped", || client.info("baton", "baton_tasks_expired") == "1");
}

#[test]
fn a_word_of_any_size_that_was_taken_can_be_loaded_again() {
    let mut server = Options::new().start();
    let mut client = server.client();
    client.cmd("CONFIG SET proto-max-bulk-len 1gb");
    let id = client.int("WF.PUSH q @300000000");
    client.cmd("WF.POP q a");
    client.cmd("SAVE");
    drop(client);
    server.restart();
    assert_eq!(server.client().map(&format!("WF.TASK q {id}")).int("id"), id);
}

#[test]
fn retentions_go_on_after_a_restart() {
    let mut server = Options::new().append_only("always").start();
    let mut client = server.client();
    let ids = client.cmd("WF.MPUSH q 2 x y RETAIN 700").ints();
    let kept = client.int("WF.PUSH q z RETAIN 600000");
    client.cmd("WF.POP q a COUNT 3");
    client.cmd(&format!("WF.MDONE q a IDS 3 {} {} {kept}", ids[0], ids[1]));
    server.restart();
    let mut client = server.client();
    wait_until("they are dropped", || client.int("WF.LEN q STATE done") == 1);
    assert_eq!(client.map(&format!("WF.TASK q {kept}")).text("state"), "done");
    client.cmd("WF.CHECK q");
}

#[test]
fn an_old_snapshot_gives_no_number_twice_and_fences_the_future_it_lost() {
    let mut server = Server::start();
    let mut client = server.client();
    client.cmd(
        "WF.MPUSH q 40 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 \
        21 22 23 24 25 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40",
    );
    let old_epoch = client.map("WF.RECOVER a").int("epoch");
    client.cmd("SAVE");
    let lost = client.maps("WF.POP q a COUNT 20");
    let lost_epoch = client.map("WF.RECOVER b").int("epoch");
    let lost_ids = client.cmd("WF.MPUSH q 3 x y z").ints();
    server.restart();
    let mut client = server.client();
    assert_eq!(client.map("WF.INFO a").int("epoch"), old_epoch);
    let taken = client.maps("WF.POP q a COUNT 20");
    let fences: BTreeSet<i64> = taken.iter().map(|task| task.int("fence")).collect();
    for task in &lost {
        let (id, fence) = (task.int("id"), task.int("fence"));
        assert!(!fences.contains(&fence), "fence {fence} was given twice");
        client.refused_as("NOTOWNER", &format!("WF.DONE q a {id} FENCE {fence}"));
    }
    assert!(client.map("WF.RECOVER b").int("epoch") > lost_epoch);
    for id in client.cmd("WF.MPUSH q 3 x y z").ints() {
        assert!(!lost_ids.contains(&id), "id {id} was given twice");
    }
}

#[test]
fn a_lost_tail_of_the_log_gives_no_number_twice() {
    let mut server = Options::new().append_only("always").start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 5 a b c d e");
    let file = server.append_only_file();
    let length = std::fs::metadata(&file).unwrap().len();
    let lost = client.maps("WF.POP q zombie COUNT 3");
    let lost_epoch = client.map("WF.RECOVER zombie").int("epoch");
    let lost_id = client.int("WF.PUSH q f");
    server.kill();
    let log = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
    assert!(log.metadata().unwrap().len() > length);
    log.set_len(length).unwrap();
    drop(log);
    server.start_again();

    let mut client = server.client();
    assert_eq!(client.int("WF.LEN q STATE ready"), 5, "the tail is lost");
    let again = client.maps("WF.POP q zombie COUNT 3");
    for (old, new) in lost.iter().zip(&again) {
        assert_eq!(old.int("id"), new.int("id"), "the same task");
        assert!(new.int("fence") > old.int("fence"), "and another fence");
        let (id, fence) = (old.int("id"), old.int("fence"));
        for line in [
            format!("WF.DONE q zombie {id} FENCE {fence}"),
            format!("WF.FAIL q zombie {id} FENCE {fence}"),
            format!("WF.TOUCH q zombie {id} FENCE {fence} PROGRESS 5"),
        ] {
            client.refused_as("NOTOWNER", &line);
        }
    }
    client.refused_as("STALE", &format!("WF.POP q zombie EPOCH {lost_epoch}"));
    assert!(client.map("WF.RECOVER zombie").int("epoch") > lost_epoch);
    assert!(client.int("WF.PUSH q f") > lost_id);
}

#[test]
fn every_prefix_of_a_log_is_a_state_that_was() {
    let mut rng = Rng::from_environment();
    let mut server = Options::new().append_only("always").start();
    let mut traffic = Traffic::new(&server, rng.fork());
    let mut client = server.client();
    let file = server.append_only_file();
    let mut states = BTreeMap::new();
    for _ in 0..300 {
        traffic.run(1);
        // What is due at once the timer does meanwhile.
        let length = || std::fs::metadata(&file).unwrap().len();
        wait_until("the state belongs to the log", || {
            let before = length();
            states.insert(before, client.digest());
            length() == before
        });
    }
    // From the end to the beginning: each boundary, and now and then the middle of a command.
    let lengths: Vec<u64> = states.keys().copied().collect();
    assert!(lengths.len() > 60, "only {} different lengths", lengths.len());
    let cut = |length| {
        let log = std::fs::OpenOptions::new().write(true).open(&file).unwrap();
        log.set_len(length).unwrap();
    };
    for (at, pair) in lengths.windows(2).rev().enumerate() {
        let (before, after) = (pair[0], pair[1]);
        cut(after);
        client.cmd("DEBUG LOADAOF");
        assert_eq!(&client.digest(), &states[&after], "{after} of {lengths:?}");
        Traffic::check(&mut client);
        if at % 20 == 0 && after - before > 1 {
            cut(before + 1 + rng.next() % (after - before - 1));
            server.restart();
            client = server.client();
            // A push and the pop it wakes are two units: what is left may be between them.
            let left = std::fs::metadata(&file).unwrap().len();
            if let Some(state) = states.get(&left) {
                assert_eq!(&client.digest(), state, "torn between {pair:?}, left {left}");
            }
            Traffic::check(&mut client);
        }
    }
    server.must_live();
}

/// What the threads of a crash round know for sure.
#[derive(Default)]
struct Ledger {
    pushed: BTreeSet<i64>,
    /// A DONE was sent; whether it counts may be unknown.
    sent: BTreeSet<i64>,
    done: BTreeSet<i64>,
}

fn produce(mut client: Client, ledger: &Mutex<Ledger>) {
    while let Ok(id) = client.try_cmd("WF.PUSH q payload") {
        ledger.lock().unwrap().pushed.insert(id.int());
    }
}

/// An agent that recovers its name, finishes what it finds, and goes on until the server dies.
fn work(mut client: Client, name: &str, ledger: &Mutex<Ledger>) {
    let finish = |client: &mut Client, id: i64, fence: i64| {
        ledger.lock().unwrap().sent.insert(id);
        match client.try_cmd(&format!("WF.DONE q {name} {id} FENCE {fence}")) {
            Ok(_) => {
                assert!(ledger.lock().unwrap().done.insert(id), "{id} was completed twice");
                true
            }
            Err(failure) if failure.code == "LOST" => false,
            Err(failure) => panic!("{name}, {id}: {}", failure.text),
        }
    };
    let Ok(reply) = client.try_cmd(&format!("WF.RECOVER {name} QUEUES 1 q")) else { return };
    for task in reply.map().maps("tasks") {
        if !finish(&mut client, task.int("id"), task.int("fence")) {
            return;
        }
    }
    while let Ok(reply) = client.try_cmd(&format!("WF.POP q {name} BLOCK 50")) {
        if !reply.is_nil() {
            let task = reply.map();
            if !finish(&mut client, task.int("id"), task.int("fence")) {
                return;
            }
        }
    }
}

/// Every task of the queue: a page holds no more than some thousands.
fn all_ids(client: &mut Client) -> BTreeSet<i64> {
    let (mut ids, mut cursor) = (BTreeSet::new(), "0".to_owned());
    loop {
        let page = client.map(&format!("WF.LIST q COUNT 10000 CURSOR {cursor}"));
        ids.extend(page.ids());
        cursor = page.text("cursor");
        if cursor == "0" {
            return ids;
        }
    }
}

#[test]
fn a_server_killed_at_any_moment_loses_nothing_it_confirmed() {
    let mut rng = Rng::from_environment();
    let mut server = Options::new().append_only("always").start();
    let ledger = Mutex::new(Ledger::default());
    server.client().cmd("WF.SET q crashes 1000000");
    for round in 0..50 {
        let clients: Vec<Client> = (0..4).map(|_| server.client()).collect();
        let running = AtomicUsize::new(0);
        let (running, ledger_of) = (&running, &ledger);
        std::thread::scope(|scope| {
            for (at, client) in clients.into_iter().enumerate() {
                scope.spawn(move || {
                    running.fetch_add(1, Ordering::SeqCst);
                    match at {
                        0 | 1 => produce(client, ledger_of),
                        _ => work(client, &format!("agent-{at}"), ledger_of),
                    }
                });
            }
            wait_until("all run", || running.load(Ordering::SeqCst) == 4);
            // The moment of the crash: any will do, so this is no synchronisation.
            std::thread::sleep(Duration::from_millis(5 + rng.next() % 70));
            server.kill();
        });
        server.start_again();
        let mut client = server.client();
        client.cmd("WF.CHECK q");
        let ledger = ledger.lock().unwrap();
        let left = all_ids(&mut client);
        for id in &ledger.pushed {
            let known = left.contains(id) || ledger.sent.contains(id);
            assert!(known, "round {round}: {id} was confirmed and is lost");
        }
        let twice: Vec<_> = ledger.done.intersection(&left).collect();
        assert!(twice.is_empty(), "round {round}: done and here again: {twice:?}");
        for agent in ["agent-2", "agent-3"] {
            let held = client.map(&format!("WF.HELD {agent} QUEUES 1 q")).ids();
            assert!(held.len() <= 1, "round {round}: {agent} holds {held:?}");
        }
    }
    let ledger = ledger.into_inner().unwrap();
    println!("{} pushed, {} done", ledger.pushed.len(), ledger.done.len());
    assert!(ledger.pushed.len() > 100 && ledger.done.len() > 50, "too little happened");
}

#[test]
fn a_server_without_the_module_refuses_the_snapshot_and_leaves_it() {
    let mut server = furnished(&Options::new());
    server.client().cmd("SAVE");
    let digest = server.client().digest();
    let path = server.folder.join("dump.rdb");
    let before = std::fs::read(&path).unwrap();
    server.kill();
    let original = std::fs::read_to_string(server.folder.join("server.conf")).unwrap();
    server.forget("loadmodule");
    assert!(server.try_start().is_err(), "it started with data it cannot read");
    assert!(std::fs::read(&path).unwrap() == before, "the snapshot was changed");
    std::fs::write(server.folder.join("server.conf"), original).unwrap();
    server.start_again();
    assert_eq!(server.client().digest(), digest);
}

#[test]
fn a_snapshot_of_a_newer_version_is_refused_with_a_line_in_the_log() {
    let mut server = Server::start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    client.cmd("SAVE");
    server.kill();
    let path = server.folder.join("dump.rdb");
    let original = std::fs::read(&path).unwrap();
    // The module's number ends with ten bits of version: raise them by one.
    let mut bytes = original.clone();
    let at = bytes
        .windows(3)
        .position(|bytes| bytes[0] == 7 && bytes[1] == 1 && bytes[2] == b'q')
        .expect("the key")
        + 3;
    assert_eq!(bytes[at], 0x81, "a length of 64 bits");
    bytes[at + 8] += 1;
    let end = bytes.len() - 8;
    let sum = crate::support::crc64::crc64(&bytes[..end]);
    bytes[end..].copy_from_slice(&sum.to_le_bytes());
    std::fs::write(&path, &bytes).unwrap();
    assert!(server.try_start().is_err(), "it started with data of a newer version");
    let log = server.log();
    assert!(log.contains("version"), "no word about a version:\n{log}");
    assert!(std::fs::read(&path).unwrap() == bytes, "the snapshot was changed");
    std::fs::write(&path, &original).unwrap();
    server.start_again();
    assert_eq!(server.client().int("WF.LEN q"), 1);
}
