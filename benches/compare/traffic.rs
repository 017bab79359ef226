//! How many bytes does a task's life add to the AOF and to the replication stream?

use std::io::{Read, Write};
use std::net::TcpStream;

use crate::Outcome;
use crate::contest::Side;
use crate::load::Fleet;
use crate::server::{Info, Server};

/// Bytes per task, from its first command to its last.
pub(crate) struct Traffic {
    pub(crate) aof: f64,
    pub(crate) replication: f64,
}

/// Takes about `tasks` tasks through the side's cycle with the AOF on.
pub(crate) fn measure(
    server: &mut Server,
    fleet: &mut Fleet,
    side: &Side,
    tasks: usize,
) -> Outcome<Traffic> {
    open_backlog(server)?;
    side.set_up(server, fleet)?;
    server.start_log("no")?;
    let before = written(server)?;
    let done = side.cycle(fleet, tasks)? as f64;
    let after = written(server)?;
    server.stop_log()?;
    Ok(Traffic {
        aof: (after.aof - before.aof) / done,
        replication: (after.replication - before.replication) / done,
    })
}

fn written(server: &mut Server) -> Outcome<Traffic> {
    Ok(Traffic {
        aof: server.info("persistence")?.number("aof_current_size")?,
        replication: server.info("replication")?.number("master_repl_offset")?,
    })
}

/// The server counts replication bytes only once a replica has asked for them. This one asks and
/// leaves; the backlog stays.
fn open_backlog(server: &mut Server) -> Outcome<()> {
    let mut replica = TcpStream::connect(("127.0.0.1", server.port))?;
    replica.write_all(b"PSYNC ? -1\r\n")?;
    let _accepted = replica.read(&mut [0; 64])?;
    server.wait_until("replication", |info| Ok(info.text("repl_backlog_active")? == "1"))?;
    drop(replica);
    server.wait_until("persistence", Info::is_at_rest)
}
