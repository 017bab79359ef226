//! Is the house in order?
//!
//! The rules that no compiler knows, so that nobody has to remember them in a review: each file
//! says at its head what question it answers, lines and functions stay short enough to read, no
//! leftovers, no drawer named after nothing, the pure rooms know neither the server nor the clock,
//! the stored format has no type whose size depends on the machine, and the README's links lead
//! somewhere.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::indexing_slicing)]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

const COLUMNS_MAX: usize = 100;
const FILE_LINES_MAX: usize = 500;
const FUNCTION_LINES_MAX: usize = 70;

/// A source file and its name from the top of the project.
struct Source {
    name: String,
    text: String,
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    for entry in entries {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// All Rust files below some folders of the project.
fn sources(folders: &[&str]) -> Vec<Source> {
    let mut paths = Vec::new();
    for folder in folders {
        walk(&root().join(folder), &mut paths);
    }
    paths.sort();
    let sources: Vec<Source> = paths
        .iter()
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| Source {
            name: path.strip_prefix(root()).unwrap().display().to_string(),
            text: std::fs::read_to_string(path).unwrap(),
        })
        .collect();
    assert!(!sources.is_empty(), "no files in {folders:?}");
    sources
}

fn all() -> Vec<Source> {
    sources(&["src", "tests", "examples", "benches"])
}

/// Fails with every offence at once.
#[track_caller]
fn none(offences: &str) {
    assert!(offences.is_empty(), "\n{offences}");
}

/// The text with comments and the insides of strings blanked out, line by line as before.
fn code_only(text: &str) -> String {
    let mut code = String::with_capacity(text.len());
    let signs: Vec<char> = text.chars().collect();
    let mut at = 0;
    while at < signs.len() {
        let rest = &signs[at..];
        let length = match rest {
            ['/', '/', ..] => rest.iter().position(|sign| *sign == '\n').unwrap_or(rest.len()),
            ['/', '*', ..] => {
                let end = rest.windows(2).skip(2).position(|pair| pair == ['*', '/']);
                end.map_or(rest.len(), |end| end + 4)
            }
            ['r', '"' | '#', ..] if at == 0 || !signs[at - 1].is_alphanumeric() => raw_length(rest),
            ['"', ..] => string_length(rest),
            ['\'', '\\', _, '\'', ..] => 4,
            ['\'', _, '\'', ..] => 3,
            _ => 0,
        };
        if length == 0 {
            code.push(signs[at]);
            at += 1;
            continue;
        }
        code.extend(rest[..length].iter().map(|sign| if *sign == '\n' { '\n' } else { ' ' }));
        at += length;
    }
    code
}

fn string_length(rest: &[char]) -> usize {
    let mut at = 1;
    while at < rest.len() {
        match rest[at] {
            '\\' => at += 2,
            '"' => return at + 1,
            _ => at += 1,
        }
    }
    rest.len()
}

/// The length of a raw string; nothing when it is none.
fn raw_length(rest: &[char]) -> usize {
    let hashes = rest[1..].iter().take_while(|sign| **sign == '#').count();
    if rest.get(1 + hashes) != Some(&'"') {
        return 0;
    }
    let start = 2 + hashes;
    let mut at = start;
    while at < rest.len() {
        let closed = rest[at] == '"'
            && rest[at + 1..].iter().take(hashes).filter(|sign| **sign == '#').count() == hashes;
        if closed {
            return at + 1 + hashes;
        }
        at += 1;
    }
    rest.len()
}

#[test]
fn the_scanner_of_this_file_sees_code_only() {
    let text = "a // b {\n\"c } \\\" {\" 'd' '{' r#\"e \" {\"# &'f g /* { */ h";
    let code = code_only(text);
    let words: Vec<&str> = code.split_whitespace().collect();
    assert_eq!(words, ["a", "&'f", "g", "h"]);
    assert_eq!(code.lines().count(), 2);
    let long = format!("fn short() {{}}\nfn long(\n) {{\n{}}}\n", "x;\n".repeat(5));
    assert_eq!(functions(&long), [("short".to_owned(), 1, 1), ("long".to_owned(), 2, 8)]);
}

/// Name, first line and number of lines of every function with a body.
fn functions(text: &str) -> Vec<(String, usize, usize)> {
    let code = code_only(text);
    let lines: Vec<&str> = code.lines().collect();
    let mut found = Vec::new();
    for (at, line) in lines.iter().enumerate() {
        let Some(name) = function_name(line) else { continue };
        let mut depth = 0;
        let mut opened = false;
        'body: for (below, line) in lines[at..].iter().enumerate() {
            for sign in line.chars() {
                match sign {
                    '{' => {
                        depth += 1;
                        opened = true;
                    }
                    '}' => depth -= 1,
                    // A signature without a body.
                    ';' if !opened => break 'body,
                    _ => {}
                }
                if opened && depth == 0 {
                    found.push((name, at + 1, below + 1));
                    break 'body;
                }
            }
        }
    }
    found
}

fn function_name(line: &str) -> Option<String> {
    let mut words = line.split_whitespace();
    for word in words.by_ref() {
        let modifier = word.starts_with("pub")
            || ["const", "unsafe", "extern", "async"].contains(&word)
            || word.ends_with("super)")
            || word == "in";
        if word == "fn" {
            break;
        }
        if !modifier {
            return None;
        }
    }
    let name = words.next()?;
    let end = name.find(|sign: char| !sign.is_alphanumeric() && sign != '_').unwrap_or(name.len());
    (end > 0).then(|| name[..end].to_owned())
}

#[test]
fn every_file_says_at_its_head_what_it_answers() {
    let mut offences = String::new();
    for source in all() {
        let head = source.text.lines().next().unwrap_or_default();
        let said = head.strip_prefix("//! ").is_some_and(|said| said.len() > 5);
        if !said {
            writeln!(offences, "{}: no //! line at its head", source.name).unwrap();
        }
    }
    none(&offences);
}

#[test]
fn lines_are_short_and_end_where_their_text_ends() {
    let mut offences = String::new();
    for source in all() {
        for (at, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}", source.name, at + 1);
            let columns = line.chars().count();
            if columns > COLUMNS_MAX {
                writeln!(offences, "{place}: {columns} columns").unwrap();
            }
            if line.trim_end() != line {
                writeln!(offences, "{place}: white space at the end").unwrap();
            }
            if line.contains('\t') {
                writeln!(offences, "{place}: a tabulator").unwrap();
            }
        }
        if !source.text.ends_with('\n') || source.text.ends_with("\n\n") {
            writeln!(offences, "{}: one line feed at the end", source.name).unwrap();
        }
        if source.text.contains('\r') {
            writeln!(offences, "{}: a carriage return", source.name).unwrap();
        }
    }
    none(&offences);
}

#[test]
fn no_leftovers() {
    let words =
        [concat!("FIX", "ME"), concat!("XX", "X"), concat!("TO", "DO"), concat!("HA", "CK")];
    let calls = [concat!("db", "g!("), concat!("to", "do!("), concat!("unimple", "mented!(")];
    let mut offences = String::new();
    for source in all() {
        for (at, line) in source.text.lines().enumerate() {
            let place = format!("{}:{}", source.name, at + 1);
            let as_words = line.split(|sign: char| !sign.is_alphanumeric());
            for word in as_words.filter(|word| words.contains(word)) {
                writeln!(offences, "{place}: {word}").unwrap();
            }
            for call in calls.iter().filter(|call| line.contains(**call)) {
                writeln!(offences, "{place}: {call}").unwrap();
            }
        }
    }
    none(&offences);
}

#[test]
fn files_and_functions_are_short_enough_to_read() {
    let mut offences = String::new();
    for source in sources(&["src"]) {
        let lines = source.text.lines().count();
        if lines > FILE_LINES_MAX {
            writeln!(offences, "{}: {lines} lines", source.name).unwrap();
        }
        for (name, line, lines) in functions(&source.text) {
            if lines > FUNCTION_LINES_MAX {
                writeln!(offences, "{}:{line}: {name} has {lines} lines", source.name).unwrap();
            }
        }
    }
    none(&offences);
}

#[test]
fn no_drawer_is_named_after_nothing() {
    let names = ["util", "utils", "common", "helper", "helpers", "misc", "stuff", "core"];
    let mut offences = String::new();
    for source in all() {
        let parts = source.name.split(['/', '.']);
        for part in parts.filter(|part| names.contains(part)) {
            writeln!(offences, "{}: {part} says nothing", source.name).unwrap();
        }
    }
    none(&offences);
}

/// Source files without what is compiled for tests only: files and modules behind `cfg(test)`.
fn production(folders: &[&str]) -> Vec<Source> {
    const MARK: &str = "#[cfg(test)]\nmod ";
    let mut sources = sources(folders);
    let mut tests = Vec::new();
    for source in &mut sources {
        let mut from = 0;
        while let Some(found) = source.text[from..].find(MARK) {
            let start = from + found;
            from = start + MARK.len();
            let after = &source.text[from..];
            let name = &after[..after.find([';', ' ']).unwrap_or(after.len())];
            if after[name.len()..].starts_with(';') {
                let folder = source.name.trim_end_matches("mod.rs").trim_end_matches(".rs");
                tests.push(format!("{}/{name}", folder.trim_end_matches('/')));
            } else {
                source.text.truncate(start);
                break;
            }
        }
    }
    let is_test = |name: &str| {
        let rest = tests.iter().find_map(|module| name.strip_prefix(module.as_str()));
        rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
    };
    sources.retain(|source| !is_test(&source.name));
    sources
}

#[test]
fn the_pure_rooms_know_neither_the_server_nor_the_clock_nor_danger() {
    let foreign = ["redis_module", "SystemTime", "Instant::now", "std::env", "std::fs", "std::net"];
    let mut offences = String::new();
    for source in production(&["src/engine", "src/commands", "src/storage"]) {
        let code = code_only(&source.text);
        for (at, line) in code.lines().enumerate() {
            for word in foreign.iter().filter(|word| line.contains(**word)) {
                writeln!(offences, "{}:{}: {word}", source.name, at + 1).unwrap();
            }
            let dangerous = line.split(|sign: char| !sign.is_alphanumeric() && sign != '_');
            if dangerous.filter(|word| *word == "unsafe").count() > 0 {
                writeln!(offences, "{}:{}: unsafe", source.name, at + 1).unwrap();
            }
        }
    }
    none(&offences);
}

#[test]
fn the_engine_does_not_know_how_it_is_spoken_to_or_stored() {
    let mut offences = String::new();
    for source in production(&["src/engine"]) {
        let code = code_only(&source.text);
        for (at, line) in code.lines().enumerate() {
            for room in ["crate::commands", "crate::storage", "crate::server"] {
                if line.contains(room) {
                    writeln!(offences, "{}:{}: {room}", source.name, at + 1).unwrap();
                }
            }
        }
    }
    none(&offences);
}

#[test]
fn nothing_stored_has_the_size_of_the_machine() {
    let mut offences = String::new();
    for source in sources(&["src/storage"]) {
        let code = code_only(&source.text);
        let mut depth = 0;
        let mut in_type = false;
        for (at, line) in code.lines().enumerate() {
            let mut words = line.split_whitespace().filter(|word| !word.starts_with("pub"));
            in_type |= depth == 0 && matches!(words.next(), Some("struct" | "enum"));
            let sized = line.split(|sign: char| !sign.is_alphanumeric());
            if in_type && sized.filter(|word| ["usize", "isize"].contains(word)).count() > 0 {
                writeln!(offences, "{}:{}: {}", source.name, at + 1, line.trim()).unwrap();
            }
            depth += line.matches('{').count();
            depth -= line.matches('}').count();
            in_type &= depth > 0 || !(line.contains('}') || line.contains(';'));
        }
    }
    none(&offences);
}

#[test]
fn tests_are_named_by_sentences() {
    let mut offences = String::new();
    for source in all() {
        let lines: Vec<&str> = source.text.lines().collect();
        for pair in lines.windows(2).filter(|pair| pair[0].trim() == "#[test]") {
            let Some(name) = function_name(pair[1].trim()) else { continue };
            if name.split('_').count() < 2 || name.starts_with("test_") {
                writeln!(offences, "{}: {name} is no sentence", source.name).unwrap();
            }
        }
    }
    none(&offences);
}

/// The targets of the links of a document, without those that lead out of the project.
fn links(text: &str) -> Vec<String> {
    let mut found = Vec::new();
    for part in text.split("](").skip(1) {
        let target = part.split(')').next().unwrap_or_default();
        let outside = ["http://", "https://", "mailto:"].iter().any(|to| target.starts_with(to));
        if !outside {
            found.push(target.to_owned());
        }
    }
    found
}

/// How a heading is named in a link: lower case, blanks as dashes, signs left out.
fn anchor(heading: &str) -> String {
    let kept = heading.trim_start_matches('#').trim().to_lowercase();
    kept.chars()
        .filter(|sign| sign.is_alphanumeric() || [' ', '-', '_'].contains(sign))
        .map(|sign| if sign == ' ' { '-' } else { sign })
        .collect()
}

#[test]
fn the_links_of_the_documents_lead_somewhere() {
    let mut offences = String::new();
    for document in ["README.md", "CHANGELOG.md"] {
        let Ok(text) = std::fs::read_to_string(root().join(document)) else { continue };
        for link in links(&text) {
            let (path, fragment) = link.split_once('#').unwrap_or((&link, ""));
            if !path.is_empty() && !root().join(path).exists() {
                writeln!(offences, "{document}: {link} is not there").unwrap();
            }
            let here = path.is_empty() && !fragment.is_empty();
            let headings = || text.lines().filter(|line| line.starts_with('#'));
            if here && !headings().any(|heading| anchor(heading) == fragment) {
                writeln!(offences, "{document}: no heading {link}").unwrap();
            }
        }
    }
    none(&offences);
}
