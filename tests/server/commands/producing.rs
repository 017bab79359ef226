//! What do WF.PUSH and WF.MPUSH store, and in which order does it come out?

use crate::support::{Protocol, Reply, Server, play, wait_until};

/// Numbers above cannot be told apart by clients whose numbers are doubles.
const EXACT: i64 = 1 << 53;

#[test]
fn a_pushed_task_comes_out_as_it_went_in() {
    play(
        r#"
        WF.PUSH q hello                      => $id
        WF.LEN q                             => 1
        WF.POP q agent                       => {id $id, fence _, payload hello}
        WF.POP q agent                       => nil
        "#,
    );
}

#[test]
fn what_was_said_at_the_push_comes_with_the_task() {
    play(
        r#"
        WF.PUSH q body NAME report TYPE pdf PRIORITY 3  => $id
        WF.TASK q $id  => {id $id, state ready, payload body, type pdf, priority 3, name report, \
            pushed-at _}
        WF.POP q agent => {id $id, fence _, payload body, type pdf, name report}
        "#,
    );
}

#[test]
fn options_may_come_in_any_order_and_in_lower_case() {
    play(
        r#"
        WF.PUSH q body retain 5000 unique k priority 3 name n for 5000 type t  => $id
        WF.PUSH q body FOR 5000 UNIQUE k                                       => $id
        WF.TASK q $id  => {priority 3, name n, type t, unique k, ...}
        "#,
    );
}

#[test]
fn ids_grow_and_stay_exact_in_a_double() {
    let server = Server::start();
    let mut client = server.client();
    let mut last = 0;
    for round in 0..200 {
        let mut ids = vec![client.int("WF.PUSH q x")];
        ids.extend(client.cmd("WF.MPUSH q 3 a b c").ints());
        for id in ids {
            assert!(id > last, "round {round}: {id} after {last}");
            assert!(id < EXACT);
            last = id;
        }
    }
}

#[test]
fn many_payloads_are_pushed_at_once_with_common_options() {
    play(
        r#"
        WF.MPUSH q 3 one two three TYPE t PRIORITY 4  => [$a, $b, $c]
        WF.TASK q $b  => {id $b, state ready, payload two, type t, priority 4, pushed-at _}
        WF.POP q agent COUNT 5  => [{id $a, fence $f, payload one, type t}, \
            {id $b, fence $f+, payload two, type t}, {id $c, fence $f+, payload three, type t}]
        WF.LEN q                                      => 3
        "#,
    );
}

#[test]
fn priority_zero_comes_first_and_equals_in_the_order_of_becoming_ready() {
    play(
        r#"
        WF.PUSH q low PRIORITY 65535  => _
        WF.PUSH q mid-1 PRIORITY 7    => _
        WF.PUSH q first               => _
        WF.PUSH q mid-2 PRIORITY 7    => _
        WF.PUSH q second PRIORITY 0   => _
        WF.POP q a  => {payload first, ...}
        WF.POP q a  => {payload second, ...}
        WF.POP q a  => {payload mid-1, ...}
        WF.POP q a  => {payload mid-2, ...}
        WF.POP q a  => {payload low, ...}
        WF.POP q a  => nil
        "#,
    );
}

#[test]
fn priorities_outrank_types() {
    play(
        r#"
        WF.PUSH q a TYPE slow PRIORITY 2  => _
        WF.PUSH q b TYPE fast PRIORITY 1  => _
        WF.PUSH q c PRIORITY 3            => _
        WF.PUSH q d TYPE slow PRIORITY 1  => _
        WF.POP q a COUNT 4  => [{payload b, ...}, {payload d, ...}, {payload a, ...}, \
            {payload c, ...}]
        "#,
    );
}

#[test]
fn a_live_unique_key_gives_the_id_it_already_has() {
    play(
        r#"
        WF.PUSH q one UNIQUE k       => $id
        WF.PUSH q two UNIQUE k       => $id
        WF.PUSH q other UNIQUE l     => $other
        WF.LEN q                     => 2
        WF.POP q a                   => {id $id, payload one, ...}
        WF.PUSH q three UNIQUE k     => $id
        WF.NACK q a IDS 1 $id        => 1
        WF.PUSH q four UNIQUE k      => $id
        WF.LEN q                     => 2
        # The queue is part of the key.
        WF.PUSH q2 five UNIQUE k     => $elsewhere
        WF.LEN q2                    => 1
        "#,
    );
}

#[test]
fn a_unique_key_is_free_again_when_its_task_has_ended() {
    play(
        r#"
        WF.PUSH q one UNIQUE k    => $id
        WF.POP q a                => {id $id, ...}
        WF.DONE q a $id           => OK
        WF.PUSH q two UNIQUE k    => $id+
        WF.POP q a                => {id $id, payload two, ...}
        WF.FAIL q a $id FATAL     => failed
        WF.PUSH q three UNIQUE k  => $id+
        WF.POP q a                => {id $id, payload three, ...}
        "#,
    );
}

#[test]
fn a_unique_key_with_for_outlives_its_task() {
    play(
        r#"
        WF.PUSH q one UNIQUE k FOR 600000    => $id
        WF.POP q a                           => {id $id, ...}
        WF.DONE q a $id                      => OK
        WF.PUSH q two UNIQUE k FOR 600000    => $id
        WF.PUSH q two UNIQUE k               => $id
        WF.LEN q                             => 0
        WF.TASK q $id                        => !NOTASK
        "#,
    );
}

#[test]
fn a_unique_key_is_free_when_its_time_is_over() {
    let server = Server::start();
    let mut client = server.client();
    let first = client.int("WF.PUSH q one UNIQUE k FOR 60");
    client.cmd("WF.POP q a");
    client.cmd(&format!("WF.DONE q a {first}"));
    wait_until("the key is free", || client.int("WF.PUSH q two UNIQUE k") != first);
    assert_eq!(client.int("WF.LEN q"), 1);
}

#[test]
fn a_done_task_is_gone_unless_it_is_retained() {
    play(
        r#"
        WF.PUSH q plain                      => $a
        WF.PUSH q kept RETAIN 600000         => $b
        WF.POP q agent COUNT 2               => [_, _]
        WF.DONE q agent $a RESULT gone       => OK
        WF.DONE q agent $b RESULT "4\x00 2"  => OK
        WF.TASK q $a                         => !NOTASK
        WF.TASK q $b  => {id $b, state done, payload kept, result "4\x00 2", ...}
        WF.LEN q                             => 0
        WF.LEN q STATE done                  => 1
        "#,
    );
}

#[test]
fn a_retained_task_goes_when_its_time_is_over() {
    let server = Server::start();
    let mut client = server.client();
    let ids = client.cmd("WF.MPUSH q 2 x y RETAIN 40").ints();
    client.cmd("WF.POP q a COUNT 2");
    client.cmd(&format!("WF.MDONE q a IDS 2 {} {}", ids[0], ids[1]));
    wait_until("both are dropped", || client.int("WF.LEN q STATE done") == 0);
    for id in ids {
        client.refused_as("NOTASK", &format!("WF.TASK q {id}"));
    }
    client.cmd("WF.CHECK q");
}

#[test]
fn payloads_and_names_are_bytes() {
    play(
        r#"
        WF.PUSH "q\x00\xff" "\x00\xfe\r\n" NAME "n\x00\xff" TYPE "t\x00\xc3" UNIQUE "u\x00"  => $id
        WF.PUSH "q\x00\xff" "" TYPE "t\x00\xc4" UNIQUE "u\x01"                    => $empty
        WF.LEN "q\x00"                                                            => 0
        WF.POP "q\x00\xff" "a\x00\xff" TYPES 1 "t\x00\xc4"                        => \
            {id $empty, fence _, payload "", type "t\x00\xc4"}
        WF.POP "q\x00\xff" "a\x00\xfe" TYPES 2 t "t\x00\xc3"                      => \
            {id $id, fence _, payload "\x00\xfe\r\n", type "t\x00\xc3", name "n\x00\xff"}
        # Two names that differ only in a byte no text has are two agents.
        WF.DONE "q\x00\xff" "a\x00\xff" $id                                       => !NOTOWNER
        WF.RECOVER "a\x00\xfe"  => {agent "a\x00\xfe", \
            tasks [{id $id, queue "q\x00\xff", ...}], missing [], ...}
        WF.OWNERS "q\x00\xff"                                                     => [_, _]
        "#,
    );
}

#[test]
fn an_empty_payload_is_a_payload() {
    play(
        r#"
        WF.PUSH q ""             => $a
        WF.MPUSH q 2 "" ""       => [$b, $c]
        WF.POP q agent COUNT 3   => [{id $a, fence _, payload ""}, \
            {id $b, fence _, payload ""}, {id $c, fence _, payload ""}]
        "#,
    );
}

#[test]
fn large_arguments_are_taken_whole() {
    let server = Server::start();
    for protocol in [Protocol::Resp2, Protocol::Resp3] {
        let mut client = server.client_in(protocol);
        client.cmd("FLUSHALL");
        let payload: Vec<u8> = (0..8 << 20).map(|at: u32| at.to_le_bytes()[0]).collect();
        client.call(&[&b"WF.PUSH"[..], b"q", &payload]).unwrap();
        let task = client.map("WF.POP q a");
        assert!(task.get("payload").bytes() == payload, "another payload came out");
        let checkpoint = vec![7; 4 << 20];
        let id = task.int("id").to_string();
        client
            .call(&[&b"WF.TOUCH"[..], b"q", b"a", id.as_bytes(), b"CHECKPOINT", &checkpoint])
            .unwrap();
        let again = client.map("WF.RECOVER a").maps("tasks").remove(0);
        assert!(again.get("checkpoint").bytes() == checkpoint, "another checkpoint came back");
    }
}

#[test]
fn a_hundred_thousand_payloads_fit_into_one_command() {
    let server = Server::start();
    let mut client = server.client();
    let mut words = vec![b"WF.MPUSH".to_vec(), b"q".to_vec(), b"100000".to_vec()];
    words.extend((0..100_000).map(|at| at.to_string().into_bytes()));
    let ids = client.call(&words).unwrap().ints();
    assert_eq!(ids.len(), 100_000);
    assert!(ids.is_sorted_by(|a, b| a < b), "the ids do not grow");
    let taken = client.maps("WF.POP q a COUNT 100000");
    assert_eq!(taken.len(), 100_000);
    for (at, (task, id)) in taken.iter().zip(&ids).enumerate() {
        assert_eq!((task.int("id"), task.text("payload")), (*id, at.to_string()));
    }
    client.cmd("WF.CHECK q");
}

#[test]
fn a_full_queue_refuses_pushes_and_nothing_else() {
    play(
        r#"
        WF.SET q maxlen 2            => OK
        WF.PUSH q one                => $one
        WF.PUSH q two UNIQUE k       => $two
        WF.PUSH q three              => !FULL
        WF.PUSH q again UNIQUE k     => $two
        WF.MPUSH q 1 three           => !FULL
        WF.POP q a                   => {id $one, ...}
        # Running tasks are unfinished tasks.
        WF.PUSH q three              => !FULL
        WF.DONE q a $one             => OK
        WF.MPUSH q 2 three four      => !FULL
        WF.LEN q                     => 1
        WF.PUSH q three              => _
        WF.PUSH q four               => !FULL
        WF.POP q a                   => {id $two, ...}
        WF.NACK q a IDS 1 $two       => 1
        WF.SET q maxlen 0            => OK
        WF.PUSH q four               => _
        "#,
    );
}

#[test]
fn a_queue_full_of_unique_keys_refuses_the_next() {
    play(
        r#"
        WF.SET q maxunique 2                 => OK
        WF.PUSH q a UNIQUE k1 FOR 600000     => $a
        WF.PUSH q b UNIQUE k2 FOR 600000     => $b
        WF.POP q x COUNT 2                   => [_, _]
        WF.MDONE q x IDS 2 $a $b             => [1, 1]
        WF.PUSH q c UNIQUE k3 FOR 600000     => !FULL
        WF.PUSH q a UNIQUE k1 FOR 600000     => $a
        WF.PUSH q plain                      => _
        "#,
    );
}

#[test]
fn a_queue_made_anew_gives_no_number_that_the_deleted_one_gave() {
    let server = Server::start();
    let mut client = server.client();
    // A batch takes numbers ahead of the clock: a thousand for each millisecond.
    let payloads = vec!["x"; 50_000].join(" ");
    let last = client.cmd(&format!("WF.MPUSH q 50000 {payloads}")).list().pop().unwrap().int();
    client.cmd("DEL q");
    assert!(client.int("WF.PUSH q x") > last);
}
