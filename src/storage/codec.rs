//! One value to bytes and back: bincode, without trust in lengths.

use bincode::config::{Configuration, LittleEndian, NoLimit, Varint};
use serde::{Deserialize, Serialize};

/// No limit of size: what is read is a slice, bytes are borrowed from it after their length was
/// compared with what is left, and lists take room as their entries really come (`bounded`). So
/// whatever could be written can be read.
const CONFIG: Configuration<LittleEndian, Varint, NoLimit> =
    bincode::config::standard().with_little_endian().with_variable_int_encoding();

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
