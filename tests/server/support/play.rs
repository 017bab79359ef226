//! How is a dialogue with the server written, so that it reads like one?
//!
//! As text, one line per step; each script is played in RESP2 and again in RESP3:
//!
//! ```text
//! WF.PUSH q hello                    => $id
//! WF.POP q agent                     => {id $id, fence $f, payload hello}
//! other> WF.DONE q stranger $id      => !NOTOWNER
//! one> WF.POP q a BLOCK 0            => (blocked)
//! WF.PUSH q more                     => $more
//! one<                               => {id $more, ...}
//! ```
//!
//! A word before `>` names the connection (opened at its first use; none means the main one). The
//! expectation `(blocked)` sends the command and waits until the server says that the client is
//! blocked; `name<` reads the answer that comes later, and `name< => (blocked)` asserts that none
//! has come yet. A `\` at the end continues a line, `#` begins a comment.
//!
//! Expectations: `nil`, `OK`, an integer, a range `1..9`, a string (bare or quoted; one of digits
//! always quoted), `_` for anything, `$name` which binds the first time and has to be equal
//! afterwards, `$name+` for an integer larger than what `$name` is bound to (and binds it anew),
//! `[a, b]` for an array, `{field value, ...}` for a map (without the dots no further field may be
//! there), and `!CODE some words` for an error with that code whose text has those words.

use super::client::{Answer, Client, Protocol};
use super::reply::Reply;
use super::server::Server;
use super::wait::wait_until;
use super::words;
use redis::Value;
use std::collections::BTreeMap;

const MAIN: &str = "main";

/// Plays a script on a fresh server, in RESP2 and, after FLUSHALL, in RESP3.
#[track_caller]
pub(crate) fn play(script: &str) {
    let mut server = Server::start();
    play_on(&mut server, script);
}

/// The same on a server of the caller's making.
#[track_caller]
pub(crate) fn play_on(server: &mut Server, script: &str) {
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        server.client().cmd("FLUSHALL");
        let mut dialogue = Play::new(server, protocol);
        dialogue.run(script);
        drop(dialogue);
        server.must_live();
    }
}

/// A dialogue under way: its connections and the names it bound.
pub(crate) struct Play<'a> {
    server: &'a Server,
    protocol: Protocol,
    clients: BTreeMap<String, (i64, Client)>,
    bound: BTreeMap<String, Value>,
}

impl<'a> Play<'a> {
    /// A dialogue with nothing said yet.
    pub(crate) fn new(server: &'a Server, protocol: Protocol) -> Self {
        Play { server, protocol, clients: BTreeMap::new(), bound: BTreeMap::new() }
    }

    /// Plays the lines; fails at the first that goes another way.
    #[track_caller]
    pub(crate) fn run(&mut self, script: &str) {
        for line in lines(script) {
            self.step(&line);
        }
    }

    /// What a name is bound to.
    pub(crate) fn value(&self, name: &str) -> &Value {
        self.bound.get(name).unwrap_or_else(|| panic!("${name} is not bound"))
    }

    #[track_caller]
    fn step(&mut self, line: &str) {
        let (said, wanted) = line.split_once(" => ").unwrap_or_else(|| panic!("no => in: {line}"));
        let (name, command) = speaker(said.trim());
        let wanted = wanted.trim();
        match (command, wanted) {
            (None, "(blocked)") => assert!(self.is_blocked(name), "{line}: it is not blocked"),
            (None, _) => {
                let answer = self.client(name).receive();
                self.compare(line, wanted, &answer);
            }
            (Some(command), "(blocked)") => {
                let words = self.substitute(command);
                self.client(name).send_words(&words).expect("sent");
                wait_until(&format!("blocked: {line}"), || self.is_blocked(name));
            }
            (Some(command), _) => {
                let words = self.substitute(command);
                let answer = self.client(name).call(&words);
                self.compare(line, wanted, &answer);
            }
        }
    }

    fn client(&mut self, name: &str) -> &mut Client {
        if !self.clients.contains_key(name) {
            let mut client = self.server.client_in(self.protocol);
            let number = client.int("CLIENT ID");
            self.clients.insert(name.to_owned(), (number, client));
        }
        &mut self.clients.get_mut(name).unwrap().1
    }

    fn is_blocked(&mut self, name: &str) -> bool {
        let number = self.clients.get(name).expect("a client that spoke").0;
        let listed = self.server.client().text(&format!("CLIENT LIST ID {number}"));
        listed.split(' ').any(|word| word.starts_with("flags=") && word.contains('b'))
    }

    /// Closes a connection, as a client that goes away does.
    pub(crate) fn hang_up(&mut self, name: &str) {
        let (number, client) = self.clients.remove(name).expect("a client that spoke");
        drop(client);
        wait_until("the server saw it go", || {
            let listed = self.server.client().text(&format!("CLIENT LIST ID {number}"));
            listed.trim().is_empty()
        });
    }

    /// The server's number of a connection.
    pub(crate) fn number_of(&mut self, name: &str) -> i64 {
        self.client(name);
        self.clients[name].0
    }

    fn substitute(&self, command: &str) -> Vec<Vec<u8>> {
        let mut words = words::split(command);
        for word in &mut words {
            let text = String::from_utf8_lossy(word).into_owned();
            if let Some(name) = text.strip_prefix('$')
                && let Some(value) = self.bound.get(name)
            {
                *word = match value {
                    Value::Int(number) => number.to_string().into_bytes(),
                    other => other.bytes(),
                };
            }
        }
        words
    }

    #[track_caller]
    fn compare(&mut self, line: &str, wanted: &str, answer: &Answer) {
        let matched = match (wanted.strip_prefix('!'), answer) {
            (Some(error), Err(failure)) => {
                let (code, some) = error.split_once(' ').unwrap_or((error, ""));
                failure.code == code && failure.text.contains(some.trim())
            }
            (None, Ok(value)) => {
                let mut pattern = Pattern { rest: wanted, play: self };
                let matched = pattern.matches(value);
                assert!(!matched || pattern.rest.trim().is_empty(), "left over in: {line}");
                matched
            }
            _ => false,
        };
        let got = match answer {
            Ok(value) => show(value),
            Err(failure) => format!("!{}", failure.text),
        };
        assert!(matched, "in {:?}\n  {line}\n  got: {got}\n  {:?}", self.protocol, self.bound);
    }
}

/// The lines of a script, joined where continued, without comments.
fn lines(script: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let mut open = String::new();
    for line in script.lines().map(str::trim) {
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match line.strip_suffix('\\') {
            Some(part) => open.push_str(&format!("{part} ")),
            None => lines.push(std::mem::take(&mut open) + line),
        }
    }
    assert!(open.is_empty(), "continued to nowhere: {open}");
    lines
}

/// Who speaks, and what; nothing when only an answer is read.
fn speaker(said: &str) -> (&str, Option<&str>) {
    if let Some(name) = said.strip_suffix('<') {
        return (name, None);
    }
    match said.split_once("> ") {
        Some((name, command)) if !name.contains(' ') => (name, Some(command)),
        _ => (MAIN, Some(said)),
    }
}

/// A reply in the notation of the expectations.
pub(crate) fn show(value: &Value) -> String {
    let all = |values: &[Value]| values.iter().map(show).collect::<Vec<_>>().join(", ");
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Int(number) => number.to_string(),
        Value::Okay => "OK".to_owned(),
        Value::BulkString(bytes) => format!("\"{}\"", bytes.escape_ascii()),
        Value::SimpleString(text) => format!("+{text}"),
        Value::Array(values) => format!("[{}]", all(values)),
        Value::Map(pairs) => {
            let pairs: Vec<String> = pairs
                .iter()
                .map(|(name, value)| format!("{} {}", show(name), show(value)))
                .collect();
            format!("{{{}}}", pairs.join(", "))
        }
        other => format!("{other:?}"),
    }
}

/// An expectation, read from the left while it is compared.
struct Pattern<'p, 'a> {
    rest: &'p str,
    play: &'p mut Play<'a>,
}

impl<'p> Pattern<'p, '_> {
    fn skip(&mut self, sign: char) -> bool {
        self.rest = self.rest.trim_start();
        match self.rest.strip_prefix(sign) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    /// The next word: up to a blank or a sign of structure, or a whole quoted string.
    fn word(&mut self) -> &'p str {
        self.rest = self.rest.trim_start();
        let end = if let Some(inner) = self.rest.strip_prefix('"') {
            let mut escaped = false;
            let close = inner.char_indices().find(|(_, sign)| {
                let closes = *sign == '"' && !escaped;
                escaped = *sign == '\\' && !escaped;
                closes
            });
            close.expect("a closing quote").0 + 2
        } else {
            let stops = [' ', ',', ']', '}'];
            self.rest.find(stops.as_slice()).unwrap_or(self.rest.len())
        };
        let (word, rest) = self.rest.split_at(end);
        self.rest = rest;
        word
    }

    fn matches(&mut self, value: &Value) -> bool {
        if self.skip('[') {
            return self.matches_array(value);
        }
        if self.skip('{') {
            return self.matches_map(value);
        }
        let word = self.word();
        if word == "_" {
            return true;
        }
        if let Some(name) = word.strip_prefix('$') {
            return self.matches_name(name, value);
        }
        matches_word(word, value)
    }

    fn matches_array(&mut self, value: &Value) -> bool {
        let Value::Array(elements) = value else { return false };
        for (at, element) in elements.iter().enumerate() {
            if at > 0 && !self.skip(',') {
                return false;
            }
            self.rest = self.rest.trim_start();
            if self.rest.starts_with(']') || !self.matches(element) {
                return false;
            }
        }
        self.skip(']')
    }

    fn matches_map(&mut self, value: &Value) -> bool {
        let is_map = match self.play.protocol {
            Protocol::Resp3 => matches!(value, Value::Map(_)),
            Protocol::Resp2 => matches!(value, Value::Array(flat) if flat.len() % 2 == 0),
        };
        if !is_map {
            return false;
        }
        let map = value.map();
        let mut named = 0;
        loop {
            if self.skip('}') {
                return named == map.0.len();
            }
            if named > 0 && !self.skip(',') {
                return false;
            }
            let field = self.word();
            if field == "..." {
                return self.skip('}');
            }
            named += 1;
            let Some(found) = map.find(field) else { return false };
            if !self.matches(found) {
                return false;
            }
        }
    }

    fn matches_name(&mut self, name: &str, value: &Value) -> bool {
        if let Some(name) = name.strip_suffix('+') {
            let larger = value.int() > self.play.value(name).int();
            self.play.bound.insert(name.to_owned(), value.clone());
            return larger;
        }
        match self.play.bound.get(name) {
            Some(bound) => bound == value,
            None => {
                self.play.bound.insert(name.to_owned(), value.clone());
                true
            }
        }
    }
}

fn matches_word(word: &str, value: &Value) -> bool {
    match (word, value) {
        ("nil", value) => value.is_nil(),
        ("OK", Value::Okay) => true,
        (word, Value::Int(number)) => match word.split_once("..") {
            Some((low, high)) => {
                low.parse::<i64>().is_ok_and(|low| low <= *number)
                    && high.parse::<i64>().is_ok_and(|high| *number <= high)
            }
            None => word.parse() == Ok(*number),
        },
        (word, Value::BulkString(_) | Value::SimpleString(_)) => {
            word.parse::<i64>().is_err() && words::split(word) == [value.bytes()]
        }
        _ => false,
    }
}

#[test]
fn expectations_are_told_apart() {
    let server = super::Options::new().without_module().prepare();
    let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
    let task = Value::Map(vec![
        (text("id"), Value::Int(7)),
        (text("payload"), text("a b")),
        (text("tags"), Value::Array(vec![text("x"), Value::Nil])),
    ]);
    let table = [
        (r#"{id 7, payload "a b", tags [x, nil]}"#, true),
        (r#"{tags [x, nil], ...}"#, true),
        (r#"{id $n, ...}"#, true),
        (r#"{id 1..9, ...}"#, true),
        (r#"{id 8..9, ...}"#, false),
        (r#"{id $n+, ...}"#, false),
        (r#"{id "7", ...}"#, false),
        (r#"{id 7}"#, false),
        (r#"{id 7, missing _, ...}"#, false),
        (r#"{tags [x], ...}"#, false),
        (r#"{tags [x, nil, nil], ...}"#, false),
        (r#"[id, 7]"#, false),
    ];
    for (pattern, wanted) in table {
        let mut play = Play::new(&server, Protocol::Resp3);
        play.bound.insert("n".to_owned(), Value::Int(7));
        let matched = Pattern { rest: pattern, play: &mut play }.matches(&task);
        assert_eq!(matched, wanted, "{pattern}");
    }
}
