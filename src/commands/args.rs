//! A cursor over the words of a call. Words are bytes; what is wrong with one is said by name.

use smallvec::SmallVec;

use crate::engine::numbers::NUMBER_MAX;
use crate::engine::refusal::{Refusal, quoted};

/// The most elements that one call may ask for or name.
pub(super) const COUNT_MAX: u64 = 1_000_000;

/// The most queues that one call may name.
const QUEUES_MAX: usize = 1_024;

/// The most types that one call may ask for.
const TYPES_MAX: usize = 1_024;

/// The words after the command's name.
#[derive(Clone, Copy, Debug)]
pub struct Args<'a> {
    words: &'a [&'a [u8]],
}

/// A word in capitals, for comparing; empty if it is longer than any token.
pub(super) type Token = SmallVec<[u8; 16]>;

impl<'a> Args<'a> {
    /// A cursor at the first word.
    #[must_use]
    pub fn of(words: &'a [&'a [u8]]) -> Self {
        Self { words }
    }

    /// The next word; its absence is reported under the name `what`.
    pub fn word(&mut self, what: &str) -> Result<&'a [u8], Refusal> {
        let (first, rest) = self.words.split_first().ok_or_else(|| syntax(what, "has no value"))?;
        self.words = rest;
        Ok(first)
    }

    /// The next option in capitals, and as it was typed; nothing at the end.
    pub fn option(&mut self) -> Option<(Token, &'a [u8])> {
        let (first, rest) = self.words.split_first()?;
        self.words = rest;
        let known = first.len() <= Token::inline_size(&Token::new());
        let letters = if known { first } else { &[][..] };
        Some((letters.iter().map(u8::to_ascii_uppercase).collect(), first))
    }

    /// The next word as a whole number up to `max`.
    pub fn number(&mut self, what: &str, max: u64) -> Result<u64, Refusal> {
        let word = self.word(what)?;
        number(word, what, max)
    }

    /// The next word as a number of task, fence or epoch.
    pub fn id(&mut self, what: &str) -> Result<u64, Refusal> {
        self.number(what, NUMBER_MAX)
    }

    /// The next word as milliseconds.
    pub fn ms(&mut self, what: &str) -> Result<u64, Refusal> {
        self.number(what, NUMBER_MAX)
    }

    /// The next word as milliseconds if it begins with a digit; else it is an option, and stays.
    pub fn ms_if_any(&mut self, what: &str) -> Result<Option<u64>, Refusal> {
        let is_number =
            self.words.first().is_some_and(|word| word.first().is_some_and(u8::is_ascii_digit));
        if is_number { self.ms(what).map(Some) } else { Ok(None) }
    }

    /// The next word as a count of at least one.
    pub fn count(&mut self, what: &str) -> Result<usize, Refusal> {
        match self.number(what, COUNT_MAX)? {
            0 => Err(syntax(what, "must be at least 1")),
            count => Ok(count as usize),
        }
    }

    /// A count, then as many words.
    pub fn counted(&mut self, what: &str) -> Result<&'a [&'a [u8]], Refusal> {
        let count = self.count(what)?;
        let (words, rest) = self
            .words
            .split_at_checked(count)
            .ok_or_else(|| syntax(what, "announces more words than there are"))?;
        self.words = rest;
        Ok(words)
    }

    /// A count, then as many names of queues.
    pub fn queues(&mut self) -> Result<&'a [&'a [u8]], Refusal> {
        let names = self.counted("numqueues")?;
        if names.len() > QUEUES_MAX {
            return Err(syntax("numqueues", &format!("is more than {QUEUES_MAX}")));
        }
        Ok(names)
    }

    /// A count, then as many types.
    pub fn kinds(&mut self) -> Result<&'a [&'a [u8]], Refusal> {
        let kinds = self.counted("numtypes")?;
        if kinds.len() > TYPES_MAX {
            return Err(syntax("numtypes", &format!("is more than {TYPES_MAX}")));
        }
        Ok(kinds)
    }

    /// A count, then as many numbers.
    pub fn ids(&mut self, what: &str) -> Result<SmallVec<[u64; 4]>, Refusal> {
        self.counted(what)?.iter().map(|word| number(word, what, NUMBER_MAX)).collect()
    }
}

fn number(word: &[u8], what: &str, max: u64) -> Result<u64, Refusal> {
    let digits = std::str::from_utf8(word).ok().filter(|text| !text.starts_with('+'));
    let value = digits.and_then(|text| text.parse().ok()).filter(|value| *value <= max);
    value.ok_or_else(|| syntax(what, &format!("is not an integer from 0 to {max}")))
}

/// A refusal of wrong wording.
pub(super) fn syntax(what: &str, wrong: &str) -> Refusal {
    Refusal::Syntax(format!("{what} {wrong}"))
}

/// A refusal of wrong wording, said of one task among several.
pub(super) fn of_task(name: &[u8], wrong: Refusal) -> Refusal {
    match wrong {
        Refusal::Syntax(text) => Refusal::Syntax(format!("task {}: {text}", quoted(name))),
        other => other,
    }
}

/// A refusal of a word that is no option of the command.
pub(super) fn unknown(word: &[u8]) -> Refusal {
    Refusal::Syntax(format!("unknown option {}", quoted(word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_whole_unsigned_and_in_range() {
        for wrong in [&b""[..], b"-1", b"+1", b"1.0", b" 1", b"0x1", b"9007199254740992", b"\xff"] {
            let words = [wrong];
            let refused = Args::of(&words).id("id").unwrap_err().to_string();
            assert_eq!(refused, "ERR id is not an integer from 0 to 9007199254740991");
        }
        assert_eq!(Args::of(&[b"9007199254740991"]).id("id"), Ok(NUMBER_MAX));
    }

    #[test]
    fn a_count_that_announces_too_much_is_refused() {
        let words = [&b"3"[..], b"a", b"b"];
        assert!(Args::of(&words).counted("numtypes").is_err());
        assert!(Args::of(&[b"0"]).counted("numtypes").is_err());
        let mut args = Args::of(&words[..2]);
        assert!(args.counted("numtypes").is_err());
    }

    #[test]
    fn an_option_is_found_in_any_case_and_refused_as_typed() {
        let words = [&b"reqId"[..], b"Bl\xffck"];
        let mut args = Args::of(&words);
        assert_eq!(args.option().unwrap().0.as_slice(), b"REQID");
        assert_eq!(unknown(args.option().unwrap().1).to_string(), "ERR unknown option 'Bl\\xffck'");
        assert!(args.option().is_none());
    }
}
