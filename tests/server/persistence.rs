//! Is what comes back from disk, from a dump or from a copy what was there before?
//!
//! `files` is about snapshots, logs and crashes of the server, `keys` about everything the server
//! can do to a key, `forgery` about dumps that nobody in his right mind would have written.

mod files;
mod forgery;
mod keys;
