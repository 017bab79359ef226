//! Does the README tell the truth?
//!
//! Every fenced block marked `redis` in README.md is typed into redis-cli, line by line and in
//! order, against one fresh server; what follows a prompt there must be what redis-cli prints.
//!
//! Ids, epochs and fences differ from run to run. So a number of the README (13 digits or more)
//! stands for the number that the server gave in its place the first time: from then on the two
//! mean the same, in replies and in what is typed. A duration may be any number.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]
#![allow(clippy::disallowed_methods, reason = "a test waits in real time")]

#[allow(dead_code, unused_imports, reason = "shared with the server tests, which use all of it")]
#[path = "server/support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};
use support::Server;

const PROMPT: &str = "127.0.0.1:6379> ";
/// Fields whose value is a time that passed.
const DURATIONS: [&str; 4] = ["running-for", "oldest", "age", "lease"];

#[test]
fn what_the_readme_types_gets_the_replies_it_prints() {
    let text = std::fs::read_to_string("README.md").unwrap();
    let exchanges = exchanges(&text);
    assert!(exchanges.len() > 10, "the README has only {} exchanges", exchanges.len());

    let server = Server::start();
    let mut numbers = Numbers::default();
    for exchange in &exchanges {
        let typed = numbers.translate(&exchange.typed);
        let printed = redis_cli(server.port, &typed);
        if let Err(difference) = numbers.compare(&exchange.printed, &printed) {
            let Exchange { line, typed, printed: promised } = exchange;
            let both = format!("--- the README says\n{promised}--- printed now\n{printed}");
            panic!("README.md:{line}: {typed}\n{difference}\n{both}");
        }
    }
}

/// A line that is typed, and what is printed then.
struct Exchange {
    line: usize,
    typed: String,
    printed: String,
}

fn exchanges(markdown: &str) -> Vec<Exchange> {
    let mut exchanges: Vec<Exchange> = Vec::new();
    let mut inside = false;
    for (index, line) in markdown.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```redis";
        } else if !inside {
            continue;
        } else if let Some(typed) = line.strip_prefix(PROMPT) {
            let (typed, printed) = (typed.to_owned(), String::new());
            exchanges.push(Exchange { line: index + 1, typed, printed });
        } else {
            let exchange = exchanges.last_mut().expect("a block begins with a prompt");
            exchange.printed.push_str(line);
            exchange.printed.push('\n');
        }
    }
    exchanges
}

/// What redis-cli prints, in RESP3 and as on a terminal.
fn redis_cli(port: u16, line: &str) -> String {
    let mut cli = Command::new("redis-cli")
        .args(["-3", "--no-raw", "-p", &port.to_string()])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("redis-cli");
    writeln!(cli.stdin.take().unwrap(), "{line}").unwrap();
    let output = cli.wait_with_output().unwrap();
    assert!(output.status.success(), "redis-cli: {}", output.status);
    String::from_utf8(output.stdout).unwrap()
}

/// Which number of the server a number of the README stands for.
#[derive(Default)]
struct Numbers {
    meaning: BTreeMap<String, String>,
}

impl Numbers {
    /// The line with the server's numbers in place of the README's.
    fn translate(&self, line: &str) -> String {
        let parts = split_at_numbers(line).into_iter();
        parts.map(|part| self.meaning.get(part).map_or(part, String::as_str)).collect()
    }

    /// Compares a reply, and learns from it what new numbers stand for.
    fn compare(&mut self, expected: &str, found: &str) -> Result<(), String> {
        let (expected, found) = (without_durations(expected), without_durations(found));
        let (expected, found) = (split_at_numbers(&expected), split_at_numbers(&found));
        if expected.len() != found.len() {
            return Err("not the same reply".to_owned());
        }
        for (ours, theirs) in expected.into_iter().zip(found) {
            match (is_large_number(ours), is_large_number(theirs)) {
                (true, true) => self.equate(ours, theirs)?,
                _ if ours == theirs => {}
                _ => return Err(format!("`{}` is not `{}`", ours.trim(), theirs.trim())),
            }
        }
        Ok(())
    }

    fn equate(&mut self, ours: &str, theirs: &str) -> Result<(), String> {
        let known = self.meaning.get(ours).map(String::as_str);
        if known == Some(theirs) {
            return Ok(());
        }
        if known.is_some() || self.meaning.values().any(|value| value == theirs) {
            return Err(format!("{ours} should not stand for {theirs}"));
        }
        self.meaning.insert(ours.to_owned(), theirs.to_owned());
        Ok(())
    }
}

fn is_large_number(part: &str) -> bool {
    part.len() >= 13 && part.bytes().all(|byte| byte.is_ascii_digit())
}

/// The text in pieces, of which each is all digits or has none; joined they are the text.
fn split_at_numbers(text: &str) -> Vec<&str> {
    let is_digit = |character: char| character.is_ascii_digit();
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_digit(c) != is_digit(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        pieces.push(piece);
        rest = after;
    }
    pieces
}

/// The reply with every time that passed set to 0, and no blank at a line's end.
fn without_durations(reply: &str) -> String {
    let mut text = String::new();
    for line in reply.trim_end().lines() {
        let is_duration = DURATIONS.iter().any(|name| line.contains(&format!("\"{name}\" => ")));
        let line = match line.rsplit_once("(integer) ") {
            Some((before, _)) if is_duration => format!("{before}(integer) 0"),
            _ => line.trim_end().to_owned(),
        };
        text.push_str(&line);
        text.push('\n');
    }
    text
}
