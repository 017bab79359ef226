//! What does every server test stand on?
//!
//! A real server on a free port (`server`), a client that hides nothing (`client`), replies of
//! either protocol read into plain values (`reply`), dialogues written as text (`play`), a
//! bounded wait in place of every sleep (`wait`), seeded numbers (`seed`), a generator of mixed
//! commands (`traffic`), and a DUMP taken apart and signed anew (`dump`, `crc64`).
//!
//! Nothing here links the module's own crate: the tests know only what the server says.

pub(crate) mod client;
pub(crate) mod crc64;
pub(crate) mod dump;
pub(crate) mod play;
pub(crate) mod reply;
pub(crate) mod seed;
pub(crate) mod server;
pub(crate) mod traffic;
pub(crate) mod wait;
pub(crate) mod words;

pub(crate) use client::{Client, Failure, Protocol};
pub(crate) use play::{Play, play, play_on};
pub(crate) use redis::Value;
pub(crate) use reply::{Map, Reply};
pub(crate) use seed::Rng;
pub(crate) use server::{Options, Server};
pub(crate) use wait::wait_until;
