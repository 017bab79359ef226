//! How is a changed DUMP made believable?
//!
//! A DUMP ends with two bytes of RDB version and eight bytes of CRC64 (the Jones polynomial, as
//! the servers use it, little-endian) over all before. RESTORE refuses a wrong sum before it looks
//! at anything else, so a test that wants to reach the decoder has to sign what it forged.

const POLYNOMIAL_REFLECTED: u64 = 0x95ac_9329_ac4b_c9b5;

/// The bytes of version and sum at the end of a DUMP.
pub(crate) const TRAILER: usize = 10;

/// The checksum of some bytes.
pub(crate) fn crc64(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0, |sum, byte| {
        (0..8).fold(sum ^ u64::from(*byte), |sum, _| {
            if sum & 1 == 1 { (sum >> 1) ^ POLYNOMIAL_REFLECTED } else { sum >> 1 }
        })
    })
}

/// The body of a DUMP, without version and sum.
pub(crate) fn body(dump: &[u8]) -> &[u8] {
    &dump[..dump.len() - TRAILER]
}

/// A body with the version of `like` and its own right sum.
pub(crate) fn sign(body: &[u8], like: &[u8]) -> Vec<u8> {
    let mut signed = body.to_vec();
    signed.extend_from_slice(&like[like.len() - TRAILER..like.len() - 8]);
    let sum = crc64(&signed);
    signed.extend_from_slice(&sum.to_le_bytes());
    signed
}

#[test]
fn the_sum_is_the_one_the_servers_compute() {
    assert_eq!(crc64(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
}
