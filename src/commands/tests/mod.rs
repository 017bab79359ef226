//! The commands without a server: what they reply, scenario by scenario, and a random walk against
//! a naive model. Every call is checked against the invariants and against a replica.

mod dags;
mod fleet;
mod model;
mod sandbox;
mod scenarios;
mod script;
mod text;
mod walk;
