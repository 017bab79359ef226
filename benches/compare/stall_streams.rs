//! What do Streams do to the others when a successor asks for what its predecessor had? The same
//! entries, all pending, read by the consumer of that name or claimed by another.

use crate::Outcome;
use crate::pipeline::PAYLOAD;
use crate::stalls::{Act, Of, PAGE, Stage, nothing, tasks_in};

pub(crate) static ACTS: [Act; 3] = [
    of_stream("XREADGROUP of $n, 1000 each", fill, read),
    of_stream("XREADGROUP of $n at once", nothing, read_at_once),
    of_stream("XAUTOCLAIM of $n, 1000 each", nothing, claim),
];

const fn of_stream(
    name: &'static str,
    prepare: fn(&mut Stage<'_>) -> Outcome<()>,
    run: fn(&mut Stage<'_>) -> Outcome<()>,
) -> Act {
    Act { name, of: Of::Stream, prepare, run }
}

/// A stream of entries that one consumer was given.
fn fill(stage: &mut Stage<'_>) -> Outcome<()> {
    stage.server.ask("XGROUP CREATE {q}stream agents $ MKSTREAM")?;
    let add = format!("XADD {{q}}stream * payload {PAYLOAD}");
    stage.wire.tell_all(stage.tasks, |_| add.clone())?;
    for _ in 0..stage.tasks / PAGE {
        stage.server.ask(&pending(">", PAGE))?;
    }
    Ok(())
}

fn pending(after: &str, count: usize) -> String {
    format!("XREADGROUP GROUP agents agent COUNT {count} STREAMS {{q}}stream {after}")
}

fn read(stage: &mut Stage<'_>) -> Outcome<()> {
    let (mut after, mut count) = ("0".to_owned(), 0);
    loop {
        let page = stage.server.ask(&pending(&after, PAGE))?;
        let found = tasks_in(&page);
        count += found;
        if found < PAGE {
            return stage.expect(count);
        }
        // Behind the id stand the name of the field and the payload.
        after = page.lines().rev().nth(2).ok_or("an entry has three parts")?.to_owned();
    }
}

fn read_at_once(stage: &mut Stage<'_>) -> Outcome<()> {
    let all = stage.server.ask(&pending("0", stage.tasks))?;
    stage.expect(tasks_in(&all))
}

fn claim(stage: &mut Stage<'_>) -> Outcome<()> {
    let (mut cursor, mut count) = ("0-0".to_owned(), 0);
    loop {
        let claim = format!("XAUTOCLAIM {{q}}stream agents successor 0 {cursor} COUNT {PAGE}");
        let page = stage.server.ask(&claim)?;
        count += tasks_in(&page);
        cursor = page.lines().next().unwrap_or("0-0").to_owned();
        if cursor == "0-0" {
            return stage.expect(count);
        }
    }
}
