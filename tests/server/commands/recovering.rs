//! What does a successor get from WF.RECOVER and WF.HELD?

use crate::support::{Protocol, Reply, Server, play};
use std::collections::BTreeSet;

#[test]
fn a_new_identity_has_an_epoch_and_nothing_else() {
    play(
        r#"
        WF.RECOVER agent   => {agent agent, epoch $e, tasks [], quarantined [], missing [], \
                               more 0, cursor "0"}
        EXISTS agent       => 1
        WF.RECOVER agent   => {epoch $e+, ...}
        WF.HELD agent      => {tasks [], cursor "0", missing [], ...}
        WF.HELD nobody     => {tasks [], cursor "0", missing [], ...}
        EXISTS nobody      => 0
        "#,
    );
}

#[test]
fn keep_gives_the_successor_everything_the_predecessor_had() {
    play(
        r#"
        WF.PUSH q1 a TYPE t NAME n    => $a
        WF.PUSH q2 b                  => $b
        WF.POP q1 agent               => {id $a, fence $fa, ...}
        WF.POP q2 agent               => {id $b, fence $fb, ...}
        WF.TOUCH q1 agent $a PROGRESS 40 CHECKPOINT c HANDLE h  => _
        WF.INFO agent                 => {epoch $e, ...}
        WF.RECOVER agent QUEUES 2 q1 q2  => {agent agent, epoch $e+, tasks $tasks, \
            quarantined [], missing [], more 0, cursor "0"}
        WF.TASK q1 $a  => {fence $fa+, crashes 1, owner agent, state running, attempts 1, ...}
        WF.TASK q2 $b  => {fence $fb+, crashes 1, owner agent, state running, ...}
        WF.DONE q1 agent $a EPOCH $e FENCE $fa  => OK
        WF.RECOVER agent KEEP         => {epoch $e+, tasks [{id $b, fence $fb+, payload b, \
            crashes 2, queue q2, running-for 0..60000}], quarantined [], missing [], ...}
        "#,
    );
}

#[test]
fn a_recovered_task_comes_with_all_that_pop_gives_and_more() {
    play(
        r#"
        WF.PUSH q body TYPE t NAME n     => $id
        WF.POP q agent                   => {id $id, fence $f, ...}
        WF.NACK q agent IDS 1 $id        => 1
        WF.POP q agent                   => {id $id, fence $f+, ...}
        WF.TOUCH q agent $id PROGRESS 40 CHECKPOINT c HANDLE h  => _
        WF.RECOVER agent                 => {tasks [{id $id, fence $f+, payload body, type t, \
            name n, attempt 2, interruptions 1, crashes 1, progress 40, checkpoint c, handle h, \
            queue q, running-for 0..60000}], ...}
        WF.HELD agent                    => {tasks [{id $id, fence $f, payload body, type t, \
            name n, attempt 2, interruptions 1, crashes 1, progress 40, checkpoint c, handle h, \
            queue q, running-for 0..60000}], cursor "0", missing [], ...}
        "#,
    );
}

#[test]
fn the_predecessor_can_do_nothing_any_more() {
    play(
        r#"
        WF.MPUSH q 2 a b                                => [$a, $b]
        WF.RECOVER agent                                => {epoch $old, ...}
        WF.POP q agent EPOCH $old                       => {id $a, fence $fold, ...}
        WF.RECOVER agent                => {epoch $new, tasks [{fence $fnew, ...}], ...}
        WF.POP q agent EPOCH $old                       => !STALE
        WF.MPOP agent 1 q EPOCH $old                    => !STALE
        WF.DONE q agent $a EPOCH $old                   => !STALE
        WF.DONE q agent $a FENCE $fold                  => !NOTOWNER
        WF.FAIL q agent $a FENCE $fold                  => !NOTOWNER
        WF.TOUCH q agent $a FENCE $fold                 => !NOTOWNER
        WF.NEXT q agent $a FENCE $fold                  => !NOTOWNER
        WF.NACK q agent IDS 1 $a FENCES 1 $fold         => 0
        WF.MDONE q agent IDS 1 $a FENCES 1 $fold        => [0]
        WF.RECOVER agent EPOCH $old                     => !STALE
        WF.DONE q agent $a EPOCH $new FENCE $fnew       => OK
        "#,
    );
}

#[test]
fn a_repeated_recovery_counts_one_crash() {
    play(
        r#"
        WF.PUSH q x               => $id
        WF.POP q agent            => {id $id, fence $f, ...}
        WF.RECOVER agent REQID r  => {epoch $e, tasks [{id $id, fence $f+, crashes 1, ...}], ...}
        WF.RECOVER agent REQID r  => {epoch $e, tasks [{id $id, fence $f, crashes 1, ...}], ...}
        WF.RECOVER agent REQID r  => {epoch $e, tasks [{id $id, fence $f, crashes 1, ...}], ...}
        WF.DONE q agent $id EPOCH $e FENCE $f  => OK
        WF.RECOVER agent REQID r  => {epoch $e, tasks [], ...}
        WF.RECOVER agent REQID s  => {epoch $e+, tasks [], ...}
        "#,
    );
}

#[test]
fn recoveries_without_a_request_count_a_crash_each() {
    play(
        r#"
        WF.PUSH q x          => $id
        WF.POP q agent       => {id $id, fence $f, ...}
        WF.RECOVER agent     => {epoch $e, tasks [{fence $f+, crashes 1, ...}], ...}
        WF.RECOVER agent     => {epoch $e+, tasks [{fence $f+, crashes 2, ...}], ...}
        "#,
    );
}

#[test]
fn release_makes_the_tasks_ready_behind_their_equals() {
    play(
        r#"
        WF.MPUSH q 3 a b c                  => [$a, $b, $c]
        WF.POP q agent COUNT 2              => [{id $a, fence $f, ...}, _]
        WF.TOUCH q agent $a CHECKPOINT cp   => _
        WF.RECOVER agent RELEASE            => {epoch _, count 2, more 0, ...}
        WF.LEN q STATE running              => 0
        WF.TASK q $a                        => {state ready, crashes 1, checkpoint cp, ...}
        WF.OWNERS q                         => []
        WF.DONE q agent $a FENCE $f         => !NOTOWNER
        WF.POP q other COUNT 9              => [{id $c, ...}, {id $a, attempt 2, crashes 1, \
            checkpoint cp, ...}, {id $b, ...}]
        "#,
    );
}

#[test]
fn fail_ends_the_tasks_with_a_failure_each() {
    play(
        r#"
        WF.MPUSH q 2 a b                => [$a, $b]
        WF.POP q agent COUNT 2          => [_, _]
        WF.RECOVER agent FAIL           => {count 2, more 0, ...}
        WF.LEN q STATE failed           => 2
        WF.TASK q $a                    => {state failed, failures 1, ...}
        WF.HELD agent                   => {tasks [], ...}
        "#,
    );
}

#[test]
fn release_and_fail_do_at_most_count_per_call() {
    for (mode, state) in [("RELEASE", "ready"), ("FAIL", "failed")] {
        let server = Server::start();
        let mut client = server.client();
        client.cmd("WF.MPUSH q 7 a b c d e f g");
        client.cmd("WF.POP q agent COUNT 7");
        let mut counts = Vec::new();
        loop {
            let reply = client.map(&format!("WF.RECOVER agent {mode} COUNT 3"));
            counts.push(reply.int("count"));
            if reply.int("more") == 0 {
                break;
            }
        }
        assert_eq!(counts.iter().sum::<i64>(), 7, "{mode}");
        assert!(counts.iter().all(|count| *count <= 3), "{mode}: {counts:?}");
        assert_eq!(client.int(&format!("WF.LEN q STATE {state}")), 7);
        client.cmd("WF.CHECK q");
    }
}

#[test]
fn what_does_not_fit_into_the_answer_is_paged_by_held() {
    let server = Server::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut client = server.client_in(protocol);
        client.cmd("FLUSHALL");
        let mut old_fences = Vec::new();
        for queue in ["q1", "q2", "q3"] {
            client.cmd(&format!("WF.MPUSH {queue} 4 a b c d"));
            let taken = client.maps(&format!("WF.POP {queue} agent COUNT 4"));
            old_fences.extend(taken.iter().map(|task| (task.int("id"), task.int("fence"))));
        }
        let recovered = client.map("WF.RECOVER agent COUNT 5");
        assert_eq!(recovered.int("more"), 1);
        let mut cursor = recovered.text("cursor");
        assert_ne!(cursor, "0");
        let mut tasks = recovered.maps("tasks");
        assert_eq!(tasks.len(), 5);
        while cursor != "0" {
            let page = client.map(&format!("WF.HELD agent CURSOR {cursor} COUNT 3"));
            assert!(page.maps("tasks").len() <= 3);
            tasks.extend(page.maps("tasks"));
            cursor = page.text("cursor");
        }
        let ids: BTreeSet<i64> = tasks.iter().map(|task| task.int("id")).collect();
        assert_eq!((tasks.len(), ids.len()), (12, 12), "each once");
        for task in &tasks {
            let (id, fence, queue) = (task.int("id"), task.int("fence"), task.text("queue"));
            let old = old_fences.iter().find(|(old, _)| *old == id).expect("a task it had").1;
            assert!(fence > old, "{id}: {fence} after {old}");
            assert_eq!(task.int("crashes"), 1);
            client.refused_as("NOTOWNER", &format!("WF.DONE {queue} agent {id} FENCE {old}"));
            client.cmd(&format!("WF.DONE {queue} agent {id} FENCE {fence}"));
        }
    }
}

#[test]
fn cursors_work_whatever_the_queues_are_called() {
    let server = Server::start();
    let mut client = server.client();
    let queues: [&[u8]; 4] = [b"a-b-c 0-1", b"\x00\xff\r\n", b"", b"0"];
    for queue in queues {
        client.call(&[&b"WF.MPUSH"[..], queue, b"3", b"a", b"b", b"c"]).unwrap();
        client.call(&[&b"WF.POP"[..], queue, b"agent", b"COUNT", b"3"]).unwrap();
    }
    let mut page = client.map("WF.RECOVER agent COUNT 2");
    let mut ids: BTreeSet<i64> = page.ids().into_iter().collect();
    for _ in 0..20 {
        let cursor = page.get("cursor").bytes();
        if cursor == b"0" {
            break;
        }
        page = client
            .call(&[&b"WF.HELD"[..], b"agent", b"CURSOR", &cursor, b"COUNT", b"2"])
            .unwrap()
            .map();
        for id in page.ids() {
            assert!(ids.insert(id), "{id} came twice");
        }
    }
    assert_eq!((page.text("cursor").as_str(), ids.len()), ("0", 12));
}

#[test]
fn old_fences_are_refused_also_for_tasks_beyond_the_answer() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 10 a b c d e f g h i j");
    let taken = client.maps("WF.POP q agent COUNT 10");
    client.cmd("WF.RECOVER agent COUNT 1");
    for task in &taken {
        let (id, fence) = (task.int("id"), task.int("fence"));
        client.refused_as("NOTOWNER", &format!("WF.TOUCH q agent {id} FENCE {fence} PROGRESS 9"));
    }
    let listed = client.map("WF.LIST q OWNER agent");
    for task in listed.maps("tasks") {
        assert!(!task.has("progress"), "{task:?}");
    }
}

#[test]
fn held_changes_nothing() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.MPUSH q 5 a b c d e");
    client.cmd("WF.POP q agent COUNT 5");
    let digest = client.digest();
    let first = client.map("WF.HELD agent");
    assert_eq!(first.maps("tasks").len(), 5);
    let page = client.map("WF.HELD agent COUNT 2");
    let cursor = page.text("cursor");
    client.cmd(&format!("WF.HELD agent CURSOR {cursor} COUNT 2 QUEUES 1 nowhere"));
    assert_eq!(client.map("WF.HELD agent").ids(), first.ids());
    assert_eq!(client.digest(), digest);
}

#[test]
fn a_task_that_crashes_its_agents_is_quarantined() {
    play(
        r#"
        WF.SET q crashes 2                              => OK
        WF.PUSH q poison                                => $p
        WF.PUSH q good                                  => $g
        WF.POP q agent                                  => {id $p, ...}
        WF.TOUCH q agent $p CHECKPOINT c HANDLE h       => _
        WF.RECOVER agent     => {tasks [{id $p, crashes 1, ...}], quarantined [], ...}
        WF.POP q agent                                  => {id $g, ...}
        WF.RECOVER agent     => {tasks [{id $g, crashes 1, ...}], \
            quarantined [{id $p, checkpoint c, handle h, queue q, ...}], ...}
        WF.TASK q $p         => {state failed, crashes 2, checkpoint c, handle h, ...}
        WF.DONE q agent $p                              => !NOTOWNER
        WF.HELD agent                                   => {tasks [{id $g, ...}], ...}
        "#,
    );
}

#[test]
fn the_tenth_crash_is_the_last_by_default() {
    let server = Server::start();
    let mut client = server.client();
    let id = client.int("WF.PUSH q poison");
    client.cmd("WF.POP q agent");
    for crash in 1..10 {
        let reply = client.map("WF.RECOVER agent");
        assert_eq!(reply.maps("tasks")[0].int("crashes"), crash);
        assert!(reply.maps("quarantined").is_empty());
    }
    let reply = client.map("WF.RECOVER agent");
    assert!(reply.maps("tasks").is_empty());
    assert_eq!(reply.maps("quarantined")[0].int("id"), id);
    assert_eq!(client.map(&format!("WF.TASK q {id}")).text("state"), "failed");
}

#[test]
fn released_tasks_are_quarantined_too() {
    play(
        r#"
        WF.SET q crashes 1          => OK
        WF.PUSH q poison            => $p
        WF.POP q agent              => {id $p, ...}
        WF.RECOVER agent RELEASE    => {quarantined [{id $p, ...}], ...}
        WF.TASK q $p                => {state failed, ...}
        WF.POP q agent              => nil
        "#,
    );
}

#[test]
fn poison_beyond_the_answer_is_quarantined_page_by_page() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.SET q crashes 1");
    client.cmd("WF.MPUSH q 7 a b c d e f g");
    client.cmd("WF.POP q agent COUNT 7");
    let mut page = client.map("WF.RECOVER agent COUNT 2");
    let mut found = BTreeSet::new();
    loop {
        assert!(page.maps("tasks").is_empty(), "{page:?}");
        for task in page.maps("quarantined") {
            assert!(found.insert(task.int("id")), "{task:?} came twice");
        }
        let cursor = page.text("cursor");
        if cursor == "0" {
            break;
        }
        page = client.map(&format!("WF.HELD agent CURSOR {cursor} COUNT 2"));
    }
    assert_eq!(found.len(), 7);
    assert_eq!(client.int("WF.LEN q STATE failed"), 7);
    client.cmd("WF.CHECK q");
}

#[test]
fn interruptions_are_not_crashes() {
    let server = Server::start();
    let mut client = server.client();
    client.cmd("WF.SET q crashes 2");
    let id = client.int("WF.PUSH q x");
    for _ in 0..20 {
        client.cmd("WF.POP q agent");
        client.cmd(&format!("WF.NACK q agent IDS 1 {id}"));
    }
    let task = client.map(&format!("WF.TASK q {id}"));
    assert_eq!((task.text("state").as_str(), task.int("interruptions")), ("ready", 20));
    assert!(!task.has("crashes") || task.int("crashes") == 0);
}

#[test]
fn queues_can_be_named_and_those_that_are_not_there_are_listed() {
    play(
        r#"
        WF.MPUSH q1 1 a                     => [$a]
        WF.PUSH q2 b                        => $b
        WF.POP q1 agent                     => {id $a, ...}
        WF.POP q2 agent                     => {id $b, ...}
        DEL agent                           => 1
        WF.HELD agent QUEUES 2 q2 nowhere   => {tasks [{id $b, ...}], cursor "0", \
            missing [nowhere], ...}
        WF.RECOVER agent QUEUES 2 nowhere q1  => {tasks [{id $a, queue q1, ...}], \
            missing [nowhere], ...}
        # From now on q1 is known again; naming a queue twice gives its tasks once.
        WF.HELD agent                       => {tasks [{id $a, ...}], ...}
        WF.RECOVER agent QUEUES 3 q1 q2 q2  => {tasks [_, _], missing [], ...}
        "#,
    );
}

#[test]
fn a_held_task_that_is_touched_makes_its_queue_known_again() {
    play(
        r#"
        WF.PUSH q x                     => $id
        WF.POP q agent                  => {id $id, ...}
        RENAME q elsewhere              => OK
        WF.HELD agent                   => {tasks [], missing [q], ...}
        WF.TOUCH elsewhere agent $id    => {cancel 0, ...}
        WF.RECOVER agent                => {tasks [{id $id, queue elsewhere, ...}], ...}
        "#,
    );
}

#[test]
fn a_deleted_queue_is_missing_and_the_rest_is_recovered() {
    play(
        r#"
        WF.PUSH q1 a          => _
        WF.PUSH q2 b          => $b
        WF.POP q1 agent       => _
        WF.POP q2 agent       => _
        DEL q1                => 1
        WF.RECOVER agent      => {tasks [{id $b, ...}], missing [q1], ...}
        "#,
    );
}

#[test]
fn a_new_queue_under_the_old_name_holds_nothing_of_the_agent() {
    play(
        r#"
        WF.PUSH q a                 => $a
        WF.POP q agent              => {id $a, fence $f, ...}
        DEL q                       => 1
        WF.PUSH q b                 => $b
        WF.DONE q agent $a          => !NOTASK
        WF.DONE q agent $b          => !NOTOWNER
        WF.DONE q agent $b FENCE $f => !NOTOWNER
        WF.RECOVER agent            => {tasks [], missing [], ...}
        "#,
    );
}

#[test]
fn two_agents_of_one_queue_are_told_apart() {
    play(
        r#"
        WF.MPUSH q 4 a b c d        => [$a, $b, $c, $d]
        WF.POP q x                  => {id $a, ...}
        WF.POP q y                  => {id $b, ...}
        WF.POP q x                  => {id $c, fence $fc, ...}
        WF.POP q y                  => {id $d, fence $fd, ...}
        WF.RECOVER x                => {tasks [_, _], ...}
        WF.DONE q x $c FENCE $fc    => !NOTOWNER
        WF.DONE q y $d FENCE $fd    => OK
        WF.OWNERS q                 => [_, _]
        "#,
    );
}

#[test]
fn a_thousand_tasks_come_at_once_by_default_and_the_rest_by_held() {
    let server = Server::start();
    let mut client = server.client();
    let mut words = vec!["WF.MPUSH".to_owned(), "q".to_owned(), "2500".to_owned()];
    words.extend((0..2500).map(|at| at.to_string()));
    client.call(&words).unwrap();
    client.cmd("WF.POP q agent COUNT 2500");
    let reply = client.map("WF.RECOVER agent");
    assert_eq!((reply.maps("tasks").len(), reply.int("more")), (1000, 1));
    let mut ids: BTreeSet<i64> = reply.ids().into_iter().collect();
    let mut cursor = reply.text("cursor");
    while cursor != "0" {
        let page = client.map(&format!("WF.HELD agent CURSOR {cursor}"));
        ids.extend(page.ids());
        cursor = page.text("cursor");
    }
    assert_eq!(ids.len(), 2500);
    let taken = client.map("WF.RECOVER agent RELEASE");
    assert_eq!((taken.int("count"), taken.int("more")), (2500, 0));
    assert_eq!(client.cmd("WF.OWNERS q").list().len(), 0);
}
