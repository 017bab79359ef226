//! Does a fleet of processes keep its work, whatever ends under it?
//!
//! `processes` are real ones, killed at random moments, and the server with them; `failover` moves
//! the fleet to another server; `waiting` is about clients that wait while somebody stops, retires
//! or takes over what they wait for.

mod failover;
mod processes;
mod waiting;
