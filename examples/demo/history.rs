//! What did the processes of the fleet say, and does it fit together?
//!
//! The order in which lines of different processes arrive says nothing. Fences do: they grow with
//! every taking, so all that was accepted under one must be over when the next begins.

use crate::failure::{Failure, Result};
use std::collections::{BTreeMap, BTreeSet};

/// What a worker tells on its standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    /// A name of the pool is ours, with so many tasks that were left under it.
    Assumed { epoch: u64, left: u64 },
    /// A task begins, or goes on after this round.
    Took { id: u64, fence: u64, round: u64 },
    /// A checkpoint was accepted.
    Saved { id: u64, fence: u64, round: u64 },
    /// A job outside was started.
    Started { id: u64 },
    /// A job outside was found running, or at its end.
    Reconnected { id: u64 },
    /// A WF.DONE was accepted; so many rounds were computed by this taking.
    Done { id: u64, computed: u64 },
    /// A clean farewell.
    Retired,
    /// Somebody else has the name now.
    Lost,
}

impl Event {
    pub(crate) fn to_line(&self) -> String {
        match self {
            Self::Assumed { epoch, left } => format!("assumed {epoch} {left}"),
            Self::Took { id, fence, round } => format!("took {id} {fence} {round}"),
            Self::Saved { id, fence, round } => format!("saved {id} {fence} {round}"),
            Self::Started { id } => format!("started {id}"),
            Self::Reconnected { id } => format!("reconnected {id}"),
            Self::Done { id, computed } => format!("done {id} {computed}"),
            Self::Retired => "retired".to_owned(),
            Self::Lost => "lost".to_owned(),
        }
    }

    pub(crate) fn from_line(line: &str) -> Option<Self> {
        let mut words = line.split(' ');
        let kind = words.next()?;
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        Some(match (kind, numbers.as_slice()) {
            ("assumed", &[epoch, left]) => Self::Assumed { epoch, left },
            ("took", &[id, fence, round]) => Self::Took { id, fence, round },
            ("saved", &[id, fence, round]) => Self::Saved { id, fence, round },
            ("started", &[id]) => Self::Started { id },
            ("reconnected", &[id]) => Self::Reconnected { id },
            ("done", &[id, computed]) => Self::Done { id, computed },
            ("retired", []) => Self::Retired,
            ("lost", []) => Self::Lost,
            _ => return None,
        })
    }
}

/// All that was said.
#[derive(Default)]
pub(crate) struct History(pub(crate) Vec<Event>);

impl History {
    pub(crate) fn count(&self, wanted: impl Fn(&Event) -> bool) -> usize {
        self.0.iter().filter(|event| wanted(event)).count()
    }

    /// No two processes had one life of a name, and none worked on a task that another had: what
    /// was accepted under a fence ends where the next one began. Says how many takings there were.
    pub(crate) fn no_two_holders(&self) -> Result<usize> {
        let mut epochs = BTreeSet::new();
        let mut takings: BTreeMap<(u64, u64), (u64, u64)> = BTreeMap::new();
        for event in &self.0 {
            match *event {
                Event::Assumed { epoch, .. } if !epochs.insert(epoch) => {
                    return Err(Failure::new(format!("two processes under epoch {epoch}")));
                }
                Event::Took { id, fence, round }
                    if takings.insert((id, fence), (round, round)).is_some() =>
                {
                    return Err(Failure::new(format!("task {id}: two have fence {fence}")));
                }
                Event::Saved { id, fence, round } => {
                    // A process tells that it took a task before it saves anything of it.
                    takings.entry((id, fence)).and_modify(|taking| taking.1 = round);
                }
                _ => {}
            }
        }
        let mut before: Option<(u64, u64)> = None;
        for ((id, fence), (began, saved)) in &takings {
            if before.is_some_and(|(task, end)| task == *id && end > *began) {
                let what = format!("task {id}: two at once, seen at fence {fence}");
                return Err(Failure::new(what));
            }
            before = Some((*id, *saved));
        }
        Ok(takings.len())
    }
}
