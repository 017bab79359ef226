//! Does a server that is full still drain?

use crate::support::{Client, Options, Reply, Server, wait_until};

/// Fills a server until it refuses to take more, then leaves no doubt about it; gives the number of
/// tasks it took.
fn fill(client: &mut Client) -> usize {
    let used: u64 = client.info("memory", "used_memory").parse().unwrap();
    client.cmd(&format!("CONFIG SET maxmemory {}", used + (4 << 20)));
    for taken in 0..100_000 {
        match client.try_cmd("WF.PUSH q @1000") {
            Ok(_) => {}
            Err(failure) => {
                assert_eq!(failure.code, "OOM", "{}", failure.text);
                client.cmd(&format!("CONFIG SET maxmemory {}", used + (3 << 20)));
                return taken;
            }
        }
    }
    panic!("it never is full");
}

#[test]
fn a_full_server_refuses_pushes_and_drains_to_the_end() {
    let mut server = Options::new().set("maxmemory-policy", "noeviction").start();
    let replica = Options::new().replica_of(&server).start();
    let mut client = server.client();
    crate::replication::in_step(&mut client, &mut replica.client());
    client.cmd("WF.PUSH q first RETAIN 600000");
    let task = client.map("WF.POP q keeper");
    let (id, fence) = (task.int("id"), task.int("fence"));
    let count = fill(&mut client);
    assert!(count > 500, "{count}");
    client.refused_as("OOM", "WF.MPUSH q 1 @1000");
    client.refused_as("OOM", "WF.PUSH newcomer x");
    assert_eq!(client.int("EXISTS newcomer"), 0);

    // What lets work go on and end is never refused.
    client.cmd(&format!("WF.TOUCH q keeper {id} FENCE {fence} PROGRESS 5 CHECKPOINT @1000"));
    client.refused_as("OOM", &format!("WF.TOUCH q keeper {id} CHECKPOINT @5000"));
    client.refused_as("OOM", &format!("WF.DONE q keeper {id} RESULT @5000"));
    assert_eq!(client.map(&format!("WF.TASK q {id}")).int("progress"), 5);
    let taken = client.maps("WF.POP q agent COUNT 5");
    assert_eq!(taken.len(), 5);
    let ids: Vec<i64> = taken.iter().map(|task| task.int("id")).collect();
    client.cmd(&format!("WF.DONE q agent {}", ids[0]));
    client.cmd(&format!("WF.FAIL q agent {} ERROR e", ids[1]));
    client.cmd(&format!("WF.NACK q agent IDS 1 {}", ids[2]));
    assert_eq!(client.map("WF.RECOVER agent").maps("tasks").len(), 2);
    assert_eq!(client.map("WF.RECOVER agent RELEASE").int("count"), 2);
    client.map("WF.RECOVER newcomer");
    client.map("WF.HELD agent");
    let mut drained = 0;
    loop {
        let tasks = client.maps("WF.POP q agent COUNT 50");
        if tasks.is_empty() {
            break;
        }
        let ids: Vec<String> = tasks.iter().map(|task| task.int("id").to_string()).collect();
        let line = format!("WF.MDONE q agent IDS {} {}", ids.len(), ids.join(" "));
        drained += usize::try_from(client.cmd(&line).ints().iter().sum::<i64>()).unwrap();
    }
    assert_eq!(drained, count - 2, "all but the one done and the one failed");
    client.cmd(&format!("WF.DONE q keeper {id} RESULT small"));
    assert_eq!(client.int("WF.LEN q"), 0);
    wait_until("there is room again", || client.try_cmd("WF.PUSH q x").is_ok());
    client.cmd("WF.CHECK q");
    let mut other = replica.client();
    crate::replication::in_step(&mut client, &mut other);
    assert_eq!(client.digest(), other.digest());
    server.must_live();
}

#[test]
fn pushes_from_scripts_are_refused_too() {
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client);
    let script = "EVAL \"return redis.call('WF.PUSH', 'q', 'x')\" 1 q";
    let failure = client.refused(script);
    assert!(failure.text.contains("OOM"), "{}", failure.text);
    client.cmd("MULTI");
    let failure = client.refused("WF.PUSH q x");
    assert_eq!(failure.code, "OOM");
    client.refused_as("EXECABORT", "EXEC");
}

#[test]
fn a_refused_push_leaves_no_trace() {
    let server = Server::start();
    let mut client = server.client();
    fill(&mut client);
    let digest = client.digest();
    for line in ["WF.PUSH q x UNIQUE k FOR 1000", "WF.MPUSH q 2 a b", "WF.PUSH p x"] {
        client.refused_as("OOM", line);
        assert_eq!(client.digest(), digest, "{line}");
    }
}

#[test]
fn what_comes_in_and_goes_out_again_leaves_no_memory_behind() {
    let server = Server::start();
    let mut client = server.client();
    let mut used = Vec::new();
    for _ in 0..4 {
        for _ in 0..10 {
            let mut words = vec!["WF.MPUSH".to_owned(), "q".to_owned(), "1000".to_owned()];
            words.extend((0..1000).map(|at| format!("payload {at}")));
            client.call(&words).unwrap();
            let ids: Vec<String> = client
                .maps("WF.POP q agent COUNT 1000")
                .iter()
                .map(|task| task.int("id").to_string())
                .collect();
            client.cmd(&format!("WF.MDONE q agent IDS 1000 {}", ids.join(" ")));
        }
        used.push(client.int("MEMORY USAGE q SAMPLES 0"));
    }
    assert!(used[3] <= used[0] + 20_000, "it grows for ever: {used:?}");
}
