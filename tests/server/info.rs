//! What does an operator see, and what do the switches do?

use crate::support::server::module;
use crate::support::{Client, Options, Reply, Server, wait_until};

#[test]
fn the_server_information_has_a_section_of_the_module() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 3 a b c");
    let id = client.map("WF.POP q agent").int("id");
    client.cmd(&format!("WF.DONE q agent {id}"));
    for section in ["baton", "everything", "modules"] {
        let text = client.text(&format!("INFO {section}"));
        assert!(text.contains("baton_"), "INFO {section}:\n{text}");
    }
    let text = client.text("INFO baton");
    let diverged = text.lines().find(|line| line.contains("did_not_fit")).expect("a count");
    assert!(diverged.trim().ends_with(":0"), "{diverged}");
    let plain = client.text("INFO");
    assert!(!plain.contains("did_not_fit"), "not in the short one");
}

#[test]
fn counters_follow_what_happens() {
    let server = Server::start();
    let mut client = server.client();
    let count = |client: &mut Client| -> Vec<i64> {
        let text = client.text("INFO baton");
        let numbers = text.lines().filter_map(|line| line.split_once(':')?.1.trim().parse().ok());
        numbers.collect()
    };
    let before = count(&mut client);
    let id = client.int("WF.PUSH q x");
    client.cmd("WF.POP q agent");
    client.cmd(&format!("WF.DONE q agent {id}"));
    let after = count(&mut client);
    assert_eq!(before.len(), after.len());
    let grown = before.iter().zip(&after).filter(|(before, after)| after > before).count();
    assert!(grown >= 3, "pushed, popped and done: {before:?} {after:?}");
}

#[test]
fn the_switches_can_be_read_set_and_given_at_the_start() {
    let server = Server::start();
    let mut client = server.client();
    for name in ["baton.require-epoch", "baton.allow-eviction"] {
        let value = |client: &mut Client| client.map(&format!("CONFIG GET {name}")).text(name);
        assert_eq!(value(&mut client), "no", "{name}");
        client.cmd(&format!("CONFIG SET {name} yes"));
        assert_eq!(value(&mut client), "yes", "{name}");
        client.refused_as("ERR", &format!("CONFIG SET {name} perhaps"));
        assert_eq!(value(&mut client), "yes", "{name}");
        client.cmd(&format!("CONFIG SET {name} no"));
    }
    drop(client);
    let server = Options::new().set("baton.require-epoch", "yes").start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    client.refused_as("STALE", "WF.POP q agent");
}

#[test]
fn arguments_of_loadmodule_are_settings_and_wrong_ones_are_refused() {
    let with = |arguments: &str| {
        let line = format!("{} {arguments}", module().display());
        Options::new().without_module().set("loadmodule", &line)
    };
    let server = with("Require-Epoch yes GRACE-ms 5000").start();
    let mut client = server.client();
    let map = client.map("CONFIG GET baton.*");
    assert_eq!(map.text("baton.require-epoch"), "yes");
    assert_eq!(map.text("baton.allow-eviction"), "no");
    assert_eq!(map.text("baton.grace-ms"), "5000");
    for wrong in [
        "require-epoch",
        "require-epoch perhaps",
        "retry-epoch yes",
        "grace-ms",
        "grace-ms yes",
        "grace-ms -1",
        "grace-ms 86400001",
        "require-epoch yes grace-ms 99999999999999999999",
    ] {
        let mut server = with(wrong).prepare();
        server.try_start().expect_err(wrong);
        assert!(server.log().contains("yes|no"), "{wrong}: {}", server.log());
    }
}

#[test]
fn a_wrong_setting_at_the_start_is_refused_and_said() {
    let wrong = [
        ("baton.require-epoch", "perhaps"),
        ("baton.grace-ms", "-1"),
        ("baton.grace-ms", "86400001"),
        ("baton.grace-ms", "soon"),
    ];
    for (name, value) in wrong {
        let mut server = Options::new().set(name, value).prepare();
        let ended = server.try_start().expect_err("it must not start");
        assert!(!ended.contains("signal"), "it crashed: {ended}\n{}", server.log());
    }
}

#[test]
fn the_grace_can_be_read_set_kept_and_given_at_the_start() {
    let name = "baton.grace-ms";
    let value = |server: &Server| server.client().map(&format!("CONFIG GET {name}")).text(name);
    let mut server = Server::start();
    let mut client = server.client();
    assert_eq!(value(&server), "30000");
    for right in ["0", "1", "86400000"] {
        client.cmd(&format!("CONFIG SET {name} {right}"));
        assert_eq!(value(&server), right);
    }
    for wrong in ["-1", "86400001", "soon", "99999999999999999999"] {
        client.refused_as("ERR", &format!("CONFIG SET {name} {wrong}"));
        assert_eq!(value(&server), "86400000");
    }
    client.cmd(&format!("CONFIG SET {name} 1234"));
    client.cmd("CONFIG REWRITE");
    server.restart();
    assert_eq!(value(&server), "1234");
    // The settings file beats the arguments of loadmodule.
    let line = format!("{} grace-ms 5", module().display());
    let options = Options::new().without_module().set(name, "7").set("loadmodule", &line);
    assert_eq!(value(&options.start()), "7");
}

#[test]
fn an_epoch_can_be_demanded_of_everybody() {
    let server = Server::start();
    let mut client = server.client();
    let ids = client.cmd("WF.MPUSH q 3 a b c").ints();
    client.cmd("WF.POP q agent");
    client.cmd("CONFIG SET baton.require-epoch yes");
    for line in [
        "WF.POP q agent".to_owned(),
        "WF.POP q newcomer".to_owned(),
        "WF.POP q agent BLOCK 0".to_owned(),
        "WF.MPOP agent 1 q".to_owned(),
        format!("WF.DONE q agent {}", ids[0]),
        format!("WF.MDONE q agent IDS 1 {}", ids[0]),
        format!("WF.NEXT q agent {}", ids[0]),
        format!("WF.FAIL q agent {}", ids[0]),
        format!("WF.NACK q agent IDS 1 {}", ids[0]),
        format!("WF.TOUCH q agent {}", ids[0]),
    ] {
        client.refused_as("STALE", &line);
    }
    let epoch = client.map("WF.RECOVER agent").int("epoch");
    client.cmd(&format!("WF.DONE q agent {} EPOCH {epoch}", ids[0]));
    client.cmd(&format!("WF.POP q agent EPOCH {epoch}"));
    client.cmd("WF.PUSH q producers-have-no-epoch");
}

#[test]
fn a_policy_that_evicts_queues_stops_pushes_until_it_is_allowed() {
    for policy in ["allkeys-lru", "allkeys-lfu", "allkeys-random"] {
        let server = Server::start();
        let mut client = server.client();
        client.cmd("WF.MPUSH q 2 a b");
        client.cmd(&format!("CONFIG SET maxmemory-policy {policy}"));
        // Without a limit nothing is ever evicted.
        client.cmd("WF.PUSH q c");
        client.cmd("CONFIG SET maxmemory 1gb");
        for line in ["WF.PUSH q x", "WF.MPUSH q 1 x", "WF.PUSH newcomer x"] {
            let failure = client.refused(line);
            assert_eq!(failure.code, "ERR", "{line}: {}", failure.text);
            assert!(failure.text.contains(policy), "{line}: {}", failure.text);
        }
        let id = client.map("WF.POP q agent").int("id");
        client.cmd(&format!("WF.DONE q agent {id}"));
        client.cmd("CONFIG SET baton.allow-eviction yes");
        client.cmd("WF.PUSH q x");
        client.cmd("CONFIG SET baton.allow-eviction no");
        client.refused("WF.PUSH q x");
        client.cmd("CONFIG SET maxmemory-policy volatile-lru");
        client.cmd("WF.PUSH q x");
        client.cmd(&format!("CONFIG SET maxmemory-policy {policy}"));
        client.refused("WF.PUSH q x");
        client.cmd("CONFIG SET maxmemory 0");
        client.cmd("WF.PUSH q x");
    }
}

#[test]
fn a_policy_that_evicts_queues_is_warned_of_in_the_log() {
    let server =
        Options::new().set("maxmemory", "1gb").set("maxmemory-policy", "allkeys-lru").start();
    // The latest moment is the first push.
    server.client().refused("WF.PUSH q x");
    let log = server.log();
    let said = log.lines().find(|line| line.contains("baton") && line.contains("allkeys-lru"));
    assert!(said.is_some(), "no warning:\n{log}");
    let plain = Server::start();
    plain.client().cmd("WF.PUSH q x");
    assert!(!plain.log().contains("allkeys"), "a warning without a reason");
}

#[test]
fn the_log_of_an_ordinary_life_has_no_warnings_of_ours() {
    let mut server = Server::start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q x");
    client.cmd("WF.POP q agent");
    client.refused("WF.DONE q stranger 5");
    client.cmd(&format!("WF.DONE q agent {id}"));
    client.cmd("DEBUG RELOAD");
    server.must_live();
    let log = server.log();
    let ours: Vec<&str> = log
        .lines()
        .filter(|line| line.contains("<baton>") && line.contains(" # "))
        // Said by the wrapper of the module interface, on servers without that interface.
        .filter(|line| !line.contains("defrag callbacks"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
}

#[test]
fn nothing_is_expected_of_keys_that_are_gone() {
    let primary = Server::start();
    let replica = Options::new().replica_of(&primary).start();
    let mut client = primary.client();
    let expected = |server: &Server| {
        let text = server.client().text("INFO baton");
        let line = text.lines().find(|line| line.contains("keys_with_deadlines"));
        line.and_then(|line| line.split_once(':')).unwrap().1.trim().to_owned()
    };
    for name in ["a", "b", "c", "d"] {
        let id = client.int(&format!("WF.PUSH {name} x RETAIN 600000"));
        client.cmd(&format!("WF.POP {name} agent"));
        client.cmd(&format!("WF.DONE {name} agent {id}"));
    }
    assert_eq!(expected(&primary), "4");
    wait_until("the replica knows them too", || expected(&replica) == "4");
    client.cmd("DEL a");
    client.cmd("UNLINK b");
    client.cmd("SET c x");
    client.cmd("FLUSHALL");
    assert_eq!(expected(&primary), "0");
    wait_until("the replica forgot them", || expected(&replica) == "0");
}
