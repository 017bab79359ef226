//! What is done over and over: one verb, with all that it takes made ready before.

use baton::commands::{Spec, TABLE};

use crate::Outcome;
use crate::edge::{AGENT, Edge, QUEUE};

/// Tasks of one workflow, each behind the one before.
const CHAIN: usize = 10;

const PAYLOAD: &[u8] = b"0123456789abcdef";

/// A verb that is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    Push,
    Pop,
    Done,
    /// Counted by task, not by workflow.
    Submit,
}

impl Verb {
    pub(crate) const ALL: [Self; 4] = [Self::Push, Self::Pop, Self::Done, Self::Submit];

    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Pop => "pop",
            Self::Done => "done",
            Self::Submit => "submit",
        }
    }

    fn spec(self) -> Outcome<&'static Spec> {
        let name = format!("wf.{}", self.word());
        let found = TABLE.iter().copied().find(|spec| spec.name == name);
        Ok(found.ok_or("the command is not there")?)
    }
}

/// A verb with everything it needs.
pub(crate) struct Work {
    edge: Edge,
    verb: Verb,
    spec: &'static Spec,
    /// The words of each call.
    calls: Vec<Vec<Vec<u8>>>,
}

impl Work {
    /// Prepares to do a verb for so many tasks, while as many others as `beside` are ready.
    pub(crate) fn ready(verb: Verb, tasks: usize, beside: usize) -> Outcome<Self> {
        let mut edge = Edge::default();
        let mut did = |verb: Verb, words: &[&[u8]]| edge.call(verb.spec()?, words);
        let push: [&[u8]; 2] = [QUEUE, PAYLOAD];
        let pop: [&[u8]; 2] = [QUEUE, AGENT];
        for _ in 0..beside {
            did(Verb::Push, &push)?;
        }
        let words = |words: &[&[u8]]| words.iter().map(|word| word.to_vec()).collect();
        let mut calls: Vec<Vec<Vec<u8>>> = Vec::new();
        match verb {
            Verb::Push => calls.extend((0..tasks).map(|_| words(&push))),
            Verb::Pop => {
                for _ in 0..tasks {
                    did(Verb::Push, &push)?;
                    calls.push(words(&pop));
                }
            }
            Verb::Done => {
                for _ in 0..tasks {
                    did(Verb::Push, &push)?;
                    let id = did(Verb::Pop, &pop)?.to_string();
                    calls.push(words(&[QUEUE, AGENT, id.as_bytes()]));
                }
            }
            Verb::Submit => calls.extend((0..tasks / CHAIN).map(|_| chain())),
        }
        Ok(Self { edge, verb, spec: verb.spec()?, calls })
    }

    /// How many tasks it is done for.
    pub(crate) fn tasks(&self) -> usize {
        self.calls.len() * if self.verb == Verb::Submit { CHAIN } else { 1 }
    }

    /// Does it. A symbol of its own, by which a profiler finds what is measured.
    #[inline(never)]
    pub(crate) fn measured(&mut self) -> Outcome<()> {
        for call in &self.calls {
            // No command here has more words than fit on the stack, but for a workflow.
            let words: smallvec::SmallVec<[&[u8]; 8]> = call.iter().map(Vec::as_slice).collect();
            self.edge.call(self.spec, &words)?;
        }
        Ok(())
    }
}

/// The words of a workflow.
fn chain() -> Vec<Vec<u8>> {
    let mut words = vec![QUEUE.to_vec(), b"w".to_vec()];
    for nth in 0..CHAIN {
        words.extend([b"TASK".to_vec(), nth.to_string().into_bytes(), PAYLOAD.to_vec()]);
        if let Some(before) = nth.checked_sub(1) {
            words.extend([b"AFTER".to_vec(), b"1".to_vec(), before.to_string().into_bytes()]);
        }
    }
    words
}
