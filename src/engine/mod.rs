//! What a task is and what can happen to it. This room has no doors: no Redis, no clock, no
//! randomness, no I/O. Time and entropy come in as a [`numbers::Moment`].
//!
//! Everything follows one pattern. A verb *decides*: it reads the state and yields events, or a
//! refusal, and changes nothing. Then the events are *applied*, by the only code that changes
//! state, which cannot refuse. A server replicates the events; a replica only applies. So a refused
//! command has changed nothing, and two servers cannot come to different conclusions.
//!
//! Vocabulary. A *queue* holds *tasks*. An *agent* is an identity that outlives processes; its
//! *epoch* tells the process that acts under it now from those before. Taking a task exchanges it
//! for the agent's identity: the queue's *owner* record of that name holds it, under a *fence* that
//! tells this taking from every other. A *recovery* voids the fences of an identity and gives its
//! tasks to the successor. A *lease* says for how long an identity counts as alive without a sign
//! of life; a *pool* gives identities away to whoever asks for one.
//!
//! | what | where |
//! | --- | --- |
//! | state | [`queue`], [`agent`], [`pool`], and the records in them: [`task`], [`owner`], ... |
//! | what happens | [`event`], applied in `apply` by `moves`; `fits` is asked before if need be |
//! | verbs of producers and agents | [`push`], [`pop`], [`finish`], [`touch`], [`recover`] |
//! | verbs of operators, and of time | [`edit`], [`reset`], [`cancel`], [`give_up`], [`tick`] |
//! | verbs on identities | [`epoch`], `lease`, `stopping`, [`pool`] |
//! | workflows | [`submit`], [`graph`], [`workflow`], `advance`, [`steer`], [`outcome`] |
//! | what is told | [`history`], [`totals`] |
//! | who waits | [`waiters`], [`ending`] |
//! | time | [`numbers`], [`pace`], [`share`] |
//! | by name, by number | [`names`], [`index`], [`numbered`] |
//! | in order | [`slab`], [`list`], [`lines`], [`heap`], [`deadlines`] |
//! | what must hold | `invariants`, asked after every step of the tests' random walk |
#![forbid(unsafe_code)]

mod advance;
pub mod agent;
mod apply;
pub mod cancel;
pub mod cause;
pub mod deadlines;
pub mod edit;
pub mod ending;
pub mod epoch;
pub mod event;
pub mod finish;
mod fits;
pub mod give_up;
pub mod graph;
pub mod heap;
pub mod history;
pub mod index;
mod invariants;
mod lease;
pub mod lines;
pub mod list;
pub mod listing;
mod moves;
pub mod names;
pub mod numbered;
pub mod numbers;
pub mod outcome;
pub mod owner;
pub mod pace;
pub mod packed;
pub mod pool;
pub mod pop;
pub mod push;
pub mod queue;
pub mod recover;
pub mod refusal;
pub mod reset;
pub mod restore;
pub mod restore_workflows;
pub mod settings;
pub mod share;
pub mod slab;
pub mod steer;
mod stopping;
pub mod submit;
pub mod task;
pub mod tick;
pub mod totals;
pub mod touch;
pub mod unique;
pub mod waiters;
pub mod workflow;
mod workflow_events;
pub mod workflows;
