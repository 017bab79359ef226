//! A pool as bytes.

use serde::{Deserialize, Serialize};

use super::codec;
use crate::engine::agent::Why;
use crate::engine::numbers::NUMBER_MAX;
use crate::engine::pool::{Facts, Pool, SIZE_MAX, Walk};

#[derive(Serialize, Deserialize)]
enum Record {
    Pool {
        size: u32,
        lease_ms: u64,
        orphan_ms: u64,
        reach: u32,
        draining: bool,
        drained_ms: u64,
        reset_ms: Option<u64>,
        walk: Option<(Why, u32)>,
    },
}

/// The pool as bytes.
#[must_use]
pub fn encode(pool: &Pool) -> Vec<u8> {
    let Facts { size, lease_ms, orphan_ms, reach, draining, drained_ms, reset_ms, walk } =
        *pool.facts();
    let walk = walk.map(|walk| (walk.why, walk.next));
    let record =
        Record::Pool { size, lease_ms, orphan_ms, reach, draining, drained_ms, reset_ms, walk };
    let mut bytes = Vec::new();
    codec::append(&mut bytes, &record);
    bytes
}

/// The pool of these bytes.
pub fn decode(mut bytes: &[u8]) -> Result<Pool, String> {
    let Record::Pool { size, lease_ms, orphan_ms, reach, draining, drained_ms, reset_ms, walk } =
        codec::take(&mut bytes)?;
    let numbers = 1..=SIZE_MAX;
    if !numbers.contains(&size) || reach > SIZE_MAX {
        return Err(format!("a pool of {size} identities up to the number {reach}"));
    }
    if walk.is_some_and(|(_, next)| !numbers.contains(&next)) {
        return Err("a walk beyond the last identity".to_owned());
    }
    let times = [lease_ms, orphan_ms, drained_ms, reset_ms.unwrap_or(0)];
    if lease_ms == 0 || times.into_iter().any(|time| time > NUMBER_MAX) {
        return Err(format!("a time out of bounds among {times:?}"));
    }
    if !bytes.is_empty() {
        return Err("more bytes than a pool has".to_owned());
    }
    let walk = walk.map(|(why, next)| Walk { why, next });
    Ok(Pool::restored(Facts {
        size,
        lease_ms,
        orphan_ms,
        reach,
        draining,
        drained_ms,
        reset_ms,
        walk,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let walk = Some(Walk { why: Why::Orphaned, next: 7 });
        let (size, reach, draining, reset_ms) = (3, 9, true, Some(1 << 40));
        let (lease_ms, orphan_ms, drained_ms) = (5, 6, 1 << 39);
        Facts { size, lease_ms, orphan_ms, reach, draining, drained_ms, reset_ms, walk }
    }

    #[test]
    fn a_pool_comes_back_as_it_was_stored() {
        let pool = Pool::restored(facts());
        assert_eq!(decode(&encode(&pool)).unwrap(), pool);
    }

    #[test]
    fn a_pool_that_cannot_be_is_refused() {
        let walk = Some(Walk { why: Why::Drained, next: SIZE_MAX + 1 });
        for wrong in [
            Facts { size: 0, ..facts() },
            Facts { size: SIZE_MAX + 1, ..facts() },
            Facts { reach: SIZE_MAX + 1, ..facts() },
            Facts { lease_ms: 0, ..facts() },
            Facts { orphan_ms: NUMBER_MAX + 1, ..facts() },
            Facts { walk, ..facts() },
        ] {
            assert!(decode(&encode(&Pool::restored(wrong))).is_err(), "{wrong:?}");
        }
        let mut bytes = encode(&Pool::restored(facts()));
        assert!(bytes.iter().enumerate().all(|(end, _)| decode(&bytes[..end]).is_err()));
        bytes.push(0);
        assert!(decode(&bytes).is_err());
    }
}
