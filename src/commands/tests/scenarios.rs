//! What does each command promise, told so that no Rust is needed to read it? One test per rule, in
//! the little language of `script`; one file per idea.

mod fencing;
mod finishing;
mod leases;
mod limits;
mod listing;
mod numbers;
mod paging;
mod places;
mod poison;
mod pools;
mod pushing;
mod recovering;
mod refusing;
mod repeating;
mod retiring;
mod taking;
