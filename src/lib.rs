//! Baton: tasks and workflows as native data types of Redis and Valkey.
//!
//! Taking a task exchanges it for the identity of the agent that takes it, in one atomic step. So
//! when the agent dies, the next process of that identity learns what it was doing and goes on.
//!
//! Four rooms, each knowing only those above it:
//!
//! | room | what it is about | knows |
//! | --- | --- | --- |
//! | [`engine`] | what a task is and what can happen to it | nothing: no server, no clock, no I/O |
//! | [`storage`] | how state and events become bytes | the engine |
//! | [`commands`] | how each command is worded | the engine |
//! | `server` | Redis and Valkey: the module API, the clock | all of them |
//!
//! The one idea of the code: a command *decides* (reads the state, yields events or a refusal) and
//! then the events are *applied*. Replicas and the append-only file get the events.
#![cfg_attr(
    test,
    allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)
)]

pub mod commands;
pub mod engine;
pub mod storage;

// The server's allocator is not there in unit tests.
#[cfg(all(feature = "module", not(test)))]
mod server;
