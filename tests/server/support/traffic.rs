//! What do a thousand mixed commands look like?
//!
//! A seeded generator: producers and agents over a few queues, with and without numbers, fences
//! and epochs that are right; pools whose identities are assumed, beat, retire and drain (`fleet`);
//! workflows submitted, grown and steered (`flows`); plain, inside MULTI, inside a script, and as
//! blocked pops; now and then a key command under their feet. It remembers what was handed out, so
//! that most of what it says makes sense, and counts the answers, so that a test can demand that
//! most of it did.

mod fleet;
mod flows;
mod stops;

use super::client::{Answer, Client};
use super::reply::Reply;
use super::seed::Rng;
use super::server::Server;
use super::wait::wait_until;
use fleet::{FLEET, MEMBERS, POOLS};
use redis::Value;
use std::collections::{BTreeMap, BTreeSet};

type Words = Vec<Vec<u8>>;

const QUEUES: [&str; 3] = ["jobs", "mails", "builds"];
const AGENTS: [&str; 4] = ["ann", "bob", "cid", "dan"];
const TYPES: [&str; 3] = ["text", "image", "sound"];
const SCRIPT: &str = "local replies = {} local from = 2 \
    for _, count in ipairs(cjson.decode(ARGV[1])) do local words = {} \
    for at = from, from + count - 1 do words[#words + 1] = ARGV[at] end from = from + count \
    replies[#replies + 1] = redis.pcall(unpack(words)) end return replies";

/// A task that an agent was given.
#[derive(Clone, Debug)]
struct Held {
    queue: String,
    agent: String,
    id: i64,
    fence: i64,
}

/// The generator and its two connections.
pub(crate) struct Traffic {
    rng: Rng,
    main: Client,
    waiting: Client,
    held: Vec<Held>,
    epochs: BTreeMap<String, i64>,
    /// Who has a lease, and so must give its epoch.
    leased: BTreeSet<String>,
    /// Which agents retired and were not recovered since.
    retired: BTreeSet<String>,
    /// Which pools were made.
    pools: BTreeSet<String>,
    /// Workflows that were submitted, by queue and id.
    flows: Vec<(String, i64)>,
    /// Which agents, pools and queues drain.
    stopped: BTreeSet<String>,
    /// Whether what is said now is answered at once, since it is in a transaction or a script.
    at_once: bool,
    /// Whether to use retentions that end while the test runs.
    pub(crate) short_lives: bool,
    /// Whether to delete, rename, copy and expire keys.
    pub(crate) key_commands: bool,
    /// How often each outcome was seen: `ok`, or the code of a refusal.
    pub(crate) outcomes: BTreeMap<String, usize>,
    /// How often each command was accepted.
    accepted: BTreeMap<String, usize>,
}

fn words(parts: &[&str]) -> Words {
    parts.iter().map(|part| part.as_bytes().to_vec()).collect()
}

fn add(words: &mut Words, parts: &[&str]) {
    words.extend(parts.iter().map(|part| part.as_bytes().to_vec()));
}

impl Traffic {
    /// Traffic for one server.
    pub(crate) fn new(server: &Server, rng: Rng) -> Self {
        Traffic {
            rng,
            main: server.client(),
            waiting: server.client(),
            held: Vec::new(),
            epochs: BTreeMap::new(),
            leased: BTreeSet::new(),
            retired: BTreeSet::new(),
            pools: BTreeSet::new(),
            flows: Vec::new(),
            stopped: BTreeSet::new(),
            at_once: false,
            short_lives: false,
            key_commands: false,
            outcomes: BTreeMap::new(),
            accepted: BTreeMap::new(),
        }
    }

    /// Runs about `count` commands, and demands that they were not mostly refused.
    pub(crate) fn run(&mut self, count: usize) {
        let mut said = 0;
        while said < count {
            said += match self.rng.below(20) {
                0..=1 => self.transaction(),
                2..=3 => self.script(),
                4 => self.blocked_pop(),
                5 if self.key_commands => self.key_command(),
                _ => self.plain(),
            };
        }
        if !self.short_lives {
            self.calm_down();
        }
        let all: usize = self.outcomes.values().sum();
        let good = self.outcomes.get("ok").copied().unwrap_or(0);
        assert!(all < 200 || good * 10 > all * 6, "too much was refused: {:?}", self.outcomes);
        assert!(!self.outcomes.contains_key("LOST"), "{:?}", self.outcomes);
        let seen = |verb: &&&str| self.accepted.get(**verb).is_some_and(|count| *count >= 5);
        let unseen: Vec<_> =
            FLEET.iter().chain(&["WF.POP", "WF.DONE", "WF.SUBMIT"]).filter(|v| !seen(v)).collect();
        assert!(all < 1_500 || unseen.is_empty(), "hardly ever accepted: {unseen:?}");
    }

    /// Asks every queue and agent whether its invariants hold.
    #[track_caller]
    pub(crate) fn check(client: &mut Client) {
        let agents = AGENTS.iter().chain(&MEMBERS).chain(&POOLS);
        for key in QUEUES.iter().chain(agents).chain(&["aside", "copied"]) {
            if client.int(&format!("EXISTS {key}")) == 1 {
                client.cmd(&format!("WF.CHECK {key}"));
            }
        }
    }

    /// What is due at once, such as telling a pool's identities something, the timer does.
    fn calm_down(&mut self) {
        let mut before = String::new();
        wait_until("nothing changes any more", || {
            let now = self.main.digest();
            std::mem::replace(&mut before, now.clone()) == now
        });
    }

    fn plain(&mut self) -> usize {
        let said = self.command();
        let answer = self.main.call(&said);
        self.learn(&said, &answer);
        1
    }

    /// What is said in one transaction or script.
    fn batch(&mut self) -> Vec<Words> {
        self.at_once = true;
        let batch = (0..1 + self.rng.below(4)).map(|_| self.command()).collect();
        self.at_once = false;
        batch
    }

    fn transaction(&mut self) -> usize {
        let batch = self.batch();
        self.main.cmd("MULTI");
        for said in &batch {
            self.main.call(said).expect("queued");
        }
        let replies = self.main.cmd("EXEC").list();
        self.learn_all(&batch, &replies)
    }

    fn script(&mut self) -> usize {
        let batch = self.batch();
        let counts: Vec<usize> = batch.iter().map(Vec::len).collect();
        let mut said = words(&["EVAL", SCRIPT, "0", &format!("{counts:?}")]);
        said.extend(batch.iter().flatten().cloned());
        let replies = self.main.call(&said).expect("a script").list();
        self.learn_all(&batch, &replies)
    }

    fn learn_all(&mut self, batch: &[Words], replies: &[Value]) -> usize {
        assert_eq!(batch.len(), replies.len(), "{batch:?} {replies:?}");
        for (said, reply) in batch.iter().zip(replies) {
            let answer = match reply {
                Value::ServerError(error) => Err(super::Failure {
                    code: error.code().to_owned(),
                    text: error.details().unwrap_or_default().to_owned(),
                }),
                value => Ok(value.clone()),
            };
            self.learn(said, &answer);
        }
        batch.len()
    }

    fn blocked_pop(&mut self) -> usize {
        let (queue, agent) = (self.queue(), self.agent());
        let mut said = words(&["WF.POP", &queue, &agent, "TYPES", "1", "urgent", "BLOCK", "0"]);
        self.epoch(&agent, &mut said);
        let number = self.waiting.int("CLIENT ID");
        // Where nothing is handed out it would wait for ever.
        let _ = self.main.call(&words(&["WF.RESUME", &queue]));
        self.waiting.send_words(&said).expect("sent");
        wait_until("the blocking pop has reached the server", || {
            let listed = self.main.text(&format!("CLIENT LIST ID {number}"));
            listed.contains(" cmd=wf.pop ")
        });
        let push = words(&["WF.PUSH", &queue, "now", "TYPE", "urgent"]);
        let pushed = self.main.call(&push);
        self.learn(&push, &pushed);
        let answer = self.waiting.receive();
        self.learn(&said, &answer);
        2
    }

    fn key_command(&mut self) -> usize {
        let (queue, agent) = (self.queue(), self.agent());
        let said = match self.rng.below(9) {
            0 => {
                self.over(&agent);
                words(&["DEL", &agent])
            }
            8 => {
                let pool = self.rng.pick(&POOLS);
                self.pools.remove(pool);
                self.stopped.remove(pool);
                words(&["DEL", pool])
            }
            1 => words(&["UNLINK", &queue]),
            2 => words(&["RENAME", &queue, "aside"]),
            3 => words(&["RENAME", "aside", &queue]),
            4 => words(&["COPY", &queue, "copied", "REPLACE"]),
            5 => words(&["RENAME", "copied", &queue]),
            6 => words(&["PEXPIRE", &queue, "86400000"]),
            _ => words(&["PERSIST", &queue]),
        };
        // A refusal is fine: the key may not be there.
        let _ = self.main.call(&said);
        1
    }

    fn queue(&mut self) -> String {
        self.rng.pick(&QUEUES).to_owned()
    }

    fn command(&mut self) -> Words {
        match self.rng.below(33) {
            30..=32 => self.flow(),
            0..=4 => self.push(),
            5 => self.mpush(),
            6..=9 => self.pop(),
            10 => self.mpop(),
            11..=13 => self.done(),
            14 => self.mdone(),
            15..=16 => self.next_task(),
            17 => self.fail(),
            18 => self.nack(),
            19..=20 => self.touch(),
            21 => self.recover(),
            22 => self.settings(),
            23..=24 => self.operate(),
            25..=28 => self.fleet(),
            _ => self.read(),
        }
    }

    fn push(&mut self) -> Words {
        let mut said = words(&["WF.PUSH", &self.queue()]);
        said.push(self.rng.bytes(60));
        self.push_options(&mut said);
        if self.rng.one_in(5) {
            add(&mut said, &["NAME", "a name"]);
        }
        if self.rng.one_in(4) {
            let key = format!("key-{}", self.rng.below(30));
            add(&mut said, &["UNIQUE", &key]);
            if self.rng.one_in(2) {
                add(&mut said, &["FOR", if self.short_lives { "5" } else { "3600000" }]);
            }
        }
        said
    }

    fn push_options(&mut self, said: &mut Words) {
        if self.rng.one_in(3) {
            add(said, &["TYPE", self.rng.pick(&TYPES)]);
        }
        if self.rng.one_in(3) {
            add(said, &["PRIORITY", &self.rng.below(5).to_string()]);
        }
        if self.rng.one_in(4) {
            add(said, &["RETAIN", if self.short_lives { "5" } else { "3600000" }]);
        }
        self.time_options(said);
    }

    fn mpush(&mut self) -> Words {
        let count = 1 + self.rng.below(8);
        let mut said = words(&["WF.MPUSH", &self.queue(), &count.to_string()]);
        for _ in 0..count {
            said.push(self.rng.bytes(20));
        }
        self.push_options(&mut said);
        said
    }

    fn take_options(&mut self, agent: &str, said: &mut Words) {
        if self.rng.one_in(3) {
            let count = 1 + self.rng.below(6);
            add(said, &["COUNT", &count.to_string()]);
        }
        if self.rng.one_in(4) {
            add(said, &["TYPES", "2", self.rng.pick(&TYPES), self.rng.pick(&TYPES)]);
        }
        if self.rng.one_in(5) {
            add(said, &["MAXPRIORITY", &self.rng.below(4).to_string()]);
        }
        if self.rng.one_in(5) {
            let request = format!("request-{}", self.rng.below(20));
            add(said, &["REQID", &request]);
        }
        self.epoch(agent, said);
    }

    fn pop(&mut self) -> Words {
        let agent = self.agent();
        let mut said = words(&["WF.POP", &self.queue(), &agent]);
        self.take_options(&agent, &mut said);
        said
    }

    fn mpop(&mut self) -> Words {
        let agent = self.agent();
        let mut said = words(&["WF.MPOP", &agent, "2", &self.queue(), &self.queue()]);
        self.take_options(&agent, &mut said);
        said
    }

    /// A held task, mostly forgotten by being chosen; or one that nobody ever had.
    fn a_held(&mut self) -> Held {
        if self.held.is_empty() || self.rng.one_in(20) {
            return Held { queue: self.queue(), agent: self.agent(), id: 12345, fence: 1 };
        }
        let at = self.rng.below(self.held.len());
        if self.rng.one_in(6) { self.held[at].clone() } else { self.held.swap_remove(at) }
    }

    fn fenced(&mut self, held: &Held, said: &mut Words) {
        if self.rng.one_in(2) {
            add(said, &["FENCE", &held.fence.to_string()]);
        }
        self.epoch(&held.agent, said);
    }

    fn about(&mut self, verb: &str) -> (Held, Words) {
        let held = self.a_held();
        let said = words(&[verb, &held.queue, &held.agent, &held.id.to_string()]);
        (held, said)
    }

    fn done(&mut self) -> Words {
        let (held, mut said) = self.about("WF.DONE");
        self.fenced(&held, &mut said);
        if self.rng.one_in(3) {
            add(&mut said, &["RESULT"]);
            said.push(self.rng.bytes(40));
        }
        said
    }

    fn next_task(&mut self) -> Words {
        let (held, mut said) = self.about("WF.NEXT");
        if self.rng.one_in(2) {
            add(&mut said, &["FENCE", &held.fence.to_string()]);
        }
        self.take_options(&held.agent, &mut said);
        said
    }

    fn fail(&mut self) -> Words {
        let (held, mut said) = self.about("WF.FAIL");
        self.fenced(&held, &mut said);
        if self.rng.one_in(2) {
            add(&mut said, &["ERROR", "it broke"]);
        }
        if self.rng.one_in(4) {
            let delay = self.moment();
            add(&mut said, &["DELAY", &delay]);
        }
        said
    }

    fn touch(&mut self) -> Words {
        let (held, mut said) = self.about("WF.TOUCH");
        self.held.push(held.clone());
        self.fenced(&held, &mut said);
        if self.rng.one_in(2) {
            add(&mut said, &["PROGRESS", &self.rng.below(101).to_string()]);
        }
        if self.rng.one_in(2) {
            add(&mut said, &["CHECKPOINT"]);
            said.push(self.rng.bytes(50));
        }
        if self.rng.one_in(2) {
            add(&mut said, &["HANDLE", "slurm:17"]);
        }
        if self.rng.one_in(4) {
            let extend = self.moment();
            add(&mut said, &["EXTEND", &extend]);
        }
        said
    }

    /// Several tasks that one agent holds in one queue.
    fn several(&mut self, verb: &str) -> Words {
        let first = self.a_held();
        let mut ids = vec![first.clone()];
        self.held.retain(|held| {
            let same = held.queue == first.queue && held.agent == first.agent;
            let take = same && ids.len() < 4 && ids.iter().all(|id| id.id != held.id);
            if take {
                ids.push(held.clone());
            }
            !take
        });
        let mut said = words(&[verb, &first.queue, &first.agent]);
        self.epoch(&first.agent, &mut said);
        add(&mut said, &["IDS", &ids.len().to_string()]);
        said.extend(ids.iter().map(|held| held.id.to_string().into_bytes()));
        if self.rng.one_in(2) {
            add(&mut said, &["FENCES", &ids.len().to_string()]);
            said.extend(ids.iter().map(|held| held.fence.to_string().into_bytes()));
        }
        said
    }

    fn mdone(&mut self) -> Words {
        self.several("WF.MDONE")
    }

    fn nack(&mut self) -> Words {
        self.several("WF.NACK")
    }

    fn recover(&mut self) -> Words {
        let agent = self.whom_to_recover();
        let mut said = words(&["WF.RECOVER", &agent]);
        self.recovery_options(&agent, &mut said);
        if self.rng.one_in(2) {
            add(&mut said, &[self.rng.pick(&["KEEP", "RELEASE", "FAIL"])]);
        }
        if self.rng.one_in(2) {
            let count = 1 + self.rng.below(4);
            add(&mut said, &["COUNT", &count.to_string()]);
        }
        if self.rng.one_in(3) {
            add(&mut said, &["QUEUES", "1", &self.queue()]);
        }
        if self.rng.one_in(3) {
            let request = format!("recovery-{}", self.rng.below(20));
            add(&mut said, &["REQID", &request]);
        }
        said
    }

    fn settings(&mut self) -> Words {
        let (name, value) = self.rng.pick(&[
            ("crashes", "3"),
            ("crashes", "10"),
            ("retain", "3600000"),
            ("retain", "0"),
            ("maxlen", "100000"),
            ("maxunique", "100000"),
            ("retries", "1"),
            ("backstop", "3600000"),
            ("backstop", "0"),
            ("events", "log"),
            ("events", ""),
        ]);
        words(&["WF.SET", &self.queue(), name, value])
    }

    fn read(&mut self) -> Words {
        let (queue, agent) = (self.queue(), self.agent());
        match self.rng.below(5) {
            0 => words(&["WF.LEN", &queue]),
            1 => words(&["WF.OWNERS", &queue]),
            2 => words(&["WF.LIST", &queue, "COUNT", "5"]),
            3 => words(&["WF.HELD", &agent]),
            _ => words(&["WF.INFO", &queue]),
        }
    }

    fn learn(&mut self, said: &Words, answer: &Answer) {
        let verb = String::from_utf8_lossy(&said[0]).into_owned();
        let outcome = match answer {
            Ok(_) => "ok".to_owned(),
            Err(failure) => failure.code.clone(),
        };
        if let Err(failure) = answer {
            // Which tasks and keys are gone meanwhile, the traffic does not know.
            let late = ["too late", "no such key", "waits for other"]
                .iter()
                .any(|text| failure.text.contains(text));
            let wrong = failure.code == "ERR" && !late || failure.text.contains("internal");
            assert!(!wrong, "{}: {}", show_words(said), failure.text);
        }
        *self.outcomes.entry(outcome).or_default() += 1;
        let Ok(value) = answer else { return };
        *self.accepted.entry(verb.clone()).or_default() += usize::from(!value.is_nil());
        if let Some(key) = said.get(1).and_then(|key| String::from_utf8(key.clone()).ok()) {
            self.learn_fleet(&verb, &key, value);
            if let ("WF.SUBMIT", Value::Int(id)) = (verb.as_str(), value) {
                self.learn_flow(&key, *id);
            }
        }
        let (agent, queue) = match verb.as_str() {
            "WF.POP" | "WF.NEXT" => (&said[2], Some(&said[1])),
            "WF.MPOP" | "WF.RECOVER" => (&said[1], None),
            _ => return,
        };
        let agent = String::from_utf8(agent.clone()).unwrap();
        let queue = queue.map(|queue| String::from_utf8(queue.clone()).unwrap());
        self.collect(value, &agent, queue.as_deref());
    }

    /// Finds the tasks in a reply, however deep.
    fn collect(&mut self, value: &Value, agent: &str, queue: Option<&str>) {
        let Value::Array(elements) = value else { return };
        let is_task = matches!(elements.first(), Some(Value::BulkString(name)) if name == b"id");
        if !is_task {
            elements.iter().for_each(|element| self.collect(element, agent, queue));
            return;
        }
        let task = value.map();
        let Some(fence) = task.find("fence") else { return };
        let queue = queue.map_or_else(|| task.text("queue"), str::to_owned);
        let held = Held { queue, agent: agent.to_owned(), id: task.int("id"), fence: fence.int() };
        self.held.retain(|other| other.id != held.id);
        self.held.push(held);
        if self.held.len() > 200 {
            self.held.remove(0);
        }
    }
}

/// Words as a line, for a message.
pub(crate) fn show_words(words: &[Vec<u8>]) -> String {
    words.iter().map(|word| word.escape_ascii().to_string()).collect::<Vec<_>>().join(" ")
}
