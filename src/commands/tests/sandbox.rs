//! A keyspace in memory, with a clock that is set by hand and a replica that follows by events.
//!
//! After every call it is seen that the invariants hold, that the replica is the primary byte by
//! byte, and that a call that was refused has changed nothing.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::super::{Access, Args, Call, Key, Keyspace, Next, Rules, TABLE, due};
use super::text::Text;
use crate::engine::agent::Agent;
use crate::engine::event::{AgentEvent, Batch, PoolEvent, QueueEvent};
use crate::engine::numbers::Moment;
use crate::engine::pool::Pool;
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;
use crate::engine::slab::Slot;
use crate::storage::batch::{self, Kind};
use crate::storage::load::{Loaded, Loader};
use crate::storage::{agent_dump, dump, pool_dump};

/// What a key holds.
pub(super) enum Value {
    Queue(Box<Queue>),
    Agent(Agent),
    Pool(Pool),
    Other,
}

/// How long after a restart or promotion nothing that harms an agent ends.
const GRACE_MS: u64 = 30_000;

type Keys = BTreeMap<Vec<u8>, Value>;

/// A server in memory.
pub(super) struct Sandbox {
    pub(super) now_ms: u64,
    /// When it was last restarted or promoted.
    since_ms: u64,
    pub(super) rules: Rules,
    pub(super) read_only: bool,
    pub(super) memory_is_full: bool,
    entropy: u64,
    keys: Keys,
    replica: Keys,
    commits: u64,
    /// The greatest epoch there was.
    assumed: u64,
}

impl Sandbox {
    pub(super) fn new(seed: u64) -> Self {
        Self {
            now_ms: 1_800_000_000_000,
            since_ms: 0,
            rules: Rules::default(),
            read_only: false,
            memory_is_full: false,
            entropy: seed | 1,
            keys: Keys::new(),
            replica: Keys::new(),
            commits: 0,
            assumed: 0,
        }
    }

    /// Runs a command: its reply as text, `wait` if it waits, or the refusal.
    pub(super) fn run(&mut self, words: &[&[u8]]) -> Result<String, String> {
        let (name, rest) = words.split_first().expect("a command");
        let name = String::from_utf8_lossy(name).to_ascii_lowercase();
        let spec = TABLE.iter().find(|spec| spec.name == name).expect("a known command");
        let (least, given) = (spec.arity.unsigned_abs() as usize, words.len());
        if given < least || spec.arity > 0 && given > least {
            return Err(format!("ERR wrong number of arguments for '{name}'"));
        }
        let (before, commits) = (self.image(), self.commits);
        let (at, rules) = (self.moment(), self.rules);
        let mut reply = Text::default();
        let mut open = Open { sandbox: self, opened: Vec::new() };
        let args = Args::of(rest);
        let ran = (spec.run)(&mut Call { args, keys: &mut open, reply: &mut reply, at, rules });
        let may_settle = name == "wf.held" && !self.read_only;
        if ran.is_err() || spec.flags.contains("readonly") && !may_settle {
            assert_eq!(self.commits, commits, "a refused or reading call has committed");
            assert!(self.image() == before, "a refused or reading call has changed something");
        }
        self.check();
        match ran {
            Ok(Next::Replied) => Ok(reply.done()),
            Ok(Next::Wait { .. } | Next::Watch { .. } | Next::Await { .. }) => {
                assert!(reply.text.is_empty(), "a call that waits has replied {}", reply.text);
                Ok("wait".to_owned())
            }
            Err(refusal) => Err(refusal.to_string()),
        }
    }

    /// What is due falls due, as the server's timer does it.
    pub(super) fn tick(&mut self) {
        // What falls due at one key may begin something at another that was looked at before.
        for name in [self.names(), self.names()].concat() {
            let at = self.moment();
            let mut open = Open { sandbox: self, opened: vec![name.clone()] };
            let mut rounds = 0;
            while due::queue(&mut open, Key(0), 2, at) {
                rounds += 1;
                assert!(rounds < 10_000, "what is due stays due");
            }
            while due::pool(&mut open, (&name, Key(0)), 2, at) {}
            while due::agent(&mut open, (&name, Key(0)), 2, at) {}
            let agent = open.agent(Key(0)).ok().flatten().and_then(|agent| agent.next_ms(at));
            let pool = open.pool(Key(0)).ok().flatten().and_then(Pool::next_ms);
            assert!(agent.or(pool).is_none_or(|ms| ms > at.ms), "the timer would spin");
        }
        self.check();
    }

    fn names(&self) -> Vec<Vec<u8>> {
        self.keys.keys().cloned().collect()
    }

    /// The server is restarted: every value is dumped and loaded again.
    pub(super) fn reload(&mut self) {
        let names: Vec<Vec<u8>> = self.keys.keys().cloned().collect();
        for name in names {
            let loaded = again(&self.keys[&name]);
            assert!(bytes_of(&loaded) == bytes_of(&self.keys[&name]), "a reload changed {name:?}");
            self.keys.insert(name, loaded);
        }
        self.since_ms = self.now_ms;
        self.check();
    }

    /// COPY: nobody holds the tasks of the copy.
    pub(super) fn copy(&mut self, from: &[u8], to: &[u8]) {
        for keys in [&mut self.keys, &mut self.replica] {
            let mut copied = again(&keys[from]);
            match &mut copied {
                Value::Queue(queue) => queue.release_all(),
                Value::Agent(agent) => agent.become_another(),
                Value::Pool(_) | Value::Other => {}
            }
            keys.insert(to.to_vec(), copied);
        }
        self.check();
    }

    /// RENAME.
    pub(super) fn rename(&mut self, from: &[u8], to: &[u8]) {
        for keys in [&mut self.keys, &mut self.replica] {
            let value = keys.remove(from).expect("a key");
            keys.insert(to.to_vec(), value);
        }
    }

    /// DEL.
    pub(super) fn delete(&mut self, name: &[u8]) {
        self.keys.remove(name);
        self.replica.remove(name);
    }

    /// A key of another type.
    pub(super) fn put_other(&mut self, name: &[u8]) {
        self.keys.insert(name.to_vec(), Value::Other);
        self.replica.insert(name.to_vec(), Value::Other);
    }

    /// Another server that starts from what this one's replica has: a failover, or a restart
    /// after which the end of the history is missing.
    pub(super) fn fork(&self, seed: u64) -> Self {
        let load = |keys: &Keys| -> Keys {
            keys.iter().map(|(name, value)| (name.clone(), again(value))).collect()
        };
        let mut fork = Self::new(seed);
        fork.now_ms = self.now_ms;
        fork.since_ms = self.now_ms;
        fork.keys = load(&self.replica);
        fork.replica = load(&self.replica);
        fork
    }

    fn moment(&mut self) -> Moment {
        self.entropy ^= self.entropy << 13;
        self.entropy ^= self.entropy >> 7;
        self.entropy ^= self.entropy << 17;
        let (ms, entropy, assumed) = (self.now_ms, self.entropy >> 20, self.assumed);
        let (since_ms, grace_ms) = (self.since_ms, GRACE_MS);
        Moment { ms, entropy, issued: 0, assumed, since_ms, grace_ms }
    }

    /// Every key with its bytes.
    fn image(&self) -> Vec<(Vec<u8>, Vec<u8>)> {
        self.keys.iter().map(|(name, value)| (name.clone(), bytes_of(value))).collect()
    }

    fn check(&self) {
        for (name, value) in &self.keys {
            if let Value::Queue(queue) = value {
                let checked = queue.check();
                assert!(checked.is_ok(), "{}: {checked:?}", name.escape_ascii());
            }
            let followed = self.replica.get(name).map(bytes_of);
            assert!(followed == Some(bytes_of(value)), "the replica differs in {name:?}");
        }
        assert_eq!(self.keys.len(), self.replica.len(), "the replica has other keys");
    }
}

fn bytes_of(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    match value {
        Value::Queue(queue) => dump::encode(queue, &mut |chunk| bytes.extend_from_slice(chunk)),
        Value::Agent(agent) => bytes = agent_dump::encode(agent),
        Value::Pool(pool) => bytes = pool_dump::encode(pool),
        Value::Other => {}
    }
    bytes
}

/// The value, dumped and loaded.
fn again(value: &Value) -> Value {
    match value {
        Value::Queue(queue) => {
            let mut chunks = Vec::new();
            dump::encode(queue, &mut |chunk| chunks.push(chunk.to_vec()));
            let mut loader = Box::<Loader>::default();
            for chunk in chunks {
                match loader.chunk(&chunk).expect("a dump that loads") {
                    Loaded::Whole(queue) => return Value::Queue(queue),
                    Loaded::Partly(further) => loader = further,
                }
            }
            panic!("a dump without an end")
        }
        Value::Agent(agent) => {
            Value::Agent(agent_dump::decode(&agent_dump::encode(agent)).expect("an agent"))
        }
        Value::Pool(pool) => {
            Value::Pool(pool_dump::decode(&pool_dump::encode(pool)).expect("a pool"))
        }
        Value::Other => Value::Other,
    }
}

/// The keys of one call.
struct Open<'s> {
    sandbox: &'s mut Sandbox,
    opened: Vec<Vec<u8>>,
}

impl Open<'_> {
    fn value(&self, key: Key) -> Option<&Value> {
        self.sandbox.keys.get(&self.opened[key.0])
    }

    fn wrong_type(&self, key: Key, wanted: &'static str) -> Refusal {
        Refusal::WrongType { key: self.opened[key.0].clone(), wanted }
    }
}

impl<'a> Keyspace<'a> for Open<'_> {
    fn open(&mut self, name: &'a [u8]) -> Key {
        self.opened.push(name.to_vec());
        Key(self.opened.len() - 1)
    }

    fn open_named(
        &mut self,
        _beside: Key,
        names: &[&[u8]],
        _access: Access,
    ) -> Result<Vec<Option<Key>>, Refusal> {
        let open = |name: &&[u8]| {
            self.opened.push(name.to_vec());
            Some(Key(self.opened.len() - 1))
        };
        Ok(names.iter().map(open).collect())
    }

    fn open_own(&mut self, _beside: Key, name: &[u8]) -> Option<Key> {
        self.opened.push(name.to_vec());
        Some(Key(self.opened.len() - 1))
    }

    fn queue(&self, key: Key) -> Result<Option<&Queue>, Refusal> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Queue(queue)) => Ok(Some(queue)),
            Some(_) => Err(self.wrong_type(key, "queue")),
        }
    }

    fn agent(&self, key: Key) -> Result<Option<&Agent>, Refusal> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Agent(agent)) => Ok(Some(agent)),
            Some(_) => Err(self.wrong_type(key, "agent")),
        }
    }

    fn pool(&self, key: Key) -> Result<Option<&Pool>, Refusal> {
        match self.value(key) {
            None => Ok(None),
            Some(Value::Pool(pool)) => Ok(Some(pool)),
            Some(_) => Err(self.wrong_type(key, "pool")),
        }
    }

    fn memory_is_full(&self) -> bool {
        self.sandbox.memory_is_full
    }

    fn may_block(&self) -> bool {
        true
    }

    fn is_read_only(&self) -> bool {
        self.sandbox.read_only
    }

    fn apply_queue(&mut self, key: Key, batch: Batch<'_, QueueEvent<'_>>) {
        let name = self.opened[key.0].clone();
        let mut bytes = Vec::new();
        batch::append_queue_events(&mut bytes, &batch);
        let (kind, rest) = Kind::of(&bytes).expect("a header");
        assert_eq!(kind, Kind::Queue);
        let blobs: SmallVec<[&[u8]; 2]> = batch.blobs.iter().copied().collect();
        let sent: Batch<'_, QueueEvent<'_>> = batch::decode(rest, blobs).expect("events");
        let new = || Value::Queue(Box::default());
        let followed = self.sandbox.replica.entry(name.clone()).or_insert_with(new);
        let Value::Queue(followed) = followed else { panic!("a commit to no queue") };
        followed.follow(&sent).expect("events that fit the replica");
        let Value::Queue(queue) = self.sandbox.keys.entry(name).or_insert_with(new) else {
            panic!("a commit to no queue")
        };
        queue.apply(&batch);
        self.sandbox.commits += 1;
    }

    fn commit_agent(&mut self, key: Key, batch: Batch<'_, AgentEvent<'_>>) {
        let name = self.opened[key.0].clone();
        let mut bytes = Vec::new();
        batch::append_agent_events(&mut bytes, &batch);
        let (_, rest) = Kind::of(&bytes).expect("a header");
        let sent: Batch<'_, AgentEvent<'_>> = batch::decode(rest, SmallVec::new()).expect("events");
        let new = || Value::Agent(Agent::default());
        let followed = self.sandbox.replica.entry(name.clone()).or_insert_with(new);
        let Value::Agent(followed) = followed else { panic!("a commit to no agent") };
        followed.follow(&sent).expect("events that fit the replica");
        let Value::Agent(agent) = self.sandbox.keys.entry(name).or_insert_with(new) else {
            panic!("a commit to no agent")
        };
        agent.apply(&batch);
        self.sandbox.assumed = self.sandbox.assumed.max(agent.epoch());
        self.sandbox.commits += 1;
    }

    fn commit_pool(&mut self, key: Key, batch: Batch<'_, PoolEvent>) {
        let name = self.opened[key.0].clone();
        let mut bytes = Vec::new();
        batch::append_pool_events(&mut bytes, &batch);
        let (_, rest) = Kind::of(&bytes).expect("a header");
        let sent: Batch<'_, PoolEvent> = batch::decode(rest, SmallVec::new()).expect("events");
        let new = || Value::Pool(Pool::default());
        let followed = self.sandbox.replica.entry(name.clone()).or_insert_with(new);
        let Value::Pool(followed) = followed else { panic!("a commit to no pool") };
        followed.follow(&sent).expect("events that fit the replica");
        let Value::Pool(pool) = self.sandbox.keys.entry(name).or_insert_with(new) else {
            panic!("a commit to no pool")
        };
        pool.apply(&batch);
        self.sandbox.commits += 1;
    }

    fn postpone(&mut self, key: Key, postponed: &[(Slot, u64)]) {
        if let Some(Value::Queue(queue)) = self.sandbox.keys.get_mut(&self.opened[key.0]) {
            queue.postpone(postponed);
        }
    }

    fn remove(&mut self, key: Key) {
        let name = self.opened[key.0].clone();
        self.sandbox.delete(&name);
        self.sandbox.commits += 1;
    }

    fn begin_stream(&mut self, _beside: Key, stream: &[u8]) -> Result<(), Refusal> {
        let there = self.sandbox.keys.contains_key(stream);
        let wrong = Refusal::WrongType { key: stream.to_vec(), wanted: "stream" };
        if there { Err(wrong) } else { Ok(()) }
    }

    fn await_end(&mut self, _key: Key, _id: u64) {}

    fn wake(&mut self, _key: Key) {}
}

#[test]
fn a_reply_is_told_as_text() {
    let mut sandbox = Sandbox::new(7);
    let id = sandbox.run(&[b"WF.PUSH", b"q", b"a\0b"]).unwrap();
    let told = sandbox.run(&[b"wf.pop", b"q", b"a", b"COUNT", b"2"]).unwrap();
    assert!(told.starts_with(&format!("[{{id:{id} fence:")), "{told}");
    assert!(told.ends_with("payload:\"a\\x00b\"}]"), "{told}");
    assert_eq!(sandbox.run(&[b"WF.POP", b"q", b"a", b"COUNT", b"2"]).unwrap(), "[]");
    assert_eq!(sandbox.run(&[b"WF.POP", b"q", b"a", b"BLOCK", b"2"]).unwrap(), "wait");
    assert_eq!(sandbox.run(&[b"WF.DONE", b"q", b"a", id.as_bytes()]).unwrap(), "OK");
    let refused = sandbox.run(&[b"WF.DONE", b"q", b"b", id.as_bytes()]).unwrap_err();
    assert_eq!(refused, format!("NOTASK there is no task {id}"));
    sandbox.reload();
}
