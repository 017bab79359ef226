//! WF.RECOVER: "I am this agent now: what was my predecessor doing?"
//!
//! Renews the epoch, so that the predecessor, should it still live, can change nothing any more;
//! then asks each queue that the identity took from for what it holds there. May be repeated at any
//! time; with REQID a repetition counts nothing twice.

use super::args::{self, Args, COUNT_MAX};
use super::bulk::BULK;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::taking::remember;
use super::{Call, Fields, Key, Next};
use crate::engine::agent::{Agent, authorize, begins_current_epoch, decide_assume};
use crate::engine::recover::{Mode, Page, Position};
use crate::engine::refusal::Refusal;
use crate::engine::task::{Bytes, Task};

/// Tasks given back per call when nothing is said.
pub(super) const PAGE_LEN: usize = 1_000;

/// WF.RECOVER.
pub(super) static RECOVER: Spec = Spec {
    name: "wf.recover",
    summary: "Assumes an identity anew and tells what it holds",
    complexity: "O(Q + C) in the queues the agent took from and the tasks replied or moved",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -2,
    keys: &[Keys::At(1, Access::Update), Keys::After("QUEUES", Access::Update)],
    args: &[
        Arg::key("agent-id", 0),
        Arg::one_of(
            "mode",
            &[
                Arg::word("keep", "KEEP"),
                Arg::word("release", "RELEASE"),
                Arg::word("fail", "FAIL"),
            ],
        )
        .optional(),
        common::EPOCH,
        common::REQID,
        common::QUEUES,
        common::COUNT,
    ],
    reply: "\
        a map: agent, epoch, tasks, quarantined, missing, more, cursor; count with RELEASE, \
        FAIL",
    details: "\
        Renews the epoch: calls under any epoch before are STALE from now on, and all fences \
        given so far are void. An identity that is not there is made. KEEP (the default): the \
        tasks stay with the identity, each counts a crash and gets a new fence; besides what \
        WF.POP tells, each has queue, running-for and, with a TIMEOUT, remaining (milliseconds); \
        a TIMEOUT starts anew. RELEASE: they are ready again, a crash each. FAIL: they fail, a \
        failure each; those with RETRIES left are tried again. A task that has seen as many \
        crashes as the queue's setting crashes allows is failed instead and listed under \
        quarantined. EPOCH: only if this is the current one. REQID: the same request again \
        renews nothing and counts nothing. QUEUES: look there too, besides where the agent \
        took from; missing names queues that are not there. COUNT: tasks replied (1,000) or \
        moved (10,000) at the most; more is 1 and cursor is for WF.HELD if there are others.\n\n\
        Errors: STALE, NOPERM (a queue that the caller may not use), TRYAGAIN (one that this \
        node does not serve now), WRONGTYPE, ERR (more than 1,024 QUEUES, or QUEUES twice).",
    run,
};

/// What the successor asks for.
struct Asked<'a> {
    agent: &'a [u8],
    mode: Mode,
    epoch: Option<u64>,
    request: Option<&'a [u8]>,
    queues: &'a [&'a [u8]],
    count: Option<usize>,
}

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let asked = parse(call)?;
    let agent = call.keys.open(asked.agent);
    let known = call.keys.agent(agent)?;
    // A repetition names the epoch before the one that it began itself.
    let epoch = asked.epoch.filter(|_| !begins_current_epoch(known, asked.request));
    authorize(known, epoch, false)?;
    let places = Places::find(call, agent, asked.queues, None, Access::Update)?;
    let decided = decide_assume(call.keys.agent(agent)?, asked.request, call.at);
    let renewed = decided.is_some();
    if let Some((_, batch)) = decided {
        call.keys.commit_agent(agent, batch);
    }
    let limit = asked.count.unwrap_or(if asked.mode == Mode::Keep { PAGE_LEN } else { BULK });
    let mut found = Found::new(limit);
    for place in &places.open {
        let Some(queue) = call.keys.queue(place.key)? else { continue };
        let (name, left) = (asked.agent, found.left());
        let page = if renewed {
            queue.decide_recover(name, asked.mode, left, call.at)
        } else {
            queue.decide_page(name, asked.mode, Position::default(), left, call.at)
        };
        let holds = !page.kept.is_empty() || page.next.is_some();
        if let Some(declared) = place.declared.filter(|_| holds) {
            remember(call, agent, declared)?;
        }
        found.add(call, place, page);
    }
    let epoch = call.keys.agent(agent)?.map_or(0, Agent::epoch);
    let moves = asked.mode != Mode::Keep;
    call.reply.map(if moves { 8 } else { 7 });
    call.reply.bytes(b"agent");
    call.reply.bytes(asked.agent);
    call.reply.bytes(b"epoch");
    call.reply.integer(epoch as i64);
    if moves {
        call.reply.bytes(b"count");
        call.reply.integer(found.moved as i64);
    }
    found.reply_tasks(call)?;
    found.reply_quarantined(call)?;
    places.reply_missing(call);
    call.reply.bytes(b"more");
    call.reply.integer(found.next.is_some().into());
    found.reply_cursor(call);
    Ok(Next::Replied)
}

fn parse<'a>(call: &mut Call<'_, 'a>) -> Result<Asked<'a>, Refusal> {
    let mut asked = Asked {
        agent: call.args.word("agent-id")?,
        mode: Mode::Keep,
        epoch: None,
        request: None,
        queues: &[],
        count: None,
    };
    let mut mode = None;
    while let Some((token, word)) = call.args.option() {
        let known = match token.as_slice() {
            b"KEEP" => Some(Mode::Keep),
            b"RELEASE" => Some(Mode::Release),
            b"FAIL" => Some(Mode::Fail),
            _ => None,
        };
        if let Some(known) = known {
            if mode.replace(known).is_some_and(|said| said != known) {
                return Err(args::syntax("KEEP, RELEASE and FAIL", "exclude each other"));
            }
            continue;
        }
        match token.as_slice() {
            b"EPOCH" => asked.epoch = Some(call.args.id("epoch")?),
            b"REQID" => asked.request = Some(not_queues(call.args.word("request id")?)?),
            b"QUEUES" => asked.queues = queues(&mut call.args, asked.queues)?,
            b"COUNT" => asked.count = Some(call.args.number("count", COUNT_MAX)? as usize),
            b"LEASE" | b"FORCE" => return Err(args::later(word)),
            _ => return Err(args::unknown(word)),
        }
    }
    asked.mode = mode.unwrap_or(Mode::Keep);
    Ok(asked)
}

/// Reads the queues that a call names, once: the server takes what follows the first word QUEUES
/// for keys, and has asked for the rights to those and no others.
pub(super) fn queues<'a>(args: &mut Args<'a>, before: &[&[u8]]) -> Result<&'a [&'a [u8]], Refusal> {
    if !before.is_empty() {
        return Err(args::syntax("QUEUES", "is given twice"));
    }
    args.queues()
}

/// A value that could be mistaken for that word is refused.
pub(super) fn not_queues(word: &[u8]) -> Result<&[u8], Refusal> {
    if word.eq_ignore_ascii_case(b"QUEUES") {
        return Err(args::syntax("QUEUES", "cannot be the value of an option"));
    }
    Ok(word)
}

/// A queue where the identity may hold something.
pub(super) struct Place<'a> {
    name: Vec<u8>,
    /// The name as the call declared it, if it did.
    declared: Option<&'a [u8]>,
    pub(super) key: Key,
}

/// Every queue to look at, in the order of the names, and those that are not there.
pub(super) struct Places<'a> {
    pub(super) open: Vec<Place<'a>>,
    missing: Vec<Vec<u8>>,
}

impl Place<'_> {
    /// Whether it is the queue of this name.
    pub(super) fn is(&self, name: &[u8]) -> bool {
        self.name == name
    }
}

impl<'a> Places<'a> {
    /// Opens the queues that the identity took from and those that the call names, from the name
    /// `from` on. Refuses before anything is changed.
    pub(super) fn find(
        call: &mut Call<'_, 'a>,
        agent: Key,
        declared: &[&'a [u8]],
        from: Option<&[u8]>,
        access: Access,
    ) -> Result<Self, Refusal> {
        let mut places = Self { open: Vec::new(), missing: Vec::new() };
        for name in declared {
            let key = call.keys.open(name);
            call.keys.queue_to_change(key)?;
            places.add(call, (name, Some(name)), Some(key));
        }
        let known = call.keys.agent(agent)?;
        let named = known.into_iter().flat_map(Agent::queues);
        let named: Vec<Vec<u8>> =
            named.filter(|name| !declared.contains(name)).map(<[u8]>::to_vec).collect();
        let names: Vec<&[u8]> = named.iter().map(Vec::as_slice).collect();
        let keys = call.keys.open_named(agent, &names, access)?;
        for (name, key) in names.into_iter().zip(keys) {
            if let Some(key) = key
                && let Err(Refusal::Diverged) = call.keys.queue_to_change(key)
            {
                return Err(Refusal::Diverged);
            }
            places.add(call, (name, None), key);
        }
        places.open.sort_by(|a, b| a.name.cmp(&b.name));
        places.open.dedup_by(|a, b| a.name == b.name);
        places.missing.sort();
        places.missing.dedup();
        if let Some(from) = from {
            places.open.retain(|place| place.name.as_slice() >= from);
        }
        Ok(places)
    }

    fn add(
        &mut self,
        call: &Call<'_, 'a>,
        (name, declared): (&[u8], Option<&'a [u8]>),
        key: Option<Key>,
    ) {
        let there = key.filter(|key| matches!(call.keys.queue(*key), Ok(Some(_))));
        match there {
            Some(key) => self.open.push(Place { name: name.to_vec(), declared, key }),
            None => self.missing.push(name.to_vec()),
        }
    }

    pub(super) fn reply_missing(&self, call: &mut Call<'_, 'a>) {
        call.reply.bytes(b"missing");
        call.reply.array(self.missing.len());
        self.missing.iter().for_each(|name| call.reply.bytes(name));
    }
}

/// What was found in all queues, up to a limit.
pub(super) struct Found {
    limit: usize,
    tasks: Vec<(Key, Vec<u8>, u64)>,
    quarantined: Vec<(Vec<u8>, Task, Bytes)>,
    moved: u64,
    /// Where a reader goes on, if there is more.
    next: Option<(Vec<u8>, Position)>,
}

impl Found {
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, tasks: Vec::new(), quarantined: Vec::new(), moved: 0, next: None }
    }

    /// How many more tasks may be looked at.
    pub(super) fn left(&self) -> usize {
        let looked_at = self.tasks.len() + self.quarantined.len() + self.moved as usize;
        self.limit.saturating_sub(looked_at)
    }

    /// Adds one queue's page, and makes it so.
    pub(super) fn add<'a>(&mut self, call: &mut Call<'_, 'a>, place: &Place<'a>, page: Page<'_>) {
        if !page.batch.events.is_empty() {
            call.keys.commit_queue(place.key, page.batch);
        }
        self.moved += page.moved;
        let poison = page.quarantined.into_iter();
        let poison = poison.map(|(task, kind)| (place.name.clone(), task, kind));
        self.quarantined.extend(poison);
        self.read(place, &page.kept, page.next);
    }

    /// Adds tasks of one queue that are only read.
    pub(super) fn read(&mut self, place: &Place<'_>, ids: &[u64], next: Option<Position>) {
        self.tasks.extend(ids.iter().map(|id| (place.key, place.name.clone(), *id)));
        if self.next.is_none() {
            self.next = next.map(|position| (place.name.clone(), position));
        }
    }

    pub(super) fn reply_tasks(&self, call: &mut Call<'_, '_>) -> Result<(), Refusal> {
        call.reply.bytes(b"tasks");
        call.reply.array(self.tasks.len());
        for (key, name, id) in &self.tasks {
            let Some(queue) = call.keys.queue(*key)? else { continue };
            let Some(task) = queue.task(*id) else { continue };
            let mut fields = Fields::handed_out(queue, task);
            fields.bytes("queue", name);
            fields.integer("running-for", call.at.ms.saturating_sub(task.taken_ms()));
            fields.remaining(task, call.at.ms);
            fields.write(call.reply);
        }
        Ok(())
    }

    pub(super) fn reply_quarantined(&self, call: &mut Call<'_, '_>) -> Result<(), Refusal> {
        call.reply.bytes(b"quarantined");
        call.reply.array(self.quarantined.len());
        for (name, task, kind) in &self.quarantined {
            let mut fields = Fields::default();
            fields.integer("id", task.id);
            fields.bytes("queue", name);
            fields.bytes("state", b"failed");
            fields.bytes("payload", &task.payload);
            fields.maybe("type", (!kind.is_empty()).then_some(kind));
            fields.count("attempt", task.attempts);
            fields.integer("running-for", call.at.ms.saturating_sub(task.taken_ms()));
            if let Some(details) = &task.details {
                fields.details(details);
            }
            fields.write(call.reply);
        }
        Ok(())
    }

    pub(super) fn reply_cursor(&self, call: &mut Call<'_, '_>) {
        call.reply.bytes(b"cursor");
        match &self.next {
            None => call.reply.bytes(b"0"),
            Some((name, Position { taking, id })) => {
                let mut cursor = format!("{taking}-{id}-").into_bytes();
                cursor.extend_from_slice(name);
                call.reply.bytes(&cursor);
            }
        }
    }
}

/// Reads a cursor back: the queue to go on with, and the position in it.
pub(super) fn cursor(text: &[u8]) -> Result<Option<(&[u8], Position)>, Refusal> {
    if text == b"0" {
        return Ok(None);
    }
    let mut parts = text.splitn(3, |byte| *byte == b'-');
    let mut number = || {
        let digits = parts.next().and_then(|part| std::str::from_utf8(part).ok());
        digits.and_then(|digits| digits.parse().ok())
    };
    let position = number().zip(number()).map(|(taking, id)| Position { taking, id });
    let place = position.and_then(|position| parts.next().map(|name| (name, position)));
    place.map(Some).ok_or_else(|| args::syntax("CURSOR", "is none that a reply gave"))
}
