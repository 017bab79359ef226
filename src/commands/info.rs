//! WF.INFO: what there is to know of a queue or an agent as a whole.

use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Fields, Next, Reply};
use crate::engine::agent::Agent;
use crate::engine::queue::{Hold, Queue, Totals};
use crate::engine::refusal::Refusal;
use crate::engine::settings::Setting;
use crate::engine::task::State;

/// WF.INFO.
pub(super) static INFO: Spec = Spec {
    name: "wf.info",
    summary: "Tells about a queue or an agent",
    complexity: "O(1); O(Q) in the queues that an agent took from",
    since: "0.1.0",
    flags: "readonly fast",
    categories: "read fast",
    arity: 2,
    keys: &[Keys::At(1, Access::Read)],
    args: &[Arg::key("key", 0)],
    reply: "a map with the field kind (queue or agent), or null when there is no such key",
    details: "\
        A queue: state (active, paused or draining), paused-types, how many tasks are in each \
        state, types, owners that hold something, \
        unique-keys, the totals since it was made, and its settings. An agent: epoch and \
        queues, the names of those it took from.\n\n\
        Errors: WRONGTYPE.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("key")?;
    let key = call.keys.open(key);
    match call.keys.queue(key) {
        Ok(Some(queue)) => about_queue(queue).write(call.reply),
        Ok(None) => call.reply.null(),
        Err(_) => match call.keys.agent(key)? {
            Some(agent) => about_agent(call.reply, agent),
            None => call.reply.null(),
        },
    }
    Ok(Next::Replied)
}

fn about_queue(queue: &Queue) -> Fields<'_> {
    let mut fields = Fields::default();
    fields.bytes("kind", b"queue");
    fields.bytes("state", hold_word(queue.hold()));
    if let Some(Hold::Draining { reset_ms, reset }) = queue.hold() {
        fields.number("reset-at", reset_ms).integer("reset", reset);
    }
    fields.names("paused-types", queue.lines().paused());
    for state in State::ALL {
        fields.integer(state.word(), queue.count(state));
    }
    fields.integer("unfinished", queue.unfinished());
    fields.integer("types", queue.lines().kinds());
    fields.integer("owners", queue.owners().len() - queue.idle().len());
    fields.integer("unique-keys", queue.uniques().len());
    let Totals { pushed, taken, completed, failed, returned, cancelled } = queue.totals();
    fields.integer("total-pushed", pushed);
    fields.integer("total-taken", taken);
    fields.integer("total-completed", completed);
    fields.integer("total-failed", failed);
    fields.integer("total-returned", returned);
    fields.integer("total-cancelled", cancelled);
    fields.integer("last-number", queue.last_number());
    for setting in Setting::ALL {
        fields.integer(setting.word(), queue.settings().get(setting));
    }
    if queue.is_diverged() {
        fields.integer("diverged", 1);
    }
    fields
}

/// Whether tasks are handed out, in a word.
fn hold_word(hold: Option<Hold>) -> &'static [u8] {
    match hold {
        None => b"active",
        Some(Hold::Paused) => b"paused",
        Some(Hold::Draining { .. }) => b"draining",
    }
}

fn about_agent(reply: &mut dyn Reply, agent: &Agent) {
    reply.map(4);
    reply.bytes(b"kind");
    reply.bytes(b"agent");
    reply.bytes(b"epoch");
    reply.integer(agent.epoch() as i64);
    reply.bytes(b"state");
    reply.bytes(b"active");
    reply.bytes(b"queues");
    reply.array(agent.queues().len());
    agent.queues().for_each(|name| reply.bytes(name));
}
