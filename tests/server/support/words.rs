//! How is a command written in a test?
//!
//! As in redis-cli: words between blanks; a word in double quotes may hold blanks and the escapes
//! `\n \r \t \" \\ \xHH`, so any bytes can be written. One thing more keeps tables short: the bare
//! word `@1000` stands for a word of a thousand letters.

/// The words of a line.
pub(crate) fn split(line: &str) -> Vec<Vec<u8>> {
    let mut words = Vec::new();
    let mut rest = line.trim_start().as_bytes();
    while !rest.is_empty() {
        let (word, after) = if rest[0] == b'"' { quoted(rest, line) } else { bare(rest) };
        words.push(word);
        rest = after.trim_ascii_start();
    }
    words
}

fn bare(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let end = text.iter().position(u8::is_ascii_whitespace).unwrap_or(text.len());
    let word = &text[..end];
    if let Some(digits) = word.strip_prefix(b"@")
        && let Some(length) = std::str::from_utf8(digits).ok().and_then(|d| d.parse().ok())
    {
        return (vec![b'x'; length], &text[end..]);
    }
    (word.to_vec(), &text[end..])
}

fn quoted<'a>(text: &'a [u8], line: &str) -> (Vec<u8>, &'a [u8]) {
    let mut word = Vec::new();
    let mut at = 1;
    loop {
        let byte = *text.get(at).unwrap_or_else(|| panic!("an open quote in: {line}"));
        at += 1;
        match byte {
            b'"' => return (word, &text[at..]),
            b'\\' => {
                let escape = text[at];
                at += 1;
                word.push(match escape {
                    b'n' => b'\n',
                    b'r' => b'\r',
                    b't' => b'\t',
                    b'x' => {
                        let digits = std::str::from_utf8(&text[at..at + 2]).unwrap();
                        at += 2;
                        u8::from_str_radix(digits, 16).unwrap()
                    }
                    other => other,
                });
            }
            other => word.push(other),
        }
    }
}

#[test]
fn words_may_hold_any_bytes() {
    let want: Vec<Vec<u8>> =
        vec![b"a".to_vec(), b"b c\0\xff\"".to_vec(), b"".to_vec(), b"xxx".to_vec()];
    assert_eq!(split(r#" a  "b c\x00\xff\"" "" @3 "#), want);
}
