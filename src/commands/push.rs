//! WF.PUSH and WF.MPUSH: tasks come in. MPUSH is one step too: all of its tasks, or none.

use super::args::{self, Args, Token};
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::numbers::{Moment, later};
use crate::engine::push::{Push, Pushed};
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;
use crate::engine::submit::Plan;
use crate::engine::task::Backoff;

/// WF.PUSH.
pub(super) static PUSH: Spec = Spec {
    name: "wf.push",
    summary: "Adds a task to a queue, which is made if it is not there",
    complexity: "\
        O(1); O(log N) in the types and priorities that have ready tasks for the first task of \
        one",
    since: "0.1.0",
    flags: "write deny-oom fast",
    categories: "write fast",
    arity: -3,
    keys: &[Keys::At(1, Access::Insert)],
    args: &[
        Arg::key("queue", 0),
        Arg::text("payload"),
        Arg::text("name").after("NAME").optional(),
        common::TYPE,
        common::PRIORITY,
        common::STARTS,
        common::TIMEOUT,
        common::RETRIES,
        common::BACKOFF,
        common::UNIQUE,
        common::RETAIN,
        common::WORKFLOW,
        common::AFTER,
        common::AFTERANY,
    ],
    reply: "\
        the task's id; with UNIQUE that of the task that has the key, in a workflow that of the \
        task with this NAME, if there is one",
    details: "\
        Options: NAME, for people and logs. TYPE, which POP can ask for. PRIORITY 0 (the \
        default, served first) to 65535. DELAY, AT: it is ready only after so many milliseconds, \
        or at that Unix time in milliseconds; until then it is scheduled. TIMEOUT: how many \
        milliseconds it may run each time it is taken; then it is taken from its agent, which \
        counts as a crash (0: any time). RETRIES: how often it is tried again after a failure. \
        BACKOFF: how many milliseconds it waits after the first failure, twice as many after \
        each further one, up to the second number (an hour). Where nothing is said, the queue's \
        settings timeout, retries and backoff hold. UNIQUE key: while a task with this key is \
        unfinished its id is replied and nothing is added; FOR keeps the key taken so \
        many milliseconds after the push, even when the task has ended. RETAIN: milliseconds for \
        which the done task is kept, with its result; without it, what the queue's setting \
        retain says. WORKFLOW: the task is added to this workflow, which must not have ended, \
        also by a task of it that runs. It is ready (or, with DELAY, waits for its time from then \
        on) when the parents that AFTER names, by name or id, are done, and those that AFTERANY \
        names have ended in whatever way. A task with the same NAME is not added twice. RETAIN \
        and AT do not go with WORKFLOW: a task is kept as long as its workflow.\n\n\
        Errors: FULL (maxlen or maxunique is reached), NOWORKFLOW (it is not there, or has \
        ended), BADDAG (a parent that is not there, or has failed, or maxdag is reached), OOM, \
        WRONGTYPE, ERR.",
    run: push,
};

/// WF.MPUSH.
pub(super) static MPUSH: Spec = Spec {
    name: "wf.mpush",
    summary: "Adds several tasks to a queue in one step",
    complexity: "O(N) in the tasks added",
    since: "0.1.0",
    flags: "write deny-oom",
    categories: "write",
    arity: -4,
    keys: &[Keys::At(1, Access::Insert)],
    args: &[
        Arg::key("queue", 0),
        Arg::integer("numpayloads"),
        Arg::text("payload").many(),
        common::TYPE,
        common::PRIORITY,
        common::STARTS,
        common::TIMEOUT,
        common::RETRIES,
        common::BACKOFF,
        common::RETAIN,
    ],
    reply: "the ids, in the order of the payloads",
    details: "\
        All tasks get the same options, which mean what they mean for WF.PUSH.\n\n\
        Errors: FULL, OOM, WRONGTYPE, ERR; then no task was added.",
    run: mpush,
};

fn push<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("queue")?;
    let payloads = [call.args.word("payload")?];
    let mut asked = Push { payloads: &payloads, ..Push::default() };
    let (mut kept_ms, mut within) = (None, Within::default());
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"WORKFLOW" => within.workflow = Some(call.args.id("workflow")?),
            b"AFTER" => within.after = call.args.counted("AFTER")?,
            b"AFTERANY" => within.after_any = call.args.counted("AFTERANY")?,
            b"DELAY" => {
                within.delay_ms = Some(call.args.ms("DELAY")?);
                let starts_ms = within.delay_ms.map(|ms| later(call.at.ms, ms));
                if asked.starts_ms.replace(starts_ms.unwrap_or(0)).is_some() {
                    return Err(args::syntax("DELAY and AT", "exclude each other"));
                }
            }
            b"NAME" => asked.name = Some(call.args.word("name")?),
            b"UNIQUE" => asked.unique = Some((call.args.word("key")?, 0)),
            b"FOR" => kept_ms = Some(call.args.ms("FOR")?),
            _ => common_option(&mut asked, &token, word, call)?,
        }
    }
    match (&mut asked.unique, kept_ms) {
        (Some((_, for_ms)), Some(kept_ms)) => *for_ms = kept_ms,
        (None, Some(_)) => return Err(args::syntax("FOR", "goes with UNIQUE")),
        (_, None) => {}
    }
    let id = match within.plan(&asked)? {
        Some((workflow, plan)) => add(call, name, (workflow, &plan), asked.unique)?,
        None => commit(call, name, &asked)?,
    };
    call.reply.integer(id as i64);
    Ok(Next::Replied)
}

/// What a push says of the workflow that the task is to be in.
#[derive(Default)]
struct Within<'a> {
    workflow: Option<u64>,
    after: &'a [&'a [u8]],
    after_any: &'a [&'a [u8]],
    delay_ms: Option<u64>,
}

impl<'a> Within<'a> {
    /// The task as its workflow is asked for it, if it is to be in one.
    fn plan(&self, asked: &Push<'_, 'a>) -> Result<Option<(u64, Plan<'a>)>, Refusal> {
        let Some(workflow) = self.workflow else {
            let alone = self.after.is_empty() && self.after_any.is_empty();
            return if alone { Ok(None) } else { Err(args::syntax("AFTER", "goes with WORKFLOW")) };
        };
        if asked.starts_ms.is_some() && self.delay_ms.is_none() {
            return Err(args::syntax("AT", "does not go with WORKFLOW: say DELAY"));
        }
        if asked.retain_ms.is_some() {
            return Err(args::syntax("RETAIN", "does not go with WORKFLOW, which has its own"));
        }
        let plan = Plan {
            name: asked.name.unwrap_or_default(),
            payload: asked.payloads.first().copied().unwrap_or_default(),
            kind: asked.kind,
            priority: asked.priority,
            timeout_ms: asked.timeout_ms,
            retries: asked.retries,
            backoff: asked.backoff,
            delay_ms: self.delay_ms,
            after: self.after.to_vec(),
            after_any: self.after_any.to_vec(),
        };
        Ok(Some((workflow, plan)))
    }
}

/// Adds a task to a workflow, and tells its id.
fn add<'a>(
    call: &mut Call<'_, 'a>,
    name: &'a [u8],
    (workflow, plan): (u64, &Plan<'a>),
    unique: Option<(&'a [u8], u64)>,
) -> Result<u64, Refusal> {
    call.rules.allow_growth()?;
    let key = call.keys.open(name);
    let missing = Refusal::NoWorkflow { id: workflow, phase: None };
    let queue = call.keys.queue_to_change(key)?.ok_or(missing)?;
    match queue.decide_add(workflow, plan, unique, call.at)? {
        Pushed::Again(id) => Ok(id),
        Pushed::New { first, batch } => {
            call.keys.commit_queue(key, batch);
            Ok(first)
        }
    }
}

fn mpush<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("queue")?;
    let payloads = call.args.counted("numpayloads")?;
    let mut asked = Push { payloads, ..Push::default() };
    while let Some((token, word)) = call.args.option() {
        common_option(&mut asked, &token, word, call)?;
    }
    let first = commit(call, name, &asked)?;
    call.reply.array(payloads.len());
    (first..).take(payloads.len()).for_each(|id| call.reply.integer(id as i64));
    Ok(Next::Replied)
}

fn common_option<'a>(
    asked: &mut Push<'_, 'a>,
    token: &Token,
    word: &'a [u8],
    call: &mut Call<'_, 'a>,
) -> Result<(), Refusal> {
    let (args, at) = (&mut call.args, call.at);
    match token.as_slice() {
        b"TYPE" => asked.kind = args.word("type")?,
        b"PRIORITY" => asked.priority = args.number("priority", u16::MAX.into())? as u16,
        b"RETAIN" => asked.retain_ms = Some(args.ms("RETAIN")?),
        b"TIMEOUT" => asked.timeout_ms = Some(args.ms("TIMEOUT")?),
        b"RETRIES" => asked.retries = Some(args.number("retries", u32::MAX.into())? as u32),
        b"BACKOFF" => asked.backoff = Some(backoff(args)?),
        b"DELAY" | b"AT" => {
            if asked.starts_ms.replace(starts_ms(token, args, at)?).is_some() {
                return Err(args::syntax("DELAY and AT", "exclude each other"));
            }
        }
        _ => return Err(args::unknown(word)),
    }
    Ok(())
}

/// The moment at which a task is ready, by DELAY or by AT, Unix time in milliseconds.
pub(super) fn starts_ms(token: &Token, args: &mut Args<'_>, at: Moment) -> Result<u64, Refusal> {
    if token.as_slice() == b"AT" {
        return args.ms("AT");
    }
    Ok(later(at.ms, args.ms("DELAY")?))
}

/// One number or two.
pub(super) fn backoff(args: &mut Args<'_>) -> Result<Backoff, Refusal> {
    let base_ms = args.ms("BACKOFF")?;
    let max_ms = args.ms_if_any("BACKOFF's most")?.unwrap_or(Backoff::MAX_MS);
    Ok(Backoff { base_ms, max_ms })
}

/// Pushes, and tells the first task's id.
fn commit<'a>(
    call: &mut Call<'_, 'a>,
    name: &'a [u8],
    asked: &Push<'_, 'a>,
) -> Result<u64, Refusal> {
    call.rules.allow_growth()?;
    let key = call.keys.open(name);
    let pushed = match call.keys.queue_to_change(key)? {
        Some(queue) => queue.decide_push(asked, call.at)?,
        None => Queue::default().decide_push(asked, call.at)?,
    };
    match pushed {
        Pushed::Again(id) => Ok(id),
        Pushed::New { first, batch } => {
            call.keys.commit_queue(key, batch);
            Ok(first)
        }
    }
}
