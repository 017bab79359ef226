//! WF.WORKFLOW: everything about one workflow, its tasks a page at a time.

use super::args;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Fields, Next};
use crate::engine::numbers::issued_ms;
use crate::engine::outcome::Phase;
use crate::engine::queue::Queue;
use crate::engine::refusal::Refusal;
use crate::engine::workflow::Workflow;

/// Tasks per page when nothing is said.
const PAGE: usize = 1_000;

/// WF.WORKFLOW.
pub(super) static WORKFLOW: Spec = Spec {
    name: "wf.workflow",
    summary: "Tells everything about one workflow",
    complexity: "O(N) in the tasks replied and what they wait for",
    since: "0.1.0",
    flags: "readonly",
    categories: "read",
    arity: -3,
    keys: &[Keys::At(1, Access::Read)],
    args: &[Arg::key("queue", 0), Arg::integer("workflow"), common::CURSOR, common::COUNT],
    reply: "a map: what there is to know, tasks, and cursor (0 at the end)",
    details: "\
        id, name, state (running, paused, done, failed, cancelled), onfail (stop, continue), \
        submitted-at, ended-at, expires-at (Unix milliseconds), cancel 1 if it is being \
        cancelled, unique, retain; how many tasks there are (size) and how many of them are \
        unfinished, failed, cancelled. tasks: each as WF.TASK tells it, with after and afterany, \
        the names of what it waits or waited for (a nameless one's id). They stand behind their \
        parents. COUNT: tasks at the most (1,000); CURSOR: where the last reply left off.\n\n\
        Errors: NOWORKFLOW, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("queue")?;
    let id = call.args.id("workflow")?;
    let (mut from, mut limit) = (0, PAGE);
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"CURSOR" => from = call.args.number("cursor", u32::MAX.into())? as u32,
            b"COUNT" => limit = call.args.count("count")?,
            _ => return Err(args::unknown(word)),
        }
    }
    let key = call.keys.open(key);
    let queue = call.keys.queue(key)?.ok_or(Refusal::NoWorkflow { id, phase: None })?;
    let workflow = queue.workflow(id, call.at)?;
    let size = workflow.size();
    let end = from.saturating_add(limit as u32).min(size);
    let fields = about(queue, workflow);
    call.reply.map(fields.len() + 2);
    fields.write_pairs(call.reply);
    call.reply.bytes(b"tasks");
    call.reply.array((from.min(end)..end).len());
    for place in from.min(end)..end {
        let task = queue.task_at(workflow, place);
        let mut fields = Fields::described(queue, task, call.at.ms);
        for (field, any) in [("after", false), ("afterany", true)] {
            let parents = workflow.parents(place).filter(|parent| parent.any == any);
            fields.names(field, parents.map(|parent| workflow.called(parent.place)));
        }
        fields.write(call.reply);
    }
    call.reply.bytes(b"cursor");
    let next = if end < size { end } else { 0 };
    call.reply.bytes(next.to_string().as_bytes());
    Ok(Next::Replied)
}

fn about<'q>(queue: &'q Queue, workflow: &'q Workflow) -> Fields<'q> {
    let state = match workflow.phase {
        Phase::Open if workflow.paused => "paused",
        phase => phase.word(),
    };
    let when = |ms: u64| (ms > 0).then_some(ms);
    let mut fields = Fields::default();
    fields.integer("id", workflow.id);
    fields.bytes("name", workflow.name());
    fields.bytes("state", state.as_bytes());
    fields.bytes("onfail", workflow.on_fail.word().as_bytes());
    fields.integer("submitted-at", issued_ms(workflow.id));
    fields.number("ended-at", when(workflow.rare().ended_ms));
    fields.number("expires-at", when(workflow.rare().until_ms));
    let is_cancelling = workflow.phase == Phase::Open && workflow.cancelling;
    fields.count("cancel", is_cancelling.into());
    fields.maybe("unique", queue.key_of_workflow(workflow));
    fields.number("retain", workflow.rare().retain_ms);
    fields.integer("size", workflow.size().into());
    fields.integer("unfinished", workflow.unfinished.into());
    fields.integer("failed", workflow.failed.into());
    fields.integer("cancelled", workflow.cancelled.into());
    fields
}
