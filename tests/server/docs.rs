//! Does the server describe the commands as they are?
//!
//! `COMMAND INFO`, `COMMAND DOCS` and `COMMAND GETKEYS` are what clients, proxies and cluster
//! libraries read; a wrong key position there is a request on a wrong node.

use crate::support::{Client, Map, Reply, Server, Value};

/// Name, flags it must have, flags it must not have, and the words of the shortest useful call.
const COMMANDS: [(&str, &str, &str, i64); 35] = [
    ("wf.push", "write denyoom", "readonly blocking admin", 3),
    ("wf.mpush", "write denyoom", "readonly blocking admin", 4),
    ("wf.submit", "write denyoom", "readonly blocking admin", 5),
    ("wf.wait", "readonly blocking", "write denyoom", 4),
    ("wf.workflow", "readonly", "write denyoom blocking", 3),
    ("wf.pop", "write blocking", "readonly denyoom admin", 3),
    ("wf.mpop", "write blocking", "readonly denyoom admin", 4),
    ("wf.done", "write", "readonly denyoom blocking admin", 4),
    ("wf.mdone", "write", "readonly denyoom blocking admin", 6),
    ("wf.next", "write blocking", "readonly denyoom admin", 4),
    ("wf.fail", "write", "readonly denyoom blocking admin", 4),
    ("wf.nack", "write", "readonly denyoom blocking admin", 6),
    ("wf.touch", "write", "readonly denyoom blocking admin", 4),
    ("wf.recover", "write", "readonly denyoom blocking admin", 2),
    ("wf.pool", "write", "readonly denyoom blocking admin", 2),
    ("wf.assume", "write blocking", "readonly denyoom admin", 2),
    ("wf.beat", "write", "readonly denyoom blocking admin", 4),
    ("wf.retire", "write", "readonly denyoom blocking admin", 4),
    ("wf.held", "readonly", "write denyoom blocking", 2),
    ("wf.edit", "write fast", "readonly denyoom blocking", 3),
    ("wf.pause", "write", "readonly denyoom blocking", 2),
    ("wf.resume", "write", "readonly denyoom blocking", 2),
    ("wf.drain", "write blocking", "readonly denyoom", 2),
    ("wf.reset", "write", "readonly denyoom blocking", 2),
    ("wf.cancel", "write", "readonly denyoom blocking", 4),
    ("wf.retry", "write", "readonly denyoom blocking", 3),
    ("wf.purge", "write", "readonly denyoom blocking", 4),
    ("wf.owners", "readonly", "write denyoom blocking", 2),
    ("wf.task", "readonly", "write denyoom blocking", 3),
    ("wf.list", "readonly", "write denyoom blocking", 2),
    ("wf.len", "readonly", "write denyoom blocking", 2),
    ("wf.info", "readonly", "write denyoom blocking", 2),
    ("wf.set", "write", "readonly blocking", 4),
    ("wf.check", "readonly", "write denyoom blocking", 2),
    ("wf.apply", "write admin", "readonly denyoom blocking", 3),
];

fn flags(value: &Value) -> Vec<String> {
    match value {
        Value::Set(flags) | Value::Array(flags) => flags.iter().map(Reply::text).collect(),
        other => panic!("not flags: {other:?}"),
    }
}

#[test]
fn every_command_has_sensible_flags_and_arity() {
    let server = Server::start();
    let mut client = server.client();
    for (name, wanted, unwanted, words) in COMMANDS {
        let info = client.cmd(&format!("COMMAND INFO {name}")).list().remove(0);
        assert!(!info.is_nil(), "{name} is not there");
        let info = info.list();
        assert_eq!(info[0].text(), name);
        let arity = info[1].int();
        if name != "wf.apply" {
            // The count of a list may be 0, so a shorter call may be right though useless.
            let fits = [words, -words, 1 - words].contains(&arity);
            assert!(fits, "{name}: {arity}, not {words}");
        }
        let flags = flags(&info[2]);
        for flag in wanted.split_whitespace() {
            assert!(flags.iter().any(|known| known == flag), "{name} is not {flag}: {flags:?}");
        }
        for flag in unwanted.split_whitespace() {
            assert!(!flags.iter().any(|known| known == flag), "{name} is {flag}: {flags:?}");
        }
        assert!(!info[8].list().is_empty(), "{name} has no key specs");
    }
}

#[test]
fn no_command_is_undocumented_and_none_is_documented_only_here() {
    let server = Server::start();
    let mut client = server.client();
    let mut known: Vec<String> = client
        .cmd("COMMAND LIST FILTERBY MODULE baton")
        .texts()
        .into_iter()
        .map(|name| name.to_lowercase())
        .collect();
    known.sort();
    let mut wanted: Vec<&str> = COMMANDS.iter().map(|(name, ..)| *name).collect();
    wanted.sort_unstable();
    assert_eq!(known, wanted);
    assert!(known.iter().all(|name| name.starts_with("wf.")));
}

#[test]
fn every_command_is_documented() {
    let server = Server::start();
    let mut client = server.client();
    for (name, ..) in COMMANDS {
        let docs = docs_of(&mut client, name);
        let summary = docs.text("summary");
        assert!(summary.len() > 10, "{name}: {summary}");
        assert!(!docs.text("since").is_empty(), "{name}");
        assert!(!docs.text("complexity").is_empty(), "{name}");
        assert!(!docs.maps("arguments").is_empty(), "{name} has no arguments");
        for argument in docs.maps("arguments") {
            assert!(!argument.text("name").is_empty(), "{name}: {argument:?}");
        }
    }
}

fn docs_of(client: &mut Client, name: &str) -> Map {
    let docs = client.map(&format!("COMMAND DOCS {name}"));
    docs.get(name).map()
}

/// The fewest words an argument takes.
fn fewest(argument: &Map) -> i64 {
    let flags = argument.find("flags").map(flags).unwrap_or_default();
    if flags.iter().any(|flag| flag == "optional") {
        return 0;
    }
    let token = i64::from(argument.has("token"));
    match argument.text("type").as_str() {
        "pure-token" => 1,
        "block" => token + argument.maps("arguments").iter().map(fewest).sum::<i64>(),
        "oneof" => token + argument.maps("arguments").iter().map(fewest).min().unwrap(),
        _ => token + 1,
    }
}

#[test]
fn the_documented_arguments_and_the_arity_agree() {
    let server = Server::start();
    let mut client = server.client();
    for (name, _, _, words) in COMMANDS {
        if name == "wf.apply" {
            continue;
        }
        let arguments = docs_of(&mut client, name).maps("arguments");
        let least = 1 + arguments.iter().map(fewest).sum::<i64>();
        assert_eq!(least, words, "{name}: {arguments:?}");
    }
}

/// All tokens an argument and its parts are documented with.
fn tokens(argument: &Map) -> Vec<String> {
    let mut found: Vec<String> = argument.find("token").map(Reply::text).into_iter().collect();
    if let Some(inner) = argument.find("arguments") {
        found.extend(inner.maps().iter().flat_map(tokens));
    }
    found
}

#[test]
fn every_option_is_documented() {
    let server = Server::start();
    let mut client = server.client();
    for (name, options) in [
        ("wf.push", "NAME TYPE PRIORITY UNIQUE FOR RETAIN"),
        ("wf.mpush", "TYPE PRIORITY RETAIN"),
        ("wf.pop", "EPOCH TYPES MAXPRIORITY COUNT BLOCK REQID"),
        ("wf.mpop", "EPOCH TYPES MAXPRIORITY COUNT BLOCK REQID"),
        ("wf.done", "EPOCH FENCE RESULT"),
        ("wf.mdone", "EPOCH IDS FENCES RESULTS"),
        ("wf.next", "EPOCH FENCE RESULT TYPES MAXPRIORITY COUNT BLOCK REQID"),
        ("wf.fail", "EPOCH FENCE ERROR FATAL"),
        ("wf.nack", "EPOCH IDS FENCES"),
        ("wf.touch", "EPOCH FENCE PROGRESS CHECKPOINT HANDLE"),
        ("wf.recover", "KEEP RELEASE FAIL EPOCH LEASE FORCE REQID QUEUES COUNT"),
        ("wf.pool", "SIZE LEASE ORPHAN"),
        ("wf.assume", "KEEP RELEASE FAIL LEASE REQID COUNT BLOCK"),
        ("wf.beat", "EPOCH"),
        ("wf.retire", "EPOCH RELEASE KEEP"),
        ("wf.held", "QUEUES CURSOR COUNT"),
        ("wf.list", "STATE TYPE OWNER HANDLES CURSOR COUNT"),
        ("wf.len", "STATE"),
    ] {
        let arguments = docs_of(&mut client, name).maps("arguments");
        let documented: Vec<String> =
            arguments.iter().flat_map(tokens).map(|token| token.to_uppercase()).collect();
        for option in options.split_whitespace() {
            assert!(documented.iter().any(|known| known == option), "{name}: no {option}");
        }
    }
}

#[test]
fn the_keys_of_every_command_are_found() {
    let server = Server::start();
    let mut client = server.client();
    for (line, keys) in [
        ("WF.PUSH q payload NAME n UNIQUE k", "q"),
        ("WF.MPUSH q 2 a b TYPE t", "q"),
        ("WF.POP q x COUNT 5 TYPES 2 a b", "q x"),
        ("WF.MPOP x 3 q1 q2 q3 COUNT 5", "x q1 q2 q3"),
        ("WF.MPOP x 1 q1 TYPES 2 a b", "x q1"),
        ("WF.DONE q x 1 RESULT r", "q x"),
        ("WF.MDONE q x IDS 2 1 2", "q x"),
        ("WF.NEXT q x 1 COUNT 5", "q x"),
        ("WF.FAIL q x 1 ERROR e", "q x"),
        ("WF.NACK q x IDS 1 1", "q x"),
        ("WF.TOUCH q x 1 CHECKPOINT c", "q x"),
        ("WF.RECOVER x", "x"),
        ("WF.RECOVER x KEEP QUEUES 2 q1 q2", "x q1 q2"),
        ("WF.RECOVER x QUEUES 1 q1 COUNT 5 REQID r", "x q1"),
        ("WF.HELD x", "x"),
        ("WF.HELD x COUNT 3 QUEUES 3 q1 q2 q3 CURSOR 0", "x q1 q2 q3"),
        ("WF.POOL p SIZE 5", "p"),
        ("WF.ASSUME p KEEP LEASE 5", "p"),
        ("WF.BEAT x EPOCH 5", "x"),
        ("WF.RETIRE x EPOCH 5", "x"),
        ("WF.OWNERS q", "q"),
        ("WF.TASK q 1", "q"),
        ("WF.LIST q STATE ready", "q"),
        ("WF.LEN q STATE ready", "q"),
        ("WF.INFO q", "q"),
        ("WF.SET q retain 5 crashes 5", "q"),
        ("WF.CHECK q", "q"),
        ("WF.APPLY q events blob", "q"),
    ] {
        let found = client.cmd(&format!("COMMAND GETKEYS {line}")).texts();
        let wanted: Vec<&str> = keys.split_whitespace().collect();
        assert_eq!(found, wanted, "{line}");
    }
}

#[test]
fn what_only_reads_a_key_says_so() {
    let server = Server::start();
    let mut client = server.client();
    for (line, access) in [
        ("WF.PUSH q payload", "RW"),
        ("WF.POP q x", "RW RW"),
        ("WF.DONE q x 1", "RW RW"),
        ("WF.MDONE q x IDS 1 1", "RW RW"),
        ("WF.FAIL q x 1", "RW RW"),
        ("WF.NACK q x IDS 1 1", "RW RW"),
        ("WF.RECOVER x QUEUES 1 q", "RW RW"),
        ("WF.POOL p", "RW"),
        ("WF.ASSUME p", "RW"),
        ("WF.BEAT x EPOCH 5", "RW"),
        ("WF.RETIRE x EPOCH 5", "RW"),
        ("WF.HELD x", "RO"),
        ("WF.LEN q", "RO"),
        ("WF.LIST q", "RO"),
        ("WF.TASK q 1", "RO"),
        ("WF.INFO q", "RO"),
        ("WF.OWNERS q", "RO"),
        ("WF.CHECK q", "RO"),
    ] {
        let found: Vec<String> = client
            .cmd(&format!("COMMAND GETKEYSANDFLAGS {line}"))
            .list()
            .iter()
            .map(|key| flags(&key.list()[1]).remove(0))
            .collect();
        let wanted: Vec<&str> = access.split_whitespace().collect();
        assert_eq!(found, wanted, "{line}");
    }
}
