//! Who waits for tasks of a queue, and whose turn it is when there is one: of those that take it,
//! who waits longest. Found by what the tasks are, so that nobody is asked who would not take them.

use std::collections::BTreeMap;
use std::rc::Rc;

use hashbrown::HashMap;

use super::lines::Lines;
use super::queue::Queue;
use super::task::Bytes;

/// Who waits for more types than this is asked itself, instead of being found by each of them.
const KINDS_MAX: usize = 16;

/// What somebody waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wants {
    /// Only these types, in order, if any are named.
    kinds: Vec<Bytes>,
    /// No priority beyond this one.
    max_priority: Option<u16>,
}

impl Wants {
    /// Tasks of these types, if any are named, and of no priority beyond this one.
    #[must_use]
    pub fn of(kinds: &[&[u8]], max_priority: Option<u16>) -> Self {
        let mut kinds: Vec<Bytes> = kinds.iter().map(|kind| (*kind).into()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        Self { kinds, max_priority }
    }

    /// Whether there is a task of these types, several as they are.
    fn are_served(&self, lines: &Lines) -> bool {
        let fits = |priority| self.max_priority.is_none_or(|most| priority <= most);
        if lines.served() <= self.kinds.len() {
            let is_named = |kind: &[u8]| self.kinds.binary_search_by(|named| (**named).cmp(kind));
            lines.served_kinds().any(|(kind, priority)| fits(priority) && is_named(kind).is_ok())
        } else {
            self.kinds.iter().filter_map(|kind| lines.priority_of_kind(kind)).any(fits)
        }
    }
}

/// The greatest priority that each takes, by number: who came first has the least.
type InTurn = BTreeMap<u64, Option<u16>>;

/// Those who wait.
#[derive(Default)]
pub struct Waiters {
    /// For tasks of any type.
    any: InTurn,
    /// For tasks of a type; some for those of several.
    by_kind: HashMap<Bytes, InTurn>,
    /// For tasks of many types.
    many: BTreeMap<u64, Rc<Wants>>,
}

impl Waiters {
    /// Whether nobody waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.any.is_empty() && self.by_kind.is_empty() && self.many.is_empty()
    }

    /// Somebody of this number waits; no second one has it.
    pub fn insert(&mut self, number: u64, wants: &Rc<Wants>) {
        match wants.kinds.len() {
            0 => _ = self.any.insert(number, wants.max_priority),
            1..=KINDS_MAX => {
                for kind in &wants.kinds {
                    let of_kind = self.by_kind.entry(kind.clone()).or_default();
                    of_kind.insert(number, wants.max_priority);
                }
            }
            _ => _ = self.many.insert(number, Rc::clone(wants)),
        }
    }

    /// Somebody waits no longer.
    pub fn remove(&mut self, number: u64, wants: &Wants) {
        match wants.kinds.len() {
            0 => _ = self.any.remove(&number),
            1..=KINDS_MAX => {
                for kind in &wants.kinds {
                    let Some(of_kind) = self.by_kind.get_mut(kind) else { continue };
                    of_kind.remove(&number);
                    if of_kind.is_empty() {
                        self.by_kind.remove(kind);
                    }
                }
            }
            _ => _ = self.many.remove(&number),
        }
    }

    /// Whose turn it is, if there is a task for anybody.
    #[must_use]
    pub fn next(&self, queue: &Queue) -> Option<u64> {
        if queue.hold().is_some() {
            return None;
        }
        let lines = &queue.lines;
        let any = first(&self.any, lines.first_priority());
        let of_kind = |(kind, priority)| first(self.by_kind.get(kind)?, Some(priority));
        // There may be many types that have tasks, or many that are waited for.
        let of_kinds = if lines.served() <= self.by_kind.len() {
            lines.served_kinds().filter_map(of_kind).min()
        } else {
            let waited_for = self.by_kind.keys().map(|kind| &**kind);
            let served = waited_for.filter_map(|kind| Some((kind, lines.priority_of_kind(kind)?)));
            served.filter_map(of_kind).min()
        };
        let of_many = self.many.iter().find(|(_, wants)| wants.are_served(lines));
        any.into_iter().chain(of_kinds).chain(of_many.map(|(number, _)| *number)).min()
    }
}

/// The first one that takes a task of this priority, if there is a task.
fn first(in_turn: &InTurn, priority: Option<u16>) -> Option<u64> {
    let priority = priority?;
    let takes = |(_, most): &(&u64, &Option<u16>)| most.is_none_or(|most| priority <= most);
    in_turn.iter().find(takes).map(|(number, _)| *number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use crate::engine::numbers::Moment;
    use crate::engine::push::{Push, Pushed};

    const AT: Moment =
        Moment { ms: 1, entropy: 0, issued: 0, assumed: 0, since_ms: 0, grace_ms: 0 };

    fn queue_with(tasks: &[(&'static str, u16)]) -> Queue {
        let mut queue = Queue::default();
        for (kind, priority) in tasks {
            let kind = kind.as_bytes();
            let push = Push { payloads: &[b"p"], kind, priority: *priority, ..Push::default() };
            let Ok(Pushed::New { batch, .. }) = queue.decide_push(&push, AT) else { panic!() };
            queue.apply(&batch);
        }
        queue
    }

    fn waiters(all: &[(&[&str], Option<u16>)]) -> (Waiters, Vec<Rc<Wants>>) {
        let mut waiters = Waiters::default();
        let wants = all.iter().map(|(kinds, max_priority)| {
            let kinds: Vec<&[u8]> = kinds.iter().map(|kind| kind.as_bytes()).collect();
            Rc::new(Wants::of(&kinds, *max_priority))
        });
        let wants: Vec<Rc<Wants>> = wants.collect();
        (1..).zip(&wants).for_each(|(number, wants)| waiters.insert(number, wants));
        (waiters, wants)
    }

    #[test]
    fn it_is_the_turn_of_who_waits_longest_of_those_who_take_what_is_there() {
        let (mut waiters, wants) = waiters(&[
            (&["a"], None),
            (&["b", "c"], None),
            (&[], Some(3)),
            (&["c"], Some(5)),
            (&[], None),
        ]);
        let turn = |waiters: &Waiters, tasks| waiters.next(&queue_with(tasks));
        assert_eq!(turn(&waiters, &[]), None);
        assert_eq!(turn(&waiters, &[("a", 9)]), Some(1));
        assert_eq!(turn(&waiters, &[("c", 9)]), Some(2));
        assert_eq!(turn(&waiters, &[("", 3)]), Some(3));
        assert_eq!(turn(&waiters, &[("", 4)]), Some(5));
        assert_eq!(turn(&waiters, &[("", 4), ("b", 7)]), Some(2));
        waiters.remove(2, &wants[1]);
        assert_eq!(turn(&waiters, &[("c", 5)]), Some(4));
        assert_eq!(turn(&waiters, &[("c", 6)]), Some(5));
        assert_eq!(turn(&waiters, &[("c", 6), ("c", 5)]), Some(4));
        (1..).zip(&wants).for_each(|(number, wants)| waiters.remove(number, wants));
        assert!(waiters.is_empty());
    }

    #[test]
    fn many_types_with_tasks_and_few_waited_for_come_to_the_same() {
        let (waiters, _) = waiters(&[(&["x"], None), (&["e"], Some(2))]);
        let many = ["a", "b", "c", "d", "e", "f"].map(|kind| (kind, 3));
        assert_eq!(waiters.next(&queue_with(&many)), None);
        let mut queue = queue_with(&[&many[..], &[("e", 2)]].concat());
        assert_eq!(waiters.next(&queue), Some(2));
        queue.lines.pause(b"e", true);
        assert_eq!(waiters.next(&queue), None);
    }

    #[test]
    fn who_waits_for_very_many_types_is_asked_itself() {
        let names: Vec<String> = (0..40).map(|nth| format!("k{nth}")).collect();
        let kinds: Vec<&str> = names.iter().map(String::as_str).collect();
        let (mut waiters, wants) = waiters(&[(&kinds, Some(3)), (&kinds, None), (&["k7"], None)]);
        assert_eq!(waiters.next(&queue_with(&[("k41", 0)])), None);
        assert_eq!(waiters.next(&queue_with(&[("k39", 3), ("other", 0)])), Some(1));
        assert_eq!(waiters.next(&queue_with(&[("k39", 4)])), Some(2));
        let others: Vec<String> = (0..50).map(|nth| format!("other-{nth}")).collect();
        let crowd: Vec<(&'static str, u16)> =
            others.iter().map(|name| (&*name.clone().leak(), 0)).chain([("k7", 9)]).collect();
        assert_eq!(waiters.next(&queue_with(&crowd)), Some(2));
        waiters.remove(2, &wants[1]);
        assert_eq!(waiters.next(&queue_with(&crowd)), Some(3));
        waiters.remove(1, &wants[0]);
        waiters.remove(3, &wants[2]);
        assert!(waiters.is_empty());
    }
}
