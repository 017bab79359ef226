//! A pool as bytes.

use serde::{Deserialize, Serialize};

use super::codec;
use crate::engine::numbers::NUMBER_MAX;
use crate::engine::pool::{Drain, Facts, Pool, Reset, SIZE_MAX};

#[derive(Serialize, Deserialize)]
enum Record {
    Pool {
        size: u32,
        lease_ms: u64,
        orphan_ms: u64,
        reach: u32,
        drain: Option<Drain>,
        orphans: Option<u32>,
    },
}

/// The pool as bytes.
#[must_use]
pub fn encode(pool: &Pool) -> Vec<u8> {
    let Facts { size, lease_ms, orphan_ms, reach, drain, orphans } = *pool.facts();
    let record = Record::Pool { size, lease_ms, orphan_ms, reach, drain, orphans };
    let mut bytes = Vec::new();
    codec::append(&mut bytes, &record);
    bytes
}

/// The pool of these bytes.
pub fn decode(mut bytes: &[u8]) -> Result<Pool, String> {
    let Record::Pool { size, lease_ms, orphan_ms, reach, drain, orphans } =
        codec::take(&mut bytes)?;
    let numbers = 1..=SIZE_MAX;
    if !numbers.contains(&size) || reach > SIZE_MAX {
        return Err(format!("a pool of {size} identities up to the number {reach}"));
    }
    let (reset_ms, telling) = match drain.map(|drain| drain.reset) {
        Some(Reset::From(ms)) => (ms, None),
        Some(Reset::Telling(next)) => (0, Some(next)),
        Some(Reset::Never | Reset::Told) | None => (0, None),
    };
    if [orphans, telling].into_iter().flatten().any(|next| !numbers.contains(&next)) {
        return Err("a walk beyond the last identity".to_owned());
    }
    let count = drain.map_or(0, |drain| drain.count);
    let bounded = [lease_ms, orphan_ms, reset_ms, count];
    if lease_ms == 0 || bounded.into_iter().any(|number| number > NUMBER_MAX) {
        return Err(format!("a number out of bounds among {bounded:?}"));
    }
    if !bytes.is_empty() {
        return Err("more bytes than a pool has".to_owned());
    }
    Ok(Pool::restored(Facts { size, lease_ms, orphan_ms, reach, drain, orphans }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts {
        let drain = Some(Drain { reset: Reset::From(1 << 40), count: 4 });
        Facts { size: 3, lease_ms: 5, orphan_ms: 6, reach: 9, drain, orphans: Some(7) }
    }

    #[test]
    fn a_pool_comes_back_as_it_was_stored() {
        let pool = Pool::restored(facts());
        assert_eq!(decode(&encode(&pool)).unwrap(), pool);
    }

    #[test]
    fn a_pool_that_cannot_be_is_refused() {
        let drain = |reset, count| Some(Drain { reset, count });
        for wrong in [
            Facts { size: 0, ..facts() },
            Facts { size: SIZE_MAX + 1, ..facts() },
            Facts { reach: SIZE_MAX + 1, ..facts() },
            Facts { lease_ms: 0, ..facts() },
            Facts { orphan_ms: NUMBER_MAX + 1, ..facts() },
            Facts { orphans: Some(SIZE_MAX + 1), ..facts() },
            Facts { drain: drain(Reset::Telling(0), 0), ..facts() },
            Facts { drain: drain(Reset::From(NUMBER_MAX + 1), 0), ..facts() },
            Facts { drain: drain(Reset::Told, NUMBER_MAX + 1), ..facts() },
        ] {
            assert!(decode(&encode(&Pool::restored(wrong))).is_err(), "{wrong:?}");
        }
        let mut bytes = encode(&Pool::restored(facts()));
        assert!(bytes.iter().enumerate().all(|(end, _)| decode(&bytes[..end]).is_err()));
        bytes.push(0);
        assert!(decode(&bytes).is_err());
    }
}
