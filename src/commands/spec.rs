//! What is told about a command: to the server, to COMMAND DOCS, and to the reader of the README.

use super::args::COUNT_MAX;
use super::{Call, Next};
use crate::engine::refusal::Refusal;

/// A command.
pub struct Spec {
    /// Its name, in lower case.
    pub name: &'static str,
    /// What it does, in one line.
    pub summary: &'static str,
    /// What it costs.
    pub complexity: &'static str,
    /// The version that brought it.
    pub since: &'static str,
    /// The server's command flags.
    pub flags: &'static str,
    /// The ACL categories beside `wf`.
    pub categories: &'static str,
    /// The least number of words, negative where there may be more.
    pub arity: i32,
    /// Where its keys are.
    pub keys: &'static [Keys],
    /// Its arguments.
    pub args: &'static [Arg],
    /// What it replies.
    pub reply: &'static str,
    /// What its options mean, and which errors it gives.
    pub details: &'static str,
    /// What it does.
    pub run: for<'c, 'a> fn(&mut Call<'c, 'a>) -> Result<Next, Refusal>,
}

/// Where keys stand among the words.
pub enum Keys {
    /// One, at this place.
    At(i32, Access),
    /// A count at this place, then as many.
    Counted(i32, Access),
    /// This word somewhere, then a count, then as many.
    After(&'static str, Access),
}

/// What is done with a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It is read.
    Read,
    /// Something is added to it.
    Insert,
    /// It is read and changed.
    Update,
}

/// What an argument is.
pub enum Kind {
    /// A key's name; the number is the place of its key specification.
    Key(i32),
    /// Bytes.
    Text,
    /// An integer.
    Integer,
    /// A word by itself.
    Word,
    /// Several arguments that belong together.
    Block(&'static [Arg]),
    /// One of several.
    OneOf(&'static [Arg]),
}

/// An argument.
pub struct Arg {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: Kind,
    /// The word before it, if there is one.
    pub token: Option<&'static str>,
    /// Whether it may be left out.
    pub optional: bool,
    /// Whether there may be many.
    pub multiple: bool,
}

impl Arg {
    const fn new(name: &'static str, kind: Kind) -> Self {
        Self { name, kind, token: None, optional: false, multiple: false }
    }

    /// A key.
    pub const fn key(name: &'static str, spec: i32) -> Self {
        Self::new(name, Kind::Key(spec))
    }

    /// Bytes.
    pub const fn text(name: &'static str) -> Self {
        Self::new(name, Kind::Text)
    }

    /// An integer.
    pub const fn integer(name: &'static str) -> Self {
        Self::new(name, Kind::Integer)
    }

    /// A word by itself.
    pub const fn word(name: &'static str, token: &'static str) -> Self {
        Self { token: Some(token), ..Self::new(name, Kind::Word) }
    }

    /// Several that belong together.
    pub const fn block(name: &'static str, args: &'static [Self]) -> Self {
        Self::new(name, Kind::Block(args))
    }

    /// One of several.
    pub const fn one_of(name: &'static str, args: &'static [Self]) -> Self {
        Self::new(name, Kind::OneOf(args))
    }

    /// The same after a word.
    pub const fn after(self, token: &'static str) -> Self {
        Self { token: Some(token), ..self }
    }

    /// The same, may be left out.
    pub const fn optional(self) -> Self {
        Self { optional: true, ..self }
    }

    /// The same, as often as wanted.
    pub const fn many(self) -> Self {
        Self { multiple: true, ..self }
    }

    /// As it is written in a syntax line.
    fn syntax(&self) -> String {
        let inner = match &self.kind {
            Kind::Key(_) | Kind::Text | Kind::Integer => self.name.to_owned(),
            Kind::Word => String::new(),
            Kind::Block(args) => joined(args, " "),
            Kind::OneOf(args) => joined(args, " | "),
        };
        let many = if self.multiple { format!("{inner} [{inner} ...]") } else { inner };
        let worded = match self.token {
            Some(token) if many.is_empty() => token.to_owned(),
            Some(token) => format!("{token} {many}"),
            None => many,
        };
        if self.optional { format!("[{worded}]") } else { worded }
    }
}

impl Spec {
    /// Whether the places of some keys depend on the words.
    #[must_use]
    pub fn has_moving_keys(&self) -> bool {
        self.keys.iter().any(|keys| !matches!(keys, Keys::At(..)))
    }

    /// The places of the keys among the words of a call, the command's name being 0, and what is
    /// done with each. Words that make no sense have no keys.
    #[must_use]
    pub fn key_places(&self, words: &[&[u8]]) -> Vec<(usize, Access)> {
        let mut places = Vec::new();
        for keys in self.keys {
            let (start, access) = match keys {
                Keys::At(place, access) => {
                    places.push((*place as usize, *access));
                    continue;
                }
                Keys::Counted(place, access) => (Some(*place as usize), access),
                Keys::After(token, access) => {
                    let is_it = |word: &&[u8]| word.eq_ignore_ascii_case(token.as_bytes());
                    let found = words.iter().skip(2).position(is_it);
                    (found.map(|nth| nth + 3), access)
                }
            };
            let count = start.and_then(|start| words.get(start)).and_then(|word| count(word));
            let (first, count) = (start.map_or(0, |start| start + 1), count.unwrap_or(0));
            let last = (first + count).min(words.len());
            places.extend((first..last).map(|place| (place, *access)));
        }
        places.retain(|(place, _)| *place < words.len());
        places
    }

    /// The command with its arguments, as a line.
    #[must_use]
    pub fn syntax(&self) -> String {
        let name = self.name.to_ascii_uppercase();
        if self.args.is_empty() { name } else { format!("{name} {}", joined(self.args, " ")) }
    }
}

fn count(word: &[u8]) -> Option<usize> {
    std::str::from_utf8(word).ok()?.parse().ok().filter(|count| *count <= COUNT_MAX as usize)
}

fn joined(args: &[Arg], by: &str) -> String {
    args.iter().map(Arg::syntax).collect::<Vec<_>>().join(by)
}

/// Arguments that several commands have in common.
pub(super) mod common {
    use super::Arg;

    pub(crate) const EPOCH: Arg = Arg::integer("epoch").after("EPOCH").optional();
    pub(crate) const LEASE: Arg = Arg::integer("milliseconds").after("LEASE").optional();
    pub(crate) const MODE: Arg = Arg::one_of(
        "mode",
        &[Arg::word("keep", "KEEP"), Arg::word("release", "RELEASE"), Arg::word("fail", "FAIL")],
    )
    .optional();
    pub(crate) const FENCE: Arg = Arg::integer("fence").after("FENCE").optional();
    pub(crate) const REQID: Arg = Arg::text("request-id").after("REQID").optional();
    pub(crate) const COUNT: Arg = Arg::integer("count").after("COUNT").optional();
    pub(crate) const BLOCK: Arg = Arg::integer("milliseconds").after("BLOCK").optional();
    pub(crate) const WITHRESULTS: Arg = Arg::word("withresults", "WITHRESULTS").optional();
    pub(crate) const CURSOR: Arg = Arg::text("cursor").after("CURSOR").optional();
    pub(crate) const RESULT: Arg = Arg::text("result").after("RESULT").optional();
    pub(crate) const MAXPRIORITY: Arg = Arg::integer("priority").after("MAXPRIORITY").optional();
    pub(crate) const RETAIN: Arg = Arg::integer("milliseconds").after("RETAIN").optional();
    pub(crate) const WORKFLOW: Arg = Arg::integer("workflow").after("WORKFLOW").optional();
    pub(crate) const AFTER: Arg =
        Arg::block("after", &[Arg::integer("numparents"), Arg::text("parent").many()])
            .after("AFTER")
            .optional();
    pub(crate) const AFTERANY: Arg =
        Arg::block("afterany", &[Arg::integer("numparents"), Arg::text("parent").many()])
            .after("AFTERANY")
            .optional();
    pub(crate) const UNIQUE: Arg = Arg::block(
        "unique",
        &[Arg::text("key").after("UNIQUE"), Arg::integer("milliseconds").after("FOR").optional()],
    )
    .optional();
    pub(crate) const TYPE: Arg = Arg::text("type").after("TYPE").optional();
    pub(crate) const PRIORITY: Arg = Arg::integer("priority").after("PRIORITY").optional();
    pub(crate) const DELAY: Arg = Arg::integer("milliseconds").after("DELAY").optional();
    pub(crate) const TIMEOUT: Arg = Arg::integer("milliseconds").after("TIMEOUT").optional();
    pub(crate) const STARTS: Arg = Arg::one_of(
        "starts",
        &[
            Arg::integer("milliseconds").after("DELAY"),
            Arg::integer("unix-milliseconds").after("AT"),
        ],
    )
    .optional();
    pub(crate) const RETRIES: Arg = Arg::integer("count").after("RETRIES").optional();
    pub(crate) const BACKOFF: Arg = Arg::block(
        "backoff",
        &[Arg::integer("milliseconds"), Arg::integer("max-milliseconds").optional()],
    )
    .after("BACKOFF")
    .optional();
    pub(crate) const TYPES: Arg =
        Arg::block("types", &[Arg::integer("numtypes"), Arg::text("type").many()])
            .after("TYPES")
            .optional();
    pub(crate) const IDS: Arg =
        Arg::block("ids", &[Arg::integer("numids"), Arg::integer("id").many()]).after("IDS");
    pub(crate) const FENCES: Arg =
        Arg::block("fences", &[Arg::integer("numfences"), Arg::integer("fence").many()])
            .after("FENCES")
            .optional();
    pub(crate) const QUEUES: Arg =
        Arg::block("queues", &[Arg::integer("numqueues"), Arg::key("queue", 1).many()])
            .after("QUEUES")
            .optional();
}
