//! Do processes that ask for any identity get one each, and does nothing get lost between them?
//!
//! What only a server has: waiting clients, the timer, storage, replicas, rights; and a storm of
//! real connections of which many die.

use crate::replication::in_step;
use crate::support::wait::now_ms;
use crate::support::{Client, Map, Options, Reply, Rng, Server, play, play_on, wait_until};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;
use std::time::Duration;

#[test]
fn a_waiting_assume_is_woken_by_whatever_frees_an_identity() {
    play(
        r#"
        WF.POOL p LEASE 60000                => OK
        WF.ASSUME p                          => {agent "{p}:1", epoch $e, lease 60000, ...}
        WF.ASSUME p                          => nil
        one> WF.ASSUME p BLOCK 0             => (blocked)
        WF.RETIRE {p}:1 EPOCH $e             => OK
        one<                                 => {agent "{p}:1", epoch $e1, ...}
        # A pool that grows.
        one> WF.ASSUME p BLOCK 0 LEASE 200   => (blocked)
        two> WF.ASSUME p BLOCK 0             => (blocked)
        WF.POOL p SIZE 2                     => OK
        one<                                 => {agent "{p}:2", lease 200, epoch $e2, ...}
        # A lease that runs out, with nobody calling.
        two<                                 => {agent "{p}:2", epoch $e3, ...}
        WF.BEAT {p}:2 EPOCH $e2              => !STALE
        # A holder that gives its lease up.
        one> WF.ASSUME p BLOCK 0             => (blocked)
        WF.RECOVER {p}:1 EPOCH $e1 LEASE 0   => {agent "{p}:1", ...}
        one<                                 => {agent "{p}:1", ...}
        one> WF.ASSUME p BLOCK 30            => (blocked)
        one<                                 => nil
        "#,
    );
}

#[test]
fn an_assume_in_a_transaction_or_a_script_does_not_wait() {
    play(
        r#"
        WF.POOL p                                                    => OK
        MULTI                                                        => OK
        WF.ASSUME p BLOCK 0                                          => QUEUED
        WF.ASSUME p BLOCK 0                                          => QUEUED
        EXEC                                                         => [_, nil]
        EVAL "return redis.call('WF.ASSUME', 'p', 'BLOCK', '0')" 0   => nil
        "#,
    );
}

#[test]
fn a_waiting_pop_comes_back_within_half_of_the_lease() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.POOL p LEASE 1000");
    let epoch = client.map("WF.ASSUME p").int("epoch");
    for _ in 0..3 {
        let start = now_ms(&mut client);
        assert!(client.cmd(&format!("WF.POP {{p}}q {{p}}:1 EPOCH {epoch} BLOCK 0")).is_nil());
        let waited = now_ms(&mut client) - start;
        assert!((300..900).contains(&waited), "{waited} ms");
        assert!(client.cmd("WF.ASSUME p").is_nil(), "it lives, and says so by asking");
    }
}

#[test]
fn a_waiting_pop_of_an_identity_that_somebody_else_assumed_is_stale() {
    play(
        r#"
        WF.POOL p LEASE 200                           => OK
        WF.ASSUME p                                   => {epoch $e1, ...}
        WF.RECOVER {p}:1 FORCE LEASE 60000            => {epoch $e2, ...}
        one> WF.POP {p}q {p}:1 EPOCH $e2 BLOCK 0      => (blocked)
        WF.RECOVER {p}:1 FORCE                        => {epoch $e3, ...}
        one<                                          => !STALE
        one> WF.POP {p}q {p}:1 EPOCH $e3 BLOCK 0      => (blocked)
        WF.PUSH {p}q x                                => $t
        one<                                          => {id $t, ...}
        one> WF.POP {p}q {p}:1 EPOCH $e3 BLOCK 0      => (blocked)
        WF.RETIRE {p}:1 EPOCH $e3 KEEP                => OK
        one<                                          => !STALE
        WF.ASSUME p                                   => {tasks [{id $t, ...}], ...}
        "#,
    );
}

#[test]
fn the_timer_works_off_what_one_call_did_not_and_releases_orphans() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.POOL p LEASE 60000");
    let epoch = client.map("WF.ASSUME p").int("epoch");
    let payloads = "x ".repeat(10_300);
    client.cmd(&format!("WF.MPUSH {{p}}q 10300 {payloads}"));
    client.cmd(&format!("WF.POP {{p}}q {{p}}:1 EPOCH {epoch} COUNT 10300"));
    client.cmd(&format!("WF.RETIRE {{p}}:1 EPOCH {epoch}"));
    wait_until("all is handed back", || client.int("WF.LEN {p}q STATE running") == 0);
    wait_until("the identity is gone", || client.int("EXISTS {p}:1") == 0);

    client.cmd("WF.POOL p LEASE 50 ORPHAN 50");
    let epoch = client.map("WF.ASSUME p").int("epoch");
    let id = client.map(&format!("WF.POP {{p}}q {{p}}:1 EPOCH {epoch}")).int("id");
    wait_until("the orphan is released", || client.int("WF.LEN {p}q STATE running") == 0);
    let task = client.map(&format!("WF.TASK {{p}}q {id}"));
    assert_eq!(task.int("crashes"), 1);
    assert_eq!(task.text("reason"), "released from an orphan");
    client.cmd("WF.CHECK {p}q");
}

/// A pool with an identity in every state.
fn populate(client: &mut Client) {
    client.cmd("WF.POOL p SIZE 4 LEASE 60000 ORPHAN 50000");
    client.cmd("WF.MPUSH {p}q 5 a b c d e");
    let mut epochs = Vec::new();
    for number in 1..=4 {
        let epoch = client.map(&format!("WF.ASSUME p REQID r{number}")).int("epoch");
        client.cmd(&format!("WF.POP {{p}}q {{p}}:{number} EPOCH {epoch}"));
        epochs.push(epoch);
    }
    client.cmd(&format!("WF.RETIRE {{p}}:1 EPOCH {} KEEP", epochs[0]));
    client.cmd(&format!("WF.RETIRE {{p}}:2 EPOCH {}", epochs[1]));
    // Its work is preferred to a free name.
    assert_eq!(client.map("WF.ASSUME p LEASE 300").text("agent"), "{p}:1");
    let alive = client.digest_of("{p}:1");
    client.cmd(&format!("WF.RETIRE {{p}}:3 EPOCH {} KEEP", epochs[2]));
    wait_until("the short lease is over", || client.digest_of("{p}:1") != alive);
}

#[test]
fn pools_and_identities_are_stored_and_followed_whole() {
    let mut primary = Options::new().append_only("always").start();
    let replica = Options::new().replica_of(&primary).start();
    let (mut client, mut there) = (primary.client(), replica.client());
    populate(&mut client);
    in_step(&mut client, &mut there);
    assert_eq!(client.digests(), there.digests());
    assert_eq!(there.int("EXISTS {p}:2"), client.int("EXISTS {p}:2"));
    let before = client.digests();
    client.cmd("DEBUG RELOAD");
    assert_eq!(client.digests(), before);
    let dump = client.cmd("DUMP p").bytes();
    client.cmd("COPY p copied");
    client.call(&[&b"RESTORE"[..], b"restored", b"0", &dump]).unwrap();
    for other in ["copied", "restored"] {
        assert_eq!(client.digest_of(other), client.digest_of("p"));
        client.cmd(&format!("DEL {other}"));
    }
    primary.restart();
    let mut client = primary.client();
    assert_eq!(client.digests(), before, "from the events");
    client.cmd("CONFIG SET aof-use-rdb-preamble no");
    client.cmd("BGREWRITEAOF");
    wait_until("it is rewritten", || {
        client.info("persistence", "aof_rewrite_in_progress") == "0"
            && client.info("persistence", "aof_rewrite_scheduled") == "0"
    });
    primary.restart();
    assert_eq!(primary.client().digests(), before, "from the rewritten file");
    assert!(primary.client().int("MEMORY USAGE p") > 0);
}

#[test]
fn what_an_assume_opens_the_caller_must_have_a_right_to() {
    let server = Server::start();
    let mut admin = server.client();
    admin.cmd("WF.POOL p SIZE 2");
    let epoch = admin.map("WF.ASSUME p").int("epoch");
    admin.cmd("WF.PUSH secret x");
    admin.cmd(&format!("WF.POP secret {{p}}:1 EPOCH {epoch}"));
    admin.cmd(&format!("WF.RETIRE {{p}}:1 EPOCH {epoch} KEEP"));
    let digest = admin.digest();
    for rules in ["~p", "~p ~{p}:1 ~secret", "~p ~{p}:*", "~p ~{p}:* %R~secret"] {
        admin.cmd(&format!("ACL SETUSER someone reset on nopass +@all {rules}"));
        let mut someone = server.client();
        someone.cmd("AUTH someone \"\"");
        someone.refused_as("NOPERM", "WF.ASSUME p");
        someone.refused_as("NOPERM", "WF.ASSUME p BLOCK 0");
        assert_eq!(admin.digest(), digest, "{rules}: refused, yet something changed");
    }
    admin.cmd("ACL SETUSER someone reset on nopass +@all ~p ~{p}:* ~secret");
    let mut someone = server.client();
    someone.cmd("AUTH someone \"\"");
    let assumed = someone.map("WF.ASSUME p LEASE 60000");
    assert_eq!((assumed.text("agent"), assumed.maps("tasks").len()), ("{p}:1".to_owned(), 1));
    // Whether its own pool drains an agent may know without a right to the pool.
    let epoch = assumed.int("epoch");
    admin.cmd("ACL SETUSER someone reset on nopass +@all ~{p}:* ~jobs");
    assert_eq!(someone.map(&format!("WF.BEAT {{p}}:1 EPOCH {epoch}")).int("draining"), 0);
    assert!(someone.cmd(&format!("WF.POP jobs {{p}}:1 EPOCH {epoch}")).is_nil());
    someone.refused_as("NOPERM", "WF.ASSUME p");
}

#[test]
fn a_pool_lives_in_one_slot_of_a_cluster() {
    let mut server = crate::cluster::node();
    play_on(
        &mut server,
        r#"
        WF.POOL p SIZE 2                           => OK
        WF.ASSUME p                                => {agent "{p}:1", epoch $e, ...}
        WF.PUSH {p}q x                             => $t
        WF.POP {p}q {p}:1 EPOCH $e                 => {id $t, ...}
        WF.POP q {p}:1 EPOCH $e                    => !CROSSSLOT
        WF.RETIRE {p}:1 EPOCH $e KEEP              => OK
        one> WF.ASSUME p                           => {agent "{p}:1", tasks [{id $t, ...}], ...}
        WF.ASSUME p                                => {agent "{p}:2", ...}
        one> WF.ASSUME p BLOCK 0                   => (blocked)
        WF.POOL p SIZE 3                           => OK
        one<                                       => {agent "{p}:3", ...}
        WF.POOL {etl}p                             => OK
        WF.ASSUME {etl}p                           => {agent "{etl}p:1", ...}
        "#,
    );
}

/// How a process ended that had an identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Died,
    RetiredReleasing,
    RetiredKeeping,
}

/// What one process saw while it had an identity.
#[derive(Debug)]
struct Holding {
    agent: String,
    epoch: i64,
    /// What its predecessor had left.
    found: BTreeSet<i64>,
    /// What it still held at the end.
    left: BTreeSet<i64>,
    /// The server's time just before its last call that was accepted.
    last_ms: i64,
    end: End,
}

impl Holding {
    /// When it was assumed, by the server's clock: its epoch says so.
    fn start_ms(&self) -> i64 {
        self.epoch / 1_024
    }
}

const LEASE_MS: i64 = 400;
const IDENTITIES: usize = 20;
const PROCESSES: usize = 100;
const LIVES: usize = 3;

/// One life of a process: assumes some identity, works, and ends somehow.
fn live(client: &mut Client, rng: &mut Rng, done: &Mutex<Vec<i64>>) -> Option<Holding> {
    let words = format!("WF.ASSUME p BLOCK 20000 REQID {}", rng.next());
    let assumed: Map = match client.cmd(&words) {
        nothing if nothing.is_nil() => return None,
        assumed => assumed.map(),
    };
    let (agent, epoch) = (assumed.text("agent"), assumed.int("epoch"));
    let found: BTreeSet<i64> = assumed.maps("tasks").iter().map(|task| task.int("id")).collect();
    let (mut left, mut last_ms) = (found.clone(), 0);
    let mut call = |client: &mut Client, line: &str| {
        last_ms = now_ms(client);
        client.cmd(line)
    };
    for _ in 0..rng.below(6) {
        if let Some(id) = left.first().copied().filter(|_| rng.one_in(2)) {
            call(client, &format!("WF.DONE {{p}}q {agent} {id} EPOCH {epoch}"));
            left.remove(&id);
            done.lock().unwrap().push(id);
        } else {
            let task = call(client, &format!("WF.POP {{p}}q {agent} EPOCH {epoch}"));
            left.extend((!task.is_nil()).then(|| task.map().int("id")));
        }
        std::thread::sleep(Duration::from_millis(rng.below(8) as u64));
    }
    let end = rng.pick(&[End::Died, End::RetiredReleasing, End::RetiredKeeping]);
    match end {
        End::Died => call(client, &format!("WF.BEAT {agent} EPOCH {epoch}")),
        End::RetiredReleasing => call(client, &format!("WF.RETIRE {agent} EPOCH {epoch}")),
        End::RetiredKeeping => call(client, &format!("WF.RETIRE {agent} EPOCH {epoch} KEEP")),
    };
    if end == End::RetiredReleasing {
        left.clear();
    }
    Some(Holding { agent, epoch, found, left, last_ms, end })
}

/// Sees that each holding of an identity began after the one before was over, and found exactly
/// what that one had left.
fn follow_one_another(agent: &str, holdings: &[Holding]) {
    for pair in holdings.windows(2) {
        let (before, after) = (&pair[0], &pair[1]);
        let told = format!("{agent}: {before:?} then {after:?}");
        // A lease that is renewed once in a quarter of its length; the clocks are not quite one.
        let alive_ms = if before.end == End::Died { LEASE_MS * 3 / 4 } else { 0 };
        assert!(after.start_ms() + 5 >= before.last_ms + alive_ms, "two at once: {told}");
        assert_eq!(after.found, before.left, "{told}");
    }
}

#[test]
fn in_a_storm_of_processes_every_identity_is_one_processs_and_no_task_is_lost() {
    let server = Server::start();
    let mut client = server.client();
    let mut rng = Rng::from_environment();
    client.cmd(&format!("WF.POOL p SIZE {IDENTITIES} LEASE {LEASE_MS}"));
    client.cmd("WF.SET {p}q crashes 0");
    let payloads = "x ".repeat(600);
    let pushed = client.cmd(&format!("WF.MPUSH {{p}}q 600 {payloads}")).ints();
    let (all, done) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..PROCESSES {
            let (mut rng, server, all, done) = (rng.fork(), &server, &all, &done);
            scope.spawn(move || {
                for _ in 0..LIVES {
                    // Each life is a connection of its own, that is closed at its end.
                    let holding = live(&mut server.client(), &mut rng, done);
                    all.lock().unwrap().push(holding.expect("an identity in time"));
                }
            });
        }
    });
    let mut by_agent: BTreeMap<String, Vec<Holding>> = BTreeMap::new();
    for holding in all.into_inner().unwrap() {
        by_agent.entry(holding.agent.clone()).or_default().push(holding);
    }
    assert!(by_agent.len() <= IDENTITIES);
    for (agent, holdings) in &mut by_agent {
        holdings.sort_by_key(|holding| holding.epoch);
        follow_one_another(agent, holdings);
    }
    // Whoever comes last finds the rest, and finishes everything: each task was done once.
    let mut done = done.into_inner().unwrap();
    loop {
        let assumed = client.cmd("WF.ASSUME p BLOCK 1000");
        if assumed.is_nil() {
            break;
        }
        let (agent, epoch) = (assumed.map().text("agent"), assumed.map().int("epoch"));
        let last = by_agent.get(&agent).and_then(|holdings| holdings.last());
        let found: BTreeSet<i64> =
            assumed.map().maps("tasks").iter().map(|t| t.int("id")).collect();
        assert!(last.is_none_or(|last| found == last.left), "{found:?}, but {last:?}");
        for id in found {
            client.cmd(&format!("WF.DONE {{p}}q {agent} {id} EPOCH {epoch}"));
            done.push(id);
        }
        client.cmd(&format!("WF.RECOVER {agent} EPOCH {epoch} LEASE 60000"));
    }
    while let rest @ 1.. = client.maps("WF.POP {p}q last COUNT 100").iter().fold(0, |sum, task| {
        done.push(task.int("id"));
        sum + 1
    }) {
        assert!(rest <= 100);
    }
    done.sort_unstable();
    assert_eq!(done, pushed);
    client.cmd("WF.CHECK {p}q");
}

#[test]
fn a_drain_of_a_pool_is_waited_for_and_answers_those_that_wait_for_tasks() {
    play(
        r#"
        WF.POOL p SIZE 2 LEASE 60000                 => OK
        WF.ASSUME p                                  => {agent "{p}:1", epoch $e1, ...}
        WF.ASSUME p                                  => {agent "{p}:2", epoch $e2, ...}
        WF.PUSH {p}q x                               => $t
        WF.POP {p}q {p}:1 EPOCH $e1                  => {id $t, ...}
        one> WF.POP {p}q {p}:2 EPOCH $e2 BLOCK 0     => (blocked)
        two> WF.ASSUME p BLOCK 0                     => (blocked)
        drain> WF.DRAIN p BLOCK 0                    => (blocked)
        one<                                         => !DRAINING
        two<                                         => !DRAINING
        WF.DONE {p}q {p}:1 $t EPOCH $e1              => OK
        drain<                                       => {running 0, reset 0}
        WF.RESUME p                                  => OK
        WF.PUSH {p}q y                               => $y
        WF.POP {p}q {p}:1 EPOCH $e1                  => {id $y, ...}
        # A deadline that the timer keeps.
        drain> WF.DRAIN p BLOCK 100 RESET            => (blocked)
        drain<                                       => {running 0, reset 1}
        WF.LEN {p}q STATE ready                      => 1
        WF.RESUME p                                  => OK
        # The same of one agent.
        WF.POP {p}q {p}:1 EPOCH $e1                  => {id $y, interruptions 1, ...}
        drain> WF.DRAIN {p}:1 BLOCK 0                => (blocked)
        WF.NACK {p}q {p}:1 EPOCH $e1 IDS 1 $y        => 1
        drain<                                       => {running 0, reset 0}
        one> WF.POP {p}none {p}:2 EPOCH $e2 BLOCK 0  => (blocked)
        WF.DRAIN {p}:2                               => {running 0, reset 0}
        one<                                         => !DRAINING
        "#,
    );
}
