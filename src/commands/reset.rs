//! WF.RESET: running tasks are put back into a pre-running state, whatever their agents do.

use hashbrown::HashMap;

use super::args::{self, Args};
use super::bulk::{BULK, carry_out};
use super::identity::heard_ms;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Key, Next};
use crate::engine::refusal::Refusal;
use crate::engine::reset::Which;
use crate::engine::task::Cause;

/// WF.RESET.
pub(super) static RESET: Spec = Spec {
    name: "wf.reset",
    summary: "Takes running tasks from their agents and makes them ready again",
    complexity: "O(N) in the tasks reset; with IDLE also in those taken so long ago",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -2,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::one_of(
            "which",
            &[
                Arg::text("agent-id").after("AGENT"),
                common::IDS,
                Arg::integer("milliseconds").after("IDLE"),
            ],
        )
        .optional(),
        common::COUNT,
    ],
    reply: "a map: count, and more (1 if there are others beyond COUNT)",
    details: "\
        All running tasks; with AGENT those that it holds, with IDS those named, with IDLE those \
        of which nothing was heard for so many milliseconds (no WF.TOUCH of them, no WF.BEAT of \
        their agents): the backstop by hand. It counts as an interruption, not as a failure; \
        checkpoint, progress and handle stay. What a former owner says of such a task from then \
        on is NOTOWNER. A task that was to be cancelled is cancelled. COUNT: at most so many \
        (10,000).\n\n\
        Errors: NOPERM (IDLE: an agent that the caller may not read), WRONGTYPE, ERR.",
    run,
};

/// Which tasks the words name.
enum Named<'a> {
    All,
    Agent(&'a [u8]),
    Ids(smallvec::SmallVec<[u64; 4]>),
    Idle(u64),
}

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let (mut named, mut limit) = (Named::All, BULK);
    while let Some((token, word)) = call.args.option() {
        if token.as_slice() == b"COUNT" {
            limit = call.args.count("count")?;
            continue;
        }
        let read = which(&token, word, &mut call.args)?;
        if !matches!(std::mem::replace(&mut named, read), Named::All) {
            return Err(args::syntax("AGENT, IDS and IDLE", "exclude each other"));
        }
    }
    let queue = call.keys.open(queue);
    let beats = match named {
        Named::Idle(ms) => beats(call, queue, ms)?,
        _ => HashMap::new(),
    };
    let which = match &named {
        Named::All => Which::All,
        Named::Agent(name) => Which::Owner(name),
        Named::Ids(ids) => Which::Ids(ids),
        Named::Idle(ms) => Which::Idle(*ms),
    };
    let mut beat_ms = |name: &[u8]| beats.get(name).copied().unwrap_or(0);
    carry_out(call, queue, |known, at| {
        known.decide_reset(&which, Cause::Reset, limit, at, &mut beat_ms)
    })
}

fn which<'a>(token: &[u8], word: &[u8], args: &mut Args<'a>) -> Result<Named<'a>, Refusal> {
    match token {
        b"AGENT" => Ok(Named::Agent(args.word("agent-id")?)),
        b"IDS" => Ok(Named::Ids(args.ids("numids")?)),
        b"IDLE" => Ok(Named::Idle(args.ms("IDLE")?)),
        _ => Err(args::unknown(word)),
    }
}

/// When the agents that hold something for so long last gave a sign of life, by name.
fn beats(call: &mut Call<'_, '_>, queue: Key, ms: u64) -> Result<HashMap<Vec<u8>, u64>, Refusal> {
    let known = call.keys.queue_to_change(queue)?;
    let holders = known.into_iter().flat_map(|known| known.holders_for(ms, call.at));
    let names: Vec<Vec<u8>> = holders.map(<[u8]>::to_vec).collect();
    let borrowed: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    let keys = call.keys.open_named(queue, &borrowed, Access::Read)?;
    let heard = keys.into_iter().map(|key| heard_ms(call.keys, key));
    Ok(names.into_iter().zip(heard).collect())
}
