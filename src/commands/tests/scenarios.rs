//! What does each command promise, told so that no Rust is needed to read it? One test per rule, in
//! the little language of `script`; one file per idea.

mod backstop;
mod cancelling;
mod draining;
mod editing;
mod fencing;
mod finishing;
mod handles;
mod leases;
mod limits;
mod listing;
mod numbers;
mod old_faults;
mod orphans;
mod paging;
mod pausing;
mod places;
mod poison;
mod pools;
mod pushing;
mod recovering;
mod refusing;
mod repeating;
mod resetting;
mod retiring;
mod retry_purge;
mod retrying;
mod scheduling;
mod taking;
mod time_limits;
mod workflow_control;
mod workflow_growth;
mod workflows;
