//! WF.WAIT: "how did it end?", asked before it has.

use super::args;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next, Reply};
use crate::engine::ending::Ending;
use crate::engine::outcome::Phase;
use crate::engine::refusal::Refusal;

/// WF.WAIT.
pub(super) static WAIT: Spec = Spec {
    name: "wf.wait",
    summary: "Waits until a task or a workflow has ended, and tells how",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "readonly blocking fast",
    categories: "read fast blocking",
    arity: -4,
    keys: &[Keys::At(1, Access::Read)],
    args: &[
        Arg::key("queue", 0),
        Arg::one_of(
            "what",
            &[Arg::integer("id").after("TASK"), Arg::integer("workflow").after("WORKFLOW")],
        ),
        common::BLOCK,
    ],
    reply: "\
        a map: id, state (done, failed, cancelled), and of a task reason, result and error where \
        there are any; null if it has not ended in time",
    details: "\
        BLOCK: wait so many milliseconds, 0 for ever; without it, in MULTI and in scripts it \
        replies at once. Whoever waits is told the result also of a task that is dropped as \
        it ends; who asks later finds it only if it is kept (RETAIN, or the workflow's). A \
        queue that is deleted or renamed ends the wait as if the task were gone.\n\n\
        Errors: NOTASK, NOWORKFLOW (it is not there, or not any more), WRONGTYPE, ERR.",
    run,
};

/// What is waited for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Awaited {
    /// A task.
    Task(u64),
    /// A workflow.
    Workflow(u64),
}

impl Awaited {
    /// Its number.
    #[must_use]
    pub fn id(self) -> u64 {
        match self {
            Self::Task(id) | Self::Workflow(id) => id,
        }
    }

    /// The refusal if it is not there (any more).
    #[must_use]
    pub fn missing(self) -> Refusal {
        match self {
            Self::Task(id) => Refusal::NoTask(id),
            Self::Workflow(id) => Refusal::NoWorkflow { id, phase: None },
        }
    }
}

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("queue")?;
    let (mut awaited, mut block_ms) = (None, None);
    while let Some((token, word)) = call.args.option() {
        let said = match token.as_slice() {
            b"TASK" => Awaited::Task(call.args.id("id")?),
            b"WORKFLOW" => Awaited::Workflow(call.args.id("workflow")?),
            b"BLOCK" => {
                block_ms = Some(call.args.ms("BLOCK")?);
                continue;
            }
            _ => return Err(args::unknown(word)),
        };
        if awaited.replace(said).is_some() {
            return Err(args::syntax("TASK and WORKFLOW", "exclude each other"));
        }
    }
    let needed = || args::syntax("one of TASK and WORKFLOW", "is needed");
    let awaited = awaited.ok_or_else(needed)?;
    let key = call.keys.open(name);
    let queue = call.keys.queue(key)?.ok_or_else(|| awaited.missing())?;
    let ending = match awaited {
        Awaited::Task(id) => {
            queue.task(id).ok_or_else(|| awaited.missing())?;
            queue.ending_of(id)
        }
        Awaited::Workflow(id) => {
            let phase = queue.workflow(id, call.at)?.phase;
            let (reason, result, error) = (None, None, None);
            let ending = Ending { id, state: phase.word(), reason, result, error };
            (phase != Phase::Open).then_some(ending)
        }
    };
    match (ending, block_ms) {
        (Some(ending), _) => tell(&ending, call.reply),
        (None, Some(timeout_ms)) if call.keys.may_block() => {
            call.keys.await_end(key, awaited.id());
            return Ok(Next::Await { key, awaited, timeout_ms });
        }
        (None, _) => call.reply.null(),
    }
    Ok(Next::Replied)
}

/// Replies how something ended.
pub fn tell(ending: &Ending, reply: &mut dyn Reply) {
    let texts = [
        (&b"reason"[..], ending.reason.map(str::as_bytes)),
        (b"result", ending.result.as_deref()),
        (b"error", ending.error.as_deref()),
    ];
    reply.map(2 + texts.iter().filter(|(_, text)| text.is_some()).count());
    reply.bytes(b"id");
    reply.integer(ending.id as i64);
    reply.bytes(b"state");
    reply.bytes(ending.state.as_bytes());
    for (name, text) in texts {
        if let Some(text) = text {
            reply.bytes(name);
            reply.bytes(text);
        }
    }
}
