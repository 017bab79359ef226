//! Does the module keep to the rules of a cluster?
//!
//! One node that serves all slots: what is refused here is refused by every cluster.

use crate::support::server::free_port;
use crate::support::{Options, Reply, Server, play_on, wait_until};

pub(crate) fn node() -> Server {
    let server = Options::new()
        .set("cluster-enabled", "yes")
        .set("cluster-port", &free_port().to_string())
        .start();
    let mut client = server.client();
    client.cmd("CLUSTER ADDSLOTSRANGE 0 16383");
    wait_until("the cluster is up", || client.text("CLUSTER INFO").contains("cluster_state:ok"));
    server
}

#[test]
fn keys_of_two_slots_are_refused() {
    let mut server = node();
    play_on(
        &mut server,
        r#"
        WF.PUSH jobs x                                => _
        WF.POP jobs agent                             => !CROSSSLOT
        WF.POP {a}jobs {b}agent                       => !CROSSSLOT
        WF.MPOP {a}agent 2 {a}jobs {b}jobs            => !CROSSSLOT
        WF.MPOP {a}agent 2 {a}jobs {b}jobs BLOCK 0    => !CROSSSLOT
        WF.DONE {a}jobs {b}agent 1                    => !CROSSSLOT
        WF.NEXT {a}jobs {b}agent 1                    => !CROSSSLOT
        WF.FAIL {a}jobs {b}agent 1                    => !CROSSSLOT
        WF.TOUCH {a}jobs {b}agent 1                   => !CROSSSLOT
        WF.MDONE {a}jobs {b}agent IDS 1 1             => !CROSSSLOT
        WF.NACK {a}jobs {b}agent IDS 1 1              => !CROSSSLOT
        WF.RECOVER {a}agent QUEUES 2 {a}jobs {b}jobs  => !CROSSSLOT
        WF.RECOVER {a}agent KEEP QUEUES 1 {b}jobs     => !CROSSSLOT
        WF.HELD {a}agent QUEUES 1 {b}jobs             => !CROSSSLOT
        EXISTS {a}agent                               => 0
        "#,
    );
}

#[test]
fn keys_with_one_hash_tag_do_everything() {
    let mut server = node();
    play_on(
        &mut server,
        r#"
        WF.MPUSH {etl}jobs 3 a b c                    => [$a, $b, $c]
        WF.PUSH {etl}mails m                          => $m
        WF.POP {etl}jobs {etl}agent                   => {id $a, fence $f, ...}
        WF.MPOP {etl}agent 2 {etl}none {etl}mails     => {id $m, queue "{etl}mails", ...}
        WF.RECOVER {etl}agent                         => {agent "{etl}agent", epoch $e, \
                                                         tasks [_, _], missing [], ...}
        WF.HELD {etl}agent                            => {tasks [_, _], ...}
        WF.NEXT {etl}jobs {etl}agent $a EPOCH $e      => {id $b, ...}
        one> WF.POP {etl}none {etl}agent BLOCK 0      => (blocked)
        WF.PUSH {etl}none x                           => $x
        one<                                          => {id $x, ...}
        WF.RECOVER {etl}agent RELEASE QUEUES 1 {etl}jobs  => {count 3, missing [], ...}
        "#,
    );
}

#[test]
fn digests_survive_a_reload_in_a_cluster() {
    let mut server = node();
    let mut client = server.client();
    client.cmd("WF.MPUSH {t}q 3 a b c");
    client.cmd("WF.POP {t}q {t}agent");
    let digest = client.digest();
    client.cmd("DEBUG RELOAD");
    assert_eq!(client.digest(), digest);
    assert_eq!(client.map("WF.RECOVER {t}agent").maps("tasks").len(), 1);
    assert!(client.cmd("CLUSTER COUNTKEYSINSLOT 0").int() >= 0);
    server.must_live();
}

#[test]
fn a_slot_that_is_not_served_here_is_refused_before_any_change() {
    let server = node();
    let mut client = server.client();
    client.cmd("WF.PUSH {t}q x");
    client.cmd("WF.POP {t}q {t}agent");
    let digest = client.digest();
    let slot = client.int("CLUSTER KEYSLOT {t}");
    client.cmd(&format!("CLUSTER DELSLOTS {slot}"));
    for line in ["WF.PUSH {t}q x", "WF.POP {t}q {t}agent", "WF.RECOVER {t}agent", "WF.LEN {t}q"] {
        let failure = client.refused(line);
        assert_eq!(failure.code, "CLUSTERDOWN", "{line}: {}", failure.text);
    }
    client.cmd(&format!("CLUSTER ADDSLOTS {slot}"));
    wait_until("it is served again", || client.try_cmd("WF.LEN {t}q").is_ok());
    assert_eq!(client.digest(), digest);
}
