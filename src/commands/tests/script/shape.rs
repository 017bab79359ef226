//! How a reply is read, and what is told of one: the words, lists and maps of a scenario.

use std::fmt;

/// A reply, or what is told of one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shape {
    Plain(String),
    Bytes(Vec<u8>),
    List(Vec<Shape>, bool),
    Map(Vec<(String, Shape)>, bool),
}

impl Shape {
    pub(super) fn read(text: &str) -> Result<Self, String> {
        let (shape, rest) = Self::of(text.trim())?;
        if rest.is_empty() { Ok(shape) } else { Err(format!("  what is {rest}?")) }
    }

    /// The first shape of a text, and the rest.
    fn of(text: &str) -> Result<(Self, &str), String> {
        let is_map = text.starts_with('{');
        if !is_map && !text.starts_with('[') {
            return Ok(match token(text, " []{}")? {
                (Token::Plain(word), rest) => (Self::Plain(word.to_owned()), rest),
                (Token::Bytes(bytes), rest) => (Self::Bytes(bytes), rest),
            });
        }
        let end = if is_map { '}' } else { ']' };
        let (mut list, mut map, mut rest) = (Vec::new(), Vec::new(), text[1..].trim_start());
        loop {
            let more = rest.strip_prefix("..").map(str::trim_start);
            if let Some(after) = more.unwrap_or(rest).strip_prefix(end) {
                let more = more.is_some();
                let shape = if is_map { Self::Map(map, more) } else { Self::List(list, more) };
                return Ok((shape, after));
            }
            if is_map {
                let (name, value) = rest.split_once(':').ok_or("  a field without a colon")?;
                let (shape, after) = Self::of(value)?;
                map.push((name.to_owned(), shape));
                rest = after.trim_start();
            } else {
                let (shape, after) = Self::of(rest)?;
                list.push(shape);
                rest = after.trim_start();
            }
        }
    }

    /// As a word of a call.
    pub(super) fn word(&self) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            other => other.to_string().into_bytes(),
        }
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(word) => out.write_str(word),
            Self::Bytes(bytes) => write!(out, "\"{}\"", bytes.escape_ascii()),
            other => write!(out, "{other:?}"),
        }
    }
}

pub(super) enum Token<'l> {
    Plain(&'l str),
    Bytes(Vec<u8>),
}

/// The first word of a text, which is not empty, and the rest. A plain word ends at a blank or at
/// one of the `marks`.
pub(super) fn token<'l>(text: &'l str, marks: &str) -> Result<(Token<'l>, &'l str), String> {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c == ' ' || marks.contains(c)).unwrap_or(text.len());
        let (word, rest) = text.split_at(end);
        let found = !word.is_empty();
        return found.then_some((Token::Plain(word), rest)).ok_or("  a word is missing".to_owned());
    };
    let (mut bytes, mut rest) = (Vec::new(), quoted);
    loop {
        let mut chars = rest.chars();
        let taken = match chars.next().ok_or("  a quote that does not end")? {
            '"' => break,
            '\\' => match chars.next().ok_or("  a quote that does not end")? {
                'x' => {
                    let digits = rest.get(2..4).ok_or("  \\x without two digits")?;
                    bytes.push(u8::from_str_radix(digits, 16).map_err(|_| "  \\x of what?")?);
                    4
                }
                'n' => letter(&mut bytes, b'\n'),
                't' => letter(&mut bytes, b'\t'),
                'r' => letter(&mut bytes, b'\r'),
                other => letter(&mut bytes, other as u8),
            },
            other => {
                bytes.extend_from_slice(other.encode_utf8(&mut [0; 4]).as_bytes());
                other.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    rest = &rest[1..];
    if let Some(times) = rest.strip_prefix('*') {
        let end = times.find(|c: char| !c.is_ascii_digit()).unwrap_or(times.len());
        let (times, after) = times.split_at(end);
        bytes = bytes.repeat(times.parse().map_err(|_| "  times what?")?);
        rest = after;
    }
    Ok((Token::Bytes(bytes), rest))
}

fn letter(bytes: &mut Vec<u8>, byte: u8) -> usize {
    bytes.push(byte);
    2
}
