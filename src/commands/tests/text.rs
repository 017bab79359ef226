//! How does a reply look as text?

use std::fmt::Write;

use super::super::Reply;

/// A reply as text: `OK`, `nil`, `12`, `"bytes"`, `[a b]`, `{name:value name:value}`.
#[derive(Default)]
pub(super) struct Text {
    pub(super) text: String,
    /// What is still to come in each array or map that is open, and what closes it.
    open: Vec<(usize, bool)>,
}

impl Text {
    fn put(&mut self, piece: &str, as_name: Option<&str>) {
        let is_name = self.open.last().is_some_and(|(left, map)| *map && left.is_multiple_of(2));
        self.text.push_str(as_name.filter(|_| is_name).unwrap_or(piece));
        self.close(is_name);
    }

    fn close(&mut self, is_name: bool) {
        let mut is_name = is_name;
        while let Some((left, map)) = self.open.last_mut() {
            *left -= 1;
            if *left > 0 {
                self.text.push(if is_name { ':' } else { ' ' });
                return;
            }
            self.text.push(if *map { '}' } else { ']' });
            self.open.pop();
            is_name = false;
        }
    }

    fn start(&mut self, len: usize, map: bool) {
        self.text.push(if map { '{' } else { '[' });
        self.open.push((if map { 2 * len } else { len }, map));
        if len == 0 {
            self.text.push(if map { '}' } else { ']' });
            self.open.pop();
            self.close(false);
        }
    }

    pub(super) fn done(self) -> String {
        assert!(self.open.is_empty(), "half a reply: {}", self.text);
        assert!(!self.text.is_empty(), "no reply");
        self.text
    }
}

impl Reply for Text {
    fn integer(&mut self, value: i64) {
        self.put(&value.to_string(), None);
    }

    fn bytes(&mut self, value: &[u8]) {
        let mut quoted = String::new();
        write!(quoted, "\"{}\"", value.escape_ascii()).expect("room");
        self.put(&quoted, Some(&value.escape_ascii().to_string()));
    }

    fn ok(&mut self) {
        self.put("OK", None);
    }

    fn null(&mut self) {
        self.put("nil", None);
    }

    fn array(&mut self, len: usize) {
        self.start(len, false);
    }

    fn map(&mut self, pairs: usize) {
        self.start(pairs, true);
    }
}
