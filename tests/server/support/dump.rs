//! What is inside a DUMP of a module's value?
//!
//! One byte of type, the module's number, then items, each behind a length-encoded opcode (2 an
//! unsigned number, 5 a string, 0 the end), then the trailer that `crc64` signs. Taking it apart
//! here lets a test forge values whose frame is right and whose content is hostile.

use super::crc64::{body, sign};

/// A length of 64 bits follows this byte.
const LENGTH_64: u8 = 0x81;
/// A length of 32 bits follows this byte.
const LENGTH_32: u8 = 0x80;

/// One thing the module wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Item {
    /// An unsigned number.
    Number(u64),
    /// A string.
    Bytes(Vec<u8>),
}

/// A dump in its parts.
#[derive(Clone, Debug)]
pub(crate) struct Dump {
    head: Vec<u8>,
    /// What the module wrote, in order.
    pub(crate) items: Vec<Item>,
    original: Vec<u8>,
}

fn read_length(bytes: &[u8], at: &mut usize) -> u64 {
    let first = bytes[*at];
    *at += 1;
    let mut big_endian = |count: usize| {
        let value = bytes[*at..*at + count].iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
        *at += count;
        value
    };
    match first >> 6 {
        0 => u64::from(first & 0x3f),
        1 => u64::from(first & 0x3f) << 8 | big_endian(1),
        _ if first == LENGTH_32 => big_endian(4),
        _ if first == LENGTH_64 => big_endian(8),
        _ => panic!("not a length: {first:#x}"),
    }
}

fn write_length(bytes: &mut Vec<u8>, length: u64) {
    match u8::try_from(length) {
        Ok(short) if short < 64 => bytes.push(short),
        _ => {
            bytes.push(LENGTH_64);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
}

fn read_string(bytes: &[u8], at: &mut usize) -> Vec<u8> {
    // Short strings of digits are stored as numbers.
    let number = |count: usize| {
        let mut value = [0; 4];
        value[..count].copy_from_slice(&bytes[*at + 1..*at + 1 + count]);
        i32::from_le_bytes(value)
    };
    let (text, taken) = match bytes[*at] {
        0xc0 => (i8::try_from(number(1) << 24 >> 24).unwrap().to_string(), 2),
        0xc1 => (i16::try_from(number(2) << 16 >> 16).unwrap().to_string(), 3),
        0xc2 => (number(4).to_string(), 5),
        _ => {
            let length = usize::try_from(read_length(bytes, at)).unwrap();
            *at += length;
            return bytes[*at - length..*at].to_vec();
        }
    };
    *at += taken;
    text.into_bytes()
}

impl Dump {
    /// Takes a dump apart.
    pub(crate) fn open(original: &[u8]) -> Self {
        let bytes = body(original);
        let mut at = 1;
        read_length(bytes, &mut at);
        let head = bytes[..at].to_vec();
        let mut items = Vec::new();
        loop {
            match read_length(bytes, &mut at) {
                0 => break,
                2 => items.push(Item::Number(read_length(bytes, &mut at))),
                5 => items.push(Item::Bytes(read_string(bytes, &mut at))),
                other => panic!("opcode {other} at {at}"),
            }
        }
        assert_eq!(at, bytes.len(), "something after the end");
        Dump { head, items, original: original.to_vec() }
    }

    /// Puts it together and signs it.
    pub(crate) fn close(&self) -> Vec<u8> {
        let mut bytes = self.head.clone();
        for item in &self.items {
            match item {
                Item::Number(value) => {
                    bytes.push(2);
                    write_length(&mut bytes, *value);
                }
                Item::Bytes(content) => {
                    bytes.push(5);
                    write_length(&mut bytes, u64::try_from(content.len()).unwrap());
                    bytes.extend_from_slice(content);
                }
            }
        }
        bytes.push(0);
        sign(&bytes, &self.original)
    }
}
