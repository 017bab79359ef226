//! What does it matter that a thousand clients wait? How long until the one that has waited
//! longest, or the only one that wants it, has the task that was pushed, and what does such a push
//! cost the server, waking included?
//!
//! Nobody sleeps who is measured: one who does is at times kept on the server's core, where a
//! wake-up is several times as quick, and at times not, and that would decide the ratio. All sides
//! use the same connections, one side after the other, since many systems allow a program a
//! thousand and a few.

use std::ops::Range;
use std::time::Instant;

use crate::Outcome;
use crate::bars::row;
use crate::pipeline::PAYLOAD;
use crate::report::{Limit, Row, Spread};
use crate::server::Server;
use crate::wire::Wire;

/// How many wait.
const CROWD: usize = 1_000;

/// Wake-ups of each side per round.
const SAMPLES: usize = 300;

/// A way to wait and to be woken; `$n` is the number of the client.
struct Side {
    name: &'static str,
    is_ours: bool,
    prepare: Option<&'static str>,
    /// Said by each client before it waits.
    enlist: Option<&'static str>,
    wait: &'static str,
    wake: &'static str,
}

static SIDES: [Side; 4] = [
    Side {
        name: "POP",
        is_ours: true,
        prepare: None,
        enlist: Some("WF.RECOVER {q}agent-$n"),
        wait: "WF.POP {q}jobs {q}agent-$n BLOCK 0",
        wake: "WF.PUSH {q}jobs $payload",
    },
    Side {
        name: "POP TYPES",
        is_ours: true,
        prepare: None,
        enlist: Some("WF.RECOVER {q}agent-$n"),
        wait: "WF.POP {q}jobs {q}agent-$n TYPES 1 type-$n BLOCK 0",
        wake: "WF.PUSH {q}jobs $payload TYPE type-$n",
    },
    Side {
        name: "XREADGROUP",
        is_ours: false,
        prepare: Some("XGROUP CREATE {q}stream agents $ MKSTREAM"),
        enlist: None,
        wait: "XREADGROUP GROUP agents agent-$n COUNT 1 BLOCK 0 STREAMS {q}stream >",
        wake: "XADD {q}stream * payload $payload",
    },
    Side {
        name: "BLPOP",
        is_ours: false,
        prepare: None,
        enlist: None,
        wait: "BLPOP {q}list 0",
        wake: "LPUSH {q}list $payload",
    },
];

/// Clients that wait, and one that wakes them.
struct Crowd {
    clients: Vec<Wire>,
    producer: Wire,
}

/// How often `told` is called by both measurements.
pub(crate) const fn steps(rounds: usize) -> usize {
    3 * rounds * SIDES.len()
}

/// How long it takes to be woken, against BLPOP; by one client, and by one of many.
pub(crate) fn wakeups(
    server: &mut Server,
    rounds: usize,
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let bar = Some(Limit::AtMost(1.3));
    let mut rows = Vec::new();
    for (clients, what) in [(1, "wake-up, 1 waits"), (CROWD, "wake-up, 1000 wait")] {
        let found = each(server, (clients, rounds), told, Crowd::wakeup_us)?;
        rows.extend(against_lists(&found, what, bar));
    }
    Ok(rows)
}

/// What a push costs that wakes one of many, against LPUSH.
pub(crate) fn pushes(
    server: &mut Server,
    rounds: usize,
    told: &impl Fn(&str),
) -> Outcome<Vec<Row>> {
    let found = each(server, (CROWD, rounds), told, Crowd::push_us)?;
    Ok(against_lists(&found, "CPU to push and wake, 1000 wait", None))
}

/// Measures every side in every round.
fn each(
    server: &mut Server,
    (clients, rounds): (usize, usize),
    told: &impl Fn(&str),
    measure: fn(&mut Crowd, &mut Server, &Side) -> Outcome<f64>,
) -> Outcome<[Vec<f64>; SIDES.len()]> {
    let mut crowd = Crowd::connect(server.port, clients)?;
    let mut found = [const { Vec::new() }; SIDES.len()];
    for _ in 0..rounds {
        for (side, found) in SIDES.iter().zip(&mut found) {
            told(&format!("{clients} in {} BLOCK", side.name));
            crowd.gather(server, side)?;
            let us = measure(&mut crowd, server, side);
            found.push(us.map_err(|error| format!("{}: {error}", side.name))?);
        }
    }
    server.clear()?;
    Ok(found)
}

fn against_lists(found: &[Vec<f64>; SIDES.len()], what: &str, bar: Option<Limit>) -> Vec<Row> {
    let [.., list] = found;
    let sides = SIDES.iter().zip(found);
    let ratios = sides.clone().filter(|(side, _)| side.is_ours).map(|(side, us)| {
        let ratio = Spread::of(us.iter().zip(list).map(|(mine, theirs)| mine / theirs));
        row(&format!("{what}: {} / BLPOP", side.name), "x", ratio, bar)
    });
    let times = sides.clone().map(|(side, us)| {
        row(&format!("  {}", side.name), "us", Spread::of(us.iter().copied()), None)
    });
    ratios.chain(times).collect()
}

impl Crowd {
    fn connect(port: u16, clients: usize) -> Outcome<Self> {
        let wires = (0..clients).map(|_| Wire::connect(port)).collect::<Outcome<Vec<_>>>();
        let clients = wires.map_err(|error| format!("{clients} connections: {error}"))?;
        let producer = Wire::connect(port)?;
        for wire in clients.iter().chain([&producer]) {
            wire.never_sleep()?;
        }
        Ok(Self { clients, producer })
    }

    /// Everybody waits, in the order of their numbers.
    fn gather(&mut self, server: &mut Server, side: &Side) -> Outcome<()> {
        server.clear()?;
        side.prepare.map_or(Ok(String::new()), |command| server.ask(command))?;
        if let Some(enlist) = side.enlist {
            self.producer.tell_all(self.clients.len(), |client| worded(enlist, client))?;
        }
        for (number, client) in self.clients.iter_mut().enumerate() {
            client.say(&worded(side.wait, number))?;
            all_wait(server, number + 1)?;
        }
        Ok(())
    }

    /// The median from a push until who is served has its task; then nobody waits any more.
    fn wakeup_us(&mut self, server: &mut Server, side: &Side) -> Outcome<f64> {
        let waiting = self.clients.len();
        let mut samples_us = Vec::new();
        for number in (0..waiting).cycle().take(SAMPLES) {
            let client = self.clients.get_mut(number).ok_or("nobody waits")?;
            let wake = worded(side.wake, number);
            let pushed = Instant::now();
            self.producer.say(&wake)?;
            client.receive(1, |_| Ok(()))?;
            samples_us.push(pushed.elapsed().as_secs_f64() * 1e6);
            self.producer.receive(1, |_| Ok(()))?;
            client.say(&worded(side.wait, number))?;
            all_wait(server, waiting)?;
        }
        self.wake(side, 0..waiting)?;
        self.hear()?;
        Ok(Spread::of(samples_us).median)
    }

    /// Server CPU per push while half of them are woken; then nobody waits any more.
    fn push_us(&mut self, server: &mut Server, side: &Side) -> Outcome<f64> {
        let waiting = self.clients.len();
        let (before, after) = (0..waiting / 2, waiting / 2..waiting);
        let cpu_before_us = server.cpu_us()?;
        self.wake(side, before.clone())?;
        let cpu_us = server.cpu_us()? - cpu_before_us;
        let pushes = before.len() as f64;
        self.wake(side, after)?;
        self.hear()?;
        Ok(cpu_us / pushes)
    }

    fn wake(&mut self, side: &Side, numbers: Range<usize>) -> Outcome<()> {
        let first = numbers.start;
        self.producer.tell_all(numbers.len(), |index| worded(side.wake, first + index))
    }

    /// Everybody gets a task.
    fn hear(&mut self) -> Outcome<()> {
        self.clients.iter_mut().try_for_each(|client| client.receive(1, |_| Ok(())))
    }
}

/// A command as the client of this number says it, or as it is said for it.
fn worded(text: &str, number: usize) -> String {
    text.replace("$n", &number.to_string()).replace("$payload", PAYLOAD)
}

fn all_wait(server: &mut Server, clients: usize) -> Outcome<()> {
    let clients = clients.to_string();
    server.wait_until("clients", |info| Ok(info.text("blocked_clients")? == clients))
}
