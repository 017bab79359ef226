//! How do the keys behave among the server's own mechanisms: events, WATCH, expiry, overwriting?

use crate::support::{Client, Options, Reply, Server, Value, play, wait_until};
use std::collections::BTreeSet;

/// A subscriber that can say which events a command caused.
struct Listener {
    subscriber: Client,
    speaker: Client,
}

impl Listener {
    fn start(server: &Server) -> Self {
        let mut subscriber = server.client();
        subscriber.send("PSUBSCRIBE __keyevent@0__:* mark");
        for _ in 0..2 {
            subscriber.receive().unwrap();
        }
        Listener { subscriber, speaker: server.client() }
    }

    /// Says a line and gives its reply and the events it caused, as `event key`.
    fn says(&mut self, line: &str) -> (Value, BTreeSet<String>) {
        let reply = self.speaker.try_cmd(line).unwrap_or(Value::Nil);
        (reply, self.heard())
    }

    /// The events until now.
    fn heard(&mut self) -> BTreeSet<String> {
        self.speaker.cmd("PUBLISH mark here");
        let mut events = BTreeSet::new();
        loop {
            let message = self.subscriber.receive().unwrap().list();
            let (channel, content) = (message[2].text(), message[3].text());
            match channel.strip_prefix("__keyevent@0__:") {
                Some(event) => events.insert(format!("{event} {content}")),
                None => return events,
            };
        }
    }
}

#[test]
fn every_change_is_an_event_and_a_refusal_is_none() {
    let server = Options::new().set("notify-keyspace-events", "KEA").start();
    let mut listener = Listener::start(&server);
    let mut ids = Vec::new();
    for (line, wanted) in [
        ("WF.PUSH q x", "wf.push q"),
        ("WF.MPUSH q 7 a b c d e f g", "wf.push q"),
        ("WF.POP q agent", "wf.pop q, wf.agent agent"),
        ("WF.POP q agent COUNT 5", "wf.pop q"),
        ("WF.POP q agent TYPES 1 none", ""),
        ("WF.TOUCH q agent $0 PROGRESS 5", "wf.touch q"),
        ("WF.TOUCH q stranger $0 PROGRESS 5", ""),
        ("WF.DONE q agent $0", "wf.done q"),
        ("WF.DONE q agent $0", ""),
        ("WF.DONE q agent 5", ""),
        ("WF.MDONE q agent IDS 2 $1 5", "wf.done q"),
        ("WF.FAIL q agent $2", "wf.fail q"),
        ("WF.NACK q agent IDS 1 $3", "wf.nack q"),
        ("WF.NACK q agent IDS 1 $3", ""),
        ("WF.NEXT q agent $4", "wf.done q, wf.pop q"),
        ("WF.RECOVER agent", "wf.recover q, wf.agent agent"),
        ("WF.RECOVER newcomer", "wf.agent newcomer"),
        ("WF.RECOVER agent EPOCH 5", ""),
        ("WF.LEN q", ""),
        ("WF.LIST q", ""),
        ("WF.HELD agent", ""),
        ("WF.CHECK q", ""),
    ] {
        let mut said = line.to_owned();
        for (at, id) in ids.iter().enumerate() {
            said = said.replace(&format!("${at}"), &format!("{id}"));
        }
        let (reply, events) = listener.says(&said);
        match line {
            "WF.POP q agent" => ids.push(reply.map().int("id")),
            "WF.POP q agent COUNT 5" => {
                ids.extend(reply.maps().iter().map(|task| task.int("id")));
            }
            _ => {}
        }
        let wanted: BTreeSet<String> =
            wanted.split(", ").filter(|event| !event.is_empty()).map(str::to_owned).collect();
        assert_eq!(events, wanted, "{said}");
    }
}

#[test]
fn a_woken_client_is_an_event_like_any_other() {
    let server = Options::new().set("notify-keyspace-events", "KEA").start();
    let mut listener = Listener::start(&server);
    let mut waiting = server.client();
    waiting.send("WF.POP q agent BLOCK 0");
    wait_until("it waits", || listener.speaker.info("clients", "blocked_clients") == "1");
    listener.heard();
    listener.speaker.cmd("WF.PUSH q x");
    waiting.receive().unwrap();
    let events = listener.heard();
    for wanted in ["wf.push q", "wf.pop q", "wf.agent agent"] {
        assert!(events.contains(wanted), "{events:?}");
    }
}

#[test]
fn there_are_no_events_unless_they_are_asked_for() {
    let server = Options::new().set("notify-keyspace-events", "KEg").start();
    let mut listener = Listener::start(&server);
    assert_eq!(listener.says("WF.PUSH q x").1, BTreeSet::new());
    assert_eq!(listener.says("DEL q").1, BTreeSet::from(["del q".to_owned()]));
}

/// Whether a transaction that watches a key is let through after another client said a line.
fn survives(server: &Server, key: &str, line: &str) -> bool {
    let mut watching = server.client();
    watching.cmd(&format!("WATCH {key}"));
    let _ = server.client().try_cmd(line);
    watching.cmd("MULTI");
    watching.cmd("PING");
    !watching.cmd("EXEC").is_nil()
}

#[test]
fn a_watched_queue_is_touched_by_changes_and_by_nothing_else() {
    let server = Server::start();
    let mut client = server.client();
    let ids = client.cmd("WF.MPUSH q 9 a b c d e f g h i").ints();
    client.cmd("WF.POP q agent COUNT 8 REQID r");
    let id = |at: usize| ids[at];
    let changes = [
        format!("WF.TOUCH q agent {} PROGRESS 1", id(0)),
        format!("WF.DONE q agent {}", id(0)),
        format!("WF.MDONE q agent IDS 1 {}", id(1)),
        format!("WF.FAIL q agent {}", id(2)),
        format!("WF.NACK q agent IDS 1 {}", id(3)),
        format!("WF.NEXT q agent {}", id(4)),
        "WF.PUSH q x UNIQUE u".to_owned(),
        "WF.MPUSH q 1 x".to_owned(),
        "WF.POP q agent".to_owned(),
        "WF.MPOP agent 1 q".to_owned(),
        "WF.SET q crashes 7".to_owned(),
        "WF.RECOVER agent".to_owned(),
    ];
    for line in &changes {
        assert!(!survives(&server, "q", line), "{line} was not noticed");
    }
    let id = client.map("WF.HELD agent").ids()[0];
    let others = [
        "WF.LEN q".to_owned(),
        "WF.LIST q".to_owned(),
        "WF.INFO q".to_owned(),
        "WF.OWNERS q".to_owned(),
        "WF.HELD agent".to_owned(),
        "WF.CHECK q".to_owned(),
        format!("WF.TASK q {id}"),
        "WF.POP q agent TYPES 1 none".to_owned(),
        "WF.PUSH q x UNIQUE u".to_owned(),
        "WF.PUSH q x SHINY".to_owned(),
        "WF.PUSH other x".to_owned(),
        format!("WF.DONE q stranger {id}"),
        format!("WF.DONE q agent {id} FENCE 5"),
        format!("WF.DONE q agent {id} EPOCH 5"),
        format!("WF.MDONE q stranger IDS 1 {id}"),
        format!("WF.NACK q stranger IDS 1 {id}"),
        format!("WF.TOUCH q stranger {id} PROGRESS 5"),
        format!("WF.FAIL q stranger {id}"),
        format!("WF.DONE q agent {}", ids[0]),
    ];
    for line in &others {
        assert!(survives(&server, "q", line), "{line} counted as a change");
    }
}

#[test]
fn a_watched_missing_queue_is_touched_by_the_first_push_only() {
    let server = Server::start();
    assert!(survives(&server, "q", "WF.POP q agent"));
    assert!(survives(&server, "q", "WF.LEN q"));
    assert!(!survives(&server, "q", "WF.PUSH q x"));
}

#[test]
fn an_agent_is_written_by_its_first_taking_and_its_recoveries_only() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 5 a b c d e");
    client.cmd("WF.PUSH p x");
    assert!(!survives(&server, "agent", "WF.POP q agent"), "the first taking writes it");
    let id = client.map("WF.HELD agent").ids()[0];
    for line in [
        "WF.POP q agent".to_owned(),
        "WF.POP q agent COUNT 1".to_owned(),
        format!("WF.TOUCH q agent {id}"),
        format!("WF.NEXT q agent {id}"),
        "WF.HELD agent".to_owned(),
        "WF.RECOVER agent EPOCH 5".to_owned(),
    ] {
        assert!(survives(&server, "agent", &line), "{line} wrote the agent");
    }
    assert!(!survives(&server, "agent", "WF.POP p agent"), "a new queue writes it");
    assert!(!survives(&server, "agent", "WF.RECOVER agent"));
}

#[test]
fn an_expired_queue_is_gone_with_its_tasks() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q x");
    client.cmd("WF.POP q agent");
    client.cmd("PEXPIRE q 40");
    wait_until("it is gone", || client.int("EXISTS q") == 0);
    client.refused_as("NOTASK", &format!("WF.DONE q agent {id}"));
    assert_eq!(client.map("WF.RECOVER agent").texts("missing"), ["q"]);
    client.cmd("WF.PUSH q y");
    assert_eq!(client.int("WF.LEN q"), 1);
    assert_eq!(client.int("TTL q"), -1);
}

#[test]
fn an_expired_key_is_gone_before_it_is_swept() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("DEBUG SET-ACTIVE-EXPIRE 0");
    let id = client.int("WF.PUSH q x");
    let epoch = client.map("WF.RECOVER agent").int("epoch");
    client.cmd("WF.POP q agent");
    client.cmd("PEXPIRE q 20");
    client.cmd("PEXPIRE agent 20");
    wait_until("its time is over", || client.int("PTTL q") < 0 && client.int("PTTL agent") < 0);
    assert_eq!(client.int("WF.LEN q"), 0);
    client.refused_as("STALE", &format!("WF.POP q agent EPOCH {epoch}"));
    client.refused_as("NOTASK", &format!("WF.DONE q agent {id}"));
    assert!(client.cmd("WF.POP q agent").is_nil());
    assert!(client.map("WF.RECOVER agent").int("epoch") > epoch);
}

#[test]
fn a_time_to_live_is_not_taken_away_by_working_on_the_key() {
    play(
        r#"
        WF.PUSH q x                     => $id
        WF.POP q agent                  => _
        EXPIRE q 1000                   => 1
        EXPIRE agent 1000               => 1
        WF.PUSH q y                     => _
        WF.TOUCH q agent $id PROGRESS 1 => _
        WF.DONE q agent $id             => OK
        WF.RECOVER agent                => _
        WF.SET q crashes 5              => OK
        TTL q                           => 1..1000
        TTL agent                       => 1..1000
        PERSIST q                       => 1
        TTL q                           => -1
        "#,
    );
}

#[test]
fn a_queue_overwritten_by_another_type_is_gone() {
    play(
        r#"
        WF.PUSH q x                     => $id
        WF.POP q agent                  => {id $id, ...}
        SET q text                      => OK
        WF.DONE q agent $id             => !WRONGTYPE
        WF.PUSH q y                     => !WRONGTYPE
        WF.PUSH p y                     => $p
        WF.POP p agent                  => {id $p, ...}
        DEL q                           => 1
        WF.DONE q agent $id             => !NOTASK
        WF.RECOVER agent                => {tasks [{id $p, ...}], missing [q], ...}
        "#,
    );
}

#[test]
fn an_agent_overwritten_by_another_type_can_be_made_anew() {
    play(
        r#"
        WF.PUSH q x                     => $id
        WF.POP q agent                  => {id $id, ...}
        SET agent text                  => OK
        WF.POP q agent                  => !WRONGTYPE
        WF.RECOVER agent                => !WRONGTYPE
        DEL agent                       => 1
        WF.RECOVER agent QUEUES 1 q     => {tasks [{id $id, ...}], ...}
        "#,
    );
}

#[test]
fn a_script_may_speak_either_protocol() {
    play(
        r#"
        WF.PUSH q x     => $id
        EVAL "redis.setresp(3) local t = redis.call('WF.POP', 'q', 'a') return {t.map.id, \
            t.map.payload}" 0                                                 => [$id, x]
        EVAL "local t = redis.call('WF.HELD', 'a') return #t[2]" 0            => 1
        EVAL "redis.setresp(3) return #redis.call('WF.HELD', 'a').map.tasks" 0  => 1
        EVAL "return redis.pcall('WF.DONE', 'q', 'b', ARGV[1])" 0 $id         => !NOTOWNER
        EVAL "return redis.call('WF.POP', 'q', 'a') == false" 0               => 1
        "#,
    );
}

#[test]
fn transactions_and_scripts_are_all_or_nothing_for_others() {
    play(
        r#"
        MULTI                                         => OK
        WF.PUSH q x                                   => _
        WF.PUSH q                                     => !ERR
        EXEC                                          => !EXECABORT
        EXISTS q                                      => 0
        MULTI                                         => OK
        WF.PUSH q x                                   => _
        WF.DONE q agent 5                             => _
        WF.POP q agent                                => _
        EXEC                                          => [$id, _, {id $id, ...}]
        WF.DONE q agent $id                           => OK
        EVAL "local id = redis.call('WF.PUSH', 'q', 'x') local task = redis.call('WF.POP', \
            'q', 'a') return {id, task[2], redis.call('WF.DONE', 'q', 'a', id).ok}" 0  \
            => [$x, $x, OK]
        WF.LEN q                                      => 0
        "#,
    );
}
