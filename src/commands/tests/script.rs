//! How a scenario is told: as text that a reader of the commands understands, line by line.
//!
//! | line | means |
//! | --- | --- |
//! | `WF.PUSH q "a b\x00" => $t1` | the call is made, and replies this |
//! | `WF.DONE q b $t1 => !NOTOWNER held by` | it is refused with this code, and in such words |
//! | `WF.PUSH q x` | it is not refused |
//! | `$f2 > $f1` | so the two compare; also `<`, `=` and `!=` |
//! | `+5000`, `-3000` | the clock goes on, or back, by milliseconds |
//! | `tick`, `reload` | what is due falls due; the server is restarted |
//! | `copy q p`, `rename q p`, `del q`, `other k` | COPY, RENAME, DEL; a key of another type |
//! | `woken yes`, `timed-out` | the caller of what follows has waited, and did so for too long |
//! | `require-epoch yes`, `read-only`, `memory-full` | what the server says of itself |
//! | `evictable allkeys-lru` | its policy may evict queues; `no`: it may not |
//! | `fork two`, `on two` | another server begins with the same state; calls go there |
//!
//! A reply is `OK`, `nil`, a number, `"bytes"`, `wait`, `[a b]` or `{field:a field:b}`, fields in
//! any order; `_` is anything, and `..` at the end of a list or map allows more. `$t1` is bound to
//! what stands in its place when it is met first, and compared from then on. `"x"*9` is a word of
//! nine. A line that ends with `\` goes on in the next one; one that starts with `#` is for people.

mod shape;

use std::collections::BTreeMap;
use std::fmt::Write;

use super::sandbox::Sandbox;
use shape::{Shape, Token, token};

/// Plays a scenario, and panics where it does not go as it is told.
pub(super) fn scenario(text: &str) {
    if let Err(wrong) = play(text) {
        panic!("{wrong}");
    }
}

/// Plays a scenario; what went otherwise than it is told, if something did.
fn play(text: &str) -> Result<(), String> {
    let mut play = Play {
        servers: BTreeMap::from([("one".to_owned(), Sandbox::new(7))]),
        on: "one".to_owned(),
        bound: BTreeMap::new(),
    };
    let mut line = String::new();
    let mut calls = 0;
    for (nth, part) in text.lines().enumerate() {
        line.push_str(part.trim());
        if line.ends_with('\\') {
            line.pop();
            continue;
        }
        let told = std::mem::take(&mut line);
        if told.is_empty() || told.starts_with('#') {
            continue;
        }
        calls += usize::from(told.starts_with("WF."));
        let _place = Place { nth: nth + 1, line: &told };
        play.line(&told).map_err(|wrong| {
            let mut bound = String::new();
            for (name, value) in &play.bound {
                write!(bound, "\n    ${name} = {value}").expect("room");
            }
            format!("line {}: {told}\n{wrong}\n  bound:{bound}", nth + 1)
        })?;
    }
    if !line.is_empty() || calls == 0 {
        return Err(format!("the scenario ends within a line, or calls nothing: {line}"));
    }
    Ok(())
}

/// Tells where a scenario was when an invariant broke.
struct Place<'l> {
    nth: usize,
    line: &'l str,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("in line {} of the scenario: {}", self.nth, self.line);
        }
    }
}

struct Play {
    servers: BTreeMap<String, Sandbox>,
    on: String,
    bound: BTreeMap<String, Shape>,
}

impl Play {
    fn line(&mut self, line: &str) -> Result<(), String> {
        let (words, expected) = self.words(line)?;
        let text: Vec<String> =
            words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
        let text: Vec<&str> = text.iter().map(String::as_str).collect();
        if text.first().is_some_and(|name| name.starts_with("WF.")) {
            let words: Vec<&[u8]> = words.iter().map(Vec::as_slice).collect();
            let got = self.server()?.run(&words);
            return self.judge(got, expected);
        }
        if expected.is_some() {
            return Err("  only a call has a reply".to_owned());
        }
        match (line.starts_with('$'), text.as_slice()) {
            (true, [a, sign, b]) => return compare(a, sign, b),
            (false, ["fork", name]) => {
                let seed = 1_000 + self.servers.len() as u64;
                let fork = self.server()?.fork(seed);
                self.servers.insert((*name).to_owned(), fork);
            }
            (false, ["on", name]) => self.on = (*name).to_owned(),
            (false, words) => turn(self.server()?, words)?,
            (true, _) => return Err("  a comparison has two sides and a sign".to_owned()),
        }
        Ok(())
    }

    fn server(&mut self) -> Result<&mut Sandbox, String> {
        self.servers.get_mut(&self.on).ok_or_else(|| format!("  no server {}", self.on))
    }

    /// The words before `=>`, bindings put in, and what stands behind it.
    fn words<'l>(&self, line: &'l str) -> Result<(Vec<Vec<u8>>, Option<&'l str>), String> {
        let (mut words, mut rest) = (Vec::new(), line.trim_start());
        while !rest.is_empty() {
            let (token, further) = token(rest, "")?;
            rest = further.trim_start();
            words.push(match token {
                Token::Plain("=>") => return Ok((words, Some(rest))),
                Token::Plain(word) => match word.strip_prefix('$') {
                    Some(name) => self.bound.get(name).ok_or("  it is not bound")?.word(),
                    None => word.as_bytes().to_vec(),
                },
                Token::Bytes(bytes) => bytes,
            });
        }
        Ok((words, None))
    }

    fn judge(&mut self, got: Result<String, String>, told: Option<&str>) -> Result<(), String> {
        let is_told = match (&got, told) {
            (Ok(_), None) => true,
            (Err(_), None) => false,
            (Err(refusal), Some(told)) => told.strip_prefix('!').is_some_and(|told| {
                let (code, text) = told.split_once(' ').unwrap_or((told, ""));
                let rest = refusal.strip_prefix(code).and_then(|rest| rest.strip_prefix(' '));
                !code.is_empty() && rest.is_some_and(|rest| rest.contains(text.trim()))
            }),
            (Ok(reply), Some(told)) => {
                !told.starts_with('!') && self.fits(&Shape::read(reply)?, &Shape::read(told)?)
            }
        };
        let (kind, got) = match &got {
            Ok(reply) => ("", reply),
            Err(refusal) => ("!", refusal),
        };
        let told = told.unwrap_or("no refusal");
        if is_told { Ok(()) } else { Err(format!("  expected {told}\n  got      {kind}{got}")) }
    }

    /// Whether a reply is as told; binds what is met first.
    fn fits(&mut self, got: &Shape, told: &Shape) -> bool {
        match (got, told) {
            (_, Shape::Plain(any)) if any == "_" => true,
            (_, Shape::Plain(name)) if name.starts_with('$') => {
                let single = matches!(got, Shape::Plain(_) | Shape::Bytes(_));
                single && self.bound.entry(name[1..].to_owned()).or_insert(got.clone()) == got
            }
            (Shape::List(got, _), Shape::List(told, more)) => {
                (got.len() == told.len() || *more && got.len() > told.len())
                    && got.iter().zip(told).all(|(got, told)| self.fits(got, told))
            }
            (Shape::Map(got, _), Shape::Map(told, more)) => {
                let field = |name| got.iter().find(|(known, _)| known == name);
                (got.len() == told.len() || *more && got.len() > told.len())
                    && told.iter().all(|(name, told)| {
                        field(name).is_some_and(|(_, got)| self.fits(got, told))
                    })
            }
            _ => got == told,
        }
    }
}

/// What happens to the server beside calls.
fn turn(server: &mut Sandbox, words: &[&str]) -> Result<(), String> {
    let on = |said: &str| match said {
        "yes" => Ok(true),
        "no" => Ok(false),
        _ => Err("  yes or no?".to_owned()),
    };
    match *words {
        ["tick"] => server.tick(),
        ["reload"] => server.reload(),
        ["copy", from, to] => server.copy(from.as_bytes(), to.as_bytes()),
        ["rename", from, to] => server.rename(from.as_bytes(), to.as_bytes()),
        ["del", name] => server.delete(name.as_bytes()),
        ["other", name] => server.put_other(name.as_bytes()),
        ["woken", said] => server.rules.woken = on(said)?,
        ["timed-out", said] => server.rules.timed_out = on(said)?,
        ["require-epoch", said] => server.rules.epoch_required = on(said)?,
        ["read-only", said] => server.read_only = on(said)?,
        ["memory-full", said] => server.memory_is_full = on(said)?,
        ["evictable", "no"] => server.rules.evictable = None,
        ["evictable", "allkeys-lru"] => server.rules.evictable = Some("allkeys-lru"),
        [by] => {
            let ms: i64 = by.parse().map_err(|_| "  no such line".to_owned())?;
            server.now_ms = server.now_ms.saturating_add_signed(ms);
        }
        _ => return Err("  no such line".to_owned()),
    }
    Ok(())
}

fn compare(a: &str, sign: &str, b: &str) -> Result<(), String> {
    let number = |text: &str| text.parse::<u64>().map_err(|_| format!("  {text} is no number"));
    let (a, b) = (number(a)?, number(b)?);
    let holds = match sign {
        ">" => a > b,
        "<" => a < b,
        "=" => a == b,
        "!=" => a != b,
        _ => return Err(format!("  {sign} compares nothing")),
    };
    if holds { Ok(()) } else { Err(format!("  it does not hold: {a} {sign} {b}")) }
}

/// What a scenario says that is not so must be told: else every scenario would pass.
#[cfg(test)]
mod tests {
    use super::play;

    const START: &str = "WF.PUSH q hello TYPE t => $t1\n";

    #[test]
    fn what_is_as_told_passes() {
        let rest = r#"
            WF.POP q a => {payload:"hello" id:$t1 fence:$f1 ..}
            WF.LIST q COUNT 1 => {tasks:[{id:$t1 payload:_ ..}] cursor:$c}
            $f1 > $t1
            WF.DONE q b $t1 => !NOTOWNER held by 'a'
            WF.MDONE q a \
                IDS 2 $t1 9 => [1 ..]"#;
        assert_eq!(play(&format!("{START}{rest}")), Ok(()));
    }

    #[test]
    fn every_kind_of_line_that_is_not_so_is_told() {
        for wrong in [
            "WF.LEN q => 2",
            "WF.LEN q => OK",
            "WF.LEN q => $t1",
            "WF.LEN q => !ERR",
            "WF.LEN q => wait",
            "WF.LEN q => 1 1",
            "WF.LEN q =>",
            "WF.DONE q a $t1",
            "WF.DONE q a $t1 => OK",
            "WF.DONE q a $t1 => _",
            "WF.DONE q a $t1 => $x",
            "WF.DONE q a $t1 => !NOTASK",
            "WF.DONE q a $t1 => !NOT",
            "WF.DONE q a $t1 => !",
            "WF.DONE q a $t1 => !NOTOWNER held by",
            "WF.POP q a => {id:$t1 fence:$f payload:\"hello\"}",
            "WF.POP q a => {id:$t1 fence:$f payload:\"hello\" type:\"u\"}",
            "WF.POP q a => {id:$t1 fence:$f payload:\"hello\" kind:\"t\"}",
            "WF.POP q a => {id:$t1 fence:$t1 payload:\"hello\" type:\"t\"}",
            "WF.POP q a => {id:$t1 fence:$f payload:hello type:\"t\"}",
            "WF.POP q a => {id:$t1 handle:\"h\" ..}",
            "WF.POP q a => [..]",
            "WF.POP q a COUNT 1 => []",
            "WF.POP q a COUNT 1 => [_ _ ..]",
            "WF.POP q a COUNT 1 => [$x]",
            "WF.LEN q => 1\n$t1 < $t1",
            "WF.LEN q => $n\n$n > $t1",
            "WF.LEN q => $n\n$n = $t1",
            "WF.LEN q => $n\n$n != $n",
            "WF.LEN q => $n\n$n is $n",
            "WF.DONE q a $unbound => _",
            "tick => OK",
            "sleep",
            "woken maybe",
            "on two",
            "WF.LEN q => \"1",
        ] {
            let told = play(&format!("{START}{wrong}"));
            let on = "on two" == wrong;
            assert!(on || told.is_err(), "passes: {wrong}");
            assert!(on || told.unwrap_err().contains("$t1 = "), "without bindings: {wrong}");
        }
        assert!(play(&format!("{START}on two\nWF.LEN q")).is_err());
        assert!(play("# nothing").is_err());
        assert!(play("WF.LEN q => 0 \\").is_err());
    }
}
