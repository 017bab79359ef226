//! Whether the reference tells what the code does: the README's table and docs/commands.md are made
//! from the specs. `make docs` writes them anew.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use super::TABLE;

const HEAD: &str = "\
# Commands

Key first, upper-case words after the positional arguments in any order, milliseconds everywhere.
A task or info reply is a map in RESP3 and the same pairs as a flat array in RESP2; fields are only
ever added, and what is absent is at its default. The first word of an error is its code. This page
is made from the code (`make docs`); `COMMAND DOCS` tells the same.
";

fn page() -> String {
    let mut page = HEAD.to_owned();
    for spec in TABLE {
        let (syntax, name) = (spec.syntax(), spec.name.to_ascii_uppercase());
        write!(page, "\n## {name}\n\n```\n{syntax}\n```\n\n{}.\n\n", spec.summary).unwrap();
        write!(page, "{}\n\n", spec.details).unwrap();
        write!(page, "- Replies {}.\n- Costs {}.\n", spec.reply, spec.complexity).unwrap();
        writeln!(page, "- Flags {}; since {}.", spec.flags, spec.since).unwrap();
    }
    page
}

fn table() -> String {
    let mut table = "| command | what it does |\n| --- | --- |\n".to_owned();
    for spec in TABLE {
        let name = spec.name.to_ascii_uppercase();
        let anchor = spec.name.replace('.', "");
        writeln!(table, "| [`{name}`](docs/commands.md#{anchor}) | {} |", spec.summary).unwrap();
    }
    table
}

/// Compares a file with what it should be, or writes it when asked to.
fn hold(path: &Path, expected: &str) {
    if std::env::var_os("BATON_WRITE_DOCS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, expected).unwrap();
    }
    let found = fs::read_to_string(path).unwrap_or_default();
    assert!(found == expected, "{} does not tell what the code does: make docs", path.display());
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_reference_page_is_what_the_specs_say() {
    hold(&root().join("docs/commands.md"), &page());
}

#[test]
fn the_table_in_the_readme_is_what_the_specs_say() {
    let path = root().join("README.md");
    let readme = fs::read_to_string(&path).unwrap();
    let (before, rest) = readme.split_once("<!-- commands:begin -->\n").unwrap();
    let (_, after) = rest.split_once("<!-- commands:end -->").unwrap();
    let (begin, end) = ("<!-- commands:begin -->\n", "<!-- commands:end -->");
    hold(&path, &format!("{before}{begin}{}{end}{after}", table()));
}

#[test]
fn every_spec_keeps_to_the_form() {
    for spec in TABLE {
        let name = spec.name;
        assert!(name.starts_with("wf.") && name.to_ascii_lowercase() == name, "{name}");
        assert!(!spec.summary.ends_with('.') && spec.details.contains("Errors:"), "{name}");
        assert!(spec.flags.contains("write") != spec.flags.contains("readonly"), "{name}");
        let needed = spec.args.iter().filter(|arg| !arg.optional && arg.token.is_none()).count();
        assert!(spec.arity.unsigned_abs() as usize > needed, "{name} has more arguments");
    }
}
