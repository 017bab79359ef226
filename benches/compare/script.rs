//! What does an agent say, step by step, and what does it keep of the answers?
//!
//! A step is written as text. Its fixed words are put into RESP once, before the measurement;
//! payloads, ids and fences are copied in between.

use std::ops::Range;

use crate::Outcome;
use crate::wire::{self, Reply};

/// One command of a cycle, for one task or for several at once.
///
/// `$lane` is the lane's number, `$epoch` what WF.RECOVER told it, `$payload` a new payload, `$id`
/// and `$fence` what the step before gave for the task; `$payload...`, `$id...` and `$fence...`
/// stand for as many words as there are tasks.
pub(crate) struct Step<'a> {
    words: &'a str,
    tasks: usize,
}

/// A step made ready for one lane.
pub(crate) struct Script {
    pub(crate) parts: Vec<Part>,
    /// How many tasks one command is for.
    pub(crate) tasks: usize,
    pub(crate) take: Take,
}

/// A piece of a command: bytes, or how many words of a kind.
pub(crate) enum Part {
    Fixed(Vec<u8>),
    Payload(usize),
    Id(usize),
    Fence(usize),
}

/// What a step keeps of its replies.
#[derive(Clone, Copy)]
pub(crate) enum Take {
    /// Nothing; but a null or a zero would be a task that was not there.
    Nothing,
    /// Ids and fences of the tasks in a WF.POP.
    Tasks,
    /// Ids of the entries, of one field each, in an XREADGROUP from one stream.
    Entries,
    /// The element that LMOVE moved, by which a list knows it; the id in the reply of a script.
    Element,
    /// The agent's epoch.
    Epoch,
}

/// What a lane knows of its tasks.
#[derive(Default)]
pub(crate) struct Hand {
    pub(crate) ids: Texts,
    pub(crate) fences: Texts,
    epoch: Vec<u8>,
}

/// Short texts in one allocation.
#[derive(Default)]
pub(crate) struct Texts {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl<'a> Step<'a> {
    /// A command for one task.
    pub(crate) const fn one(words: &'a str) -> Self {
        Self { words, tasks: 1 }
    }

    /// A command for `tasks` tasks.
    pub(crate) const fn many(tasks: usize, words: &'a str) -> Self {
        Self { words, tasks }
    }

    /// The name of the command.
    pub(crate) fn command(&self) -> &str {
        self.words.split(' ').next().unwrap_or_default()
    }

    /// The step as the lane with this number says it.
    pub(crate) fn script(&self, lane: usize, hand: &Hand) -> Script {
        let words = || self.words.split(' ').map(|word| self.repeated(word));
        let mut fixed = Vec::new();
        wire::begin(&mut fixed, words().map(|(_, times)| times).sum());
        let mut parts = Vec::new();
        for (word, times) in words() {
            let variable = match word {
                "$payload" => Part::Payload(times),
                "$id" => Part::Id(times),
                "$fence" => Part::Fence(times),
                "$epoch" => {
                    wire::word(&mut fixed, &hand.epoch);
                    continue;
                }
                _ => {
                    let word = word.replace("$lane", &lane.to_string());
                    wire::word(&mut fixed, word.as_bytes());
                    continue;
                }
            };
            parts.extend([Part::Fixed(std::mem::take(&mut fixed)), variable]);
        }
        parts.push(Part::Fixed(fixed));
        Script { parts, tasks: self.tasks, take: Take::of(self.words) }
    }

    /// A word and how many times it stands there.
    fn repeated(&self, word: &'a str) -> (&'a str, usize) {
        word.strip_suffix("...").map_or((word, 1), |word| (word, self.tasks))
    }
}

impl Take {
    fn of(words: &str) -> Self {
        let mut words = words.split(' ');
        match (words.next(), words.next()) {
            (Some("WF.POP"), _) => Self::Tasks,
            (Some("XREADGROUP"), _) => Self::Entries,
            (Some("LMOVE"), _) | (Some("FCALL"), Some("take")) => Self::Element,
            (Some("WF.RECOVER"), _) => Self::Epoch,
            _ => Self::Nothing,
        }
    }

    /// Whether every reply must bring tasks.
    pub(crate) fn brings_tasks(self) -> bool {
        matches!(self, Self::Tasks | Self::Entries | Self::Element)
    }
}

impl Hand {
    pub(crate) fn drop_tasks(&mut self) {
        self.ids.clear();
        self.fences.clear();
    }

    pub(crate) fn keep(&mut self, take: Take, reply: &Reply<'_>) -> Outcome<()> {
        let mut leaves = reply.leaves();
        match take {
            Take::Nothing => {
                if reply.leaves().next().is_none() || leaves.any(|leaf| leaf == b"0") {
                    return Err("a task was not there".into());
                }
            }
            Take::Tasks => {
                while let (Some(name), Some(value)) = (leaves.next(), leaves.next()) {
                    match name {
                        b"id" => self.ids.push(value),
                        b"fence" => self.fences.push(value),
                        _ => {}
                    }
                }
            }
            Take::Entries => leaves.skip(1).step_by(3).for_each(|id| self.ids.push(id)),
            Take::Element => leaves.take(1).for_each(|element| self.ids.push(element)),
            Take::Epoch => {
                let value = leaves.skip_while(|leaf| *leaf != b"epoch").nth(1);
                self.epoch = value.ok_or("WF.RECOVER told no epoch")?.to_vec();
            }
        }
        Ok(())
    }
}

impl Texts {
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    fn push(&mut self, text: &[u8]) {
        self.bytes.extend_from_slice(text);
        self.ends.push(self.bytes.len());
    }

    /// Adds the texts at `which` to a request.
    pub(crate) fn write(&self, which: Range<usize>, out: &mut Vec<u8>) {
        for index in which {
            let start = index.checked_sub(1).and_then(|before| self.ends.get(before));
            let start = start.copied().unwrap_or_default();
            let end = self.ends.get(index).copied().unwrap_or(start);
            wire::word(out, self.bytes.get(start..end).unwrap_or_default());
        }
    }
}
