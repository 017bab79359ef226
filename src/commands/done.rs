//! WF.DONE and WF.MDONE: an owner completes what it holds. Repeated after a lost reply, both answer
//! as they did the first time.

use super::args;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Key, Next};
use crate::engine::finish::{Completed, Several};
use crate::engine::refusal::Refusal;

/// WF.DONE.
pub(super) static DONE: Spec = Spec {
    name: "wf.done",
    summary: "Completes a task that the agent holds",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "write fast",
    categories: "write fast",
    arity: -4,
    keys: &[Keys::At(1, Access::Update), Keys::At(2, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::key("agent-id", 1),
        Arg::integer("id"),
        common::EPOCH,
        common::FENCE,
        common::RESULT,
    ],
    reply: "OK",
    details: "\
        FENCE: only if it is this taking of the task. RESULT: kept with the task as long as \
        the task is kept (see RETAIN). Repeated by the agent that completed the task it \
        replies OK again; the last 64 completions of each agent are remembered.\n\n\
        Errors: STALE, NOTASK (there is no such task), NOTOWNER (it is not this agent's; says \
        what became of it), OOM (a RESULT above 1 KiB while memory is used up), WRONGTYPE, \
        ERR.",
    run: done,
};

/// WF.MDONE.
pub(super) static MDONE: Spec = Spec {
    name: "wf.mdone",
    summary: "Completes several tasks that the agent holds",
    complexity: "O(N) in the ids",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -5,
    keys: &[Keys::At(1, Access::Update), Keys::At(2, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::key("agent-id", 1),
        common::EPOCH,
        common::IDS,
        common::FENCES,
        Arg::block("results", &[Arg::integer("numresults"), Arg::text("result").many()])
            .after("RESULTS")
            .optional(),
    ],
    reply: "for each id 1 if it is completed by this agent, else 0",
    details: "\
        FENCES and RESULTS, if given, are as many as the ids. A task that this agent does not \
        hold is left alone. Repeated, the last call replies as it did the first time, however \
        long.\n\n\
        Errors: STALE, WRONGTYPE, ERR.",
    run: mdone,
};

/// What DONE and the first half of NEXT are told.
#[derive(Clone, Copy, Default)]
pub(super) struct Finish<'a> {
    pub(super) agent: &'a [u8],
    pub(super) id: u64,
    pub(super) epoch: Option<u64>,
    pub(super) fence: Option<u64>,
    pub(super) result: Option<&'a [u8]>,
}

impl<'a> Finish<'a> {
    /// Completes the task, or refuses.
    pub(super) fn run(&self, call: &mut Call<'_, 'a>, queue: Key) -> Result<(), Refusal> {
        let caller = call.authorize(self.agent, self.epoch)?;
        let Self { agent, id, fence, result, .. } = *self;
        let known = call.keys.queue_to_change(queue)?.ok_or(Refusal::NoTask(id))?;
        match known.decide_done(agent, id, fence, result, call.at)? {
            Completed::Now(batch) => call.keys.commit_queue(queue, batch),
            Completed::Again => {}
        }
        call.renew(caller);
        Ok(())
    }
}

fn done<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let mut finish = Finish { agent, id: call.args.id("id")?, ..Finish::default() };
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => finish.epoch = Some(call.args.id("epoch")?),
            b"FENCE" => finish.fence = Some(call.args.id("fence")?),
            b"RESULT" => finish.result = Some(call.blob("result")?),
            _ => return Err(args::unknown(word)),
        }
    }
    let queue = call.keys.open(queue);
    finish.run(call, queue)?;
    call.reply.ok();
    Ok(Next::Replied)
}

fn mdone<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let agent = call.args.word("agent-id")?;
    let (mut epoch, mut results) = (None, &[][..]);
    let (mut ids, mut fences) = Default::default();
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"EPOCH" => epoch = Some(call.args.id("epoch")?),
            b"IDS" => ids = call.args.ids("numids")?,
            b"FENCES" => fences = call.args.ids("numfences")?,
            b"RESULTS" => results = call.blobs("numresults")?,
            _ => return Err(args::unknown(word)),
        }
    }
    same_number(&ids, fences.len(), "FENCES")?;
    same_number(&ids, results.len(), "RESULTS")?;
    let caller = call.authorize(agent, epoch)?;
    let queue = call.keys.open(queue);
    let several = Several { ids: &ids, fences: &fences, results };
    let mut said = Vec::with_capacity(ids.len());
    match call.keys.queue_to_change(queue)? {
        Some(known) => {
            if let Some(batch) = known.decide_done_all(agent, &several, call.at, &mut said) {
                call.keys.commit_queue(queue, batch);
            }
        }
        None => said.resize(ids.len(), false),
    }
    call.renew(caller);
    call.reply.array(said.len());
    said.into_iter().for_each(|done| call.reply.integer(done.into()));
    Ok(Next::Replied)
}

/// Refuses ids that are missing, or a list beside them that is not as long.
pub(super) fn same_number(ids: &[u64], others: usize, what: &str) -> Result<(), Refusal> {
    match (ids.len(), others) {
        (0, _) => Err(args::syntax("IDS", "is missing")),
        (_, 0) => Ok(()),
        (ids, others) if ids == others => Ok(()),
        _ => Err(args::syntax(what, "must be as many as IDS")),
    }
}
