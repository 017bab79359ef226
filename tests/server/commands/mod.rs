//! Does each command answer what the contract says, and refuse what it must?
//!
//! Dialogues (see `support::play`), each in RESP2 and RESP3: `producing`, `taking`, `finishing`,
//! `recovering` and `reading` say what the commands do, `refusing` what they do not.

mod finishing;
mod producing;
mod reading;
mod recovering;
mod refusing;
mod taking;
