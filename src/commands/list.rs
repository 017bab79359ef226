//! WF.LIST and WF.LEN: which tasks there are, and how many.

use super::args;
use super::spec::{Access, Arg, Keys, Kind, Spec, common};
use super::{Call, Fields, Next};
use crate::engine::listing::{Cursor, Filter};
use crate::engine::refusal::{Refusal, quoted};
use crate::engine::task::State;

/// Tasks per page when nothing is said.
const PAGE: usize = 100;

pub(super) const STATE: Arg = Arg {
    token: Some("STATE"),
    optional: true,
    kind: Kind::OneOf(&[
        Arg::word("waiting", "waiting"),
        Arg::word("scheduled", "scheduled"),
        Arg::word("ready", "ready"),
        Arg::word("running", "running"),
        Arg::word("done", "done"),
        Arg::word("failed", "failed"),
        Arg::word("cancelled", "cancelled"),
    ]),
    name: "state",
    multiple: false,
};

/// WF.LIST.
pub(super) static LIST: Spec = Spec {
    name: "wf.list",
    summary: "Lists tasks; ready ones in the order in which they will be taken",
    complexity: "\
        O(C) in the tasks looked at, 10,000 at the most; ready ones O(L log L) in the types \
        and priorities that have any",
    since: "0.1.0",
    flags: "readonly",
    categories: "read",
    arity: -2,
    keys: &[Keys::At(1, Access::Read)],
    args: &[
        Arg::key("queue", 0),
        STATE,
        common::TYPE,
        common::WORKFLOW,
        Arg::text("agent-id").after("OWNER").optional(),
        Arg::word("handles", "HANDLES").optional(),
        common::CURSOR,
        common::COUNT,
    ],
    reply: "a map: tasks, each as WF.TASK tells it, and cursor (0 at the end)",
    details: "\
        STATE, TYPE, WORKFLOW and OWNER say which tasks; HANDLES: only those with a handle. \
        CURSOR: where the last reply left off, 0 to begin. COUNT: how many at the most (100); \
        there may be fewer, or none, and yet more to come. A task that is there and unmoved from \
        the first page to the last is listed once.\n\n\
        Errors: WRONGTYPE, ERR.",
    run: list,
};

/// WF.LEN.
pub(super) static LEN: Spec = Spec {
    name: "wf.len",
    summary: "Counts tasks: of one state, or all that are unfinished",
    complexity: "O(1)",
    since: "0.1.0",
    flags: "readonly fast",
    categories: "read fast",
    arity: -2,
    keys: &[Keys::At(1, Access::Read)],
    args: &[Arg::key("queue", 0), STATE],
    reply: "how many; 0 when there is no such queue",
    details: "Errors: WRONGTYPE, ERR.",
    run: len,
};

fn list<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("queue")?;
    let (mut filter, mut from, mut limit) = (Filter::default(), Cursor::default(), PAGE);
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"STATE" => filter.state = Some(state(call.args.word("state")?)?),
            b"TYPE" => filter.kind = Some(call.args.word("type")?),
            b"OWNER" => filter.owner = Some(call.args.word("agent-id")?),
            b"HANDLES" => filter.handles = true,
            b"CURSOR" => from = cursor(call.args.word("cursor")?)?,
            b"COUNT" => limit = call.args.count("count")?,
            b"WORKFLOW" => filter.workflow = Some(call.args.id("workflow")?),
            _ => return Err(args::unknown(word)),
        }
    }
    let key = call.keys.open(key);
    let queue = call.keys.queue(key)?;
    let (tasks, next) =
        queue.map_or_else(Default::default, |queue| queue.list_page(&filter, from, limit));
    call.reply.map(2);
    call.reply.bytes(b"tasks");
    call.reply.array(tasks.len());
    for task in tasks {
        if let Some(queue) = queue {
            Fields::described(queue, task, call.at.ms).write(call.reply);
        }
    }
    call.reply.bytes(b"cursor");
    let text = next.map_or_else(|| "0".to_owned(), written);
    call.reply.bytes(text.as_bytes());
    Ok(Next::Replied)
}

fn len<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let key = call.args.word("queue")?;
    let mut wanted = None;
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"STATE" => wanted = Some(state(call.args.word("state")?)?),
            _ => return Err(args::unknown(word)),
        }
    }
    let key = call.keys.open(key);
    let queue = call.keys.queue(key)?;
    let count = queue.map_or(0, |queue| match wanted {
        Some(state) => queue.count(state),
        None => queue.unfinished(),
    });
    call.reply.integer(count as i64);
    Ok(Next::Replied)
}

pub(super) fn state(word: &[u8]) -> Result<State, Refusal> {
    let named = |state: &State| word.eq_ignore_ascii_case(state.word().as_bytes());
    let words = State::ALL.map(State::word).join(", ");
    let wrong = || args::syntax("STATE", &format!("{} is none of {words}", quoted(word)));
    State::ALL.into_iter().find(named).ok_or_else(wrong)
}

fn written(cursor: Cursor) -> String {
    let Cursor { state, group, order, id } = cursor;
    format!("{state}-{group}-{order}-{id}")
}

fn cursor(text: &[u8]) -> Result<Cursor, Refusal> {
    if text == b"0" {
        return Ok(Cursor::default());
    }
    let wrong = || args::syntax("CURSOR", "is none that a reply gave");
    let text = std::str::from_utf8(text).map_err(|_| wrong())?;
    let parts: Result<Vec<u64>, _> = text.split('-').map(str::parse).collect();
    match parts.map_err(|_| wrong())?.as_slice() {
        [state, group, order, id] => {
            Ok(Cursor { state: *state, group: *group, order: *order, id: *id })
        }
        _ => Err(wrong()),
    }
}
