//! How state becomes bytes: dumps (RDB, DUMP, the rewritten append-only file, the digest) and
//! events (replication, the append-only file). Both are formats: what a released version wrote
//! stays loadable.
//!
//! ```text
//! dump of a queue     key name, then chunks; in the RDB one string each
//! chunk               records one after the other, some 64 KiB; the last one ends with End
//! record              Queue, Line*, Owner*, Task*, Tombstone*, End   (dump::Record)
//! dump of an agent    one record                                     (agent_dump::Record)
//! dump of a pool      one record                                     (pool_dump::Record)
//! events              kind (Q, A or P), version, at_ms, event, event, ... (batch)
//! ```
//!
//! All is little-endian, integers take as many bytes as they need, and every length is checked
//! against the bytes that are there before anything is allocated.
//!
//! To change a format: add a variant at the end of `Record`, `Attribute` or the event enums; older
//! data still loads, and older servers refuse newer data with a clear line. To change the meaning
//! of what is here, raise [`DUMP_VERSION`] or [`EVENTS_VERSION`] and keep reading the former one.
//! What was written before the first release, 0.1.0, is read by nobody.
#![forbid(unsafe_code)]

pub mod agent_dump;
pub mod batch;
mod codec;
pub mod dump;
pub mod load;
pub mod pool_dump;

/// The version of dumps; the server's `encver`.
pub const DUMP_VERSION: i32 = 1;

/// The version of events.
pub const EVENTS_VERSION: u8 = 1;
