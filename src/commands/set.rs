//! WF.SET: settings of a queue.

use smallvec::SmallVec;

use super::args;
use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Next};
use crate::engine::event::{Batch, QueueEvent};
use crate::engine::history::NAME_MAX;
use crate::engine::refusal::{Refusal, quoted};
use crate::engine::settings::Setting;

/// WF.SET.
pub(super) static SET: Spec = Spec {
    name: "wf.set",
    summary: "Changes settings of a queue, which is made if it is not there",
    complexity: "O(N) in the settings named",
    since: "0.1.0",
    flags: "write deny-oom fast",
    categories: "write fast",
    arity: -4,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::block(
            "setting",
            &[
                Arg::one_of(
                    "name",
                    &[
                        Arg::word("timeout", "timeout"),
                        Arg::word("retries", "retries"),
                        Arg::word("backoff", "backoff"),
                        Arg::word("backstop", "backstop"),
                        Arg::word("retain", "retain"),
                        Arg::word("retain-failed", "retain-failed"),
                        Arg::word("crashes", "crashes"),
                        Arg::word("maxlen", "maxlen"),
                        Arg::word("maxunique", "maxunique"),
                        Arg::word("maxdag", "maxdag"),
                        Arg::word("events", "events"),
                    ],
                ),
                Arg::text("value"),
            ],
        )
        .many(),
    ],
    reply: "OK",
    details: "\
        timeout: milliseconds for which a task may run that does not say so itself (0: any \
        time). retries: how often such a task is tried again after a failure (0). backoff: \
        milliseconds that it then waits, doubling up to an hour (0). backstop: a running task \
        of which nothing was heard for so many milliseconds (no WF.TOUCH of it, no WF.BEAT of \
        its agent) is taken from its agent, which counts as a crash; the last resort, at once \
        also for what runs already (0: never). retain: milliseconds for which a done task is \
        kept that does not say so itself (0). retain-failed: the same of failed tasks (7 \
        days). crashes: owners that a task may lose before it is quarantined (10; 0: any \
        number). maxlen: unfinished tasks (0: any number). maxunique: UNIQUE keys remembered \
        (1,000,000; 0: any number). maxdag: tasks of a workflow (100,000; 0, and at the most: \
        a million). events: the key of a stream, made if it is not there, to which each \
        transition of a task or workflow is appended in the same step (empty: none). Its \
        entries have event (the task's new state, or workflow-submitted, -done, -failed, \
        -cancelled), queue, id, at (Unix milliseconds), and where they say something \
        workflow, name, type, owner (who holds it, or held it until now), reason, handle; \
        about the last 100,000 are kept. It is in the slot of the queue, and the caller may \
        write it. A stream that is deleted or something else later on stops nothing: entries \
        are lost, and INFO counts them. Unless said otherwise they hold for what happens from \
        now on.\n\n\
        Errors: OOM, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("queue")?;
    let mut events: SmallVec<[QueueEvent<'_>; 1]> = SmallVec::new();
    let mut told = None;
    while let Some((_, word)) = call.args.option() {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if is(b"events") {
            let stream = call.args.word("events")?;
            if stream.len() > NAME_MAX {
                return Err(args::syntax("events", "is too long a name"));
            }
            told = Some(stream);
            events.push(QueueEvent::Told { stream });
            continue;
        }
        let known = Setting::ALL.into_iter().find(|setting| is(setting.word().as_bytes()));
        let setting = known
            .ok_or_else(|| args::syntax("setting", &format!("{} is unknown", quoted(word))))?;
        let value = call.args.number(setting.word(), setting.max())?;
        events.push(QueueEvent::Set { setting, value });
    }
    call.rules.allow_growth()?;
    let key = call.keys.open(key);
    call.keys.queue_to_change(key)?;
    if let Some(stream) = told.filter(|stream| !stream.is_empty()) {
        call.keys.begin_stream(key, stream)?;
    }
    let mut batch = Batch::at(call.at.ms);
    batch.events = events;
    call.keys.commit_queue(key, batch);
    call.reply.ok();
    Ok(Next::Replied)
}
