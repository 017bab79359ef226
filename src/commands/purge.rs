//! WF.PURGE: tasks that have ended are dropped before their time.

use super::args;
use super::bulk::{BULK, carry_out};
use super::list;
use super::spec::{Access, Arg, Keys, Kind, Spec, common};
use super::{Call, Next};
use crate::engine::cancel::Ended;
use crate::engine::refusal::Refusal;

/// WF.PURGE.
pub(super) static PURGE: Spec = Spec {
    name: "wf.purge",
    summary: "Drops tasks that have ended",
    complexity: "O(N) in the tasks dropped, or in the ids",
    since: "0.1.0",
    flags: "write",
    categories: "write",
    arity: -4,
    keys: &[Keys::At(1, Access::Update)],
    args: &[
        Arg::key("queue", 0),
        Arg::one_of(
            "which",
            &[
                Arg::block(
                    "ended",
                    &[
                        Arg {
                            token: Some("STATE"),
                            optional: false,
                            kind: Kind::OneOf(&[
                                Arg::word("done", "done"),
                                Arg::word("failed", "failed"),
                                Arg::word("cancelled", "cancelled"),
                            ]),
                            name: "state",
                            multiple: false,
                        },
                        Arg::integer("milliseconds").after("OLDER").optional(),
                    ],
                ),
                common::IDS,
            ],
        ),
        common::COUNT,
    ],
    reply: "a map: count, and more (1 if there are others beyond COUNT)",
    details: "\
        STATE: those that ended so; with OLDER those that did at least so many milliseconds \
        ago. IDS: those named, as far as they have ended. A task that may still run is not \
        dropped: cancel it first. A workflow is dropped whole, when it ended so or its own id \
        is named; each of its tasks counts, and none is dropped without the others. COUNT: at \
        most so many (10,000).\n\n\
        Errors: WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let queue = call.args.word("queue")?;
    let (mut state, mut older_ms, mut limit) = (None, None, BULK);
    let mut ids: Option<smallvec::SmallVec<[u64; 4]>> = None;
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"STATE" => state = Some(list::state(call.args.word("state")?)?),
            b"OLDER" => older_ms = Some(call.args.ms("OLDER")?),
            b"IDS" => ids = Some(call.args.ids("numids")?),
            b"COUNT" => limit = call.args.count("count")?,
            _ => return Err(args::unknown(word)),
        }
    }
    if state.is_some_and(|state| state.is_unfinished()) {
        return Err(args::syntax(
            "STATE",
            "must be done, failed or cancelled; cancel what may still run",
        ));
    }
    let which = match (state, &ids, older_ms) {
        (Some(state), None, older_ms) => Ended::In { state, older_ms: older_ms.unwrap_or(0) },
        (None, Some(ids), None) => Ended::Ids(ids),
        (None, _, Some(_)) => return Err(args::syntax("OLDER", "goes with STATE")),
        _ => return Err(args::syntax("one of STATE and IDS", "is needed")),
    };
    let queue = call.keys.open(queue);
    carry_out(call, queue, |known, at| known.decide_purge(&which, limit, at))
}
