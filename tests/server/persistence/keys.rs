//! What becomes of tasks and owners when a key is dumped, copied, renamed, moved or dropped?

use crate::support::wait::next_millisecond;
use crate::support::{Client, Options, Play, Protocol, Reply, Server, play, wait_until};

/// Restores a dump under a name.
fn restore(client: &mut Client, key: &str, dump: &[u8]) {
    client.call(&[&b"RESTORE"[..], key.as_bytes(), b"0", dump, b"REPLACE"]).unwrap();
}

#[test]
fn a_dump_restored_under_its_name_keeps_the_owners() {
    let server = Server::start();
    let other = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 3 a b c");
    let task = client.map("WF.POP q agent");
    let (id, fence) = (task.int("id"), task.int("fence"));
    let queue = client.cmd("DUMP q").bytes();
    let agent = client.cmd("DUMP agent").bytes();
    let (queue_digest, agent_digest) = (client.digest_of("q"), client.digest_of("agent"));
    let mut there = other.client();
    for client in [&mut client, &mut there] {
        client.cmd("DEL q agent");
        restore(client, "q", &queue);
        restore(client, "agent", &agent);
        assert_eq!(client.digest_of("q"), queue_digest);
        assert_eq!(client.digest_of("agent"), agent_digest);
        client.cmd("WF.CHECK q");
        assert_eq!(client.map("WF.HELD agent").ids(), [id]);
        client.cmd(&format!("WF.DONE q agent {id} FENCE {fence}"));
    }
}

#[test]
fn a_dump_restored_under_another_name_is_a_copy_that_nobody_holds() {
    let server = Server::start();
    let mut client = server.client();
    let ids = client.cmd("WF.MPUSH q 4 a b c d").ints();
    client.cmd("WF.SET q maxlen 77");
    let held = client.maps("WF.POP q agent COUNT 2");
    let fence = held[0].int("fence");
    let dump = client.cmd("DUMP q").bytes();
    restore(&mut client, "p", &dump);
    client.cmd("WF.CHECK p");
    assert!(client.maps("WF.OWNERS p").is_empty());
    assert_eq!(client.int("WF.LEN p STATE ready"), 4);
    assert_eq!(client.map("WF.INFO p").int("maxlen"), 77);
    client.refused_as("NOTOWNER", &format!("WF.DONE p agent {} FENCE {fence}", ids[0]));
    client.refused_as("NOTOWNER", &format!("WF.DONE p agent {}", ids[0]));
    // The original goes on.
    client.cmd(&format!("WF.DONE q agent {} FENCE {fence}", ids[0]));
    assert_eq!(client.maps("WF.POP p agent COUNT 9").len(), 4);
}

#[test]
fn a_copy_is_a_queue_of_its_own_with_nothing_running() {
    play(
        r#"
        WF.MPUSH q 3 a b c               => [$a, $b, $c]
        WF.POP q agent                   => {id $a, fence $f, ...}
        WF.TOUCH q agent $a CHECKPOINT c => _
        COPY q p                         => 1
        WF.LEN p STATE ready             => 3
        WF.LEN p STATE running           => 0
        WF.OWNERS p                      => []
        WF.TASK p $a                     => {state ready, checkpoint c, ...}
        WF.DONE p agent $a FENCE $f      => !NOTOWNER
        WF.DONE p agent $a               => !NOTOWNER
        WF.CHECK p                       => OK
        WF.RECOVER agent QUEUES 1 p      => {tasks [{id $a, queue q, ...}], missing [], ...}
        WF.HELD agent                    => {tasks [{id $a, fence $f2, ...}], ...}
        WF.DONE q agent $a FENCE $f2     => OK
        WF.LEN p                         => 3
        COPY q p                         => 0
        COPY q p REPLACE                 => 1
        WF.LEN p                         => 2
        "#,
    );
}

#[test]
fn the_running_tasks_of_a_copy_become_ready_in_the_order_of_their_taking() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 6 a b c d e f");
    let first = client.map("WF.POP q x").int("id");
    client.cmd("WF.POP q y COUNT 2");
    // The first is handed back and taken again: now it was taken last.
    client.cmd(&format!("WF.NACK q x IDS 1 {first}"));
    let order: Vec<String> =
        client.maps("WF.POP q x COUNT 4").iter().map(|task| task.text("payload")).collect();
    assert_eq!(order, ["d", "e", "f", "a"]);
    client.cmd("COPY q p");
    let order: Vec<String> =
        client.maps("WF.POP p z COUNT 9").iter().map(|task| task.text("payload")).collect();
    assert_eq!(order, ["b", "c", "d", "e", "f", "a"]);
}

#[test]
fn a_copied_agent_is_another_identity_that_can_be_recovered() {
    let mut server = Server::start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    client.cmd("WF.POP q agent");
    client.cmd("COPY agent twin");
    client.cmd("WF.CHECK twin");
    assert!(client.map("WF.RECOVER twin").maps("tasks").is_empty(), "it holds nothing");
    assert_eq!(client.map("WF.RECOVER agent").maps("tasks").len(), 1);
    server.must_live();
}

#[test]
fn a_renamed_queue_keeps_owners_and_fences() {
    play(
        r#"
        WF.MPUSH q 2 a b                 => [$a, $b]
        WF.POP q agent COUNT 2           => [{id $a, fence $f, ...}, {id $b, fence $g, ...}]
        RENAME q p                       => OK
        WF.LEN q                         => 0
        WF.DONE q agent $a FENCE $f      => !NOTASK
        WF.DONE p agent $a FENCE $f      => OK
        WF.HELD agent QUEUES 1 p         => {tasks [{id $b, fence $g, queue p, ...}], ...}
        WF.CHECK p                       => OK
        RENAMENX p q                     => 1
        WF.DONE q agent $b FENCE $g      => OK
        "#,
    );
}

#[test]
fn a_renamed_queue_that_is_saved_keeps_its_owners() {
    let mut server = Server::start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    let task = client.map("WF.POP q agent");
    client.cmd("RENAME q p");
    let digest = client.digest();
    client.cmd("DEBUG RELOAD");
    assert_eq!(client.digest(), digest);
    client.cmd("SAVE");
    server.restart();
    let mut client = server.client();
    assert_eq!(client.digest(), digest);
    client.cmd(&format!("WF.DONE p agent {} FENCE {}", task.int("id"), task.int("fence")));
}

#[test]
fn a_moved_queue_keeps_owners_and_fences() {
    play(
        r#"
        WF.PUSH q x                      => $id
        WF.POP q agent                   => {id $id, fence $f, ...}
        MOVE q 5                         => 1
        WF.LEN q                         => 0
        WF.RECOVER agent                 => {tasks [], missing [q], ...}
        MOVE agent 5                     => 1
        side> SELECT 5                   => OK
        side> WF.RECOVER agent           => {tasks [{id $id, fence $f+, ...}], missing [], ...}
        side> WF.DONE q agent $id FENCE $f  => OK
        side> WF.CHECK q                 => OK
        side> DEL q agent                => 2
        "#,
    );
}

#[test]
fn a_queue_copied_to_another_database_is_a_copy() {
    play(
        r#"
        WF.PUSH q x                      => $id
        WF.POP q agent                   => {id $id, fence $f, ...}
        COPY q q DB 5                    => 1
        side> SELECT 5                   => OK
        side> WF.LEN q STATE ready       => 1
        side> WF.OWNERS q                => []
        side> DEL q                      => 1
        WF.DONE q agent $id FENCE $f     => OK
        "#,
    );
}

#[test]
fn swapped_databases_keep_everything() {
    play(
        r#"
        WF.PUSH q x                      => $id
        WF.POP q agent                   => {id $id, fence $f, ...}
        SWAPDB 0 5                       => OK
        WF.LEN q                         => 0
        WF.HELD agent                    => {tasks [], missing [], ...}
        side> SELECT 5                   => OK
        side> WF.HELD agent              => {tasks [{id $id, fence $f, ...}], ...}
        side> WF.DONE q agent $id FENCE $f  => OK
        SWAPDB 0 5                       => OK
        "#,
    );
}

#[test]
fn a_flush_leaves_nothing_and_harms_nobody() {
    for line in ["FLUSHALL", "FLUSHALL ASYNC", "FLUSHDB ASYNC", "FLUSHALL SYNC"] {
        let mut server = Server::start();
        let mut client = server.client();
        let before = client.info("memory", "used_memory").parse::<i64>().unwrap();
        let mut words = vec!["WF.MPUSH".to_owned(), "q".to_owned(), "20000".to_owned()];
        words.extend((0..20_000).map(|at| format!("payload {at}")));
        client.call(&words).unwrap();
        let task = client.map("WF.POP q agent");
        client.cmd("WF.SET q retain 50");
        client.cmd(line);
        let (id, fence) = (task.int("id"), task.int("fence"));
        client.refused_as("NOTASK", &format!("WF.DONE q agent {id} FENCE {fence}"));
        assert!(client.map("WF.RECOVER agent").maps("tasks").is_empty(), "{line}");
        wait_until("the memory is given back", || {
            let now = client.info("memory", "used_memory").parse::<i64>().unwrap();
            now < before + 1_000_000
        });
        server.must_live();
    }
}

/// A big queue: 200,000 tasks, some running.
fn big(client: &mut Client) {
    for _ in 0..20 {
        let mut words = vec!["WF.MPUSH".to_owned(), "q".to_owned(), "10000".to_owned()];
        words.extend((0..10_000).map(|at| format!("payload {at}")));
        client.call(&words).unwrap();
    }
    client.cmd("WF.POP q agent COUNT 1000");
}

#[test]
fn a_big_queue_is_unlinked_saved_and_given_back() {
    let mut server = Server::start();
    let mut client = server.client();
    let before = client.info("memory", "used_memory").parse::<i64>().unwrap();
    big(&mut client);
    let digest = client.digest();
    client.cmd("DEBUG RELOAD");
    assert_eq!(client.digest(), digest);
    client.cmd("WF.CHECK q");
    let freed_before = lazily_freed(&mut client);
    client.cmd("UNLINK q");
    wait_until("it was freed aside", || lazily_freed(&mut client) > freed_before);
    wait_until("the memory is given back", || {
        client.info("memory", "used_memory").parse::<i64>().unwrap() < before + 2_000_000
    });
    let known = client.map("WF.RECOVER agent");
    assert_eq!(known.texts("missing"), ["q"]);
    server.must_live();
}

fn lazily_freed(client: &mut Client) -> u64 {
    client.info("memory", "lazyfreed_objects").parse().unwrap()
}

#[test]
fn memory_usage_grows_with_the_content() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.SET q crashes 10");
    let empty = client.int("MEMORY USAGE q SAMPLES 0");
    let id = client.int("WF.PUSH q @50000");
    let one = client.int("MEMORY USAGE q SAMPLES 0");
    assert!((50_000..70_000).contains(&(one - empty)), "{empty} {one}");
    client.cmd("WF.POP q agent");
    client.cmd(&format!("WF.TOUCH q agent {id} CHECKPOINT @30000"));
    let two = client.int("MEMORY USAGE q SAMPLES 0");
    assert!((30_000..50_000).contains(&(two - one)), "{one} {two}");
    client.cmd(&format!("WF.DONE q agent {id}"));
    let after = client.int("MEMORY USAGE q SAMPLES 0");
    assert!(after < empty + 10_000, "{empty} {after}");
    assert!(client.int("MEMORY USAGE agent") > 0);
}

#[test]
fn an_old_dump_over_a_living_key_fences_the_present() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 5 a b c d e");
    client.cmd("WF.RECOVER agent");
    let (queue, agent) = (client.cmd("DUMP q").bytes(), client.cmd("DUMP agent").bytes());
    let epoch = client.map("WF.RECOVER agent").int("epoch");
    let taken = client.maps(&format!("WF.POP q agent EPOCH {epoch} COUNT 3"));
    next_millisecond(&mut client);
    restore(&mut client, "q", &queue);
    restore(&mut client, "agent", &agent);
    for task in &taken {
        let (id, fence) = (task.int("id"), task.int("fence"));
        client.refused_as("NOTOWNER", &format!("WF.DONE q agent {id} FENCE {fence}"));
        client.refused_as("STALE", &format!("WF.DONE q agent {id} EPOCH {epoch}"));
    }
    let again = client.maps("WF.POP q agent COUNT 3");
    for (old, new) in taken.iter().zip(&again) {
        assert!(new.int("fence") > old.int("fence"));
    }
    assert!(client.map("WF.RECOVER agent").int("epoch") > epoch);
}

#[test]
fn restore_does_not_replace_unless_it_is_told_to() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    let dump = client.cmd("DUMP q").bytes();
    let failure = client.call(&[&b"RESTORE"[..], b"q", b"0", &dump]).unwrap_err();
    assert_eq!(failure.code, "BUSYKEY");
    assert_eq!(client.int("WF.LEN q"), 1);
}

#[test]
fn the_servers_own_commands_about_keys_work() {
    let mut server = Server::start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    client.cmd("WF.POP q agent");
    let (queue, agent) = (client.text("TYPE q"), client.text("TYPE agent"));
    assert_ne!(queue, agent);
    let found = client.cmd(&format!("SCAN 0 TYPE {queue} COUNT 100")).list()[1].texts();
    assert_eq!(found, ["q"]);
    for line in [
        "OBJECT ENCODING q",
        "OBJECT IDLETIME q",
        "OBJECT REFCOUNT q",
        "TOUCH q agent",
        "RANDOMKEY",
        "DEBUG OBJECT q",
        "MEMORY STATS",
        "MEMORY DOCTOR",
        "MEMORY PURGE",
        "DBSIZE",
    ] {
        client.cmd(line);
    }
    server.must_live();
}

#[test]
fn the_module_cannot_be_unloaded() {
    let mut server = Options::new().set("enable-module-command", "yes").start();
    let mut play = Play::new(&server, Protocol::Resp2);
    play.run(
        r#"
        WF.PUSH q x                      => _
        one> WF.POP p a BLOCK 0          => (blocked)
        MODULE UNLOAD baton              => !ERR
        WF.PUSH p y                      => _
        one<                             => {payload y, ...}
        "#,
    );
    drop(play);
    server.must_live();
}

#[test]
fn a_queue_can_be_migrated_with_its_owners() {
    let one = Server::start();
    let two = Server::start();
    let (mut client, mut other) = (one.client(), two.client());
    client.cmd("WF.MPUSH q 2 a b");
    let task = client.map("WF.POP q agent");
    let digest = client.digest();
    client.cmd(&format!("MIGRATE 127.0.0.1 {} \"\" 0 5000 KEYS q agent", two.port));
    assert_eq!(client.int("DBSIZE"), 0);
    assert_eq!(other.digest(), digest);
    other.cmd(&format!("WF.DONE q agent {} FENCE {}", task.int("id"), task.int("fence")));
    assert_eq!(other.map("WF.HELD agent").texts("missing"), Vec::<String>::new());
}

/// A queue with a done task that is kept for a short while; `change` is done to it meanwhile.
fn ends_on_time_after(change: &[&str], key: &str) {
    let mut server = Server::start();
    let mut client = server.client();
    // Another queue with something due soon, so that one timer serves both.
    for queue in ["q", "other"] {
        let id = client.int(&format!("WF.PUSH {queue} x RETAIN 150"));
        client.cmd(&format!("WF.POP {queue} agent"));
        client.cmd(&format!("WF.DONE {queue} agent {id}"));
    }
    for line in change {
        client.cmd(line);
    }
    let count = format!("WF.LEN {key} STATE done");
    wait_until(&format!("it ends after {change:?}"), || client.int(&count) == 0);
    client.cmd(&format!("WF.CHECK {key}"));
    server.must_live();
}

#[test]
fn retentions_end_on_time_whatever_was_done_to_the_key() {
    let table: [(&[&str], &str); 15] = [
        (&["RENAME q p"], "p"),
        (&["RENAME q p", "RENAME p q"], "q"),
        (&["COPY q p"], "p"),
        (&["COPY q p"], "q"),
        (&["COPY q other REPLACE"], "other"),
        (&["COPY q p", "COPY q p REPLACE"], "p"),
        (&["COPY q p", "DEL q", "RENAME p q"], "q"),
        (&["COPY q p", "RENAME p q"], "q"),
        (&["COPY q p", "RENAME q aside", "RENAME p q", "WF.LEN q", "WF.LEN aside"], "q"),
        (&["RENAME q other"], "other"),
        (&["RENAME q p", "WF.PUSH q x"], "p"),
        (&["MOVE q 5", "SELECT 5"], "q"),
        (&["SWAPDB 0 5", "SELECT 5"], "q"),
        (&["EXPIRE q 1000", "PERSIST q"], "q"),
        (&["DEBUG RELOAD"], "q"),
    ];
    for (change, key) in table {
        ends_on_time_after(change, key);
    }
}

#[test]
fn a_queue_made_anew_under_an_old_name_keeps_its_own_time() {
    for line in ["DEL q", "UNLINK q", "RENAME q p", "SET q text", "FLUSHALL", "PEXPIRE q 1"] {
        let server = Server::start();
        let mut client = server.client();
        for round in 0..3 {
            let id = client.int("WF.PUSH q x RETAIN 60");
            client.cmd("WF.POP q agent");
            client.cmd(&format!("WF.DONE q agent {id}"));
            if round < 2 {
                client.cmd(line);
                wait_until("it is not that queue any more", || {
                    client.try_cmd("WF.LEN q STATE done") != Ok(crate::support::Value::Int(1))
                });
                client.cmd("DEL q");
            }
        }
        wait_until(&format!("the last one ends after {line}"), || {
            client.int("WF.LEN q STATE done") == 0
        });
    }
}
