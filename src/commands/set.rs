//! WF.SET: settings of a queue.

use smallvec::SmallVec;

use super::args;
use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Next};
use crate::engine::event::{Batch, QueueEvent};
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
                    ],
                ),
                Arg::integer("value"),
            ],
        )
        .many(),
    ],
    reply: "OK",
    details: "\
        timeout: milliseconds for which a task may run that does not say so itself (0: any \
        time). retries: how often such a task is tried again after a failure (0). backoff: \
        milliseconds that it then waits, doubling up to an hour (0). backstop: a running task of \
        which nothing was heard for so many milliseconds (no WF.TOUCH of it, no WF.BEAT of its \
        agent) is taken from its agent, which counts as a crash; the last resort, at once also \
        for what runs already (0: never). retain: milliseconds for which a done task is kept \
        that does not say so itself (0). retain-failed: the same of failed tasks (7 days). \
        crashes: owners that a task may lose before it is quarantined (10; 0: any number). \
        maxlen: unfinished tasks (0: any number). maxunique: UNIQUE keys remembered (1,000,000; \
        0: any number). maxdag: tasks of a workflow (100,000; 0, and at the most: a million). \
        Unless said otherwise they hold for what happens from now on.\n\n\
        Errors: OOM, WRONGTYPE, ERR.",
    run,
};

/// Settings that are meant but not built yet.
const LATER: [&[u8]; 1] = [b"events"];

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("queue")?;
    let mut events: SmallVec<[QueueEvent<'_>; 1]> = SmallVec::new();
    while let Some((_, word)) = call.args.option() {
        let is = |name: &[u8]| word.eq_ignore_ascii_case(name);
        if LATER.iter().any(|name| is(name)) {
            return Err(args::later(word));
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
    let mut batch = Batch::at(call.at.ms);
    batch.events = events;
    call.keys.commit_queue(key, batch);
    call.reply.ok();
    Ok(Next::Replied)
}
