//! A queue as bytes, in chunks: never a second copy of the whole queue in memory.
//!
//! The order of the records says all that order means, and is the same on every server that holds
//! the same state: so the digest of two queues is the digest of their dumps.

use serde::{Deserialize, Serialize};
use smallvec::SmallVec;

use super::codec;
use crate::engine::event::bounded;
use crate::engine::list::List;
use crate::engine::names::Named;
use crate::engine::outcome::{OnFail, Phase};
use crate::engine::owner::{Completion, Owner};
use crate::engine::queue::{Hold, Queue};
use crate::engine::settings::Setting;
use crate::engine::slab::{NONE, Slot};
use crate::engine::task::{Attribute, Attributes, Cause, State};
use crate::engine::totals::Totals;
use crate::engine::workflow::Workflow;

/// A chunk is handed on once it is this long.
const CHUNK_BYTES: usize = 64 << 10;

/// One step of a dump.
#[derive(Serialize, Deserialize)]
pub(super) enum Record<'a> {
    /// What is not of any one task.
    Queue {
        last_number: u64,
        totals: [u64; Totals::COUNT],
        #[serde(deserialize_with = "bounded")]
        settings: SmallVec<[(Setting, u64); 2]>,
        hold: HoldRecord,
        /// The key of the stream that transitions are told to, if there is one.
        stream: &'a [u8],
        #[serde(borrow, deserialize_with = "bounded")]
        paused: SmallVec<[&'a [u8]; 2]>,
    },
    /// A workflow; its tasks follow as nodes.
    Workflow(WorkflowRecord<'a>),
    /// A task of the workflow said last, behind its parents, each as one number.
    Node {
        /// The difference to the number of the node before, or of the workflow.
        id: u64,
        name: &'a [u8],
        #[serde(deserialize_with = "bounded")]
        parents: SmallVec<[u32; 2]>,
    },
    /// A type and a priority, and the workflow that was paused, or 0; tasks name it by its place
    /// among the lines.
    Line { kind: &'a [u8], priority: u16, group: u64 },
    /// An owner; tasks name it by its place among the owners. Those that hold something come
    /// first, by name, then the others, the longest idle first.
    Owner {
        name: &'a [u8],
        void: u64,
        recovered_ms: u64,
        left: bool,
        counts: [u64; 3],
        #[serde(deserialize_with = "bounded")]
        completions: SmallVec<[(u64, u64); 1]>,
        #[serde(deserialize_with = "bounded")]
        last_batch: SmallVec<[(u64, u64); 1]>,
        epoch: u64,
        #[serde(borrow, deserialize_with = "bounded")]
        answers: SmallVec<[AnswerRecord<'a>; 1]>,
    },
    /// A task, behind those of its list that were written before.
    Task(TaskRecord<'a>),
    /// A UNIQUE key whose task has ended.
    Tombstone { key: &'a [u8], id: u64, until_ms: u64 },
    /// Everything was said: so many lines, owners, tasks and tombstones.
    End { counts: [u64; 4] },
}

/// A workflow, without its tasks.
#[derive(Serialize, Deserialize)]
pub(super) struct WorkflowRecord<'a> {
    pub id: u64,
    pub name: &'a [u8],
    pub phase: Phase,
    pub on_fail: OnFail,
    pub stops: (bool, bool),
    pub retain_ms: Option<u64>,
    #[serde(borrow)]
    pub unique: Option<(&'a [u8], u64)>,
    #[serde(borrow)]
    pub former_key: Option<&'a [u8]>,
    pub ended_ms: u64,
    pub until_ms: u64,
}

/// Why nothing is handed out.
#[derive(Serialize, Deserialize)]
pub(super) enum HoldRecord {
    Open,
    Paused,
    Draining { reset_ms: Option<u64>, reset: u64 },
}

/// What a repeatable request took.
#[derive(Serialize, Deserialize)]
pub(super) struct AnswerRecord<'a> {
    pub request: &'a [u8],
    pub fence: u64,
    #[serde(deserialize_with = "bounded")]
    pub ids: SmallVec<[u64; 4]>,
}

/// One task.
#[derive(Serialize, Deserialize)]
pub(super) struct TaskRecord<'a> {
    /// The difference to the id of the task before: small where tasks came in together.
    pub id: i64,
    /// Ended tasks: the order. Others: the difference between the order and the id.
    pub order: i64,
    pub line: u32,
    /// 0: none; else one more than the owner's place.
    pub owner: u32,
    pub state: State,
    pub cause: Cause,
    pub attempts: u16,
    pub payload: &'a [u8],
    #[serde(borrow, deserialize_with = "bounded")]
    pub attributes: Attributes<'a>,
}

/// Writes a queue: `sink` gets one chunk after the other.
pub fn encode(queue: &Queue, sink: &mut dyn FnMut(&[u8])) {
    let mut out = Out { bytes: Vec::with_capacity(CHUNK_BYTES + 4_096), sink, last_id: 0 };
    out.put(&header(queue));
    out.workflows(queue);
    let lines = out.lines(queue);
    let (owners, places) = out.owners(queue);
    let tasks = Tasks { queue, lines: &lines, owners: &places };
    for line in queue.lines().sorted() {
        tasks.write(&queue.lines().line(line).ready, &mut out);
    }
    for owner in &owners {
        tasks.write(&queue.owners().get(*owner).running, &mut out);
    }
    for list in State::ALL.into_iter().filter_map(|state| queue.list(state)) {
        tasks.write(list, &mut out);
    }
    let mut tombstones = 0;
    for unique in queue.tombstones() {
        let (id, until_ms) = (unique.id, unique.until_ms);
        out.put(&Record::Tombstone { key: unique.name(), id, until_ms });
        tombstones += 1;
    }
    let counts =
        [queue.lines().sorted().len() as u64, owners.len() as u64, queue.len(), tombstones];
    out.put(&Record::End { counts });
    out.flush();
}

fn header(queue: &Queue) -> Record<'_> {
    let setting = |setting| (setting, queue.settings().get(setting));
    Record::Queue {
        last_number: queue.last_number(),
        totals: queue.totals().all(),
        settings: Setting::ALL.into_iter().map(setting).collect(),
        hold: match queue.hold() {
            None => HoldRecord::Open,
            Some(Hold::Paused) => HoldRecord::Paused,
            Some(Hold::Draining { reset_ms, reset }) => HoldRecord::Draining { reset_ms, reset },
        },
        stream: queue.history().stream().unwrap_or_default(),
        paused: queue.lines().paused().collect(),
    }
}

/// The places of slots among the records written, for those that refer to them.
type Places = hashbrown::HashMap<Slot, u32>;

struct Out<'s> {
    bytes: Vec<u8>,
    sink: &'s mut dyn FnMut(&[u8]),
    last_id: u64,
}

impl Out<'_> {
    fn put(&mut self, record: &Record<'_>) {
        codec::append(&mut self.bytes, record);
        if self.bytes.len() >= CHUNK_BYTES {
            self.flush();
        }
    }

    fn flush(&mut self) {
        if !self.bytes.is_empty() {
            (self.sink)(&self.bytes);
            self.bytes.clear();
        }
    }

    fn workflows(&mut self, queue: &Queue) {
        for slot in queue.workflows().sorted() {
            let workflow = queue.workflows().get(slot);
            self.put(&Record::Workflow(workflow_record(queue, workflow)));
            let mut last = workflow.id;
            for place in 0..workflow.size() {
                let parents = workflow.parents(place).map(|parent| parent.packed()).collect();
                let id = workflow.id_of(place);
                let name = workflow.name_of(place);
                self.put(&Record::Node { id: id - last, name, parents });
                last = id;
            }
        }
    }

    fn lines(&mut self, queue: &Queue) -> Places {
        let lines = queue.lines();
        let mut places = Places::new();
        for (place, slot) in lines.sorted().into_iter().enumerate() {
            let (priority, group) = (lines.line(slot).priority, lines.line(slot).group);
            self.put(&Record::Line { kind: lines.kind_name(slot), priority, group });
            places.insert(slot, place as u32);
        }
        places
    }

    fn owners(&mut self, queue: &Queue) -> (Vec<Slot>, Places) {
        let owners = queue.owners();
        let mut order = owners.sorted();
        order.retain(|slot| !owners.get(*slot).running.is_empty());
        order.extend(queue.idle().iter(owners.records()));
        for slot in &order {
            self.put(&owner_record(owners.get(*slot)));
        }
        let places = order.iter().enumerate().map(|(place, slot)| (*slot, place as u32));
        let places = places.collect();
        (order, places)
    }
}

fn workflow_record<'q>(queue: &'q Queue, workflow: &'q Workflow) -> WorkflowRecord<'q> {
    let unique = (workflow.unique != NONE).then(|| queue.uniques().get(workflow.unique));
    WorkflowRecord {
        id: workflow.id,
        name: workflow.name(),
        phase: workflow.phase,
        on_fail: workflow.on_fail,
        stops: (workflow.paused, workflow.cancelling),
        retain_ms: workflow.rare().retain_ms,
        unique: unique.map(|unique| (unique.name(), unique.until_ms)),
        former_key: workflow.rare().former_key.as_deref(),
        ended_ms: workflow.rare().ended_ms,
        until_ms: workflow.rare().until_ms,
    }
}

fn owner_record(owner: &Owner) -> Record<'_> {
    let requests = owner.requests.as_deref();
    let pair = |done: &Completion| (done.id, done.fence);
    let answers = requests.into_iter().flat_map(|requests| requests.iter());
    Record::Owner {
        name: owner.name(),
        void: owner.void,
        recovered_ms: owner.recovered_ms,
        left: owner.left,
        counts: [owner.taken, owner.completed, owner.failed],
        completions: owner.completions.iter().map(pair).collect(),
        last_batch: owner.last_batch.iter().map(pair).collect(),
        epoch: requests.map_or(0, |requests| requests.epoch),
        answers: answers
            .map(|(fence, answer)| AnswerRecord {
                request: &answer.request,
                fence,
                ids: SmallVec::from_slice(&answer.ids),
            })
            .collect(),
    }
}

struct Tasks<'q> {
    queue: &'q Queue,
    lines: &'q Places,
    owners: &'q Places,
}

impl Tasks<'_> {
    fn write(&self, list: &List, out: &mut Out<'_>) {
        for slot in list.iter(self.queue.tasks()) {
            let task = self.queue.tasks().get(slot);
            let base = if task.state.is_unfinished() { task.id } else { 0 };
            let owner = if task.owner == NONE { None } else { self.owners.get(&task.owner) };
            let unique = task.unique().map(|unique| self.queue.uniques().get(unique));
            let unique = unique
                .map(|unique| Attribute::Unique { key: unique.name(), until_ms: unique.until_ms });
            let details = task.details.iter().flat_map(|details| details.attributes());
            let record = TaskRecord {
                id: task.id.wrapping_sub(out.last_id) as i64,
                order: task.order.wrapping_sub(base) as i64,
                line: self.lines.get(&task.line).copied().unwrap_or(u32::MAX),
                owner: owner.map_or(0, |place| place + 1),
                state: task.state,
                cause: task.cause,
                attempts: task.attempts,
                payload: &task.payload,
                attributes: unique.into_iter().chain(details).collect(),
            };
            out.last_id = task.id;
            out.put(&Record::Task(record));
        }
    }
}
