//! Do workflows advance on a real server: in the same step, for whoever waits, through a crash?

use crate::support::traffic::Traffic;
use crate::support::{Client, Options, Reply, Server, Value, play, wait_until};

#[test]
fn a_waiting_pop_gets_the_child_in_the_step_of_its_last_parent() {
    play(
        "WF.SUBMIT q etl TASK a 1 TASK b 2 TASK c 3 AFTER 2 a b     => $w
         WF.POP q x COUNT 2                   => [{id $a, name a, ...}, {id $b, ...}]
         one> WF.POP q y BLOCK 0 WITHRESULTS  => (blocked)
         WF.WORKFLOW q $w                     => {state running, size 3, unfinished 3, ...}
         WF.DONE q x $a RESULT left           => OK
         one<                                 => (blocked)
         WF.DONE q x $b RESULT right          => OK
         one<                                 => {id $c, workflow $w, name c, \
                                                  results {a left, b right}, ...}
         WF.NEXT q y $c                       => nil
         WF.WORKFLOW q $w                     => !NOWORKFLOW",
    );
}

#[test]
fn a_workflow_as_a_document_and_its_mistakes() {
    play(
        r#"
        WF.SUBMIT q w JSON {"tasks":[{"name":"a","payload":"p"},{"name":"b","after":["a"]}]} => $w
        WF.WORKFLOW q $w => {name w, tasks [{name a, payload p, after [], ...}, \
            {name b, state waiting, after [a], afterany [], ...}], cursor "0", ...}
        WF.SUBMIT q w JSON {"tasks":[{"name":"a","after":["b"]},{"name":"b","after":["a"]}]} \
            => !BADDAG 'a' -> 'b' -> 'a' wait for one another
        WF.SUBMIT q w JSON nonsense          => !ERR JSON
        WF.LEN q                             => 2
        "#,
    );
}

#[test]
fn who_waits_for_an_end_is_told_it_and_nobody_else_is() {
    play(
        "WF.PUSH q x                          => $t
         WF.PUSH q y RETRIES 1                => $u
         WF.SUBMIT q w TASK a 1               => $w
         WF.WAIT q TASK $t                    => nil
         WF.WAIT q TASK $t BLOCK 20           => nil
         one> WF.WAIT q TASK $t BLOCK 0       => (blocked)
         two> WF.WAIT q TASK $t BLOCK 60000   => (blocked)
         three> WF.WAIT q WORKFLOW $w BLOCK 0 => (blocked)
         four> WF.WAIT q TASK $u BLOCK 0      => (blocked)
         WF.POP q x COUNT 9                   => [_, _, {id $a, ...}]
         WF.FAIL q x $u                       => ready
         four<                                => (blocked)
         # It is dropped as it ends, and its result is told all the same.
         WF.DONE q x $t RESULT good           => OK
         one<                                 => {id $t, state done, result good}
         two<                                 => {id $t, state done, result good}
         WF.WAIT q TASK $t BLOCK 0            => !NOTASK
         three<                               => (blocked)
         WF.DONE q x $a                       => OK
         three<                               => {id $w, state done}
         WF.WAIT q WORKFLOW $w                => !NOWORKFLOW
         WF.POP q x                           => {id $u, ...}
         WF.FAIL q x $u ERROR boom FATAL      => failed
         four<                                => {id $u, state failed, reason failed, error boom}
         WF.WAIT q TASK $u BLOCK 0            => {id $u, state failed, reason failed, error boom}
         WF.WAIT q                            => !ERR
         WF.WAIT missing TASK 5 BLOCK 0       => !NOTASK",
    );
}

#[test]
fn a_wait_ends_with_its_queue() {
    for gone in ["DEL q => 1", "RENAME q r => OK", "FLUSHALL => OK", "SET q text => OK"] {
        play(&format!(
            "WF.PUSH q x                      => $t
             WF.SUBMIT q w TASK a 1           => $w
             one> WF.WAIT q TASK $t BLOCK 0   => (blocked)
             two> WF.WAIT q WORKFLOW $w BLOCK 0 => (blocked)
             {gone}
             one<                             => !NOTASK
             two<                             => !NOWORKFLOW"
        ));
    }
}

#[test]
fn who_leaves_while_waiting_is_forgotten() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q x");
    for _ in 0..3 {
        let mut waiting = server.client();
        waiting.send(&format!("WF.WAIT q TASK {id} BLOCK 0"));
        wait_until("it waits", || client.info("clients", "blocked_clients") == "1");
        drop(waiting);
        wait_until("it is gone", || client.info("clients", "blocked_clients") == "0");
    }
    assert!(client.cmd(&format!("WF.WAIT q TASK {id} BLOCK 1")).is_nil());
    client.cmd("MULTI");
    client.cmd(&format!("WF.WAIT q TASK {id} BLOCK 0"));
    assert!(client.cmd("EXEC").list()[0].is_nil());
    client.cmd("WF.POP q a");
    client.cmd(&format!("WF.DONE q a {id}"));
    client.cmd("PING");
}

#[test]
fn a_resumed_workflow_serves_who_waits() {
    play(
        "WF.SUBMIT q w RETAIN 60000 TASK a 1  => $w
         WF.PAUSE q WORKFLOW $w               => OK
         one> WF.POP q x BLOCK 0              => (blocked)
         WF.PUSH q 2 WORKFLOW $w NAME b       => $b
         one<                                 => (blocked)
         WF.RESUME q WORKFLOW $w              => OK
         one<                                 => {name a, ...}
         WF.CANCEL q WORKFLOW $w              => {count 2, more 0}
         two> WF.POP q y BLOCK 0              => (blocked)
         WF.TASK q $b                         => {state cancelled, reason cancelled, ...}
         WF.RECOVER x FAIL                    => {count 1, ...}
         WF.RETRY q WORKFLOW $w               => {count 2, more 0}
         two<                                 => {name a, attempt 2, ...}",
    );
}

/// Takes and completes tasks of a queue until it is empty; tells how many.
fn work_off(client: &mut Client, agent: &str) -> usize {
    let mut done = 0;
    loop {
        let tasks = client.maps(&format!("WF.POP q {agent} COUNT 500"));
        if tasks.is_empty() {
            return done;
        }
        let ids: Vec<String> = tasks.iter().map(|task| task.int("id").to_string()).collect();
        let answer = client.cmd(&format!("WF.MDONE q {agent} IDS {} {}", ids.len(), ids.join(" ")));
        done += answer.list().iter().filter(|answer| answer.int() == 1).count();
    }
}

#[test]
fn tens_of_thousands_of_tasks_fan_out_and_in() {
    let server = Server::start();
    let mut client = server.client();
    const WIDTH: usize = 20_000;
    let mut words: Vec<String> =
        ["WF.SUBMIT", "q", "wide", "TASK", "first", ""].map(str::to_owned).into();
    let names: Vec<String> = (0..WIDTH).map(|nth| format!("m{nth}")).collect();
    // The last one first: the order in which tasks are named does not matter.
    words.extend(["TASK", "last", "", "AFTER", &WIDTH.to_string()].map(str::to_owned));
    words.extend(names.iter().cloned());
    for name in &names {
        words.extend(["TASK", name, name, "AFTER", "1", "first"].map(str::to_owned));
    }
    let id = client.call(&words).unwrap().int();
    assert_eq!(client.map(&format!("WF.WORKFLOW q {id} COUNT 1")).int("size"), WIDTH as i64 + 2);
    client.cmd("WF.CHECK q");
    assert_eq!(work_off(&mut client, "x"), WIDTH + 2);
    // It is dropped in slices.
    wait_until("nothing is left", || client.map("WF.INFO q").int("workflows") == 0);
    assert_eq!(client.int("WF.LEN q STATE done"), 0);
    client.cmd("WF.CHECK q");
}

#[test]
fn a_crash_in_the_middle_of_a_fan_in_loses_nothing_and_doubles_nothing() {
    let mut server = Options::new().append_only("always").start();
    let mut client = server.client();
    let names: Vec<String> = (0..60).map(|nth| format!("m{nth}")).collect();
    let tasks: String = names.iter().map(|name| format!(" TASK {name} p")).collect();
    let after = format!("AFTER 60 {}", names.join(" "));
    let id = client.int(&format!("WF.SUBMIT q w RETAIN 3600000{tasks} TASK sum s {after}"));
    let mut done = 0;
    for round in 0..6 {
        let agent = format!("agent-{}", round % 2);
        let left = client.map(&format!("WF.RECOVER {agent} QUEUES 1 q")).maps("tasks");
        let taken = client.maps(&format!("WF.POP q {agent} COUNT 9"));
        for task in left.iter().chain(&taken).take(10) {
            let (id, fence) = (task.int("id"), task.int("fence"));
            client.cmd(&format!("WF.DONE q {agent} {id} FENCE {fence} RESULT r"));
            done += 1;
        }
        server.kill();
        server.start_again();
        client = server.client();
        client.cmd("WF.CHECK q");
        let told = client.map(&format!("WF.WORKFLOW q {id}"));
        assert_eq!(told.int("unfinished"), 61 - done);
    }
    for agent in ["agent-0", "agent-1"] {
        client.cmd(&format!("WF.RECOVER {agent} RELEASE QUEUES 1 q"));
    }
    let before = client.digest();
    client.cmd("BGREWRITEAOF");
    wait_until("the log is rewritten", || {
        client.info("persistence", "aof_rewrite_in_progress") == "0"
    });
    server.restart();
    client = server.client();
    assert_eq!(client.digest(), before);
    assert_eq!(work_off(&mut client, "x") as i64, 61 - done);
    let told = client.map(&format!("WF.WORKFLOW q {id}"));
    assert_eq!((told.text("state"), told.int("unfinished")), ("done".to_owned(), 0));
    let sum = told.maps("tasks").into_iter().find(|task| task.text("name") == "sum").unwrap();
    assert_eq!(sum.int("attempts"), 1, "the last one ran once");
}

#[test]
fn a_replica_and_a_copy_hold_the_same_workflows() {
    let server = Server::start();
    let replica = Options::new().replica_of(&server).start();
    let (mut client, mut other) = (server.client(), replica.client());
    let mut submit = |tasks: &str| client.int(&format!("WF.SUBMIT q w RETAIN 3600000 {tasks}"));
    let first = submit("TASK a 1 TASK b 2 AFTER 1 a TASK c 3 AFTERANY 1 b TASK d 4 AFTER 2 b c");
    let second = submit("ONFAIL CONTINUE TASK a 1 TASK b 2 AFTER 1 a TASK c 3");
    let a = client.map("WF.POP q x").int("id");
    client.cmd(&format!("WF.NEXT q x {a}"));
    client.cmd("WF.POP q x COUNT 9");
    client.cmd(&format!("WF.PAUSE q WORKFLOW {second}"));
    client.cmd("WF.RECOVER x FAIL");
    client.cmd(&format!("WF.RETRY q WORKFLOW {first}"));
    client.cmd("COPY q copied");
    client.cmd("WAIT 1 5000");
    assert_eq!(other.digests(), client.digests());
    for id in [first, second] {
        let of = |client: &mut Client, key: &str| client.cmd(&format!("WF.WORKFLOW {key} {id}"));
        assert_eq!(of(&mut other, "q"), of(&mut client, "q"));
        assert!(matches!(of(&mut client, "copied"), Value::Map(_) | Value::Array(_)));
    }
    other.cmd("WF.CHECK q");
    Traffic::check(&mut client);
}

/// The entries of the stream of events, as `event id name owner`.
fn told(client: &mut Client, stream: &str) -> Vec<String> {
    let entries = client.cmd(&format!("XRANGE {stream} - +")).list();
    let line = |entry: &Value| {
        let fields = entry.list().remove(1).texts();
        let of = |name: &str| {
            let place = fields.iter().step_by(2).position(|field| field == name);
            place.map_or("", |place| fields[2 * place + 1].as_str()).to_owned()
        };
        let words = ["event", "id", "name", "owner"].map(of);
        words.join(" ").split_whitespace().collect::<Vec<_>>().join(" ")
    };
    entries.iter().map(line).collect()
}

#[test]
fn each_transition_is_an_entry_of_a_stream_once_also_on_a_replica() {
    let server = Options::new().append_only("always").start();
    let replica = Options::new().replica_of(&server).start();
    let (mut client, mut other) = (server.client(), replica.client());
    client.cmd("WF.SET q events log");
    assert_eq!((client.text("TYPE log"), client.int("XLEN log")), ("stream".into(), 0));
    let flow = client.int("WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 a");
    let a = client.map("WF.POP q x").int("id");
    let b = client.map(&format!("WF.NEXT q x {a}")).int("id");
    client.cmd(&format!("WF.FAIL q x {b} ERROR boom"));
    let late = client.int("WF.PUSH q y DELAY 30 TYPE t");
    wait_until("it is ready", || client.int("WF.LEN q STATE ready") == 1);
    client.cmd("MULTI");
    client.cmd("WF.POP q y");
    client.cmd(&format!("WF.NACK q y IDS 1 {late}"));
    client.cmd("EXEC");
    let expected = [
        format!("workflow-submitted {flow} w"),
        format!("ready {a} a"),
        format!("waiting {b} b"),
        format!("running {a} a x"),
        format!("done {a} a x"),
        format!("ready {b} b"),
        format!("running {b} b x"),
        format!("failed {b} b x"),
        format!("workflow-failed {flow} w"),
        format!("scheduled {late}"),
        format!("ready {late}"),
        format!("running {late} y"),
        format!("ready {late} y"),
    ];
    assert_eq!(told(&mut client, "log"), expected);
    client.cmd("WAIT 1 5000");
    assert_eq!(told(&mut other, "log"), expected);
    assert_eq!(other.digests(), client.digests());
    let digest = client.digest();
    client.cmd("DEBUG LOADAOF");
    assert_eq!(client.digest(), digest, "the log has each entry once, too");
    assert_eq!(client.map("WF.INFO q").text("events"), "log");
    // A consumer reads them as any stream.
    client.cmd("XGROUP CREATE log readers 0");
    assert!(!client.cmd("XREADGROUP GROUP readers me COUNT 5 STREAMS log >").is_nil());
}

#[test]
fn a_stream_that_is_gone_or_something_else_stops_nothing() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("SET text x");
    client.refused_as("WRONGTYPE", "WF.SET q events text");
    client.cmd("WF.SET q events log");
    client.cmd("DEL log");
    let id = client.int("WF.PUSH q x");
    client.cmd("SET log text");
    client.cmd("WF.POP q a");
    client.cmd(&format!("WF.DONE q a {id}"));
    assert_eq!(client.text("GET log"), "text");
    let lost = client.info("everything", "baton_events_lost").parse::<i64>().unwrap();
    assert_eq!(lost, 3);
    client.cmd("WF.SET q events \"\"");
    client.cmd("WF.PUSH q x");
    assert_eq!(client.info("everything", "baton_events_lost"), "3");
    assert!(!client.map("WF.INFO q").has("events"));
}
