//! Whether tasks that wait for one another can all run, told before anything is stored: in linear
//! time, whatever the shape, and with the culprit by name.

use std::collections::VecDeque;

use hashbrown::HashMap;

use super::refusal::{Refusal, quoted};
use super::workflow::Parent;

/// The most names of a cycle that a refusal prints.
const PRINTED: usize = 12;

/// A task of a graph.
pub trait Planned<'a> {
    /// Its name.
    fn name(&self) -> &'a [u8];
    /// The names of its parents, and of each whether any end will do.
    fn parents(&self) -> impl Iterator<Item = (&'a [u8], bool)>;
}

/// A graph that has been found sound.
pub struct Graph {
    /// Which of the tasks comes first, second and so on: each behind its parents.
    pub order: Vec<u32>,
    /// By place in that order: the parents, as places in that order.
    pub parents: Vec<Vec<Parent>>,
}

/// Puts tasks in an order in which each stands behind its parents: the order in which they were
/// named, if that is one.
pub fn sorted<'a, T: Planned<'a>>(tasks: &[T]) -> Result<Graph, Refusal> {
    let parents = resolved(tasks)?;
    let named_behind = |(place, parents): (usize, &Vec<Parent>)| {
        parents.iter().all(|parent| (parent.place as usize) < place)
    };
    if parents.iter().enumerate().all(named_behind) {
        return Ok(Graph { order: (0..tasks.len() as u32).collect(), parents });
    }
    let order = parents_first(&parents);
    if order.len() < tasks.len() {
        return Err(Refusal::BadDag(cycle(tasks, &parents, &order)));
    }
    let mut places = vec![0; tasks.len()];
    for (place, task) in order.iter().enumerate() {
        if let Some(found) = places.get_mut(*task as usize) {
            *found = place as u32;
        }
    }
    let place_of = |task: u32| places.get(task as usize).copied().unwrap_or_default();
    let of = |task: &u32| parents.get(*task as usize).into_iter().flatten();
    let parents = order.iter().map(|task| {
        of(task).map(|parent| Parent { place: place_of(parent.place), ..*parent }).collect()
    });
    let parents = parents.collect();
    Ok(Graph { order, parents })
}

/// The parents of each task as places among the tasks.
fn resolved<'a, T: Planned<'a>>(tasks: &[T]) -> Result<Vec<Vec<Parent>>, Refusal> {
    let mut places: HashMap<&[u8], u32> = HashMap::with_capacity(tasks.len());
    for (place, task) in tasks.iter().enumerate() {
        if places.insert(task.name(), place as u32).is_some() {
            return bad(format!("two tasks are called {}", quoted(task.name())));
        }
    }
    let mut last_child = vec![u32::MAX; tasks.len()];
    let mut all = Vec::with_capacity(tasks.len());
    for (child, task) in tasks.iter().enumerate() {
        let mut parents = Vec::new();
        for (name, any) in task.parents() {
            let says = |what: &str| {
                let (child, parent) = (quoted(task.name()), quoted(name));
                bad(format!("task {child} waits for {parent}, {what}"))
            };
            let Some(place) = places.get(name).copied() else {
                return says("which is no task of the workflow");
            };
            if place as usize == child {
                return says("which is itself");
            }
            let last = last_child.get_mut(place as usize);
            if last.is_some_and(|last| std::mem::replace(last, child as u32) == child as u32) {
                return says("and says so twice");
            }
            parents.push(Parent { place, any });
        }
        all.push(parents);
    }
    Ok(all)
}

fn bad<T>(text: String) -> Result<T, Refusal> {
    Err(Refusal::BadDag(text))
}

/// Tasks in an order in which each stands behind its parents, as far as there is one.
fn parents_first(parents: &[Vec<Parent>]) -> Vec<u32> {
    let mut children: Vec<Vec<u32>> = vec![Vec::new(); parents.len()];
    let mut open: Vec<usize> = parents.iter().map(Vec::len).collect();
    for (child, parents) in parents.iter().enumerate() {
        for parent in parents {
            children.get_mut(parent.place as usize).into_iter().for_each(|c| c.push(child as u32));
        }
    }
    let free = open.iter().enumerate().filter(|(_, open)| **open == 0);
    let mut free: VecDeque<u32> = free.map(|(task, _)| task as u32).collect();
    let mut order = Vec::with_capacity(parents.len());
    while let Some(task) = free.pop_front() {
        order.push(task);
        for child in children.get(task as usize).into_iter().flatten() {
            let Some(open) = open.get_mut(*child as usize) else { continue };
            *open -= 1;
            if *open == 0 {
                free.push_back(*child);
            }
        }
    }
    order
}

/// A cycle among the tasks that have no place in the order, in words.
fn cycle<'a, T: Planned<'a>>(tasks: &[T], parents: &[Vec<Parent>], order: &[u32]) -> String {
    let mut placed = vec![false; tasks.len()];
    for task in order {
        placed.get_mut(*task as usize).into_iter().for_each(|placed| *placed = true);
    }
    let is_placed = |task: u32| placed.get(task as usize).copied().unwrap_or(true);
    // Whoever has no place has a parent without one: going up and up comes back somewhere.
    let up = |task: &u32| {
        let parents = parents.get(*task as usize).into_iter().flatten();
        parents.map(|parent| parent.place).find(|parent| !is_placed(*parent))
    };
    let first = (0..tasks.len() as u32).find(|task| !is_placed(*task));
    let mut seen: HashMap<u32, usize> = HashMap::new();
    let mut path: Vec<u32> = Vec::new();
    for task in std::iter::successors(first, up) {
        if let Some(start) = seen.insert(task, path.len()) {
            path.drain(..start);
            path.push(task);
            break;
        }
        path.push(task);
    }
    // Up is from child to parent; people read it the other way.
    path.reverse();
    let name = |task: &u32| tasks.get(*task as usize).map(|task| quoted(task.name()));
    let mut names: Vec<String> = path.iter().filter_map(name).collect();
    let no_root = if order.is_empty() { "no task can start: " } else { "" };
    if names.len() > PRINTED {
        let left_out = names.len() - PRINTED;
        names.splice(PRINTED / 2..PRINTED / 2 + left_out, [format!("({left_out} more)")]);
    }
    format!("{no_root}{} wait for one another", names.join(" -> "))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Task(&'static str, &'static [&'static str]);

    impl Planned<'static> for Task {
        fn name(&self) -> &'static [u8] {
            self.0.as_bytes()
        }

        fn parents(&self) -> impl Iterator<Item = (&'static [u8], bool)> {
            self.1.iter().map(|name| (name.as_bytes(), false))
        }
    }

    fn refused(tasks: &[Task]) -> String {
        sorted(tasks).err().unwrap().to_string()
    }

    #[test]
    fn parents_come_first_and_a_good_order_is_kept() {
        let graph = sorted(&[Task("a", &[]), Task("b", &["a"]), Task("c", &[])]).unwrap();
        assert_eq!(graph.order, [0, 1, 2]);
        let tasks = [Task("d", &["b", "c"]), Task("b", &["a"]), Task("c", &["a"]), Task("a", &[])];
        let graph = sorted(&tasks).unwrap();
        assert_eq!(graph.order, [3, 1, 2, 0]);
        let places: Vec<Vec<u32>> =
            graph.parents.iter().map(|all| all.iter().map(|p| p.place).collect()).collect();
        assert_eq!(places, [vec![], vec![0], vec![0], vec![1, 2]]);
    }

    #[test]
    fn what_is_wrong_is_named() {
        let twice = refused(&[Task("a", &[]), Task("a", &[])]);
        assert_eq!(twice, "BADDAG two tasks are called 'a'");
        let unknown = refused(&[Task("a", &["z"])]);
        assert_eq!(unknown, "BADDAG task 'a' waits for 'z', which is no task of the workflow");
        assert_eq!(refused(&[Task("a", &["a"])]), "BADDAG task 'a' waits for 'a', which is itself");
        let doubled = refused(&[Task("b", &[]), Task("a", &["b", "b"])]);
        assert_eq!(doubled, "BADDAG task 'a' waits for 'b', and says so twice");
        let tasks = [Task("r", &[]), Task("a", &["c", "r"]), Task("b", &["a"]), Task("c", &["b"])];
        assert_eq!(refused(&tasks), "BADDAG 'a' -> 'b' -> 'c' -> 'a' wait for one another");
        let no_root = refused(&[Task("a", &["b"]), Task("b", &["a"]), Task("x", &["b"])]);
        assert_eq!(no_root, "BADDAG no task can start: 'a' -> 'b' -> 'a' wait for one another");
    }

    #[test]
    fn a_long_chain_and_a_wide_fan_take_no_more_than_their_size() {
        struct Many(Vec<u8>, Vec<Vec<u8>>);
        impl<'a> Planned<'a> for &'a Many {
            fn name(&self) -> &'a [u8] {
                &self.0
            }
            fn parents(&self) -> impl Iterator<Item = (&'a [u8], bool)> {
                self.1.iter().map(|name| (name.as_slice(), false))
            }
        }
        let name = |n: usize| n.to_string().into_bytes();
        const COUNT: usize = 200_000;
        let chain: Vec<Many> = (0..COUNT)
            .map(|n| Many(name(n), if n + 1 < COUNT { vec![name(n + 1)] } else { vec![] }))
            .collect();
        let refs: Vec<&Many> = chain.iter().collect();
        assert_eq!(sorted(&refs).unwrap().order.first(), Some(&(COUNT as u32 - 1)));
        let mut fan: Vec<Many> = (0..COUNT).map(|n| Many(name(n), vec![])).collect();
        fan.insert(0, Many(b"all".to_vec(), (0..COUNT).map(name).collect()));
        let refs: Vec<&Many> = fan.iter().collect();
        assert_eq!(sorted(&refs).unwrap().parents.last().map(Vec::len), Some(COUNT));
    }
}
