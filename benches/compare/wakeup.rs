//! How long does a blocked agent sleep on after its task was pushed?
//!
//! From the moment the push is sent until the agent has its task, with nothing else going on. The
//! agent is known to be blocked before the push, for the server counts it. The agent asks for its
//! reply again and again instead of sleeping: a sleeping one is at times kept on the server's core,
//! where a wake-up is several times as quick, and at times not, and that would decide the ratio.

use std::time::Instant;

use crate::Outcome;
use crate::load::Lane;
use crate::report::Spread;
use crate::script::Step;
use crate::server::Server;

/// Wake-ups of each side per round.
const SAMPLES: usize = 300;

/// Waiting, waking, and what ends the task.
struct Wait {
    wait: Step<'static>,
    wake: Step<'static>,
    end: Option<Step<'static>>,
}

static BATON: Wait = Wait {
    wait: Step::one("WF.POP {q}jobs {q}agent-$lane BLOCK 0"),
    wake: Step::one("WF.PUSH {q}jobs $payload"),
    end: Some(Step::one("WF.DONE {q}jobs {q}agent-$lane $id")),
};

static LIST: Wait = Wait {
    wait: Step::one("BLPOP {q}list 0"),
    wake: Step::one("LPUSH {q}list $payload"),
    end: None,
};

/// Median wake-up in microseconds, a round each.
pub(crate) struct Wakeups {
    pub(crate) baton_us: Vec<f64>,
    pub(crate) list_us: Vec<f64>,
}

/// Both sides in turn, a wake-up each.
pub(crate) fn measure(server: &mut Server, rounds: usize, seed: u64) -> Outcome<Wakeups> {
    server.clear()?;
    let mut agent = Lane::connect(server.port, 0, seed)?;
    let mut producer = Lane::connect(server.port, 1, seed)?;
    agent.never_sleep()?;
    producer.never_sleep()?;
    let mut wakeups = Wakeups { baton_us: Vec::new(), list_us: Vec::new() };
    for _ in 0..rounds {
        let (mut baton_us, mut list_us) = (Vec::new(), Vec::new());
        for _ in 0..SAMPLES {
            baton_us.push(BATON.once_us(server, &mut agent, &mut producer)?);
            list_us.push(LIST.once_us(server, &mut agent, &mut producer)?);
        }
        wakeups.baton_us.push(Spread::of(baton_us).median);
        wakeups.list_us.push(Spread::of(list_us).median);
    }
    Ok(wakeups)
}

impl Wait {
    fn once_us(&self, server: &mut Server, agent: &mut Lane, producer: &mut Lane) -> Outcome<f64> {
        let (wait, wake) = (agent.script(&self.wait), producer.script(&self.wake));
        agent.send(&wait, 1)?;
        server.wait_until("clients", |info| Ok(info.text("blocked_clients")? == "1"))?;
        let pushed = Instant::now();
        producer.send(&wake, 1)?;
        agent.receive(&wait, 1)?;
        let woken = pushed.elapsed();
        producer.receive(&wake, 1)?;
        if let Some(end) = &self.end {
            let end = agent.script(end);
            agent.send(&end, 1)?;
            agent.receive(&end, 1)?;
        }
        Ok(woken.as_secs_f64() * 1e6)
    }
}
