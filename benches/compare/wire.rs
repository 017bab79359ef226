//! How do requests and replies cross the wire, at the least cost to the load generator?
//!
//! Only what a benchmark needs of RESP2. A reply is never turned into values: [`scan`] finds where
//! it ends and notes where its *leaves* lie (every integer, status and bulk string, in order), so a
//! map or an array of tasks is a flat list of byte ranges. Nulls and empty arrays leave no leaf.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::ops::Range;

use crate::Outcome;

/// Room for the replies of one turn; grows when a turn needs more.
const INBOX_BYTES: usize = 256 * 1024;

/// Begins a request of `words` words.
pub(crate) fn begin(out: &mut Vec<u8>, words: usize) {
    out.push(b'*');
    decimal(out, words);
    out.extend_from_slice(b"\r\n");
}

/// Adds a whole command, of words parted by single spaces.
pub(crate) fn command(out: &mut Vec<u8>, text: &str) {
    begin(out, text.split(' ').count());
    text.split(' ').for_each(|part| word(out, part.as_bytes()));
}

/// Adds one word to the request.
pub(crate) fn word(out: &mut Vec<u8>, word: &[u8]) {
    out.push(b'$');
    decimal(out, word.len());
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(word);
    out.extend_from_slice(b"\r\n");
}

fn decimal(out: &mut Vec<u8>, number: usize) {
    if let Ok(small @ 0..10) = u8::try_from(number) {
        out.push(b'0' + small);
    } else {
        out.extend_from_slice(number.to_string().as_bytes());
    }
}

/// Where the first reply in `bytes` ends (`None`: it is not all there yet); notes its leaves.
fn scan(bytes: &[u8], leaves: &mut Vec<Range<usize>>) -> Outcome<Option<usize>> {
    leaves.clear();
    let (mut at, mut pending) = (0, 1_i64);
    while pending > 0 {
        let Some(line) = line_at(bytes, at) else { return Ok(None) };
        let text = bytes.get(line.clone()).unwrap_or_default();
        let next = line.end + 2;
        pending -= 1;
        match bytes.get(at) {
            Some(b'*') => pending += number(text)?.max(0),
            Some(b'+' | b':') => leaves.push(line),
            Some(b'$') => {
                if let Ok(length) = usize::try_from(number(text)?) {
                    if bytes.len() < next + length + 2 {
                        return Ok(None);
                    }
                    leaves.push(next..next + length);
                    at = next + length + 2;
                    continue;
                }
            }
            _ => return Err(format!("the server said {}", String::from_utf8_lossy(text)).into()),
        }
        at = next;
    }
    Ok(Some(at))
}

/// The line after the type byte at `at`, without its end.
fn line_at(bytes: &[u8], at: usize) -> Option<Range<usize>> {
    let rest = bytes.get(at + 1..)?;
    let length = rest.iter().position(|&byte| byte == b'\r')?;
    (rest.len() > length + 1).then_some(at + 1..at + 1 + length)
}

fn number(text: &[u8]) -> Outcome<i64> {
    Ok(std::str::from_utf8(text)?.parse()?)
}

/// One complete reply: its bytes and where the leaves lie in them.
pub(crate) struct Reply<'a> {
    bytes: &'a [u8],
    leaves: &'a [Range<usize>],
}

impl<'a> Reply<'a> {
    /// The leaves in order.
    pub(crate) fn leaves(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let bytes = self.bytes;
        self.leaves.iter().map(move |leaf| bytes.get(leaf.clone()).unwrap_or_default())
    }
}

/// One connection.
pub(crate) struct Wire {
    stream: TcpStream,
    inbox: Vec<u8>,
    leaves: Vec<Range<usize>>,
}

impl Wire {
    pub(crate) fn connect(port: u16) -> Outcome<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, inbox: vec![0; INBOX_BYTES], leaves: Vec::new() })
    }

    /// From now on replies are waited for by asking again and again, without sleeping.
    pub(crate) fn never_sleep(&self) -> Outcome<()> {
        Ok(self.stream.set_nonblocking(true)?)
    }

    pub(crate) fn send(&mut self, requests: &[u8]) -> Outcome<()> {
        Ok(self.stream.write_all(requests)?)
    }

    /// Sends one command, of words parted by single spaces.
    pub(crate) fn say(&mut self, text: &str) -> Outcome<()> {
        let mut request = Vec::new();
        command(&mut request, text);
        self.send(&request)
    }

    /// Waits for exactly `count` replies and shows each to `see`. An error reply is an error here.
    pub(crate) fn receive(
        &mut self,
        count: usize,
        mut see: impl FnMut(Reply<'_>) -> Outcome<()>,
    ) -> Outcome<()> {
        let (mut start, mut end, mut missing) = (0, 0, count);
        while missing > 0 {
            let bytes = self.inbox.get(start..end).unwrap_or_default();
            if let Some(length) = scan(bytes, &mut self.leaves)? {
                see(Reply { bytes, leaves: &self.leaves })?;
                start += length;
                missing -= 1;
            } else {
                end += self.fill(end)?;
            }
        }
        if start == end { Ok(()) } else { Err("more replies than requests".into()) }
    }

    fn fill(&mut self, end: usize) -> Outcome<usize> {
        if end == self.inbox.len() {
            self.inbox.resize(end * 2, 0);
        }
        loop {
            match self.stream.read(self.inbox.get_mut(end..).unwrap_or_default()) {
                Ok(0) => return Err("the server closed the connection".into()),
                Err(error) if error.kind() == ErrorKind::WouldBlock => std::hint::spin_loop(),
                read => return Ok(read?),
            }
        }
    }
}
