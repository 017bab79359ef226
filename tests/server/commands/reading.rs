//! What do the commands say that change nothing (and WF.SET)?

use crate::support::{Reply, Server, play};
use std::collections::BTreeSet;

#[test]
fn a_missing_key_is_empty_null_or_said_to_be_missing() {
    play(
        r#"
        WF.LEN nowhere                   => 0
        WF.LEN nowhere STATE running     => 0
        WF.INFO nowhere                  => nil
        WF.OWNERS nowhere                => []
        WF.LIST nowhere                  => {tasks [], cursor "0"}
        WF.TASK nowhere 12345            => !NOTASK
        WF.CHECK nowhere                 => !ERR no such key
        EXISTS nowhere                   => 0
        "#,
    );
}

#[test]
fn the_length_of_a_queue_is_what_is_not_finished() {
    play(
        r#"
        WF.MPUSH q 5 a b c d e RETAIN 600000   => [$a, $b, $c, $d, $e]
        WF.POP q x COUNT 3                     => [_, _, _]
        WF.DONE q x $a                         => OK
        WF.FAIL q x $b                         => failed
        WF.LEN q                               => 3
        WF.LEN q STATE ready                   => 2
        WF.LEN q STATE running                 => 1
        WF.LEN q STATE done                    => 1
        WF.LEN q STATE failed                  => 1
        WF.INFO q   => {kind queue, ready 2, running 1, done 1, failed 1, unfinished 3, \
                        owners 1, ...}
        WF.CHECK q                             => OK
        "#,
    );
}

#[test]
fn a_task_is_shown_with_what_differs_from_the_default() {
    play(
        r#"
        WF.PUSH q body                         => $id
        WF.TASK q $id                          => {id $id, state ready, payload body, \
            pushed-at _}
        WF.POP q agent                         => {fence $f, ...}
        WF.TASK q $id                          => {id $id, state running, payload body, \
            attempts 1, owner agent, fence $f, running-for 0..60000, pushed-at _}
        WF.NACK q agent IDS 1 $id              => 1
        WF.TASK q $id                          => {id $id, state ready, payload body, attempts 1, \
            interruptions 1, pushed-at _, reason _}
        WF.TASK q 12345                        => !NOTASK
        "#,
    );
}

#[test]
fn owners_are_listed_with_count_and_oldest() {
    play(
        r#"
        WF.MPUSH q 4 a b c d         => [$a, $b, $c, $d]
        WF.POP q x COUNT 3           => [_, _, _]
        WF.OWNERS q                  => [{agent x, running 3, oldest 0..60000}]
        WF.POP q y                   => _
        WF.MDONE q x IDS 3 $a $b $c  => [1, 1, 1]
        WF.OWNERS q                  => [{agent y, running 1, oldest 0..60000}]
        WF.INFO q                    => {owners 1, ...}
        "#,
    );
}

#[test]
fn tasks_are_listed_by_state_type_and_owner() {
    play(
        r#"
        WF.PUSH q a TYPE red                  => $a
        WF.PUSH q b TYPE blue                 => $b
        WF.PUSH q c TYPE red                  => $c
        WF.POP q x TYPES 1 red                => {id $a, fence $f, ...}
        WF.LIST q STATE ready                 => {tasks [{id $b, ...}, {id $c, ...}], cursor "0"}
        WF.LIST q TYPE red STATE ready        => {tasks [{id $c, state ready, payload c, \
                                                 type red, pushed-at _}], cursor "0"}
        WF.LIST q TYPE red STATE running      => {tasks [{id $a, ...}], ...}
        WF.LIST q OWNER x                     => {tasks [{id $a, state running, payload a, \
            type red, attempts 1, owner x, fence $f, running-for 0..60000, pushed-at _}], \
            cursor "0"}
        WF.LIST q OWNER nobody                => {tasks [], cursor "0"}
        WF.LIST q HANDLES                     => {tasks [], cursor "0"}
        WF.LIST q TYPE green                  => {tasks [], cursor "0"}
        WF.TOUCH q x $a HANDLE h              => _
        WF.LIST q HANDLES                     => {tasks [{id $a, handle h, ...}], cursor "0"}
        "#,
    );
}

#[test]
fn ready_tasks_are_listed_in_the_order_of_taking() {
    play(
        r#"
        WF.PUSH q late PRIORITY 9             => $late
        WF.PUSH q first TYPE t                => $first
        WF.PUSH q mid PRIORITY 3 TYPE u       => $mid
        WF.PUSH q second                      => $second
        WF.LIST q STATE ready => {tasks [{id $first, ...}, {id $second, ...}, {id $mid, ...}, \
            {id $late, ...}], cursor "0"}
        "#,
    );
}

#[test]
fn a_list_is_paged_and_gives_each_task_once() {
    for filter in ["", "STATE ready", "STATE running", "TYPE t", "OWNER x"] {
        let server = Server::start();
        let mut client = server.client();
        client.cmd(
            "WF.MPUSH q 30 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 \
            25 26 27 28 29 30 TYPE t",
        );
        client.cmd("WF.POP q x COUNT 12");
        let whole = client.map(&format!("WF.LIST q {filter} COUNT 1000"));
        assert_eq!(whole.text("cursor"), "0", "{filter}");
        let wanted: BTreeSet<i64> = whole.ids().into_iter().collect();
        assert!(wanted.len() >= 12, "{filter}: {}", wanted.len());
        let mut paged = Vec::new();
        let mut cursor = "0".to_owned();
        let mut pages = 0;
        loop {
            let page = client.map(&format!("WF.LIST q {filter} CURSOR {cursor} COUNT 5"));
            paged.extend(page.ids());
            cursor = page.text("cursor");
            pages += 1;
            if cursor == "0" {
                break;
            }
            assert!(pages < 100, "{filter}: it does not end");
        }
        assert!(pages > 1, "{filter}");
        assert_eq!(paged.len(), wanted.len(), "{filter}: each once");
        assert_eq!(paged.into_iter().collect::<BTreeSet<i64>>(), wanted, "{filter}");
    }
}

#[test]
fn a_cursor_survives_that_its_task_is_taken() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 6 a b c d e f");
    let page = client.map("WF.LIST q STATE ready COUNT 2");
    let cursor = page.text("cursor");
    client.cmd("WF.POP q x COUNT 4");
    // What went away meanwhile may be missing; the call must be answered and end.
    let next = client.map(&format!("WF.LIST q STATE ready CURSOR {cursor} COUNT 10"));
    assert_eq!(next.text("cursor"), "0");
}

#[test]
fn settings_are_kept_and_shown() {
    play(
        r#"
        WF.SET q retain 1000 retain-failed 2000 crashes 3 maxlen 4 maxunique 5   => OK
        WF.INFO q  => {kind queue, retain 1000, retain-failed 2000, crashes 3, maxlen 4, \
                       maxunique 5, ...}
        WF.SET q crashes 7                       => OK
        WF.INFO q  => {retain 1000, retain-failed 2000, crashes 7, maxlen 4, maxunique 5, ...}
        # A setting that is wrong changes none of the others.
        WF.SET q retain 9 crashes many           => !ERR
        WF.INFO q                                => {retain 1000, ...}
        # An empty queue keeps its settings and stays.
        WF.PUSH q x                              => $id
        WF.POP q a                               => _
        WF.DONE q a $id                          => OK
        WF.INFO q                                => {crashes 7, unfinished 0, ...}
        "#,
    );
}

#[test]
fn retain_failed_is_seven_days_by_default() {
    play(
        r#"
        WF.PUSH q x   => _
        WF.INFO q     => {retain-failed 604800000, crashes 10, ...}
        "#,
    );
}

#[test]
fn info_tells_the_two_kinds_of_keys_apart() {
    play(
        r#"
        WF.PUSH q x                => _
        WF.POP q agent             => _
        WF.INFO q                  => {kind queue, running 1, owners 1, ...}
        WF.INFO agent              => {kind agent, epoch $e, state active, \
                                       queues [q], ...}
        WF.RECOVER agent           => {epoch $e+, ...}
        WF.INFO agent              => {epoch $e, ...}
        WF.CHECK agent             => OK
        SET text t                 => OK
        WF.INFO text               => !WRONGTYPE
        WF.CHECK text              => !WRONGTYPE
        "#,
    );
}

#[test]
fn reading_does_not_change_the_digest() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 5 a b c d e RETAIN 600000");
    let id = client.map("WF.POP q x").int("id");
    client.cmd("WF.POP q x COUNT 2");
    client.cmd(&format!("WF.DONE q x {id}"));
    let digest = client.digest();
    for line in [
        "WF.LEN q",
        "WF.INFO q",
        "WF.INFO x",
        "WF.OWNERS q",
        "WF.LIST q",
        "WF.LIST q STATE ready COUNT 1",
        "WF.HELD x",
        "WF.HELD x QUEUES 1 nowhere",
        "WF.CHECK q",
        "WF.CHECK x",
        "WF.POP q x TYPES 1 none",
        &format!("WF.TASK q {id}"),
    ] {
        client.cmd(line);
        assert_eq!(client.digest(), digest, "{line}");
    }
    assert_eq!(client.cmd("DBSIZE").int(), 2);
}
