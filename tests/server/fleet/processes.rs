//! Is every task completed once, by whoever holds it, when agents are processes that are killed?

use crate::replication::in_step;
use crate::support::{Client, Options, Reply, Rng, Server, wait_until};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

const TASKS: usize = 300;
const IDENTITIES: usize = 6;
const WORKERS: usize = 8;

/// A `redis-cli` of its own: one line in, one line of JSON out.
struct Process {
    child: Child,
    lines: Receiver<Option<String>>,
}

/// Hands on what a process says; nothing for what it complains of.
fn listen(from: impl Read + Send + 'static, to: Sender<Option<String>>, complaints: bool) {
    std::thread::spawn(move || {
        for line in BufReader::new(from).lines().map_while(Result::ok) {
            if to.send(Some(line).filter(|_| !complaints)).is_err() {
                break;
            }
        }
        let _ = to.send(None);
    });
}

impl Process {
    fn start(port: u16) -> Self {
        let mut child = Command::new("redis-cli")
            .args(["--json", "-p", &port.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("redis-cli is needed, from the package redis-tools");
        let (sender, lines) = channel();
        listen(child.stdout.take().unwrap(), sender.clone(), false);
        listen(child.stderr.take().unwrap(), sender, true);
        Process { child, lines }
    }

    /// Says something and does not wait for the answer.
    fn says(&mut self, line: &str) {
        let _ = writeln!(self.child.stdin.as_mut().unwrap(), "{line}");
    }

    /// The answer, or nothing when the connection is lost.
    fn asks(&mut self, line: &str) -> Option<String> {
        self.says(line);
        self.lines.recv_timeout(Duration::from_secs(10)).ok().flatten()
    }
}

impl Drop for Process {
    /// `kill -9`.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// All integers of a field, wherever in the answer.
fn numbers(answer: &str, field: &str) -> Vec<i64> {
    let mark = format!("\"{field}\":");
    let after = answer.split(&mark).skip(1);
    after.map(|rest| rest.split([',', '}']).next().unwrap().parse().unwrap()).collect()
}

/// Somebody's hold on a task.
#[derive(Clone, Debug)]
struct Hold {
    agent: String,
    epoch: i64,
    id: i64,
    fence: i64,
    retries: bool,
}

/// What all processes saw together.
#[derive(Default)]
struct Ledger {
    /// Each taking and recovery, by its fence.
    fences: BTreeMap<i64, i64>,
    /// The fences under which completions were accepted.
    completed: BTreeMap<i64, BTreeSet<i64>>,
    /// What killed processes held: their zombies speak up later.
    left: Vec<Hold>,
    lives: usize,
    kills: usize,
    recovered: usize,
    zombies_refused: usize,
}

impl Ledger {
    /// Notes the tasks of an answer; a fence is given once.
    fn note(&mut self, agent: &str, epoch: i64, answer: &str) -> Vec<Hold> {
        let pairs = numbers(answer, "id").into_iter().zip(numbers(answer, "fence"));
        let holds: Vec<Hold> = pairs
            .zip(answer.split("\"payload\":").skip(1))
            .map(|((id, fence), rest)| Hold {
                agent: agent.to_owned(),
                epoch,
                id,
                fence,
                retries: rest.starts_with("\"retries"),
            })
            .collect();
        for hold in &holds {
            let other = self.fences.insert(hold.fence, hold.id);
            assert_eq!(other, None, "the fence of {hold:?} was seen before");
        }
        holds
    }
}

/// A worker's surroundings.
struct World {
    port: u16,
    ledger: Mutex<Ledger>,
    over: AtomicBool,
}

impl World {
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap()
    }

    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }
}

fn lawful(answer: &str) {
    let known = ["STALE", "NOTOWNER", "NOTASK", "DRAINING", "LOADING"];
    let fine = known.iter().any(|code| answer.starts_with(&format!("error:\"{code}")));
    assert!(fine || !answer.starts_with("error:"), "{answer}");
}

/// Completes a task and notes whether that counts; nothing when the connection is lost.
fn done(world: &World, process: &mut Process, hold: &Hold) -> Option<bool> {
    let Hold { agent, epoch, id, fence, .. } = hold;
    let answer = process
        .asks(&format!("WF.DONE {{p}}q {agent} {id} EPOCH {epoch} FENCE {fence} RESULT {fence}"))?;
    lawful(&answer);
    let accepted = answer == "\"OK\"";
    if accepted {
        world.ledger().completed.entry(*id).or_default().insert(*fence);
    }
    Some(accepted)
}

/// The life of one process, until it retires, is killed, or its server is gone.
fn live(world: &World, rng: &mut Rng) -> Option<()> {
    let mut process = Process::start(world.port);
    let request = rng.next();
    let assumed = process.asks(&format!("WF.ASSUME p BLOCK 300 REQID {request}"))?;
    lawful(&assumed);
    let epoch = *numbers(&assumed, "epoch").first()?;
    let agent = assumed.split('"').nth(3).unwrap().to_owned();
    let mut held = {
        let mut ledger = world.ledger();
        let held = ledger.note(&agent, epoch, &assumed);
        ledger.lives += 1;
        ledger.recovered += held.len();
        held
    };
    for _ in 0..2 + rng.below(10) {
        let at = rng.below(held.len().max(1));
        let line = match rng.below(6) {
            0 if held.len() < 4 => format!("WF.POP {{p}}q {agent} EPOCH {epoch} BLOCK 20"),
            _ if held.is_empty() => format!("WF.POP {{p}}q {agent} EPOCH {epoch} COUNT 2"),
            1 => format!("WF.BEAT {agent} EPOCH {epoch}"),
            2 => touch(&held[at], rng),
            3 if held[at].retries => {
                let Hold { id, fence, .. } = held.swap_remove(at);
                format!("WF.FAIL {{p}}q {agent} {id} EPOCH {epoch} FENCE {fence} ERROR e")
            }
            _ => {
                done(world, &mut process, &held.swap_remove(at))?;
                continue;
            }
        };
        if rng.one_in(9) {
            process.says(&line);
            std::thread::sleep(Duration::from_micros(rng.below(800) as u64));
            killed(world, process, held);
            return None;
        }
        let answer = process.asks(&line)?;
        lawful(&answer);
        if line.starts_with("WF.POP") {
            held.extend(world.ledger().note(&agent, epoch, &answer));
        }
        if ["error:\"STALE", "error:\"DRAINING"].iter().any(|code| answer.starts_with(code)) {
            break;
        }
    }
    match rng.below(3) {
        0 => killed(world, process, held),
        1 => lawful(&process.asks(&format!("WF.RETIRE {agent} EPOCH {epoch} KEEP"))?),
        _ => lawful(&process.asks(&format!("WF.RETIRE {agent} EPOCH {epoch}"))?),
    }
    Some(())
}

fn touch(hold: &Hold, rng: &mut Rng) -> String {
    let Hold { agent, epoch, id, fence, .. } = hold;
    let what = rng.pick(&["CHECKPOINT half", "HANDLE job:1", "PROGRESS 50"]);
    format!("WF.TOUCH {{p}}q {agent} {id} EPOCH {epoch} FENCE {fence} {what}")
}

fn killed(world: &World, process: Process, held: Vec<Hold>) {
    drop(process);
    let mut ledger = world.ledger();
    ledger.kills += 1;
    ledger.left.extend(held);
}

/// What was thought dead completes its task after all, as long as nobody took over.
fn zombie(world: &World, rng: &mut Rng) {
    let hold = {
        let mut ledger = world.ledger();
        let count = ledger.left.len();
        if count == 0 {
            return;
        }
        ledger.left.swap_remove(rng.below(count))
    };
    let accepted = done(world, &mut Process::start(world.port), &hold);
    world.ledger().zombies_refused += usize::from(accepted == Some(false));
}

fn work(world: &World, rng: &mut Rng) {
    while !world.is_over() {
        live(world, rng);
        if rng.one_in(3) {
            zombie(world, rng);
        }
    }
}

fn push(client: &mut Client, rng: &mut Rng) -> BTreeSet<i64> {
    client.cmd(&format!("WF.POOL p SIZE {IDENTITIES} LEASE 150"));
    client.cmd("WF.SET {p}q crashes 0 retain 3600000");
    let mut ids = BTreeSet::new();
    for _ in 0..TASKS {
        let options = rng.pick(&["", "TIMEOUT 60", "TIMEOUT 3600000"]);
        let (payload, tries) =
            rng.pick(&[("plain", ""), ("plain", ""), ("retries", "RETRIES 100 BACKOFF 5 10")]);
        let priority = rng.below(4);
        let line = format!("WF.PUSH {{p}}q {payload} PRIORITY {priority} {options} {tries}");
        ids.insert(client.int(&line));
    }
    ids
}

/// Drains an identity now and then, and takes the server down in the middle, until all is done.
fn reign(world: &World, server: &mut Server, rng: &mut Rng) -> usize {
    let (mut client, mut drains, mut restarted) = (server.client(), 0, false);
    wait_until("every task is completed", || {
        if rng.one_in(20) {
            let number = 1 + rng.below(IDENTITIES);
            let line = format!("WF.DRAIN {{p}}:{number} RESET BLOCK 10");
            drains += usize::from(client.try_cmd(&line).is_ok());
        }
        let left = client.int("WF.LEN {p}q");
        if !restarted && left < 2 * TASKS as i64 / 3 {
            server.restart();
            client = server.client();
            restarted = true;
        }
        left == 0
    });
    world.over.store(true, Ordering::Relaxed);
    assert!(restarted);
    drains
}

/// What the ledger must say, and the server with it.
fn audit(client: &mut Client, ids: &BTreeSet<i64>, ledger: &Ledger) {
    let mut latest: BTreeMap<i64, i64> = BTreeMap::new();
    for (fence, id) in &ledger.fences {
        latest.insert(*id, *fence);
    }
    for id in ids {
        let task = client.map(&format!("WF.TASK {{p}}q {id}"));
        assert_eq!(task.text("state"), "done", "{task:?}");
        // The result names the taking that completed the task: nobody was given it later.
        let fence: i64 = task.text("result").parse().unwrap();
        assert_eq!(latest.get(id), Some(&fence), "{task:?}");
        if let Some(accepted) = ledger.completed.get(id) {
            assert_eq!(accepted, &BTreeSet::from([fence]), "{task:?}");
        }
    }
    let info = client.map("WF.INFO {p}q");
    assert_eq!(info.int("total-completed"), TASKS as i64);
    assert_eq!(info.int("done"), TASKS as i64);
    for key in client.cmd("KEYS *").texts() {
        client.cmd(&format!("WF.CHECK {key}"));
    }
}

#[test]
fn processes_killed_at_random_complete_every_task_once() {
    let mut rng = Rng::from_environment();
    let mut server = Options::new().append_only("always").set("baton.grace-ms", "200").start();
    let replica = Options::new().replica_of(&server).start();
    let ids = push(&mut server.client(), &mut rng);
    in_step(&mut server.client(), &mut replica.client());
    let world = World { port: server.port, ledger: Mutex::default(), over: AtomicBool::new(false) };
    let mut drains = 0;
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            let (mut rng, world) = (rng.fork(), &world);
            scope.spawn(move || work(world, &mut rng));
        }
        let reigned = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            reign(&world, &mut server, &mut rng)
        }));
        world.over.store(true, Ordering::Relaxed);
        drains = reigned.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    });
    let ledger = world.ledger.into_inner().unwrap();
    println!(
        "{} lives, {} kills, {} takings, {} recovered, {drains} drains, {} zombies refused",
        ledger.lives,
        ledger.kills,
        ledger.fences.len(),
        ledger.recovered,
        ledger.zombies_refused,
    );
    let mut client = server.client();
    audit(&mut client, &ids, &ledger);
    in_step(&mut client, &mut replica.client());
    wait_until("the replica is equal", || client.digest() == replica.client().digest());
    assert!(ledger.kills > 20 && ledger.recovered > 20);
    server.must_live();
}
