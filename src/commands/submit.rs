//! WF.SUBMIT: a workflow comes in, checked whole before anything of it is stored.
//!
//! The same can be said in words or as one JSON document; either becomes the same plan.

use super::args::{self, Args, Token};
use super::document::{count_of_large, parsed};
use super::push::backoff;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::outcome::OnFail;
use crate::engine::push::Pushed;
use crate::engine::queue::Queue;
use crate::engine::refusal::{Refusal, quoted};
use crate::engine::submit::{Plan, Submission};

/// WF.SUBMIT.
pub(super) static SUBMIT: Spec = Spec {
    name: "wf.submit",
    summary: "Adds a workflow to a queue: tasks that wait for one another",
    complexity: "O(N) in the tasks and in what they wait for",
    since: "0.1.0",
    flags: "write deny-oom",
    categories: "write",
    arity: -5,
    keys: &[Keys::At(1, Access::Insert)],
    args: &[
        Arg::key("queue", 0),
        Arg::text("name"),
        Arg::one_of("onfail", &[Arg::word("stop", "STOP"), Arg::word("continue", "CONTINUE")])
            .after("ONFAIL")
            .optional(),
        common::UNIQUE,
        common::RETAIN,
        Arg::one_of(
            "tasks",
            &[
                Arg::text("document").after("JSON"),
                Arg::block(
                    "task",
                    &[
                        Arg::text("name").after("TASK"),
                        Arg::text("payload"),
                        common::TYPE,
                        common::PRIORITY,
                        common::TIMEOUT,
                        common::RETRIES,
                        common::BACKOFF,
                        common::DELAY,
                        common::AFTER,
                        common::AFTERANY,
                    ],
                )
                .many(),
            ],
        ),
    ],
    reply: "the workflow's id; with UNIQUE that of the workflow or task that has the key, if any",
    details: "\
        Each TASK has a name of its own. AFTER: it is ready when these tasks, by name, are \
        done. AFTERANY: when these have ended in whatever way; it waits for no other task, so \
        a clean-up names all that it cleans up after. DELAY counts from then on. The other \
        options mean what they mean for WF.PUSH. ONFAIL: what happens when a task has failed \
        for good, or was cancelled. STOP (the default): nothing more of the workflow starts, \
        but tasks with AFTERANY once all they wait for has ended; running ones may finish, \
        and are cancelled (reason parent) when they are handed back or fail with tries left. \
        CONTINUE: what does not depend on it goes on. What can no longer start is cancelled, \
        reason parent. The workflow ends when nothing of it runs or can start; its tasks are \
        kept until then, and as long as RETAIN says (or the queue's setting retain; \
        retain-failed if a task has failed). UNIQUE: while a workflow or a task with this key \
        is unfinished its id is replied and nothing is added; FOR as for WF.PUSH. JSON: the \
        same as a document, in UTF-8; what the call says of ONFAIL, UNIQUE and RETAIN counts \
        before what it says: {\"tasks\": [{\"name\", \"payload\", \"type\", \"priority\", \
        \"timeout\", \"retries\", \"backoff\": ms or [ms, max-ms], \"delay\", \"after\": \
        [names], \"afterany\": [names]}], \"onfail\": \"stop\" or \"continue\", \"retain\", \
        \"unique\", \"for\"}; all but tasks and their names may be left out.\n\n\
        Errors: BADDAG (tasks that wait for one another in a cycle, for themselves, or for what \
        is not there; two of one name; more than the queue's setting maxdag), FULL, OOM, \
        WRONGTYPE, ERR; then nothing was added.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let name = call.args.word("name")?;
    let mut asked = Submission { name, ..Submission::default() };
    let (mut kept_ms, mut document, mut stops) = (None, None, None);
    while let Some((token, word)) = call.args.option() {
        let args = &mut call.args;
        match token.as_slice() {
            b"TASK" => {
                let (name, payload) = (args.word("name")?, args.word("payload")?);
                asked.tasks.push(Plan { name, payload, ..Plan::default() });
            }
            b"JSON" => document = Some(args.word("document")?),
            b"ONFAIL" => stops = Some(on_fail(args.word("ONFAIL")?)?),
            b"UNIQUE" => asked.unique = Some((args.word("key")?, 0)),
            b"FOR" => kept_ms = Some(args.ms("FOR")?),
            b"RETAIN" => asked.retain_ms = Some(args.ms("RETAIN")?),
            _ => match asked.tasks.last_mut() {
                Some(task) => task_option(task, &token, word, args)
                    .map_err(|wrong| args::of_task(task.name, wrong))?,
                None => return Err(args::unknown(word)),
            },
        }
    }
    match (&mut asked.unique, kept_ms) {
        (Some((_, for_ms)), Some(kept_ms)) => *for_ms = kept_ms,
        (None, Some(_)) => return Err(args::syntax("FOR", "goes with UNIQUE")),
        (_, None) => {}
    }
    asked.on_fail = stops.unwrap_or_default();
    let Some(document) = document else { return commit(call, queue, &asked) };
    if !asked.tasks.is_empty() {
        return Err(args::syntax("TASK and JSON", "exclude each other"));
    }
    let key = call.keys.open(queue);
    let count = count_of_large(document);
    match call.keys.queue_to_change(key)? {
        Some(queue) => queue.may_grow(count)?,
        None => Queue::default().may_grow(count)?,
    }
    let document = parsed(document)?;
    let asked = document.submission(&asked, stops)?;
    commit(call, queue, &asked)
}

fn commit<'a>(
    call: &mut Call<'_, 'a>,
    queue: &'a [u8],
    asked: &Submission<'_>,
) -> Result<Next, Refusal> {
    let nameless = asked.tasks.iter().any(|task| task.name.is_empty());
    if nameless {
        return Err(Refusal::BadDag("a task has no name".to_owned()));
    }
    call.rules.allow_growth()?;
    let key = call.keys.open(queue);
    let pushed = match call.keys.queue_to_change(key)? {
        Some(queue) => queue.decide_submit(asked, call.at)?,
        None => Queue::default().decide_submit(asked, call.at)?,
    };
    let id = match pushed {
        Pushed::Again(id) => id,
        Pushed::New { first, batch } => {
            call.keys.commit_queue(key, batch);
            first
        }
    };
    call.reply.integer(id as i64);
    Ok(Next::Replied)
}

/// Reads what happens on a failure.
pub(super) fn on_fail(word: &[u8]) -> Result<OnFail, Refusal> {
    let named = |on_fail: &OnFail| word.eq_ignore_ascii_case(on_fail.word().as_bytes());
    let wrong =
        || args::syntax("ONFAIL", &format!("{} is neither STOP nor CONTINUE", quoted(word)));
    [OnFail::Stop, OnFail::Continue].into_iter().find(named).ok_or_else(wrong)
}

fn task_option<'a>(
    task: &mut Plan<'a>,
    token: &Token,
    word: &'a [u8],
    args: &mut Args<'a>,
) -> Result<(), Refusal> {
    match token.as_slice() {
        b"TYPE" => task.kind = args.word("type")?,
        b"PRIORITY" => task.priority = args.number("priority", u16::MAX.into())? as u16,
        b"TIMEOUT" => task.timeout_ms = Some(args.ms("TIMEOUT")?),
        b"RETRIES" => task.retries = Some(args.number("retries", u32::MAX.into())? as u32),
        b"BACKOFF" => task.backoff = Some(backoff(args)?),
        b"DELAY" => task.delay_ms = Some(args.ms("DELAY")?),
        b"AFTER" => task.after.extend_from_slice(args.counted("AFTER")?),
        b"AFTERANY" => task.after_any.extend_from_slice(args.counted("AFTERANY")?),
        _ => return Err(args::unknown(word)),
    }
    Ok(())
}
