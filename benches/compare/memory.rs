//! How many bytes does a task take beyond its payload?
//!
//! `used_memory` without the clients' buffers, against the same server without keys. One
//! measurement each: the allocator gives the same answer every time.

use crate::Outcome;
use crate::load::{Fleet, PAYLOAD_BYTES};
use crate::script::Step;
use crate::server::Server;

/// A queue, and how to fill it and take everything from it.
pub(crate) struct Store {
    pub(crate) name: &'static str,
    pub(crate) prepare: Option<&'static str>,
    pub(crate) push: Step<'static>,
    pub(crate) take: Step<'static>,
}

/// Bytes beyond the payload per task.
pub(crate) struct Footprint {
    pub(crate) few: usize,
    pub(crate) ready_few: f64,
    pub(crate) many: usize,
    pub(crate) ready_many: f64,
    pub(crate) running: f64,
}

/// Tasks a lane has in flight; a multiple of what one taking takes.
const TURN: usize = 512;

pub(crate) static BATON: Store = Store {
    name: "Baton",
    prepare: None,
    push: Step::one("WF.PUSH {q}jobs $payload"),
    take: Step::many(64, "WF.POP {q}jobs {q}agent-$lane COUNT 64"),
};

pub(crate) static STREAM: Store = Store {
    name: "a stream",
    prepare: Some("XGROUP CREATE {q}stream agents $ MKSTREAM"),
    push: Step::one("XADD {q}stream * payload $payload"),
    take: Step::many(64, "XREADGROUP GROUP agents agent-$lane COUNT 64 STREAMS {q}stream >"),
};

impl Store {
    /// Fills the queue with about `tasks` tasks, then has them all running.
    pub(crate) fn measure(
        &self,
        server: &mut Server,
        fleet: &mut Fleet,
        tasks: usize,
    ) -> Outcome<Footprint> {
        server.clear()?;
        let empty = used_bytes(server)?;
        if let Some(command) = self.prepare {
            server.ask(command)?;
        }
        let beyond = |server: &mut Server, tasks: usize| -> Outcome<f64> {
            Ok((used_bytes(server)? - empty) / tasks as f64 - PAYLOAD_BYTES as f64)
        };
        let push = std::slice::from_ref(&self.push);
        let few = fleet.run(push, tasks / 5, TURN)?;
        let ready_few = beyond(server, few)?;
        let many = few + fleet.run(push, tasks.saturating_sub(few), TURN)?;
        let ready_many = beyond(server, many)?;
        fleet.run(std::slice::from_ref(&self.take), many, TURN)?;
        let running = beyond(server, many)?;
        Ok(Footprint { few, ready_few, many, ready_many, running })
    }
}

pub(crate) fn used_bytes(server: &mut Server) -> Outcome<f64> {
    let info = server.info("memory")?;
    Ok(info.number("used_memory")? - info.number("mem_clients_normal")?)
}
