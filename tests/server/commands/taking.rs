//! What do WF.POP, WF.MPOP and WF.NEXT hand out, to whom, and how often?

use crate::support::{Reply, Server, play};

#[test]
fn nothing_to_take_is_null_and_with_count_an_empty_array() {
    play(
        r#"
        WF.POP nowhere agent                      => nil
        WF.POP nowhere agent COUNT 3              => []
        WF.POP nowhere agent TYPES 1 t            => nil
        WF.MPOP agent 2 nowhere elsewhere         => nil
        WF.MPOP agent 2 nowhere elsewhere COUNT 2 => []
        # A pop that takes nothing creates nothing, neither the queue nor the agent.
        EXISTS nowhere elsewhere agent            => 0
        WF.SET q crashes 5                        => OK
        WF.POP q agent                            => nil
        EXISTS q agent                            => 1
        "#,
    );
}

#[test]
fn the_first_taking_writes_the_agent() {
    play(
        r#"
        WF.PUSH q x         => _
        EXISTS agent        => 0
        WF.POP q agent      => {payload x, ...}
        EXISTS agent        => 1
        WF.INFO agent       => {kind agent, epoch _, queues [q], ...}
        "#,
    );
}

#[test]
fn count_takes_at_most_that_many() {
    play(
        r#"
        WF.MPUSH q 5 a b c d e      => [_, _, _, _, _]
        WF.POP q agent COUNT 1      => [{payload a, ...}]
        WF.POP q agent COUNT 3      => [{payload b, ...}, {payload c, ...}, {payload d, ...}]
        WF.POP q agent COUNT 1000   => [{payload e, ...}]
        WF.POP q agent COUNT 1000   => []
        "#,
    );
}

#[test]
fn a_type_filter_leaves_the_others_in_their_place() {
    play(
        r#"
        WF.PUSH q plain              => _
        WF.PUSH q a TYPE red         => _
        WF.PUSH q b TYPE green       => _
        WF.PUSH q c TYPE blue        => _
        WF.PUSH q d TYPE red         => _
        WF.POP q x TYPES 1 white     => nil
        WF.POP q x TYPES 2 blue red COUNT 2  => [{payload a, type red, ...}, \
            {payload c, type blue, ...}]
        WF.POP q x TYPES 2 blue red COUNT 2  => [{payload d, ...}]
        WF.POP q x                   => {payload plain, ...}
        WF.POP q x                   => {payload b, ...}
        "#,
    );
}

#[test]
fn max_priority_leaves_what_is_less_urgent() {
    play(
        r#"
        WF.PUSH q urgent PRIORITY 1    => _
        WF.PUSH q normal PRIORITY 5    => _
        WF.PUSH q later PRIORITY 6     => _
        WF.POP q x MAXPRIORITY 0       => nil
        WF.POP q x MAXPRIORITY 5 COUNT 9 => [{payload urgent, ...}, {payload normal, ...}]
        WF.POP q x MAXPRIORITY 65535   => {payload later, ...}
        "#,
    );
}

#[test]
fn mpop_takes_from_the_first_queue_that_has_something_and_names_it() {
    play(
        r#"
        WF.PUSH q2 a                       => _
        WF.PUSH q3 b                       => $b
        WF.PUSH q2 c                       => _
        WF.MPOP x 3 q1 q2 q3               => {payload a, queue q2, ...}
        WF.MPOP x 3 q1 q3 q2 COUNT 5       => [{id $b, fence _, payload b, queue q3}]
        WF.MPOP x 3 q1 q3 q2 COUNT 5       => [{payload c, queue q2, ...}]
        WF.MPOP x 3 q1 q3 q2 COUNT 5       => []
        WF.HELD x                          => {tasks [_, _, _], ...}
        "#,
    );
}

#[test]
fn every_taking_has_a_new_larger_fence_and_counts_an_attempt() {
    play(
        r#"
        WF.PUSH q x               => $id
        WF.POP q a                => {id $id, fence $f, payload x}
        WF.NACK q a IDS 1 $id     => 1
        WF.POP q b                => {id $id, fence $f+, attempt 2, interruptions 1, ...}
        WF.NACK q b IDS 1 $id     => 1
        WF.POP q a                => {id $id, fence $f+, attempt 3, interruptions 2, ...}
        "#,
    );
}

#[test]
fn a_repeated_request_gives_what_it_gave_before() {
    play(
        r#"
        WF.MPUSH q 4 a b c d        => [$a, $b, $c, $d]
        WF.POP q x COUNT 2 REQID r1 => [{id $a, fence $fa, payload a}, {id $b, fence $fb, ...}]
        WF.POP q x COUNT 2 REQID r1 => [{id $a, fence $fa, payload a}, {id $b, fence $fb, ...}]
        WF.LEN q STATE running      => 2
        # Another agent's request of the same name, and another request, are others.
        WF.POP q y REQID r1         => {id $c, fence $fc, payload c}
        WF.POP q x REQID r2         => {id $d, ...}
        # What is not held any more does not come back.
        WF.DONE q x $a              => OK
        WF.POP q x COUNT 2 REQID r1 => [{id $b, fence $fb, payload b}]
        WF.TASK q $b                => {attempts 1, ...}
        "#,
    );
}

#[test]
fn a_request_repeated_in_another_shape_is_answered_in_that_shape() {
    play(
        r#"
        WF.MPUSH q 3 a b c          => [$a, $b, $c]
        WF.POP q x COUNT 2 REQID r  => [{id $a, ...}, {id $b, ...}]
        WF.POP q x REQID r          => {id $a, payload a, ...}
        PING                        => PONG
        WF.POP q x COUNT 1 REQID r  => [{id $a, ...}]
        WF.POP q x REQID s          => {id $c, ...}
        WF.POP q x COUNT 5 REQID s  => [{id $c, ...}]
        PING                        => PONG
        "#,
    );
}

#[test]
fn a_request_dies_with_its_tasks() {
    play(
        r#"
        WF.MPUSH q 2 a b     => [$a, $b]
        WF.POP q x REQID r   => {id $a, ...}
        WF.DONE q x $a       => OK
        WF.POP q x REQID r   => {id $b, payload b, ...}
        "#,
    );
}

#[test]
fn a_repeated_request_of_several_queues_gives_what_it_gave_before() {
    play(
        r#"
        WF.PUSH q2 a                   => $a
        WF.MPOP x 2 q1 q2 REQID r      => {id $a, fence $f, queue q2, payload a}
        # Even if the first queue has something by now.
        WF.PUSH q1 b                   => _
        WF.MPOP x 2 q1 q2 REQID r      => {id $a, fence $f, queue q2, payload a}
        WF.MPOP x 2 q1 q2 REQID s      => {queue q1, payload b, ...}
        "#,
    );
}

#[test]
fn the_current_epoch_is_accepted_and_any_other_is_stale() {
    play(
        r#"
        WF.MPUSH q 2 a b               => [$a, $b]
        # No agent key yet: no epoch is current.
        WF.POP q x EPOCH 17            => !STALE
        WF.RECOVER x                   => {epoch $e, ...}
        WF.POP q x EPOCH $e            => {id $a, fence $f, payload a}
        WF.POP q x EPOCH 17            => !STALE
        WF.DONE q x $a EPOCH 17        => !STALE
        WF.TOUCH q x $a EPOCH 17       => !STALE
        WF.FAIL q x $a EPOCH 17        => !STALE
        WF.NEXT q x $a EPOCH 17        => !STALE
        WF.NACK q x EPOCH 17 IDS 1 $a  => !STALE
        WF.MDONE q x EPOCH 17 IDS 1 $a => !STALE
        WF.MPOP x 1 q EPOCH 17         => !STALE
        WF.RECOVER x EPOCH 17          => !STALE
        WF.TOUCH q x $a EPOCH $e FENCE $f  => {cancel 0, draining 0}
        WF.DONE q x $a EPOCH $e FENCE $f   => OK
        WF.RECOVER x EPOCH $e              => {epoch $e+, ...}
        "#,
    );
}

#[test]
fn next_completes_one_task_and_takes_another() {
    play(
        r#"
        WF.MPUSH q 2 a b           => [$a, $b]
        WF.POP q x                 => {id $a, fence $f, ...}
        WF.NEXT q x $a FENCE $f RESULT r  => {id $b, fence $f+, payload b}
        WF.TASK q $a               => !NOTASK
        WF.NEXT q x $b             => nil
        # Null, but it is done.
        WF.TASK q $b               => !NOTASK
        WF.LEN q                   => 0
        "#,
    );
}

#[test]
fn next_takes_the_options_of_pop() {
    play(
        r#"
        WF.PUSH q a RETAIN 600000         => $a
        WF.PUSH q b TYPE red              => $b
        WF.PUSH q c TYPE green PRIORITY 9 => $c
        WF.PUSH q d TYPE green            => $d
        WF.POP q x                        => {id $a, ...}
        WF.NEXT q x $a RESULT r TYPES 1 green MAXPRIORITY 3 COUNT 4  => [{id $d, ...}]
        WF.TASK q $a                      => {state done, result r, ...}
        WF.NEXT q x $d COUNT 9            => [{id $b, ...}, {id $c, ...}]
        WF.NEXT q x $b COUNT 9            => []
        "#,
    );
}

#[test]
fn a_refused_next_takes_nothing() {
    play(
        r#"
        WF.MPUSH q 3 a b c          => [$a, $b, $c]
        WF.POP q x                  => {id $a, fence $f, ...}
        WF.NEXT q y $a              => !NOTOWNER
        WF.NEXT q x $a FENCE 5      => !NOTOWNER
        WF.NEXT q x $b              => !NOTOWNER
        WF.NEXT q x 12345           => !NOTASK
        WF.NEXT q x $a EPOCH 5      => !STALE
        WF.LEN q STATE running      => 1
        WF.LEN q STATE ready        => 2
        WF.TOUCH q x $a             => {cancel 0, ...}
        "#,
    );
}

#[test]
fn a_repeated_next_gives_what_it_gave_before() {
    play(
        r#"
        WF.MPUSH q 3 a b c            => [$a, $b, $c]
        WF.POP q x                    => {id $a, ...}
        WF.NEXT q x $a REQID r        => {id $b, fence $f, payload b}
        WF.NEXT q x $a REQID r        => {id $b, fence $f, payload b}
        WF.NEXT q x $b REQID s        => {id $c, ...}
        WF.LEN q                      => 1
        "#,
    );
}

#[test]
fn an_agent_takes_from_many_queues_and_holds_all_of_it() {
    let server = Server::start();
    let mut client = server.client();
    for queue in 0..50 {
        client.cmd(&format!("WF.PUSH q{queue} x"));
        client.cmd(&format!("WF.POP q{queue} agent"));
    }
    let held = client.map("WF.HELD agent");
    assert_eq!(held.maps("tasks").len(), 50);
    let mut queues: Vec<String> =
        held.maps("tasks").iter().map(|task| task.text("queue")).collect();
    queues.sort();
    queues.dedup();
    assert_eq!(queues.len(), 50);
}

#[test]
fn a_pop_without_block_never_waits() {
    let server = Server::start();
    let mut client = server.client();
    for line in ["WF.POP q a", "WF.POP q a COUNT 2", "WF.MPOP a 2 q p"] {
        let start = std::time::Instant::now();
        let answer = client.cmd(line);
        assert!(answer.is_nil() || answer.list().is_empty(), "{line}: {answer:?}");
        assert!(start.elapsed().as_secs() < 5, "{line} waited");
    }
}
