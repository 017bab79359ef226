//! What do clients get that wait for an identity, as one, or for one, when it ends under them?

use crate::support::{Reply, Server, play, play_on, wait_until};

#[test]
fn a_waiting_pop_is_told_when_its_agent_drains() {
    play(
        r#"
        WF.RECOVER a                                  => {epoch $e, ...}
        one> WF.POP q a BLOCK 0                       => (blocked)
        two> WF.MPOP a 2 p q EPOCH $e BLOCK 0         => (blocked)
        three> WF.POP q b BLOCK 0                     => (blocked)
        WF.DRAIN a                                    => {running 0, reset 0}
        one<                                          => !DRAINING
        two<                                          => !DRAINING
        three<                                        => (blocked)
        WF.PUSH q x                                   => $t
        three<                                        => {id $t, ...}
        WF.RESUME a                                   => OK
        one> WF.POP q a BLOCK 0                       => (blocked)
        WF.PUSH q y                                   => $u
        one<                                          => {id $u, ...}
        "#,
    );
}

#[test]
fn a_waiting_pop_gets_nothing_once_its_pool_drains() {
    play(
        r#"
        WF.POOL p SIZE 2 LEASE 60000                  => OK
        WF.ASSUME p                                   => {agent "{p}:1", epoch $e, ...}
        WF.ASSUME p                                   => {agent "{p}:2", epoch $f, ...}
        one> WF.POP {p}q {p}:1 EPOCH $e BLOCK 0       => (blocked)
        two> WF.MPOP {p}:2 1 {p}q EPOCH $f BLOCK 0    => (blocked)
        WF.DRAIN p                                    => {running 0, reset 0}
        WF.PUSH {p}q x                                => $t
        one<                                          => !DRAINING
        two<                                          => !DRAINING
        WF.LEN {p}q STATE ready                       => 1
        WF.RESUME p                                   => OK
        WF.POP {p}q {p}:1 EPOCH $e                    => {id $t, ...}
        "#,
    );
}

#[test]
fn a_waiting_pop_is_stale_when_its_identity_retires_or_is_somebody_elses() {
    play(
        r#"
        WF.POOL p LEASE 60000                         => OK
        WF.ASSUME p                                   => {epoch $e, ...}
        one> WF.POP {p}q {p}:1 EPOCH $e BLOCK 0       => (blocked)
        two> WF.ASSUME p BLOCK 0                      => (blocked)
        WF.RETIRE {p}:1 EPOCH $e                      => OK
        one<                                          => !STALE
        two<                                          => {agent "{p}:1", epoch $f, ...}
        one> WF.POP {p}q {p}:1 EPOCH $f BLOCK 0       => (blocked)
        WF.RECOVER {p}:1 EPOCH $f                     => {epoch $g, ...}
        one<                                          => !STALE
        WF.PUSH {p}q x                                => $t
        WF.POP {p}q {p}:1 EPOCH $f                    => !STALE
        WF.POP {p}q {p}:1 EPOCH $g                    => {id $t, ...}
        # Under a short lease it comes back before anybody else may have the name.
        WF.RETIRE {p}:1 EPOCH $g KEEP                 => OK
        WF.ASSUME p LEASE 200                         => {epoch $h, ...}
        one> WF.POP {p}q {p}:1 EPOCH $h BLOCK 0       => (blocked)
        two> WF.ASSUME p BLOCK 0                      => (blocked)
        one<                                          => nil
        two<                                          => {agent "{p}:1", tasks [{id $t, ...}], ...}
        WF.POP {p}q {p}:1 EPOCH $h BLOCK 0            => !STALE
        "#,
    );
}

#[test]
fn a_waiting_assume_follows_its_pool_through_drain_and_resume() {
    play(
        r#"
        WF.POOL p LEASE 60000                         => OK
        WF.ASSUME p                                   => {epoch $e, ...}
        one> WF.ASSUME p BLOCK 0                      => (blocked)
        two> WF.ASSUME p BLOCK 5000                   => (blocked)
        WF.DRAIN p                                    => {running 0, reset 0}
        one<                                          => !DRAINING
        two<                                          => !DRAINING
        WF.ASSUME p BLOCK 0                           => !DRAINING
        WF.RESUME p                                   => OK
        one> WF.ASSUME p BLOCK 0                      => (blocked)
        WF.RETIRE {p}:1 EPOCH $e                      => OK
        one<                                          => {agent "{p}:1", ...}
        "#,
    );
}

/// Redis 7.0 does not decide anew who waits for a key that is deleted, as with BLPOP: it waits for
/// what comes under that name, or for its time.
#[test]
fn a_waiting_assume_is_told_that_its_pool_is_gone() {
    let mut server = Server::start();
    let gone = if server.client().is_redis_7_0() { "nil" } else { "!NOAGENT" };
    play_on(
        &mut server,
        &format!(
            r#"
            WF.POOL p LEASE 60000                     => OK
            WF.ASSUME p                               => {{agent "{{p}}:1", ...}}
            one> WF.ASSUME p BLOCK 200                => (blocked)
            two> WF.ASSUME p BLOCK 200                => (blocked)
            DEL p                                     => 1
            one<                                      => {gone}
            two<                                      => {gone}
            WF.POOL p SIZE 2 LEASE 60000              => OK
            WF.ASSUME p                               => {{agent "{{p}}:2", ...}}
            one> WF.ASSUME p BLOCK 200                => (blocked)
            RENAME p r                                => OK
            one<                                      => {gone}
            RENAME r p                                => OK
            one> WF.ASSUME p BLOCK 200                => (blocked)
            FLUSHALL                                  => OK
            one<                                      => {gone}"#
        ),
    );
}

#[test]
fn a_waiting_assume_gets_the_identity_whose_key_is_gone() {
    for gone in ["DEL {p}:1 => 1", "RENAME {p}:1 {p}x => OK", "PEXPIRE {p}:1 1 => 1"] {
        play(&format!(
            r#"
            WF.POOL p LEASE 60000                     => OK
            WF.ASSUME p                               => {{agent "{{p}}:1", ...}}
            one> WF.ASSUME p BLOCK 0                  => (blocked)
            {gone}
            one<                                      => {{agent "{{p}}:1", ...}}"#
        ));
    }
}

#[test]
fn a_waiting_drain_is_told_what_became_of_its_key() {
    for (gone, of_q, of_a) in [
        ("DEL q => 1", "!ERR no such key 'q'", "{running 0, reset 0}"),
        ("RENAME q other => OK", "!ERR no such key 'q'", "{running 0, reset 0}"),
        ("FLUSHALL => OK", "!ERR no such key 'q'", "!ERR no such key 'a'"),
        ("SET q string => OK", "!WRONGTYPE", "{running 0, reset 0}"),
        ("DEL a => 1", "{running 1, reset 0}", "!ERR no such key 'a'"),
        ("RENAME a other => OK", "{running 1, reset 0}", "!ERR no such key 'a'"),
    ] {
        play(&format!(
            "WF.PUSH q x                              => $t
             WF.RECOVER a                             => _
             WF.POP q a                               => {{id $t, ...}}
             one> WF.DRAIN q BLOCK 400                => (blocked)
             two> WF.DRAIN a BLOCK 400                => (blocked)
             {gone}
             one<                                     => {of_q}
             two<                                     => {of_a}
             PING                                     => PONG"
        ));
    }
    play(
        r#"
        WF.POOL p LEASE 60000                         => OK
        WF.PUSH {p}q x                                => $t
        WF.ASSUME p                                   => {epoch $e, ...}
        WF.POP {p}q {p}:1 EPOCH $e                    => {id $t, ...}
        one> WF.DRAIN p BLOCK 300                     => (blocked)
        DEL p                                         => 1
        one<                                          => !ERR no such key
        # The identity goes on: nobody drains it any more.
        WF.DONE {p}q {p}:1 $t EPOCH $e                => OK
        "#,
    );
}

/// Redis 7.0 serves them all as soon as a key of that name is there again.
#[test]
fn who_waits_without_end_for_a_key_that_is_deleted_does_not_wait_for_ever() {
    let mut server = Server::start();
    let again = if server.client().is_redis_7_0() { "WF.SET q crashes 5 => OK" } else { "" };
    play_on(
        &mut server,
        &format!(
            "WF.PUSH q x                              => $t
             WF.POP q a                               => {{id $t, ...}}
             one> WF.DRAIN q BLOCK 0                  => (blocked)
             two> WF.DRAIN a BLOCK 0                  => (blocked)
             DEL q                                    => 1
             two<                                     => {{running 0, reset 0}}
             {again}
             one<                                     => {}",
            if again.is_empty() { "!ERR no such key" } else { "{running 0, reset 0}" }
        ),
    );
}

#[test]
fn those_who_wait_for_an_identity_are_served_one_after_the_other() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.POOL p SIZE 5000 LEASE 60000");
    client.cmd("WF.DRAIN p");
    client.cmd("WF.RESUME p");
    for _ in 0..5_000 {
        client.cmd("WF.ASSUME p COUNT 0");
    }
    let mut waiting: Vec<_> = (0..40).map(|_| server.client()).collect();
    waiting.iter_mut().for_each(|waiting| waiting.send("WF.ASSUME p BLOCK 0"));
    wait_until("all wait", || client.info("clients", "blocked_clients") == "40");
    // All are decided anew, which is too much for once; and nobody is forgotten.
    client.cmd("WF.POOL p SIZE 5040");
    let mut names: Vec<String> =
        waiting.iter_mut().map(|one| one.receive().unwrap().map().text("agent")).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 40);
}
