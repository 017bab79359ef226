//! Can a forged dump harm the server?
//!
//! Real dumps are changed in thousands of seeded ways, signed again and restored. Each must be
//! refused, or give a value that passes `WF.CHECK`, can be read, worked with, dumped and loaded
//! again. The server must live and its memory must stay in proportion.

use crate::support::crc64::{body, sign};
use crate::support::dump::{Dump, Item};
use crate::support::{Client, Reply, Rng, Server};

/// The largest the server may ever get while it reads forgeries of a few hundred bytes.
const MEMORY_BOUND: i64 = 64 << 20;

/// Dumps with every kind of content.
fn real_dumps(client: &mut Client) -> Vec<(&'static str, Vec<u8>)> {
    client.cmd("WF.SET q retain 600000 crashes 5 maxunique 100");
    client.cmd("WF.PUSH q one TYPE red PRIORITY 3 NAME n UNIQUE k FOR 600000");
    client.cmd("WF.MPUSH q 5 a b c d e TYPE blue");
    client.cmd("WF.MPUSH q 3 f g h");
    let tasks = client.maps("WF.POP q agent COUNT 4 REQID request");
    client.cmd("WF.POP q other TYPES 1 red");
    let id = |at: usize| tasks[at].int("id");
    client.cmd(&format!("WF.TOUCH q agent {} PROGRESS 5 CHECKPOINT c HANDLE h", id(0)));
    client.cmd(&format!("WF.DONE q agent {} RESULT r", id(1)));
    client.cmd(&format!("WF.FAIL q agent {} ERROR e", id(2)));
    client.cmd("WF.RECOVER agent REQID recovery");
    client.cmd("WF.SET small crashes 3");
    client.cmd("WF.PUSH running x");
    client.cmd("WF.POP running agent");
    let mut dumps = Vec::new();
    for key in ["q", "agent", "small", "running"] {
        dumps.push((key, client.cmd(&format!("DUMP {key}")).bytes()));
    }
    dumps
}

fn interesting(rng: &mut Rng) -> u64 {
    let any = rng.next();
    let edges =
        [0, 1, 2, 0x7f, 0x80, 0xff, 0xffff, 0x7fff_ffff, 0xffff_ffff, 1 << 53, u64::MAX / 2];
    match rng.below(4) {
        0 => any,
        1 => u64::MAX - rng.pick(&edges),
        _ => rng.pick(&edges),
    }
}

/// Changes some bytes in one of many ways.
fn change_bytes(rng: &mut Rng, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(0);
        return;
    }
    let at = rng.below(bytes.len());
    let end = at + 1 + rng.below((bytes.len() - at).min(12));
    match rng.below(8) {
        0 => bytes[at] ^= 1 << rng.below(8),
        1 => bytes[at] = rng.pick(&[0, 1, 0x7f, 0x80, 0xff]),
        2 => {
            let value = interesting(rng).to_le_bytes();
            let width = rng.pick(&[2, 4, 8]);
            for (target, byte) in bytes[at..].iter_mut().zip(&value[..width]) {
                *target = *byte;
            }
        }
        3 => drop(bytes.drain(at..end)),
        4 => {
            let part = bytes[at..end].to_vec();
            let to = rng.below(bytes.len());
            bytes.splice(to..to, part);
        }
        5 => bytes.truncate(at),
        6 => {
            let more = rng.bytes(20);
            bytes.splice(at..at, more);
        }
        _ => bytes.rotate_left(at),
    }
}

/// Changes the items of a dump and leaves its frame right.
fn change_items(rng: &mut Rng, dump: &mut Dump, donor: &Dump) {
    let at = rng.below(dump.items.len());
    let other = rng.below(dump.items.len());
    match rng.below(10) {
        0 => drop(dump.items.remove(at)),
        1 => dump.items.insert(at, dump.items[other].clone()),
        2 => dump.items.swap(at, other),
        3 => dump.items[at] = donor.items[rng.below(donor.items.len())].clone(),
        4 => dump.items.truncate(at),
        _ => match &mut dump.items[at] {
            Item::Number(number) => {
                *number = match rng.below(3) {
                    0 => number.wrapping_add(1),
                    1 => number.wrapping_sub(1),
                    _ => interesting(rng),
                };
            }
            Item::Bytes(bytes) => change_bytes(rng, bytes),
        },
    }
}

/// What an accepted forgery has to go through.
#[track_caller]
fn must_work(client: &mut Client, key: &str, forged: &[u8]) {
    let told = || format!("the forged dump of {key}: {}", forged.escape_ascii());
    let checked = client.try_cmd(&format!("WF.CHECK {key}"));
    assert!(checked.is_ok(), "{checked:?} in {}", told());
    let is_queue = client.map(&format!("WF.INFO {key}")).text("kind") == "queue";
    let lines = if is_queue {
        vec![
            format!("WF.LIST {key} COUNT 1000"),
            format!("WF.OWNERS {key}"),
            format!("WF.PUSH {key} more UNIQUE k"),
            format!("WF.POP {key} agent COUNT 3 REQID request"),
            format!("WF.POP {key} agent COUNT 3"),
            format!("WF.RECOVER agent QUEUES 1 {key}"),
            format!("WF.RECOVER other RELEASE QUEUES 1 {key}"),
        ]
    } else {
        vec![format!("WF.HELD {key}"), format!("WF.POP running {key}"), format!("WF.RECOVER {key}")]
    };
    for line in lines {
        if let Err(failure) = client.try_cmd(&line) {
            assert_ne!(failure.code, "LOST", "{line} after {}", told());
            assert!(!failure.text.contains("internal"), "{line}: {} {}", failure.text, told());
        }
    }
    let checked = client.try_cmd(&format!("WF.CHECK {key}"));
    assert!(checked.is_ok(), "{checked:?} after use of {}", told());
    // In one step each, for a forged deadline may be due at any moment.
    client.cmd("MULTI");
    client.cmd(&format!("DEBUG DIGEST-VALUE {key}"));
    client.cmd(&format!("DUMP {key}"));
    let before = client.cmd("EXEC").list();
    let again = before[1].bytes();
    client.cmd("MULTI");
    client.call(&[&b"RESTORE"[..], key.as_bytes(), b"0", &again, b"REPLACE"]).unwrap();
    client.cmd(&format!("DEBUG DIGEST-VALUE {key}"));
    let after = client.cmd("EXEC").list();
    assert_eq!(after[0], crate::support::Value::Okay, "after use of {}", told());
    assert_eq!(after[1], before[0], "after use of {}", told());
}

fn forge(count: usize, mut change: impl FnMut(&mut Rng, &[Dump], usize) -> Vec<u8>) {
    let mut rng = Rng::from_environment();
    let mut server = Server::start();
    let mut client = server.client();
    let originals = real_dumps(&mut client);
    let opened: Vec<Dump> = originals.iter().map(|(_, dump)| Dump::open(dump)).collect();
    for ((key, dump), opened) in originals.iter().zip(&opened) {
        client.call(&[&b"RESTORE"[..], key.as_bytes(), b"0", &opened.close(), b"REPLACE"]).unwrap();
        assert!(client.cmd(&format!("DUMP {key}")).bytes() == *dump, "{key} is not itself");
    }
    let (mut accepted, mut refused) = (0, 0);
    for _ in 0..count {
        let at = rng.below(originals.len());
        let forged = change(&mut rng, &opened, at);
        // Under its own name, where owners stay, or under another.
        let key = if rng.one_in(3) { "elsewhere" } else { originals[at].0 };
        let words = [&b"RESTORE"[..], key.as_bytes(), b"0", &forged, b"REPLACE"];
        match client.call(&words) {
            Ok(_) => {
                accepted += 1;
                must_work(&mut client, key, &forged);
                for (key, dump) in &originals {
                    let words = [&b"RESTORE"[..], key.as_bytes(), b"0", dump, b"REPLACE"];
                    client.call(&words).unwrap();
                }
            }
            Err(failure) => {
                refused += 1;
                assert_ne!(failure.code, "LOST", "it died of {}", forged.escape_ascii());
            }
        }
    }
    println!("{accepted} accepted, {refused} refused");
    assert!(accepted > 0 && refused > count / 10, "{accepted} accepted, {refused} refused");
    let peak = client.info("memory", "used_memory_peak").parse::<i64>().unwrap();
    assert!(peak < MEMORY_BOUND, "the server once used {peak} bytes");
    server.must_live();
}

#[test]
fn forged_content_in_a_right_frame_is_refused_or_sound() {
    forge(8000, |rng, opened, at| {
        let mut dump = opened[at].clone();
        let donor = rng.below(opened.len());
        for _ in 0..1 + rng.below(3) {
            if !dump.items.is_empty() {
                change_items(rng, &mut dump, &opened[donor]);
            }
        }
        dump.close()
    });
}

#[test]
fn forged_bytes_anywhere_are_refused_or_sound() {
    forge(6000, |rng, opened, at| {
        let original = opened[at].close();
        // The first byte stays: another type is not this module's to defend.
        let mut bytes = body(&original)[1..].to_vec();
        for _ in 0..1 + rng.below(3) {
            change_bytes(rng, &mut bytes);
        }
        bytes.insert(0, original[0]);
        sign(&bytes, &original)
    });
}

#[test]
fn one_changed_byte_at_every_place_is_refused_or_sound() {
    let mut place = 0;
    forge(4000, move |rng, opened, at| {
        let original = opened[at].close();
        let mut bytes = body(&original).to_vec();
        place += 1;
        let at = 1 + place % (bytes.len() - 1);
        bytes[at] = rng.next().to_le_bytes()[0];
        sign(&bytes, &original)
    });
}
