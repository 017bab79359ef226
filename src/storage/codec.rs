//! One value to bytes and back: bincode, with a limit and without trust in lengths.

use bincode::config::{Configuration, Limit, LittleEndian, Varint};
use serde::{Deserialize, Serialize};

/// More than any value takes: a POP of as many tasks as may be asked for, with every id.
const LIMIT: usize = 256 << 20;

const CONFIG: Configuration<LittleEndian, Varint, Limit<LIMIT>> = bincode::config::standard()
    .with_little_endian()
    .with_variable_int_encoding()
    .with_limit::<LIMIT>();

/// Appends a value. It fails only for types that no format of ours has.
pub(super) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let written = bincode::serde::encode_into_std_write(value, bytes, CONFIG);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// Takes a value off the front of `bytes`.
pub(super) fn take<'de, T: Deserialize<'de>>(bytes: &mut &'de [u8]) -> Result<T, String> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(bytes, CONFIG)
        .map_err(|error| error.to_string())?;
    *bytes = bytes.get(used..).unwrap_or_default();
    Ok(value)
}
