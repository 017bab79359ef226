//! Does the module, loaded into a real server, do what its contract says?
//!
//! One test binary, one file per concern. Every test starts its own server (see `support`), says
//! in its name what must hold, and speaks only the server's protocol: the module's crate is not
//! linked, so what passes here passes for any client.
//!
//! - `commands`     each command: words and replies, words and refusals
//! - `blocking`     waiting clients and everything that can happen to them
//! - `replication`  replicas equal their primary; promotion; two primaries
//! - `persistence`  every way a key can be stored, moved, copied, lost or forged
//! - `time`         what falls due: at its time, once, after a restart, after a promotion
//! - `stops`        pause, drain, reset, cancel
//! - `recovery`     a process dies, the next one under its name goes on
//! - `acl`          who may do what to which key
//! - `keyspace`     notifications, WATCH, expiry, overwriting
//! - `agenda`       what falls due is served, whatever became of its key
//! - `memory`       a full server still drains
//! - `info`         what an operator sees, and the settings
//! - `docs`         what COMMAND says about the commands
//! - `cluster`      slots and hash tags
//! - `pools`        leases, identities given away, a storm of processes
//! - `workflows`    tasks that wait for one another
//! - `fleet`        real processes killed, servers replaced, clients that wait meanwhile
//! - `second_client` the ordinary Python client does ordinary work
//!
//! `BATON_SERVER` names the server program, `BATON_MODULE` the module file, `SEED` the number all
//! random choices come from.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods)]

mod acl;
mod agenda;
mod blocking;
mod cluster;
mod commands;
mod docs;
mod fleet;
mod info;
mod keyspace;
mod memory;
mod persistence;
mod pools;
mod recovery;
mod replication;
mod second_client;
mod stops;
mod support;
mod time;
mod turns;
mod workflows;
