//! What is refused, with which code, and does a refusal change nothing?
//!
//! Every line of these tables is said to the same small state. After each the digest of the whole
//! server must be what it was, and no key may have appeared.

use crate::support::{Client, Server};

/// A queue with a running and a ready task, its agent, and keys of the wrong type.
fn furnished(server: &Server) -> (Client, i64, i64) {
    let mut client = server.client();
    client.cmd("WF.MPUSH q 2 a b");
    let task = client.map("WF.POP q x");
    client.cmd("SET text t");
    client.cmd("RPUSH many m");
    (client, task.int("id"), task.int("fence"))
}

/// Says each line and compares the code and some words of the refusal.
#[track_caller]
fn all_refused(table: &[(&str, &str)]) {
    let mut server = Server::start();
    let (mut client, id, fence) = furnished(&server);
    let digest = client.digest();
    for (line, wanted) in table {
        let line = line.replace("$id", &id.to_string()).replace("$f", &fence.to_string());
        let failure = client.refused(&line);
        let (code, words) = wanted.split_once(' ').unwrap_or((wanted, ""));
        assert_eq!(failure.code, code, "{line}: {}", failure.text);
        let said = failure.text.to_lowercase();
        assert!(said.contains(&words.to_lowercase()), "{line}: {} (not: {words})", failure.text);
        assert_eq!(client.digest(), digest, "{line}: refused, yet something changed");
    }
    client.cmd("WF.CHECK q");
    server.must_live();
}

#[test]
fn too_few_words_are_refused() {
    all_refused(&[
        ("WF.PUSH", "ERR wrong number"),
        ("WF.PUSH q", "ERR wrong number"),
        ("WF.MPUSH q", "ERR wrong number"),
        ("WF.POP q", "ERR wrong number"),
        ("WF.MPOP x", "ERR wrong number"),
        ("WF.MPOP x 1", "ERR"),
        ("WF.DONE q x", "ERR wrong number"),
        ("WF.MDONE q x", "ERR"),
        ("WF.MDONE q x IDS", "ERR"),
        ("WF.NEXT q x", "ERR wrong number"),
        ("WF.FAIL q x", "ERR wrong number"),
        ("WF.NACK q x", "ERR"),
        ("WF.TOUCH q x", "ERR wrong number"),
        ("WF.RECOVER", "ERR wrong number"),
        ("WF.HELD", "ERR wrong number"),
        ("WF.OWNERS", "ERR wrong number"),
        ("WF.OWNERS q q", "ERR"),
        ("WF.TASK q", "ERR wrong number"),
        ("WF.TASK q $id more", "ERR"),
        ("WF.LIST", "ERR wrong number"),
        ("WF.LEN", "ERR wrong number"),
        ("WF.INFO", "ERR wrong number"),
        ("WF.INFO q q", "ERR"),
        ("WF.SET q", "ERR wrong number"),
        ("WF.SET q crashes", "ERR"),
        ("WF.SET q crashes 3 retain", "ERR"),
        ("WF.CHECK", "ERR wrong number"),
        ("WF.CHECK q q", "ERR"),
    ]);
}

#[test]
fn keys_of_another_type_are_refused() {
    all_refused(&[
        ("WF.PUSH text p", "WRONGTYPE"),
        ("WF.PUSH many p", "WRONGTYPE"),
        ("WF.PUSH x p", "WRONGTYPE"),
        ("WF.MPUSH text 1 p", "WRONGTYPE"),
        ("WF.POP text x", "WRONGTYPE"),
        ("WF.POP q text", "WRONGTYPE"),
        ("WF.POP x x", "WRONGTYPE"),
        ("WF.POP q q", "WRONGTYPE"),
        ("WF.MPOP text 1 q", "WRONGTYPE"),
        ("WF.MPOP x 2 text q", "WRONGTYPE"),
        ("WF.DONE text x 1", "WRONGTYPE"),
        ("WF.DONE q text $id EPOCH 1", "WRONGTYPE"),
        ("WF.MDONE text x IDS 1 1", "WRONGTYPE"),
        ("WF.NEXT text x 1", "WRONGTYPE"),
        ("WF.FAIL text x 1", "WRONGTYPE"),
        ("WF.NACK text x IDS 1 1", "WRONGTYPE"),
        ("WF.TOUCH text x 1", "WRONGTYPE"),
        ("WF.TOUCH q text $id EPOCH 1", "WRONGTYPE"),
        ("WF.RECOVER text", "WRONGTYPE"),
        ("WF.RECOVER q", "WRONGTYPE"),
        ("WF.RECOVER x QUEUES 1 text", "WRONGTYPE"),
        ("WF.HELD text", "WRONGTYPE"),
        ("WF.HELD x QUEUES 1 x", "WRONGTYPE"),
        ("WF.OWNERS text", "WRONGTYPE"),
        ("WF.OWNERS x", "WRONGTYPE"),
        ("WF.TASK x 1", "WRONGTYPE"),
        ("WF.LIST text", "WRONGTYPE"),
        ("WF.LIST x", "WRONGTYPE"),
        ("WF.LEN x", "WRONGTYPE"),
        ("WF.LEN text", "WRONGTYPE"),
        ("WF.SET text crashes 3", "WRONGTYPE"),
        ("WF.SET x crashes 3", "WRONGTYPE"),
        ("WF.INFO many", "WRONGTYPE"),
        ("WF.CHECK many", "WRONGTYPE"),
        ("LPUSH q y", "WRONGTYPE"),
        ("GET x", "WRONGTYPE"),
    ]);
}

#[test]
fn unknown_options_are_refused_by_name() {
    all_refused(&[
        ("WF.PUSH q p SHINY", "ERR SHINY"),
        ("WF.PUSH q p NAME n SHINY 1", "ERR SHINY"),
        ("WF.MPUSH q 1 p SHINY", "ERR SHINY"),
        ("WF.MPUSH q 1 p extra", "ERR extra"),
        ("WF.MPUSH q 1 p NAME n", "ERR NAME"),
        ("WF.MPUSH q 1 p UNIQUE u", "ERR UNIQUE"),
        ("WF.POP q x SHINY", "ERR SHINY"),
        ("WF.POP q x RESULT r", "ERR RESULT"),
        ("WF.MPOP x 1 q SHINY", "ERR SHINY"),
        ("WF.DONE q x $id SHINY", "ERR SHINY"),
        ("WF.MDONE q x IDS 1 $id SHINY", "ERR SHINY"),
        ("WF.NEXT q x $id SHINY", "ERR SHINY"),
        ("WF.FAIL q x $id SHINY", "ERR SHINY"),
        ("WF.NACK q x IDS 1 $id SHINY", "ERR SHINY"),
        ("WF.TOUCH q x $id SHINY", "ERR SHINY"),
        ("WF.RECOVER x SHINY", "ERR SHINY"),
        ("WF.HELD x SHINY", "ERR SHINY"),
        ("WF.LIST q SHINY", "ERR SHINY"),
        ("WF.LEN q SHINY", "ERR SHINY"),
        ("WF.LEN q STATE shiny", "ERR STATE"),
        ("WF.LIST q STATE shiny", "ERR STATE"),
        ("WF.SET q shiny 3", "ERR shiny"),
    ]);
}

#[test]
fn options_without_their_value_are_refused() {
    all_refused(&[
        ("WF.PUSH q p PRIORITY", "ERR"),
        ("WF.PUSH q p NAME", "ERR"),
        ("WF.PUSH q p TYPE", "ERR"),
        ("WF.PUSH q p UNIQUE", "ERR"),
        ("WF.PUSH q p UNIQUE u FOR", "ERR"),
        ("WF.PUSH q p FOR 5", "ERR"),
        ("WF.PUSH q p RETAIN", "ERR"),
        ("WF.POP q x COUNT", "ERR"),
        ("WF.POP q x BLOCK", "ERR"),
        ("WF.POP q x TYPES", "ERR"),
        ("WF.POP q x TYPES 2 t", "ERR"),
        ("WF.POP q x REQID", "ERR"),
        ("WF.POP q x EPOCH", "ERR"),
        ("WF.DONE q x $id FENCE", "ERR"),
        ("WF.DONE q x $id RESULT", "ERR"),
        ("WF.MDONE q x IDS 2 $id", "ERR"),
        ("WF.MDONE q x IDS 1 $id FENCES 2 $f", "ERR"),
        ("WF.MDONE q x IDS 1 $id FENCES 2 $f $f", "ERR"),
        ("WF.MDONE q x IDS 1 $id RESULTS 2 r s", "ERR"),
        ("WF.MDONE q x FENCES 1 $f", "ERR"),
        ("WF.NACK q x IDS 1 $id FENCES 2 $f $f", "ERR"),
        ("WF.NACK q x EPOCH 5", "ERR"),
        ("WF.TOUCH q x $id PROGRESS", "ERR"),
        ("WF.TOUCH q x $id CHECKPOINT", "ERR"),
        ("WF.TOUCH q x $id HANDLE", "ERR"),
        ("WF.RECOVER x QUEUES", "ERR"),
        ("WF.RECOVER x QUEUES 2 q", "ERR"),
        ("WF.RECOVER x KEEP RELEASE", "ERR"),
        ("WF.HELD x CURSOR", "ERR"),
        ("WF.MPUSH q 2 only", "ERR"),
        ("WF.MPOP x 2 q", "ERR"),
    ]);
}

#[test]
fn numbers_out_of_range_are_refused() {
    all_refused(&[
        ("WF.PUSH q p PRIORITY -1", "ERR"),
        ("WF.PUSH q p PRIORITY 65536", "ERR"),
        ("WF.PUSH q p PRIORITY 1.5", "ERR"),
        ("WF.PUSH q p PRIORITY one", "ERR"),
        ("WF.PUSH q p PRIORITY \"\"", "ERR"),
        ("WF.PUSH q p PRIORITY 18446744073709551616", "ERR"),
        ("WF.PUSH q p PRIORITY \"1\\x00\"", "ERR"),
        ("WF.PUSH q p RETAIN -1", "ERR"),
        ("WF.PUSH q p RETAIN soon", "ERR"),
        ("WF.PUSH q p RETAIN 9223372036854775807", "ERR"),
        ("WF.PUSH q p RETAIN 18446744073709551615", "ERR"),
        ("WF.PUSH q p UNIQUE u FOR -1", "ERR"),
        ("WF.PUSH q p UNIQUE u FOR 9223372036854775807", "ERR"),
        ("WF.MPUSH q -1", "ERR"),
        ("WF.MPUSH q -1 p", "ERR"),
        ("WF.MPUSH q many p", "ERR"),
        ("WF.MPUSH q 9223372036854775807 p", "ERR"),
        ("WF.MPUSH q 18446744073709551615 p", "ERR"),
        ("WF.POP q x COUNT -1", "ERR"),
        ("WF.POP q x COUNT lots", "ERR"),
        ("WF.POP q x COUNT 18446744073709551616", "ERR"),
        ("WF.POP q x MAXPRIORITY -1", "ERR"),
        ("WF.POP q x MAXPRIORITY high", "ERR"),
        ("WF.POP q x BLOCK -1", "ERR"),
        ("WF.POP q x BLOCK 1.5", "ERR"),
        ("WF.POP q x BLOCK ever", "ERR"),
        ("WF.POP q x BLOCK 18446744073709551615", "ERR"),
        ("WF.POP q x TYPES -1 t", "ERR"),
        ("WF.POP q x TYPES 9223372036854775807 t", "ERR"),
        ("WF.POP q x EPOCH old", "ERR"),
        ("WF.MPOP x 0", "ERR"),
        ("WF.MPOP x -1 q", "ERR"),
        ("WF.MPOP x 9223372036854775807 q", "ERR"),
        ("WF.DONE q x first", "ERR"),
        ("WF.DONE q x $id FENCE high", "ERR"),
        ("WF.DONE q x $id EPOCH now", "ERR"),
        ("WF.DONE q x 1.5", "ERR"),
        ("WF.MDONE q x IDS 1 first", "ERR"),
        ("WF.MDONE q x IDS -1", "ERR"),
        ("WF.MDONE q x IDS 9223372036854775807 $id", "ERR"),
        ("WF.TOUCH q x $id PROGRESS 101", "ERR"),
        ("WF.TOUCH q x $id PROGRESS -1", "ERR"),
        ("WF.TOUCH q x $id PROGRESS half", "ERR"),
        ("WF.TASK q first", "ERR"),
        ("WF.LIST q COUNT -1", "ERR"),
        ("WF.LIST q CURSOR garbage", "ERR"),
        ("WF.HELD x CURSOR garbage", "ERR"),
        ("WF.HELD x COUNT -1", "ERR"),
        ("WF.RECOVER x COUNT -1", "ERR"),
        ("WF.RECOVER x QUEUES -1", "ERR"),
        ("WF.RECOVER x QUEUES 9223372036854775807 q", "ERR"),
        ("WF.SET q crashes -1", "ERR"),
        ("WF.SET q crashes 1.5", "ERR"),
        ("WF.SET q maxlen -1", "ERR"),
        ("WF.SET q retain 99999999999999999999", "ERR"),
    ]);
}

#[test]
fn what_is_said_about_a_task_of_somebody_else_is_refused() {
    all_refused(&[
        ("WF.DONE q y $id", "NOTOWNER"),
        ("WF.DONE q x $id FENCE 1", "NOTOWNER"),
        ("WF.FAIL q y $id", "NOTOWNER"),
        ("WF.TOUCH q y $id PROGRESS 5", "NOTOWNER"),
        ("WF.NEXT q y $id", "NOTOWNER"),
        ("WF.DONE q x 1", "NOTASK"),
        ("WF.FAIL q x 1", "NOTASK"),
        ("WF.TOUCH q x 1", "NOTASK"),
        ("WF.NEXT q x 1", "NOTASK"),
        ("WF.TASK q 1", "NOTASK"),
        ("WF.DONE q x 9007199254740991", "NOTASK"),
        ("WF.POP q y EPOCH 1", "STALE"),
        ("WF.DONE q x $id EPOCH 1", "STALE"),
        ("WF.RECOVER x EPOCH 1", "STALE"),
        ("WF.RECOVER y EPOCH 1", "STALE"),
    ]);
}

#[test]
fn nobody_but_the_server_applies_events() {
    all_refused(&[
        ("WF.APPLY q", "ERR"),
        ("WF.APPLY q x", "ERR"),
        ("WF.APPLY q \"\\x00\\x01\\x02\"", "ERR"),
        ("WF.APPLY x \"\"", "ERR"),
        ("WF.APPLY nowhere \"\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff\" blob", "ERR"),
    ]);
}

#[test]
fn an_error_line_cannot_be_broken_by_what_it_quotes() {
    let mut server = Server::start();
    let (mut client, ..) = furnished(&server);
    for line in [
        r#"WF.PUSH q p "a\r\nb""#,
        r#"WF.PUSH q p "\x00""#,
        r#"WF.PUSH q p "\xff\xfe""#,
        r#"WF.PUSH q p "%s%s%n%d""#,
        r#"WF.SET q "%s\r\n+OK" 1"#,
        "WF.PUSH q p @100000",
    ] {
        let failure = client.refused(line);
        assert_eq!(failure.code, "ERR", "{line}: {}", failure.text);
        assert!(failure.text.len() < 1000, "{line}: a refusal of {}", failure.text.len());
        assert_eq!(client.text("PING"), "PONG", "after {line}");
    }
    server.must_live();
}
