//! How is a stop waited for, and what becomes of what still runs?

use super::super::script::scenario;

#[test]
fn drain_hands_out_nothing_and_tells_what_runs() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 2
        WF.DRAIN q => {running:2 reset:0}
        WF.POP q a => nil
        WF.DONE q a $t1 => OK
        WF.DRAIN q => {running:1 reset:0}
        WF.DONE q a $t2 => OK
        WF.DRAIN q BLOCK 500 => {running:0 reset:0}
        WF.LEN q STATE ready => 1
        WF.RESUME q => OK
        WF.POP q a => {id:$t3 ..}
        WF.DRAIN missing => !ERR no such key
        "#,
    );
}

#[test]
fn drain_with_block_waits_until_nothing_runs() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2
        WF.DRAIN q BLOCK 500 => wait
        WF.DONE q a $t1
        woken yes
        WF.DRAIN q BLOCK 500 => wait
        woken no
        WF.FAIL q a $t2
        woken yes
        WF.DRAIN q BLOCK 500 => {running:0 reset:0}
        woken no
        # Without RESET nothing is planned.
        +5000
        tick
        WF.POP q a => nil
        "#,
    );
}

#[test]
fn a_drain_whose_time_is_over_tells_how_things_stand_and_changes_nothing() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.DRAIN q BLOCK 500 => wait
        WF.RESUME q
        timed-out yes
        WF.DRAIN q BLOCK 500 => {running:1 reset:0}
        timed-out no
        WF.PUSH q 2 => $t2
        WF.POP q a => {id:$t2 ..}
        "#,
    );
}

#[test]
fn who_resumes_the_queue_ends_the_wait() {
    scenario(
        r#"
        WF.PUSH q 1
        WF.POP q a
        WF.DRAIN q BLOCK 0 => wait
        WF.RESUME q
        woken yes
        WF.DRAIN q BLOCK 0 => {running:1 reset:0}
        woken no
        WF.PUSH q 2
        WF.POP q a => {payload:"2" ..}
        "#,
    );
}

#[test]
fn drain_reset_without_block_resets_at_once() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2 => [{fence:$f1 ..} _]
        WF.DRAIN q RESET => {running:0 reset:2}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER is ready: reset by a drain
        WF.TASK q $t2 => {id:$t2 state:"ready" payload:"2" attempts:1 pushed-at:_ interruptions:1 \
            reason:"reset by a drain"}
        WF.POP q a => nil
        WF.RESUME q
        WF.POP q a COUNT 2
        WF.DRAIN q => {running:2 reset:0}
        "#,
    );
}

#[test]
fn drain_reset_with_block_resets_what_still_runs_when_the_time_is_over() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 2
        WF.POP q b COUNT 2
        WF.DRAIN q BLOCK 500 RESET => wait
        +300
        WF.DONE q a $t1
        +199
        tick
        WF.LEN q STATE running => 3
        +1
        # Whether or not the caller is still there; in slices.
        tick
        WF.LEN q STATE running => 0
        woken yes
        WF.DRAIN q BLOCK 500 RESET => {running:0 reset:3}
        woken no
        WF.DONE q b $t3 => !NOTOWNER is ready: reset by a drain
        WF.LIST q STATE ready => {tasks:[{interruptions:1 ..} {interruptions:1 ..} _] cursor:"0"}
        # It does so once.
        WF.RESUME q
        WF.POP q a COUNT 3
        +5000
        tick
        WF.LEN q STATE running => 3
        "#,
    );
}

#[test]
fn the_limit_of_a_drain_is_kept_over_a_restart_and_is_not_put_off_by_it() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.DRAIN q BLOCK 500 RESET => wait
        reload
        +499
        tick
        WF.LEN q STATE running => 1
        +1
        tick
        WF.LEN q STATE running => 0
        "#,
    );
}

#[test]
fn block_0_waits_for_ever_and_resets_nothing() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.DRAIN q BLOCK 0 RESET => wait
        +604800000
        tick
        WF.TASK q $t1 => {state:"running" ..}
        "#,
    );
}

#[test]
fn resume_calls_the_planned_reset_off() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.DRAIN q BLOCK 500 RESET => wait
        WF.RESUME q
        +500
        tick
        WF.TASK q $t1 => {state:"running" ..}
        WF.DRAIN q => {running:1 reset:0}
        +500
        tick
        WF.TASK q $t1 => {state:"running" ..}
        "#,
    );
}

#[test]
fn a_drain_asked_again_keeps_what_is_planned_and_reset_so_far() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a
        WF.DRAIN q BLOCK 500 RESET => wait
        +100
        WF.DRAIN q => {running:1 reset:0}
        WF.DRAIN q BLOCK 9000 => wait
        WF.PAUSE q
        +400
        tick
        WF.LEN q STATE running => 0
        WF.DRAIN q => {running:0 reset:1}
        WF.DRAIN q RESET => {running:0 reset:1}
        "#,
    );
}

#[test]
fn a_later_limit_takes_the_place_of_an_earlier_one() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.DRAIN q BLOCK 500 RESET => wait
        WF.DRAIN q BLOCK 900 RESET => wait
        +899
        tick
        WF.TASK q $t1 => {state:"running" ..}
        +1
        tick
        WF.TASK q $t1 => {state:"ready" ..}
        "#,
    );
}

#[test]
fn a_paused_queue_can_be_drained() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.PAUSE q
        WF.DRAIN q BLOCK 500 RESET => wait
        +500
        tick
        WF.TASK q $t1 => {state:"ready" ..}
        WF.POP q a => nil
        "#,
    );
}

#[test]
fn a_copy_of_a_draining_queue_drains_too() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.DRAIN q BLOCK 500 RESET => wait
        copy q c
        WF.POP c a => nil
        WF.DRAIN c => {running:0 reset:0}
        +500
        tick
        WF.DRAIN c => {running:0 reset:0}
        WF.RESUME c
        WF.POP c a => {id:$t1 ..}
        "#,
    );
}
