//! What do clients get that wait for an identity, as one, or for one, when it ends under them?

use crate::support::play;

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

/// No server tells a waiting client that its key was deleted, as with BLPOP: it waits for what
/// comes under that name, or for its time.
#[test]
fn a_waiting_assume_survives_that_its_pool_is_deleted() {
    play(
        r#"
        WF.POOL p LEASE 60000                         => OK
        WF.ASSUME p                                   => {agent "{p}:1", ...}
        one> WF.ASSUME p BLOCK 0                      => (blocked)
        two> WF.ASSUME p BLOCK 100                    => (blocked)
        DEL p                                         => 1
        two<                                          => nil
        WF.POOL p SIZE 2                              => OK
        one<                                          => {agent "{p}:2", ...}
        # Its own agent's key: then the name is free, and the next wake-up finds it.
        one> WF.ASSUME p BLOCK 0                      => (blocked)
        DEL {p}:1                                     => 1
        WF.POOL p LEASE 50                            => OK
        one<                                          => {agent "{p}:1", ...}
        "#,
    );
}

#[test]
fn a_waiting_drain_survives_what_happens_to_its_key() {
    for gone in ["DEL q => 1", "RENAME q other => OK", "DEL a => 1", "RENAME a other => OK"] {
        play(&format!(
            "WF.PUSH q x                              => $t
             WF.RECOVER a                             => _
             WF.POP q a                               => {{id $t, ...}}
             one> WF.DRAIN q BLOCK 400                => (blocked)
             two> WF.DRAIN a BLOCK 400                => (blocked)
             {gone}
             one<                                     => {{running _, reset 0}}
             two<                                     => {{running _, reset 0}}
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
        one<                                          => {running _, reset 0}
        # The identity goes on: nobody drains it any more.
        WF.DONE {p}q {p}:1 $t EPOCH $e                => OK
        "#,
    );
}
