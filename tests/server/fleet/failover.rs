//! Does a fleet live on when its server is replaced by another?

use crate::replication::in_step;
use crate::support::wait::now_ms;
use crate::support::{Client, Options, Reply, Rng, Server, wait_until};

const GRACE_MS: i64 = 1_000;

fn count(client: &mut Client, state: &str) -> i64 {
    client.int(&format!("WF.LEN {{p}}q STATE {state}"))
}

/// A fleet of two that works, delays, and a drain; all of it due within the grace period. Answers
/// the epochs.
fn populate(client: &mut Client) -> [i64; 2] {
    client.cmd("WF.POOL p SIZE 2 LEASE 1000");
    let epochs = [1, 2].map(|_| client.map("WF.ASSUME p").int("epoch"));
    for nth in 0..20 {
        client.cmd(&format!("WF.PUSH {{p}}q later TYPE later DELAY {}", 1000 + nth));
    }
    for (nth, epoch) in epochs.iter().enumerate() {
        client.cmd("WF.PUSH {p}q limited TIMEOUT 1000");
        client.cmd("WF.PUSH {p}q free");
        let number = nth + 1;
        client.cmd(&format!("WF.POP {{p}}q {{p}}:{number} EPOCH {epoch} COUNT 2"));
    }
    client.cmd("WF.PUSH {p}drained x");
    client.cmd("WF.POP {p}drained other");
    client.cmd("MULTI");
    client.cmd("WF.DRAIN {p}drained RESET BLOCK 1000");
    client.cmd("EXEC");
    epochs
}

/// Promotes a replica; false if the primary was still there when something fell due.
fn promoted(rng: &mut Rng) -> bool {
    let mut primary = Server::start();
    let grace = GRACE_MS.to_string();
    let replica = Options::new().set("baton.grace-ms", &grace).replica_of(&primary).start();
    let (mut client, mut other) = (primary.client(), replica.client());
    in_step(&mut client, &mut other);
    let epochs = populate(&mut client);
    let due_ms = now_ms(&mut client) + 1_100;
    in_step(&mut client, &mut other);
    let moment = now_ms(&mut client) + rng.below(300) as i64;
    wait_until("a random moment", || now_ms(&mut client) >= moment);
    primary.kill();
    // All that is due falls due while nobody serves it.
    let drained = other.int("WF.LEN {p}drained STATE running");
    if (count(&mut other, "scheduled"), count(&mut other, "running"), drained) != (20, 4, 1) {
        return false;
    }
    wait_until("all is due", || now_ms(&mut other) > due_ms);
    assert_eq!((count(&mut other, "scheduled"), count(&mut other, "running")), (20, 4));
    let since = now_ms(&mut other);
    other.cmd("REPLICAOF NO ONE");
    wait_until("the delays are over", || count(&mut other, "scheduled") == 0);
    wait_until("the drain went on", || other.int("WF.LEN {p}drained STATE running") == 0);
    assert_eq!(other.map("WF.INFO {p}drained").text("state"), "draining");
    // One of the two agents comes back; of the other nothing is heard.
    let mut agent = replica.client();
    loop {
        agent.cmd(&format!("WF.BEAT {{p}}:1 EPOCH {}", epochs[0]));
        let running = count(&mut other, "running");
        let free = !agent.cmd("WF.ASSUME p COUNT 1").is_nil();
        if now_ms(&mut other) - since >= GRACE_MS {
            break;
        }
        assert_eq!((running, free), (4, false), "an agent was harmed in the grace period");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
    let mut beat = || agent.cmd(&format!("WF.BEAT {{p}}:1 EPOCH {}", epochs[0]));
    wait_until("the time limits hold again", || {
        beat();
        count(&mut other, "running") == 2
    });
    let mut assumed = None;
    wait_until("the lease of the silent one ends", || {
        beat();
        assumed = Some(other.cmd("WF.ASSUME p")).filter(|reply| !reply.is_nil());
        assumed.is_some()
    });
    let assumed = assumed.unwrap().map();
    assert_eq!((assumed.text("agent").as_str(), assumed.ids().len()), ("{p}:2", 1));
    other.refused_as("STALE", &format!("WF.POP {{p}}q {{p}}:2 EPOCH {}", epochs[1]));
    beat();
    for key in other.cmd("KEYS *").texts() {
        other.cmd(&format!("WF.CHECK {key}"));
    }
    true
}

#[test]
fn a_promotion_at_any_moment_harms_no_agent_and_loses_no_deadline() {
    let mut rng = Rng::from_environment();
    let mut tries = 0;
    for _ in 0..2 {
        while !promoted(&mut rng) {
            tries += 1;
            assert!(tries < 10, "the machine is too slow for this");
        }
    }
}

#[test]
fn twenty_failovers_among_due_timers_lose_no_deadline() {
    let mut rng = Rng::from_environment();
    let options = || Options::new().set("baton.grace-ms", "10");
    let mut one = options().start();
    let mut two = options().replica_of(&one).start();
    in_step(&mut one.client(), &mut two.client());
    let mut all = 0;
    for round in 0..20 {
        let (old, new) = if round % 2 == 0 { (&one, &two) } else { (&two, &one) };
        let (mut leaving, mut coming) = (old.client(), new.client());
        leaving.cmd("WF.POOL p SIZE 30 LEASE 20 ORPHAN 5");
        leaving.cmd("WF.SET {p}q crashes 0");
        wait_until("the replica can take over", || {
            leaving.text("INFO replication").contains("state=online")
        });
        for nth in 0..20 {
            let ms = 1 + 10 * nth + rng.below(10);
            leaving.cmd(&format!("WF.PUSH {{p}}q run TYPE run PRIORITY 1 TIMEOUT {ms}"));
            leaving.cmd("WF.POP {p}q anybody TYPES 1 run");
            leaving.cmd(&format!("WF.PUSH {{p}}q later DELAY {ms}"));
            leaving.cmd("WF.PUSH {p}q now");
            if let Ok(assumed) = leaving.try_cmd(&format!("WF.ASSUME p LEASE {ms}"))
                && !assumed.is_nil()
            {
                let assumed = assumed.map();
                let (agent, epoch) = (assumed.text("agent"), assumed.int("epoch"));
                leaving.cmd(&format!("WF.POP {{p}}q {agent} EPOCH {epoch}"));
            }
            all += 3;
        }
        leaving.cmd(&format!("FAILOVER TO 127.0.0.1 {}", new.port));
        wait_until("the roles are exchanged", || {
            coming.info("replication", "role") == "master"
                && leaving.info("replication", "role") == "slave"
        });
        wait_until("every deadline is over", || count(&mut coming, "ready") == all);
        in_step(&mut coming, &mut leaving);
        wait_until("both are equal", || coming.digest() == leaving.digest());
        for key in coming.cmd("KEYS *").texts() {
            coming.cmd(&format!("WF.CHECK {key}"));
        }
    }
    one.must_live();
    two.must_live();
}
