//! Does the server's access control hold for keys that a command reaches on its own?
//!
//! Keys that are named in a command the server checks by the key specs. RECOVER and HELD open
//! queues nobody named; without the user's right to one of them the whole command is refused.

use crate::support::{Client, Reply, Server};

/// A connection as a user with these rules.
fn user(server: &Server, rules: &str) -> Client {
    let mut admin = server.client();
    admin.cmd(&format!("ACL SETUSER someone reset on nopass {rules}"));
    let mut client = server.client();
    client.cmd("AUTH someone \"\"");
    client
}

#[test]
fn keys_that_are_named_need_the_right_to_them() {
    let server = Server::start();
    let mut admin = server.client();
    admin.cmd("WF.PUSH secret x");
    admin.cmd("WF.POP secret boss");
    let digest = admin.digest();
    let mut someone = user(&server, "+@all ~jobs ~worker");
    for line in [
        "WF.PUSH secret x",
        "WF.MPUSH secret 1 x",
        "WF.POP secret worker",
        "WF.POP jobs boss",
        "WF.MPOP worker 2 jobs secret",
        "WF.MPOP boss 1 jobs",
        "WF.DONE secret worker 1",
        "WF.DONE jobs boss 1",
        "WF.MDONE secret worker IDS 1 1",
        "WF.NEXT jobs boss 1",
        "WF.FAIL secret worker 1",
        "WF.NACK secret worker IDS 1 1",
        "WF.TOUCH secret worker 1",
        "WF.RECOVER boss",
        "WF.RECOVER worker QUEUES 2 jobs secret",
        "WF.RECOVER worker COUNT 5 QUEUES 1 secret REQID r",
        "WF.HELD worker QUEUES 1 secret",
        "WF.HELD boss",
        "WF.OWNERS secret",
        "WF.TASK secret 1",
        "WF.LIST secret",
        "WF.LEN secret",
        "WF.INFO secret",
        "WF.SET secret crashes 3",
        "WF.CHECK secret",
    ] {
        someone.refused_as("NOPERM", line);
        assert_eq!(admin.digest(), digest, "{line}: refused, yet something changed");
    }
    someone.cmd("WF.PUSH jobs x");
    someone.cmd("WF.POP jobs worker");
    someone.cmd("WF.RECOVER worker QUEUES 1 jobs");
    someone.cmd("WF.HELD worker");
}

#[test]
fn queues_that_are_not_named_need_the_right_to_them_too() {
    let server = Server::start();
    let mut admin = server.client();
    for queue in ["jobs", "secret"] {
        admin.cmd(&format!("WF.PUSH {queue} x"));
        admin.cmd(&format!("WF.POP {queue} worker"));
    }
    let digest = admin.digest();
    let mut someone = user(&server, "+@all ~jobs ~worker");
    for line in [
        "WF.RECOVER worker",
        "WF.RECOVER worker KEEP",
        "WF.RECOVER worker RELEASE",
        "WF.RECOVER worker FAIL COUNT 1",
        "WF.RECOVER worker QUEUES 1 jobs",
        "WF.HELD worker",
        "WF.HELD worker COUNT 1",
        "WF.DRAIN worker RESET",
        "WF.DRAIN worker BLOCK 50 RESET",
    ] {
        someone.refused_as("NOPERM", line);
        assert_eq!(admin.digest(), digest, "{line}: refused, yet something changed");
    }
    // Inside a transaction and a script as well.
    someone.cmd("MULTI");
    someone.cmd("WF.RECOVER worker");
    assert_eq!(someone.cmd("EXEC").codes(), ["NOPERM"]);
    let failure = someone.refused("EVAL \"return redis.call('WF.RECOVER', 'worker')\" 0");
    assert!(failure.text.contains("NOPERM"), "{}", failure.text);
    assert_eq!(admin.digest(), digest);

    let mut trusted = user(&server, "+@all ~jobs ~worker ~secret");
    assert_eq!(trusted.map("WF.RECOVER worker").maps("tasks").len(), 2);
}

#[test]
fn who_resets_a_pool_needs_the_right_to_its_identities_and_their_queues() {
    let server = Server::start();
    let mut admin = server.client();
    admin.cmd("WF.POOL p SIZE 2 LEASE 60000");
    let epoch = admin.map("WF.ASSUME p").int("epoch");
    admin.cmd("WF.PUSH secret x");
    admin.cmd(&format!("WF.POP secret {{p}}:1 EPOCH {epoch}"));
    let digest = admin.digest();
    for rules in ["+@all ~p", "+@all ~p ~{p}:1 ~secret", "+@all ~p ~{p}:*", "+@all ~p ~secret"] {
        let mut someone = user(&server, rules);
        for line in ["WF.DRAIN p RESET", "WF.DRAIN p BLOCK 50 RESET"] {
            someone.refused_as("NOPERM", line);
            assert_eq!(admin.digest(), digest, "{rules}: {line} changed something");
        }
    }
    // A drain alone changes nothing but the pool.
    user(&server, "+@all ~p").cmd("WF.DRAIN p");
    let reset = user(&server, "+@all ~p ~{p}:* ~secret").map("WF.DRAIN p RESET");
    assert_eq!((reset.int("running"), reset.int("reset")), (0, 1));
}

#[test]
fn who_sets_a_stream_of_events_needs_the_right_to_it() {
    let server = Server::start();
    let mut admin = server.client();
    admin.cmd("WF.PUSH q x");
    let digest = admin.digest();
    user(&server, "+@all ~q").refused_as("NOPERM", "WF.SET q events log");
    assert_eq!(admin.digest(), digest);
    user(&server, "+@all ~q ~log").cmd("WF.SET q events log");
    // Whoever moves a task needs no right to the stream.
    user(&server, "+@all ~q ~worker").cmd("WF.POP q worker");
    assert_eq!(admin.int("XLEN log"), 1);
}

#[test]
fn reading_needs_no_right_to_write() {
    let server = Server::start();
    let mut admin = server.client();
    let id = admin.int("WF.PUSH q x");
    admin.cmd("WF.POP q worker");
    let digest = admin.digest();
    let mut reader = user(&server, "+@all %R~q %R~worker");
    for line in [
        "WF.LEN q",
        "WF.LIST q",
        "WF.OWNERS q",
        "WF.INFO q",
        "WF.INFO worker",
        "WF.CHECK q",
        &format!("WF.TASK q {id}"),
    ] {
        reader.cmd(line);
    }
    for line in [
        "WF.PUSH q x",
        "WF.MPUSH q 1 x",
        "WF.POP q worker",
        "WF.MPOP worker 1 q",
        "WF.RECOVER worker",
        "WF.SET q crashes 3",
        &format!("WF.DONE q worker {id}"),
        &format!("WF.MDONE q worker IDS 1 {id}"),
        &format!("WF.NEXT q worker {id}"),
        &format!("WF.FAIL q worker {id}"),
        &format!("WF.NACK q worker IDS 1 {id}"),
        &format!("WF.TOUCH q worker {id}"),
    ] {
        reader.refused_as("NOPERM", line);
    }
    assert_eq!(admin.digest(), digest);
    // The right to read a queue is not enough to recover what is held in it.
    let mut half = user(&server, "+@all %R~q ~worker");
    half.refused_as("NOPERM", "WF.RECOVER worker");
    half.refused_as("NOPERM", "WF.RECOVER worker RELEASE");
    assert_eq!(admin.digest(), digest);
}

#[test]
fn each_command_can_be_given_and_taken_by_name() {
    let server = Server::start();
    let mut producer = user(&server, "~* +wf.push +wf.len");
    producer.cmd("WF.PUSH q x");
    producer.cmd("WF.LEN q");
    for line in ["WF.POP q a", "WF.RECOVER a", "WF.SET q crashes 3", "WF.APPLY q x"] {
        producer.refused_as("NOPERM", line);
    }
    let mut all_but = user(&server, "~* +@all -wf.set");
    all_but.cmd("WF.POP q a");
    all_but.refused_as("NOPERM", "WF.SET q crashes 3");
}

#[test]
fn nobody_may_apply_events_however_many_rights_he_has() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.PUSH q x");
    let digest = client.digest();
    let mut king = user(&server, "+@all ~*");
    for client in [&mut client, &mut king] {
        for line in ["WF.APPLY q x", "WF.APPLY q \"\" \"\""] {
            client.refused(line);
        }
        client.cmd("MULTI");
        client.cmd("WF.APPLY q x");
        assert_eq!(client.cmd("EXEC").codes(), ["ERR"]);
        client.refused("EVAL \"return redis.call('WF.APPLY', 'q', 'x')\" 0");
    }
    assert_eq!(client.digest(), digest);
}

#[test]
fn commands_have_the_usual_categories_where_the_server_knows_them() {
    let server = Server::start();
    let mut client = server.client();
    if client.is_redis_7_0() {
        return;
    }
    // HELD settles what a recovery did not get to, so it is no matter of reading alone.
    for (category, members, others) in [
        (
            "write",
            "wf.push wf.mpush wf.pop wf.mpop wf.done wf.mdone wf.next wf.fail wf.nack \
            wf.touch wf.recover wf.set wf.held",
            "wf.len wf.list wf.task",
        ),
        ("read", "wf.len wf.list wf.task wf.info wf.owners wf.check", "wf.push wf.pop"),
        ("blocking", "wf.pop wf.mpop wf.next", "wf.push wf.done"),
        ("dangerous", "wf.apply", "wf.push wf.pop wf.done"),
    ] {
        let listed = client.cmd(&format!("ACL CAT {category}")).texts();
        for name in members.split_whitespace() {
            assert!(listed.iter().any(|listed| listed == name), "{name} is not in @{category}");
        }
        for name in others.split_whitespace() {
            assert!(!listed.iter().any(|listed| listed == name), "{name} is in @{category}");
        }
    }
    let mut safe = user(&server, "~* +@all -@dangerous");
    safe.refused_as("NOPERM", "WF.APPLY q x");
    let mut reader = user(&server, "~* +@read");
    reader.cmd("WF.LEN q");
    reader.refused_as("NOPERM", "WF.PUSH q x");
}

#[test]
fn a_queue_that_the_server_did_not_see_named_is_not_opened() {
    let server = Server::start();
    let mut admin = server.client();
    admin.cmd("WF.PUSH secret x");
    admin.cmd("WF.POP secret worker");
    let digests = admin.digest();
    let mut someone = user(&server, "+@all ~jobs ~worker");
    // The server checks what follows the first word QUEUES, and nothing else may be taken for it.
    for line in [
        "WF.HELD worker QUEUES 1 jobs QUEUES 1 secret",
        "WF.RECOVER worker QUEUES 1 jobs QUEUES 1 secret",
        "WF.RECOVER worker REQID QUEUES QUEUES 1 secret",
    ] {
        let failure = someone.refused(line);
        assert!(["ERR", "NOPERM"].contains(&failure.code.as_str()), "{line}: {}", failure.text);
        assert_eq!(admin.digest(), digests, "{line}");
    }
}
