//! Is any number issued twice, or a later one smaller, whatever clocks and servers do?

use super::super::script::scenario;

#[test]
fn a_clock_that_goes_back_issues_larger_numbers_all_the_same() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a => {fence:$f1 ..}
        $f1 > $t1
        WF.RECOVER a => {epoch:$e1 tasks:[{fence:$f2 ..}] ..}
        $f2 > $f1
        -3600000
        WF.PUSH q 2 => $t2
        $t2 > $f2
        WF.POP q a => {id:$t2 fence:$f3 ..}
        $f3 > $t2
        WF.NACK q a IDS 1 $t2
        WF.POP q a => {id:$t2 fence:$f4 ..}
        $f4 > $f3
        WF.RECOVER a => {epoch:$e2 tasks:[{fence:$f5 running-for:0 ..} {fence:$f6 ..}] ..}
        $e2 > $e1
        $f5 > $f4
        $f6 > $f5
        WF.OWNERS q => [{agent:"a" running:2 oldest:0}]
        WF.MPUSH q 2 3 4 => [$t3 $t4]
        $t3 > $f6
        reload
        WF.PUSH q 5 => $t5
        $t5 > $t4
        +3600000
        WF.PUSH q 6 => $t6
        $t6 > $t5
        "#,
    );
}

#[test]
fn within_a_millisecond_numbers_count_up() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        $t2 > $t1
        $t3 > $t2
        WF.PUSH q 4 => $t4
        $t4 > $t3
        WF.POP q a COUNT 2 => [{fence:$f1 ..} {fence:$f2 ..}]
        $f1 > $t4
        $f2 > $f1
        WF.RECOVER a => {epoch:$e1 tasks:[{fence:$f3 ..} {fence:$f4 ..}] ..}
        WF.RECOVER a => {epoch:$e2 ..}
        $e2 > $e1
        $f3 > $f2
        $f4 > $f3
        "#,
    );
}

#[test]
fn two_servers_that_go_on_from_one_state_issue_no_number_twice() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a => {fence:$f0 ..}
        WF.RECOVER a => {epoch:$e0 ..}
        fork two
        # The old primary does not know that it is none any more, and no clock moves.
        WF.PUSH q 3 => $t3
        WF.POP q a => {id:$t2 fence:$f1 ..}
        WF.RECOVER a => {epoch:$e1 tasks:[{fence:$g1 ..} _] ..}
        on two
        WF.PUSH q 3 => $u3
        WF.POP q a => {id:$t2 fence:$f2 ..}
        WF.RECOVER a => {epoch:$e2 tasks:[{fence:$g2 ..} _] ..}
        $t3 != $u3
        $f1 != $f2
        $g1 != $g2
        $e1 != $e2
        $u3 > $f0
        $e2 > $e0
        # What the old one hands out means nothing to the new one.
        WF.DONE q a $t2 FENCE $f1 => !NOTOWNER the fence is over
        WF.DONE q a $t2 FENCE $g1 => !NOTOWNER the fence is over
        WF.DONE q a $t2 EPOCH $e1 => !STALE
        WF.DONE q a $t3 => !NOTASK
        on one
        WF.DONE q a $t2 FENCE $g2 => !NOTOWNER the fence is over
        WF.DONE q a $t2 EPOCH $e2 => !STALE
        "#,
    );
}

#[test]
fn also_where_the_clock_of_the_new_server_is_behind() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.RECOVER a => {epoch:$e0 ..}
        fork two
        WF.PUSH q 2 => $t2
        WF.POP q a => {fence:$f1 ..}
        WF.RECOVER a => {epoch:$e1 ..}
        on two
        -60000
        WF.PUSH q 2 => $u2
        WF.POP q a => {fence:$f2 ..}
        WF.RECOVER a => {epoch:$e2 ..}
        $u2 > $t1
        $u2 != $t2
        $u2 != $f1
        $f2 > $u2
        $f2 != $f1
        $e2 > $e0
        $e2 != $e1
        "#,
    );
}
