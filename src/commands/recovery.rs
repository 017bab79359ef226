//! One identity is recovered, whether it was named or picked from a pool: the wishes that both
//! commands take, what is done, and the reply.

use super::args::{self, Args, COUNT_MAX, Token};
use super::bulk::BULK;
use super::found::{Found, PAGE_LEN};
use super::identity::{pool_of, reach};
use super::places::Places;
use super::taking::remember;
use super::{Call, Key};
use crate::engine::agent::{Agent, State, Why};
use crate::engine::epoch::{Assumption, decide_assume};
use crate::engine::event::{AgentEvent, Batch};
use crate::engine::pool::Pool;
use crate::engine::recover::{Mode, Position};
use crate::engine::refusal::Refusal;

/// What the successor wishes.
#[derive(Default)]
pub(super) struct Wish<'a> {
    mode: Option<Mode>,
    pub(super) lease_ms: Option<u64>,
    pub(super) request: Option<&'a [u8]>,
    count: Option<usize>,
    with_results: bool,
}

impl<'a> Wish<'a> {
    /// Reads one option, if it is one of a recovery.
    pub(super) fn option(&mut self, token: &Token, args: &mut Args<'a>) -> Result<bool, Refusal> {
        let mode = match token.as_slice() {
            b"KEEP" => Mode::Keep,
            b"RELEASE" => Mode::Release,
            b"FAIL" => Mode::Fail,
            b"LEASE" => {
                self.lease_ms = Some(args.ms("LEASE")?);
                return Ok(true);
            }
            b"REQID" => {
                self.request = Some(args.word("request id")?);
                return Ok(true);
            }
            b"COUNT" => {
                self.count = Some(args.number("count", COUNT_MAX)? as usize);
                return Ok(true);
            }
            b"WITHRESULTS" => {
                self.with_results = true;
                return Ok(true);
            }
            _ => return Ok(false),
        };
        if self.mode.replace(mode).is_some_and(|said| said != mode) {
            return Err(args::syntax("KEEP, RELEASE and FAIL", "exclude each other"));
        }
        Ok(true)
    }
}

/// Renews the epoch, settles what is held in all places, and replies. Nothing refuses any more.
pub(super) fn recover<'a>(
    call: &mut Call<'_, 'a>,
    (name, agent): (&[u8], Key),
    wish: &Wish<'_>,
    places: &Places<'a>,
) -> Result<(), Refusal> {
    let mode = wish.mode.unwrap_or(Mode::Keep);
    let assumption = Assumption { request: wish.request, lease_ms: wish.lease_ms };
    let known = call.keys.agent(agent)?;
    let left = known.is_some_and(|known| known.state() == State::Retired);
    let decided = decide_assume(known, &assumption, call.at);
    let renewed = decided.is_some();
    match decided {
        Some(batch) => begin(call, (name, agent), batch),
        None => call.renew(agent),
    }
    let limit = wish.count.unwrap_or(if mode == Mode::Keep { PAGE_LEN } else { BULK });
    let mut found = Found::new(limit, wish.with_results);
    for place in &places.open {
        let Some(queue) = call.keys.queue(place.key)? else { continue };
        let page = if renewed {
            queue.decide_recover(name, left, mode, found.left(), call.at)
        } else {
            queue.decide_page(name, mode, Position::default(), found.left(), call.at)
        };
        let holds = !page.kept.is_empty() || page.next.is_some();
        if let Some(declared) = place.declared.filter(|_| holds) {
            remember(call, agent, declared)?;
        }
        found.add(call, place, page);
    }
    free(call, (name, agent));
    reply(call, (name, agent), mode, &found, places)
}

/// The identity begins an epoch. One whose pool hands everything back meanwhile is no exception.
fn begin(call: &mut Call<'_, '_>, (name, agent): (&[u8], Key), batch: Batch<'_, AgentEvent<'_>>) {
    call.keys.commit_agent(agent, batch);
    let pool = pool_of(call.keys, name, agent);
    reach(call.keys, name, pool, call.at);
    let pool = pool.and_then(|pool| call.keys.pool(pool).ok().flatten());
    if pool.is_some_and(Pool::is_resetting) {
        let batch = Agent::decide_stop(Why::Drained, call.at);
        call.keys.commit_agent(agent, batch);
    }
}

/// An identity without a lease may be assumed at once by whoever waits for one of the pool.
fn free(call: &mut Call<'_, '_>, (name, agent): (&[u8], Key)) {
    let known = call.keys.agent(agent).ok().flatten();
    if known.is_some_and(|known| !known.is_assumed(call.at)) {
        let pool = pool_of(call.keys, name, agent);
        pool.into_iter().for_each(|pool| call.keys.wake(pool));
    }
}

fn reply(
    call: &mut Call<'_, '_>,
    (name, agent): (&[u8], Key),
    mode: Mode,
    found: &Found,
    places: &Places<'_>,
) -> Result<(), Refusal> {
    let known = call.keys.agent(agent)?;
    let epoch = known.map_or(0, Agent::epoch);
    let lease_ms = known.and_then(|known| known.lease_left_ms(call.at));
    let moves = mode != Mode::Keep;
    call.reply.map(7 + usize::from(moves) + usize::from(lease_ms.is_some()));
    call.reply.bytes(b"agent");
    call.reply.bytes(name);
    call.reply.bytes(b"epoch");
    call.reply.integer(epoch as i64);
    if let Some(lease_ms) = lease_ms {
        call.reply.bytes(b"lease");
        call.reply.integer(lease_ms as i64);
    }
    if moves {
        call.reply.bytes(b"count");
        call.reply.integer(found.moved as i64);
    }
    found.reply_tasks(call)?;
    found.reply_quarantined(call)?;
    places.reply_missing(call);
    call.reply.bytes(b"more");
    call.reply.integer(found.next.is_some().into());
    found.reply_cursor(call);
    Ok(())
}
