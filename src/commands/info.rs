//! WF.INFO: what there is to know of a queue, an agent or a pool as a whole.

use super::identity::{Holdings, Thing, drains, members, pool_of, thing};
use super::spec::{Access, Arg, Keys, Spec};
use super::{Call, Fields, Key, Next};
use crate::engine::agent::State as Standing;
use crate::engine::pool::{Drain, Reset, of_identity};
use crate::engine::queue::{Hold, Queue};
use crate::engine::refusal::Refusal;
use crate::engine::settings::Setting;
use crate::engine::task::State;
use crate::engine::totals::Totals;

/// WF.INFO.
pub(super) static INFO: Spec = Spec {
    name: "wf.info",
    summary: "Tells about a queue, an agent or a pool",
    complexity: "O(1); O(Q) in the queues that an agent took from; O(N) in a pool's identities",
    since: "0.1.0",
    flags: "readonly",
    categories: "read",
    arity: 2,
    keys: &[Keys::At(1, Access::Read)],
    args: &[Arg::key("key", 0)],
    reply: "\
        a map with the field kind (queue, agent or pool), or null when there is no such key",
    details: "\
        A queue: state (active, paused or draining); while it drains, reset-at (Unix \
        milliseconds, if a reset is planned) and reset (tasks reset so far); paused-types; \
        how many tasks are waiting, scheduled, ready, running, done, failed, cancelled; \
        unfinished, the first four together; types and owners with tasks; unique-keys; \
        workflows; since it was made: total-pushed, total-taken, total-completed, \
        total-failed (for good), total-returned (from running to pre-running), \
        total-cancelled, total-retried (pushed and retried are as many as unfinished, \
        completed, failed and cancelled); last-number, the greatest id or fence; then the \
        settings of WF.SET. An agent: epoch; state (active, draining, retired); pool; lease \
        (milliseconds left, 0 if it is over); reset (tasks that a stop handed back so far); \
        queues it took from. A pool: size, lease, orphan; state (active, draining); assumed \
        (identities with a lease that runs); running (tasks its identities hold); reset-at \
        and reset as above; left, the free identities that hold work. diverged 1: a replica's \
        copy that does not follow its primary any more.\n\n\
        Errors: WRONGTYPE.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("key")?;
    let key = call.keys.open(name);
    match thing(call.keys, key)? {
        Thing::Nothing => call.reply.null(),
        Thing::Queue => {
            let known = call.keys.queue(key)?;
            known.into_iter().for_each(|queue| about_queue(queue).write(call.reply));
        }
        Thing::Agent => about_agent(call, (name, key)),
        Thing::Pool => about_pool(call, (name, key)),
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
    fields.integer("owners", queue.holding());
    fields.integer("unique-keys", queue.uniques().len());
    fields.integer("workflows", queue.workflows().len());
    let Totals { pushed, taken, completed, failed, returned, cancelled, retried } = queue.totals();
    fields.integer("total-pushed", pushed);
    fields.integer("total-taken", taken);
    fields.integer("total-completed", completed);
    fields.integer("total-failed", failed);
    fields.integer("total-returned", returned);
    fields.integer("total-cancelled", cancelled);
    fields.integer("total-retried", retried);
    fields.integer("last-number", queue.last_number());
    fields.maybe("events", queue.history().stream());
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

fn about_agent(call: &mut Call<'_, '_>, (name, key): (&[u8], Key)) {
    let pool = pool_of(call.keys, name, key);
    let drains = drains(call.keys, key, pool);
    let pool = pool.filter(|pool| matches!(call.keys.pool(*pool), Ok(Some(_))));
    let pool = pool.and_then(|_| of_identity(name)).map(|(pool, _)| pool);
    let Ok(Some(agent)) = call.keys.agent(key) else { return };
    let state = match agent.state() {
        Standing::Active if drains => Standing::Draining,
        state => state,
    };
    let mut fields = Fields::default();
    fields.bytes("kind", b"agent");
    fields.integer("epoch", agent.epoch());
    fields.bytes("state", state.word().as_bytes());
    fields.maybe("pool", pool);
    if let Some(lease_ms) = agent.lease_left_ms(call.at) {
        fields.integer("lease", lease_ms);
    }
    if let Some(stop) = agent.stop() {
        fields.integer("reset", stop.reset);
    }
    fields.names("queues", agent.queues());
    if agent.is_diverged() {
        fields.integer("diverged", 1);
    }
    fields.write(call.reply);
}

fn about_pool(call: &mut Call<'_, '_>, (name, key): (&[u8], Key)) {
    let members = members(call.keys, name, key);
    let at = call.at;
    let holdings = Holdings::of(call.keys, &members);
    let (mut assumed, mut running, mut left) = (0, 0, Vec::new());
    for one in &members {
        let held = holdings.count(call.keys, one);
        running += held;
        if call.keys.agent(one.1).ok().flatten().is_some_and(|agent| agent.is_assumed(at)) {
            assumed += 1;
        } else if held > 0 {
            left.push(one.0.as_slice());
        }
    }
    let Ok(Some(pool)) = call.keys.pool(key) else { return };
    let facts = pool.facts();
    let state = if pool.is_draining() { Standing::Draining } else { Standing::Active };
    let mut fields = Fields::default();
    fields.bytes("kind", b"pool");
    fields.integer("size", facts.size.into());
    fields.integer("lease", facts.lease_ms);
    fields.integer("orphan", facts.orphan_ms);
    fields.bytes("state", state.word().as_bytes());
    fields.integer("assumed", assumed);
    fields.integer("running", running);
    if let Some(Drain { reset, count }) = facts.drain {
        if let Reset::From(ms) = reset {
            fields.integer("reset-at", ms);
        }
        fields.integer("reset", count);
    }
    fields.names("left", left.into_iter());
    if pool.is_diverged() {
        fields.integer("diverged", 1);
    }
    fields.write(call.reply);
}
