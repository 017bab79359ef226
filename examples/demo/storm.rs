//! Act three: what if processes die all the time?
//!
//! For a while one after the other is killed, whichever chance picks, and a new one is started. It
//! waits until a dead one's lease is over, and gets its name with its work.

use crate::baton::Baton;
use crate::failure::{Context, Failure, Result};
use crate::fleet::{Fleet, SIZE};
use crate::history::Event;
use crate::pool::POOL;
use crate::story::Story;
use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const STORM: Duration = Duration::from_millis(2500);
/// The pauses between two deaths, in milliseconds.
const PAUSES: std::ops::Range<u64> = 60..240;
pub(crate) const LEASE_MS: u64 = 500;
const TASKS: usize = 60;

pub(crate) fn act(story: &mut Story, baton: &mut Baton, fleet: &mut Fleet) -> Result<()> {
    let mut chance = Chance::from_seed(seed()?);
    baton.pool(SIZE, LEASE_MS)?;
    let first = fleet.orders.len();
    for _ in 0..TASKS {
        fleet.order(baton, "local", 10, 15)?;
    }
    story.step(&format!(
        "A storm of crashes over {TASKS} tasks (SEED={} picks them again).",
        chance.0
    ));
    fleet.keep_full()?;
    let start = Instant::now();
    let mut kills = 0;
    while start.elapsed() < STORM {
        sleep(Duration::from_millis(chance.below(PAUSES.end - PAUSES.start) + PAUSES.start));
        fleet.keep_full()?;
        fleet.kill(usize::try_from(chance.below(SIZE as u64)).unwrap_or_default())?;
        kills += 1;
        fleet.keep_full()?;
    }
    story.note(&format!("{kills} processes were killed, and each was replaced. A name is"));
    story.note(&format!(
        "free {LEASE_MS} ms after its last call (WF.POOL {POOL} LEASE {LEASE_MS})."
    ));
    fleet.wait_until_done(baton)?;
    let ids: Vec<u64> = fleet.orders.keys().skip(first).copied().collect();
    let mut crashes = 0;
    for id in ids {
        crashes += baton.task(id)?.crashes;
    }
    let left =
        fleet.history.count(|event| matches!(event, Event::Assumed { left, .. } if *left > 0));
    if crashes == 0 || left == 0 {
        return Err(Failure::new("a storm in which no task lost its agent"));
    }
    story.note(&format!("ok: all {TASKS} done; {left} processes took up the work of a dead one,"));
    story.note(&format!("    {crashes} crashes are on record with the tasks"));
    Ok(())
}

fn seed() -> Result<u64> {
    match std::env::var("SEED") {
        Ok(seed) => seed.parse().context("SEED"),
        Err(_) => {
            let now = SystemTime::now().duration_since(UNIX_EPOCH).context("the time")?;
            Ok(now.as_secs() % 1_000_000)
        }
    }
}

/// Numbers that look random, the same ones from the same seed (splitmix64).
struct Chance(u64);

impl Chance {
    fn from_seed(seed: u64) -> Self {
        Self(seed)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % end.max(1)
    }
}
