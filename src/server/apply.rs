//! WF.APPLY: what a primary decided, applied by its replicas and when the append-only file is read.
//!
//! Not for clients: it would let them write a state that was never decided. The server tells
//! commands of the primary, of a file being loaded and (Valkey) of a slot being imported apart from
//! others; those are refused, and the command is in the categories admin and dangerous besides.

use std::cell::RefCell;

use hashbrown::HashMap;

use super::api::{self, Ctx, Str};
use super::held::Loaded;
use super::keys::Keys;
use super::{clock, observe};
use crate::commands::Key;
use crate::engine::event::{AgentEvent, PoolEvent, QueueEvent};
use crate::storage::batch::{self, Kind};
use crate::storage::load::{Loaded as Chunk, Loader};
use crate::storage::{agent_dump, pool_dump};

/// Loads under way, by database and name.
type Loaders = HashMap<(i32, Vec<u8>), Box<Loader>>;

thread_local! {
    /// Queues of which a rewritten append-only file has given some chunks so far. On the
    /// server's main thread, as all commands.
    static LOADERS: RefCell<Loaders> = RefCell::default();
}

/// A load begins: what an earlier one left half done, its file being cut off, is over.
pub(super) fn load_begins() {
    LOADERS.with_borrow_mut(HashMap::clear);
}

/// Applies the words after the command's name; an error tells what does not fit.
pub(super) fn run(ctx: Ctx, strings: &[Str], words: &[&[u8]]) -> Result<(), String> {
    if !api::must_obey(ctx) {
        return Err("ERR WF.APPLY is for replication and the append-only file only".to_owned());
    }
    let (name, events) = match (strings, words) {
        ([name, ..], [_, events, ..]) => (*name, *events),
        _ => return Err("ERR a key and events are needed".to_owned()),
    };
    let mut keys = Keys::new(ctx, clock::now(), strings, words);
    let key = keys.open_string(name);
    let blobs = words.get(2..).unwrap_or_default();
    let followed = follow(&mut keys, (key, ctx.db(), name), events, blobs);
    if let Err(why) = &followed {
        keys.mark_diverged(key);
        observe::add(&observe::COUNTERS.diverged, 1);
        let key = name.bytes().escape_ascii();
        let text = format!("events for the key '{key}' do not fit: {why}");
        api::warn(Some(ctx), &text);
    }
    keys.publish(false);
    // A command of a module goes neither to this server's own replicas nor to its file by itself.
    ctx.replicate_verbatim();
    followed.map_err(|why| format!("ERR events do not fit: {why}"))
}

fn follow(
    keys: &mut Keys<'_>,
    (key, db, name): (Key, i32, Str),
    events: &[u8],
    blobs: &[&[u8]],
) -> Result<(), String> {
    let (kind, rest) = Kind::of(events)?;
    match kind {
        Kind::Queue => {
            let batch = batch::decode::<QueueEvent<'_>>(rest, blobs.into())?;
            keys.follow_queue(key, &batch)
        }
        Kind::Agent => {
            let batch = batch::decode::<AgentEvent<'_>>(rest, blobs.into())?;
            keys.follow_agent(key, &batch)
        }
        Kind::QueueChunk => {
            let place = (db, name.bytes().to_vec());
            let loader = LOADERS.with_borrow_mut(|loaders| loaders.remove(&place));
            match loader.unwrap_or_default().chunk(rest)? {
                Chunk::Whole(queue) => keys.load(key, Loaded::Queue(queue)),
                Chunk::Partly(further) => {
                    LOADERS.with_borrow_mut(|loaders| loaders.insert(place, further));
                    Ok(())
                }
            }
        }
        Kind::Pool => {
            let batch = batch::decode::<PoolEvent>(rest, blobs.into())?;
            keys.follow_pool(key, &batch)
        }
        Kind::PoolDump => keys.load(key, Loaded::Pool(Box::new(pool_dump::decode(rest)?))),
        Kind::AgentDump => keys.load(key, Loaded::Agent(Box::new(agent_dump::decode(rest)?))),
    }
}
