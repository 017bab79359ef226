//! What must be reached, and what was measured?
//!
//! The bars are those of the design. A row without a bar is there to be compared with.

use indicatif::{ProgressBar, ProgressStyle};

use crate::Outcome;
use crate::contest::{self, Record, Side};
use crate::load::{Fleet, LANES};
use crate::memory::{self, Footprint};
use crate::report::{Limit, Report, Row, Spread};
use crate::server::Server;
use crate::settings::Settings;
use crate::workflows::{self, Shape};
use crate::{crowd, deadlines, growth, latency, persistence, stalls, traffic};

/// The server under test with its load, and whom to tell how far it is.
pub(crate) struct Bench {
    settings: Settings,
    server: Server,
    fleet: Fleet,
    progress: ProgressBar,
}

impl Bench {
    pub(crate) fn start(settings: Settings) -> Outcome<Self> {
        let server = Server::start(&settings.program, &settings.module)?;
        let fleet = Fleet::connect(server.port, LANES, settings.seed)?;
        let contests = contest::COMMANDS.len()
            + contest::CYCLES.len()
            + contest::BATCHES.len()
            + contest::SINGLES.len() * contest::CLIENTS.len()
            + contest::LOGGED.len();
        let graphs = workflows::SHAPES.len() * workflows::SIDES.len();
        let runs = contests * settings.rounds + graphs * workflows::rounds(settings.rounds);
        // And deadlines, two footprints, two measurements of traffic.
        let progress = ProgressBar::new((runs + large_steps(settings.rounds)) as u64 + 5);
        progress.set_style(ProgressStyle::with_template("{bar:40} {msg}")?);
        Ok(Self { settings, server, fleet, progress })
    }

    /// Runs what is asked for.
    pub(crate) fn measure(&mut self) -> Outcome<Report> {
        let mut report = Report { setting: self.setting()?, rows: Vec::new(), records: Vec::new() };
        if self.settings.wants("commands") {
            let commands = self.contest(&contest::COMMANDS)?;
            report.rows.extend(command_rows(&commands));
            report.records.extend(commands);
        }
        if self.settings.wants("cycles") {
            let cycles = self.contest(&contest::CYCLES)?;
            report.rows.extend(cycle_rows(&cycles));
            report.records.extend(cycles);
        }
        if self.settings.wants("batches") {
            let batches = self.contest(&contest::BATCHES)?;
            report.rows.push(batch_row(&batches));
            report.records.extend(batches);
        }
        if self.settings.wants("single") {
            for clients in contest::CLIENTS {
                let singles = self.singles(clients)?;
                report.rows.extend(single_rows(clients, &singles));
                report.records.extend(singles);
            }
        }
        if self.settings.wants("everysec") {
            let logged = self.contest(&contest::LOGGED)?;
            report.rows.extend(logged_rows(&logged));
            report.records.extend(logged);
        }
        if self.settings.wants("deadlines") {
            report.rows.extend(self.deadline_rows()?);
        }
        if self.settings.wants("memory") {
            report.rows.extend(self.memory_rows()?);
        }
        report.rows.extend(self.large_rows()?);
        if self.settings.wants("workflows") {
            for shape in &workflows::SHAPES {
                report.rows.extend(self.workflow_rows(shape)?);
            }
        }
        // Last, for the replication backlog stays with the server.
        if self.settings.wants("traffic") {
            report.rows.extend(self.traffic_rows()?);
        }
        self.progress.finish_and_clear();
        Ok(report)
    }

    fn setting(&mut self) -> Outcome<Vec<(&'static str, String)>> {
        let Settings { tasks, rounds, seed, .. } = self.settings;
        Ok(vec![
            ("server", self.server.version()?),
            ("load", contest::description()),
            ("size", format!("{rounds} rounds of {tasks} tasks")),
            ("seed", seed.to_string()),
        ])
    }

    fn contest<const N: usize>(&mut self, sides: &'static [Side; N]) -> Outcome<[Record; N]> {
        let size = (self.settings.tasks, self.settings.rounds);
        let progress = &self.progress;
        let told = |name: &str| tell(progress, name);
        contest::interleave(&mut self.server, &mut self.fleet, sides, size, &told)
    }

    /// With so many clients that wait for every reply; a tenth of the tasks, for it takes longer.
    fn singles(&mut self, clients: usize) -> Outcome<[Record; contest::SINGLES.len()]> {
        let Self { settings, server, progress, .. } = self;
        let mut fleet = Fleet::connect(server.port, clients, settings.seed)?;
        fleet.never_sleep()?;
        let size = (settings.tasks / 10, settings.rounds);
        let title = clients_text(clients);
        let told = |name: &str| tell(progress, &format!("{name}, {title}"));
        let mut found = contest::interleave(server, &mut fleet, &contest::SINGLES, size, &told)?;
        found.iter_mut().for_each(|record| record.name = format!("{}, {title}", record.name));
        Ok(found)
    }

    fn deadline_rows(&mut self) -> Outcome<Vec<Row>> {
        tell(&self.progress, "deadlines");
        let tasks = self.settings.tasks * 10;
        let found = deadlines::measure(&mut self.server, tasks, self.settings.rounds)?;
        let wait = |what: &str, ms, bar| row(what, "ms", Spread::of(ms), bar);
        let most = Some(Limit::AtMost(5.0));
        Ok(vec![
            wait("longest wait of another client, no keys", found.empty_ms, None),
            wait(&format!("  {tasks} deadlines pending"), found.pending_ms, most),
            wait(&format!("  {tasks} deadlines due at once"), found.firing_ms, most),
            row("  all of them have fired after", "s", Spread::of(found.firing_s), None),
            row(
                "a delayed task is late by",
                "ms",
                Spread::of(found.late_ms),
                Some(Limit::AtMost(10.0)),
            ),
        ])
    }

    fn memory_rows(&mut self) -> Outcome<Vec<Row>> {
        let mut rows = Vec::new();
        for (store, bar) in [(&memory::BATON, Some(Limit::AtMost(80.0))), (&memory::STREAM, None)] {
            tell(&self.progress, store.name);
            let tasks = self.settings.tasks * 10;
            let found = store.measure(&mut self.server, &mut self.fleet, tasks)?;
            rows.extend(footprint_rows(store.name, &found, bar));
        }
        self.server.clear()?;
        Ok(rows)
    }

    /// Of much, and of many who wait.
    fn large_rows(&mut self) -> Outcome<Vec<Row>> {
        let Self { settings, server, fleet, progress } = self;
        let (size, rounds) = ((settings.tasks, settings.rounds), settings.rounds);
        let told = |name: &str| tell(progress, name);
        let mut rows = Vec::new();
        if settings.wants("latency") {
            rows.extend(crowd::wakeups(server, rounds, &told)?);
            rows.extend(latency::measure(server, settings, &told)?);
        }
        if settings.wants("growth") {
            rows.extend(growth::measure(server, fleet, size, &told)?);
            rows.extend(crowd::pushes(server, rounds, &told)?);
        }
        if settings.wants("stalls") {
            rows.extend(stalls::measure(server, size, &told)?);
        }
        if settings.wants("persistence") {
            rows.extend(persistence::measure(server, fleet, size, &told)?);
        }
        Ok(rows)
    }

    fn workflow_rows(&mut self, shape: &Shape) -> Outcome<Vec<Row>> {
        let Self { settings, progress, .. } = &*self;
        let [single, batches, scripts] =
            workflows::measure(settings, shape, &|name| tell(progress, name))?;
        let what = format!("CPU, scripts / Baton, {} tasks in {}", single.tasks, shape.name);
        let mut rows = vec![row(&what, "x", scripts.cpu_against(&single), None)];
        for (name, found, is_ours) in [
            ("POP DONE", &single, true),
            ("64 at a time", &batches, true),
            ("scripts", &scripts, false),
        ] {
            let bar = |bar| (is_ours && shape.has_bars).then_some(Limit::AtMost(bar));
            let tell = |what: &str, unit, spread, bar| {
                row(&format!("  {what}, {name}"), unit, spread, bar)
            };
            rows.extend([
                tell("server CPU", "s", found.cpu_s(), bar(6.0)),
                tell("thousand tasks per second of it", "k/s", found.thousands_per_s(), None),
                tell("peak memory", "MB", found.peak_mb(), bar(120.0)),
                tell("memory per unfinished task", "B", found.bytes(), bar(110.0)),
            ]);
        }
        Ok(rows)
    }

    fn traffic_rows(&mut self) -> Outcome<Vec<Row>> {
        let mut rows = Vec::new();
        let [baton, _, stream, ..] = &contest::CYCLES;
        for (side, bar) in [(baton, Some(Limit::AtMost(300.0))), (stream, None)] {
            tell(&self.progress, side.name);
            let tasks = self.settings.tasks / 5;
            let found = traffic::measure(&mut self.server, &mut self.fleet, side, tasks)?;
            for (kind, bytes) in [("AOF", found.aof), ("replication", found.replication)] {
                let what = format!("{kind} per task, {}", side.name);
                rows.push(row(&what, "B", Spread::single(bytes), bar));
            }
        }
        Ok(rows)
    }
}

/// How often that tells how far it is.
const fn large_steps(rounds: usize) -> usize {
    latency::steps(rounds)
        + growth::steps(rounds)
        + crowd::steps(rounds)
        + stalls::steps(rounds)
        + persistence::steps()
}

fn tell(progress: &ProgressBar, name: &str) {
    progress.set_message(name.to_owned());
    progress.inc(1);
}

pub(crate) fn row(what: &str, unit: &'static str, measured: Spread, bar: Option<Limit>) -> Row {
    Row { what: what.to_owned(), unit, measured, bar }
}

fn command_rows([baton, list]: &[Record; 2]) -> [Row; 2] {
    let push = baton.inside_against("WF.PUSH", list, "LPUSH");
    let pop = baton.inside_against("WF.POP", list, "LPOP");
    [
        row("time inside, PUSH / LPUSH", "x", push, None),
        row("time inside, POP / LPOP", "x", pop, Some(Limit::AtMost(2.5))),
    ]
}

fn cycle_rows([baton, guarded, stream, list, lean_lua, ancestor]: &[Record; 6]) -> [Row; 5] {
    let against = |what, other: &Record, side, bar| row(what, "x", other.cpu_against(side), bar);
    let four = Some(Limit::AtLeast(4.0));
    let fifteen = Some(Limit::AtLeast(15.0));
    let what_of_ancestor = "CPU, Lua with the ancestor's semantics / PUSH POP DONE";
    [
        against("CPU, Streams / PUSH POP DONE", stream, baton, four),
        against("CPU, Streams / the same with EPOCH and FENCE", stream, guarded, four),
        against("CPU, PUSH POP DONE / lists", baton, list, Some(Limit::AtMost(1.5))),
        against("CPU, lean Lua / PUSH POP DONE", lean_lua, baton, None),
        against(what_of_ancestor, ancestor, baton, fifteen),
    ]
}

fn single_rows(clients: usize, [baton, others @ ..]: &[Record; 5]) -> Vec<Row> {
    let names = ["Streams", "lists", "lean Lua", "the ancestor's Lua"];
    let title = clients_text(clients);
    let rows = names.iter().zip(others).flat_map(|(name, other)| {
        let cpu = format!("{title}: CPU, {name} / PUSH POP DONE");
        let pace = format!("{title}: tasks/s, PUSH POP DONE / {name}");
        [
            row(&cpu, "x", other.cpu_against(baton), None),
            row(&pace, "x", baton.pace_against(other), None),
        ]
    });
    rows.collect()
}

fn logged_rows([baton, stream, list]: &[Record; 3]) -> [Row; 2] {
    let against_list = baton.cpu_against(list);
    [
        row("everysec: CPU, Streams / PUSH POP DONE", "x", stream.cpu_against(baton), None),
        row("everysec: CPU, PUSH POP DONE / lists", "x", against_list, None),
    ]
}

fn clients_text(clients: usize) -> String {
    format!("{clients} client{}", if clients == 1 { "" } else { "s" })
}

fn batch_row([baton, stream]: &[Record; 2]) -> Row {
    let what = "CPU, Streams / MPUSH POP MDONE, 64 at a time";
    row(what, "x", stream.cpu_against(baton), Some(Limit::AtLeast(3.0)))
}

fn footprint_rows(name: &str, found: &Footprint, bar: Option<Limit>) -> [Row; 3] {
    let readings = [
        (format!("memory per task, {name}, {} ready", found.few), found.ready_few),
        (format!("memory per task, {name}, {} ready", found.many), found.ready_many),
        (format!("memory per task, {name}, {} running", found.many), found.running),
    ];
    readings.map(|(what, bytes)| row(&what, "B", Spread::single(bytes), bar))
}
