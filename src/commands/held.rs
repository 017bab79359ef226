//! WF.HELD: the list that RECOVER gives, page by page, without assuming the identity.
//!
//! It changes no task, with one exception: tasks that a recovery did not get to are settled as
//! their page is read (a new fence, and the crash that is theirs). On a replica they are listed
//! without a fence instead.

use super::args;
use super::found::{Found, PAGE_LEN, cursor};
use super::places::Places;
use super::recover::queues as declared;
use super::spec::{Access, Arg, Keys, Spec, common};
use super::{Call, Next};
use crate::engine::recover::{Mode, Position};
use crate::engine::refusal::Refusal;

/// WF.HELD.
pub(super) static HELD: Spec = Spec {
    name: "wf.held",
    summary: "Lists what an agent holds",
    complexity: "O(Q + C) in the queues the agent took from and the tasks replied",
    since: "0.1.0",
    flags: "readonly may-replicate",
    categories: "write",
    arity: -2,
    keys: &[Keys::At(1, Access::Read), Keys::After("QUEUES", Access::Update)],
    args: &[
        Arg::key("agent-id", 0),
        common::QUEUES,
        common::CURSOR,
        common::COUNT,
        common::WITHRESULTS,
    ],
    reply: "a map: tasks, quarantined, cursor (0 at the end), missing",
    details: "\
        CURSOR: where the last reply left off, 0 to begin. WITHRESULTS: as for WF.POP. A task \
        that the last recovery did not get to is settled as it is read: it counts its crash, \
        gets its fence, or is quarantined and listed there instead; so the right to change \
        the queues is needed. On a replica nothing changes, and such tasks have no fence yet.\n\n\
        Errors: NOPERM, TRYAGAIN, WRONGTYPE, ERR.",
    run,
};

fn run<'a>(call: &mut Call<'_, 'a>) -> Result<Next, Refusal> {
    let name = call.args.word("agent-id")?;
    let (mut queues, mut from) = (&[][..], None);
    let (mut limit, mut with_results) = (PAGE_LEN, false);
    while let Some((token, word)) = call.args.option() {
        match token.as_slice() {
            b"QUEUES" => queues = declared(&mut call.args, queues)?,
            b"CURSOR" => from = cursor(call.args.word("cursor")?)?,
            b"COUNT" => limit = call.args.count("count")?,
            b"WITHRESULTS" => with_results = true,
            _ => return Err(args::unknown(word)),
        }
    }
    let agent = call.keys.open(name);
    let first = from.map(|(queue, _)| queue);
    let places = Places::find(call, agent, queues, first, Access::Update)?;
    let mut found = Found::new(limit, with_results);
    for place in &places.open {
        let here = from.filter(|(queue, _)| place.is(queue));
        let position = here.map_or(Position::default(), |(_, position)| position);
        let Some(queue) = call.keys.queue(place.key)? else { continue };
        if call.keys.is_read_only() {
            let (ids, next) = queue.held_page(name, position, found.left());
            found.read(place, &ids, next);
        } else {
            let page = queue.decide_page(name, Mode::Keep, position, found.left(), call.at);
            found.add(call, place, page);
        }
    }
    call.reply.map(4);
    found.reply_tasks(call)?;
    found.reply_quarantined(call)?;
    found.reply_cursor(call);
    places.reply_missing(call);
    Ok(Next::Replied)
}
