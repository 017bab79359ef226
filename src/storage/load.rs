//! A queue from bytes, chunk by chunk, believing nothing.

use super::codec;
use super::dump::{HoldRecord, Record, TaskRecord, WorkflowRecord};
use crate::engine::owner::Completion;
use crate::engine::queue::{Hold, Queue};
use crate::engine::restore::{Restore, Said};
use crate::engine::restore_workflows::SaidWorkflow;
use crate::engine::totals::Totals;

/// A queue that is being loaded.
#[derive(Default)]
pub struct Loader {
    restore: Restore,
    last_id: u64,
    last_node: u64,
    started: bool,
}

impl Loader {
    /// Takes the next chunk; gives the queue when that was the last one.
    pub fn chunk(mut self: Box<Self>, mut bytes: &[u8]) -> Result<Loaded, String> {
        while !bytes.is_empty() {
            let record = codec::take(&mut bytes)?;
            if let Record::End { counts } = record {
                if !bytes.is_empty() {
                    return Err("more bytes after the end".to_owned());
                }
                return self.restore.finish(counts).map(|queue| Loaded::Whole(Box::new(queue)));
            }
            self.record(record)?;
        }
        Ok(Loaded::Partly(self))
    }

    fn record(&mut self, record: Record<'_>) -> Result<(), String> {
        if self.started == matches!(record, Record::Queue { .. }) {
            return Err("a dump starts with its queue, once".to_owned());
        }
        match record {
            Record::Queue { last_number, totals, settings, hold, stream, paused } => {
                self.started = true;
                self.restore.numbers(last_number, Totals::of(totals))?;
                for (which, value) in settings {
                    self.restore.setting(which, value)?;
                }
                self.hold(&hold)?;
                self.restore.told(stream)?;
                paused.into_iter().try_for_each(|kind| self.restore.paused(kind))
            }
            Record::Workflow(workflow) => self.workflow(&workflow),
            Record::Node { id, name, parents } => {
                self.last_node = self.last_node.saturating_add(id);
                self.restore.node(self.last_node, name, &parents)
            }
            Record::Line { kind, priority, group } => self.restore.line(kind, priority, group),
            Record::Owner {
                name,
                void,
                recovered_ms,
                left,
                counts,
                completions,
                last_batch,
                epoch,
                answers,
            } => {
                let void = (void, recovered_ms, left);
                let done = |(id, fence): (u64, u64)| Completion { id, fence };
                let (completions, last) = (completions.into_iter(), last_batch.into_iter());
                self.restore.owner(name, void, counts, completions.map(done), last.map(done))?;
                answers.iter().try_for_each(|answer| {
                    self.restore.answer(epoch, answer.request, answer.fence, &answer.ids)
                })
            }
            Record::Task(task) => self.task(&task),
            Record::Tombstone { key, id, until_ms } => self.restore.tombstone(key, id, until_ms),
            Record::End { .. } => Ok(()),
        }
    }

    fn workflow(&mut self, said: &WorkflowRecord<'_>) -> Result<(), String> {
        let WorkflowRecord { id, name, phase, on_fail, stops, .. } = *said;
        let WorkflowRecord { retain_ms, unique, former_key, ended_ms, until_ms, .. } = *said;
        self.last_node = id;
        self.restore.workflow(&SaidWorkflow {
            id,
            name,
            phase,
            on_fail,
            stops,
            retain_ms,
            unique,
            former_key,
            ended_ms,
            until_ms,
        })
    }

    fn hold(&mut self, hold: &HoldRecord) -> Result<(), String> {
        match *hold {
            HoldRecord::Open => Ok(()),
            HoldRecord::Paused => self.restore.hold(Hold::Paused),
            HoldRecord::Draining { reset_ms, reset } => {
                self.restore.hold(Hold::Draining { reset_ms, reset })
            }
        }
    }

    fn task(&mut self, task: &TaskRecord<'_>) -> Result<(), String> {
        let id = self.last_id.wrapping_add(task.id as u64);
        self.last_id = id;
        let base = if task.state.is_unfinished() { id } else { 0 };
        self.restore.task(&Said {
            id,
            order: base.wrapping_add(task.order as u64),
            line: task.line as usize,
            owner: task.owner.checked_sub(1).map(|place| place as usize),
            state: task.state,
            cause: task.cause,
            attempts: task.attempts,
            payload: task.payload,
            attributes: &task.attributes,
        })
    }
}

/// How far a load came.
pub enum Loaded {
    /// The queue.
    Whole(Box<Queue>),
    /// More chunks are to come.
    Partly(Box<Loader>),
}
