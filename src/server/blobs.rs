//! The server's own strings of the bytes that events refer to: so payloads reach replicas and the
//! append-only file without being copied.

use hashbrown::HashMap;
use smallvec::SmallVec;

use super::api::{Ctx, Str};

/// Of so many blobs each is searched for among the words; of more, all are found by a table.
const FEW: usize = 64;

/// The strings of some bytes: those of the call's words that they are, or copies.
pub(super) fn strings(
    ctx: Ctx,
    blobs: &[&[u8]],
    (words, strings): (&[&[u8]], &[Str]),
) -> SmallVec<[Str; 4]> {
    if blobs.len() > FEW {
        return of_many(ctx, blobs, (words, strings));
    }
    // Blobs mostly follow one another among the words, so each search starts at the last hit.
    let mut from = 0;
    let mut found = SmallVec::with_capacity(blobs.len());
    for bytes in blobs {
        let ahead = words.iter().zip(strings).enumerate().skip(from);
        let all = ahead.chain(words.iter().zip(strings).enumerate().take(from));
        let hit = { all }.find(|(_, (word, _))| std::ptr::eq(**word, *bytes));
        found.push(match hit {
            Some((nth, (_, string))) => {
                from = nth + 1;
                *string
            }
            None => ctx.string(bytes),
        });
    }
    found
}

fn of_many(ctx: Ctx, blobs: &[&[u8]], (words, strings): (&[&[u8]], &[Str])) -> SmallVec<[Str; 4]> {
    let named = words.iter().zip(strings);
    let places: HashMap<(*const u8, usize), Str> =
        named.map(|(word, string)| ((word.as_ptr(), word.len()), *string)).collect();
    let known = |bytes: &[u8]| places.get(&(bytes.as_ptr(), bytes.len())).copied();
    blobs.iter().map(|bytes| known(bytes).unwrap_or_else(|| ctx.string(bytes))).collect()
}
