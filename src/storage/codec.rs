//! One value to bytes and back: bincode, without trust in lengths.

use bincode::config::{Configuration, LittleEndian, NoLimit, Varint};
use bincode::enc::write::Writer;
use bincode::error::EncodeError;
use serde::{Deserialize, Serialize};

/// No limit of size: what is read is a slice, bytes are borrowed from it after their length was
/// compared with what is left, and lists take room as their entries really come (`bounded`). So
/// whatever could be written can be read.
const CONFIG: Configuration<LittleEndian, Varint, NoLimit> =
    bincode::config::standard().with_little_endian().with_variable_int_encoding();

/// Writes to the end of bytes, without the detour over `std::io`.
struct Append<'b>(&'b mut Vec<u8>);

impl Writer for Append<'_> {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0.extend_from_slice(bytes);
        Ok(())
    }
}

/// Appends a value. It fails only for types that no format of ours has.
pub(super) fn append(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let written = bincode::serde::encode_into_writer(value, Append(bytes), CONFIG);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// Takes a value off the front of `bytes`.
pub(super) fn take<'de, T: Deserialize<'de>>(bytes: &mut &'de [u8]) -> Result<T, String> {
    let (value, used) = bincode::serde::borrow_decode_from_slice(bytes, CONFIG)
        .map_err(|error| error.to_string())?;
    *bytes = bytes.get(used..).unwrap_or_default();
    Ok(value)
}
