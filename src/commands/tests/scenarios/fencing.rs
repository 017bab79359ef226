//! What can a predecessor still do that lives on? Nothing.

use super::super::script::scenario;

#[test]
fn a_zombie_is_refused_on_every_command_by_its_epoch() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.RECOVER a => {epoch:$e1 ..}
        WF.POP q a EPOCH $e1 => {id:$t1 ..}
        WF.RECOVER a => {epoch:$e2 tasks:[{fence:$f2 ..}] ..}
        WF.POP q a EPOCH $e1 => !STALE 'a': this is not its epoch any more
        WF.POP q a EPOCH $e1 BLOCK 0 => !STALE
        WF.MPOP a 1 q EPOCH $e1 => !STALE
        WF.DONE q a $t1 EPOCH $e1 => !STALE
        WF.DONE q a $t1 EPOCH $e1 FENCE $f2 => !STALE
        WF.MDONE q a EPOCH $e1 IDS 1 $t1 => !STALE
        WF.NEXT q a $t1 EPOCH $e1 => !STALE
        WF.FAIL q a $t1 EPOCH $e1 => !STALE
        WF.NACK q a EPOCH $e1 IDS 1 $t1 => !STALE
        WF.TOUCH q a $t1 EPOCH $e1 PROGRESS 1 => !STALE
        WF.RECOVER a EPOCH $e1 => !STALE
        WF.RECOVER a RELEASE EPOCH $e1 REQID r => !STALE
        # One that was never issued says so; fences and epochs are easily mixed up.
        WF.DONE q a $t1 EPOCH 9007199254740991 => !STALE never had such an epoch
        WF.TASK q $t1 => {state:"running" owner:"a" fence:$f2 crashes:1 ..}
        WF.DONE q a $t1 EPOCH $e2 => OK
        "#,
    );
}

#[test]
fn a_zombie_is_refused_on_every_command_by_its_fence() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a => {id:$t1 fence:$f1 ..}
        WF.RECOVER a => {tasks:[{fence:$f2 ..}] ..}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.MDONE q a IDS 1 $t1 FENCES 1 $f1 => [0]
        WF.NEXT q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.FAIL q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.NACK q a IDS 1 $t1 FENCES 1 $f1 => 0
        WF.TOUCH q a $t1 FENCE $f1 PROGRESS 1 => !NOTOWNER the fence is over
        WF.TASK q $t1 => {state:"running" fence:$f2 crashes:1 ..}
        WF.MDONE q a IDS 1 $t1 FENCES 1 $f2 => [1]
        # Completed by the successor, it is not the zombie's to repeat.
        WF.DONE q a $t1 FENCE $f1 => !NOTASK
        WF.DONE q a $t1 FENCE $f2 => OK
        "#,
    );
}

#[test]
fn an_old_fence_is_void_before_its_page_was_read_and_after() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2 => [{fence:$f1 ..} {fence:$f2 ..}]
        WF.RECOVER a COUNT 0 => {tasks:[] more:1 cursor:$c ..}
        WF.TASK q $t1 => {id:$t1 state:"running" payload:"1" attempts:1 pushed-at:_ owner:"a" \
            running-for:0}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.TOUCH q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.FAIL q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.NEXT q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.MDONE q a IDS 2 $t1 $t2 FENCES 2 $f1 $f2 => [0 0]
        WF.NACK q a IDS 2 $t1 $t2 FENCES 2 $f1 $f2 => 0
        WF.HELD a CURSOR $c => {tasks:[{id:$t1 fence:$g1 ..} {id:$t2 fence:$g2 ..}] ..}
        $g1 > $f2
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.MDONE q a IDS 2 $t1 $t2 FENCES 2 $g1 $f2 => [1 0]
        WF.DONE q a $t2 FENCE $g2 => OK
        "#,
    );
}

#[test]
fn a_task_that_no_page_has_reached_is_settled_by_the_call_that_touches_it_first() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 RETAIN 9000 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 4 => [{fence:$f1 ..} ..]
        WF.RECOVER a COUNT 0 => {more:1 ..}
        WF.TOUCH q a $t1 => {cancel:0 draining:0 fence:$g1}
        $g1 > $f1
        WF.TOUCH q a $t1 => {cancel:0 draining:0}
        WF.TASK q $t1 => {fence:$g1 crashes:1 ..}
        WF.DONE q a $t2 => OK
        WF.TASK q $t2 => {state:"done" crashes:1 ..}
        WF.FAIL q a $t3 => "failed"
        WF.TASK q $t3 => {failures:1 crashes:1 ..}
        WF.NACK q a IDS 1 $t4 => 1
        WF.TASK q $t4 => {interruptions:1 crashes:1 ..}
        # The page that comes late counts nothing twice.
        WF.HELD a => {tasks:[{id:$t1 fence:$g1 crashes:1 ..}] cursor:"0" ..}
        "#,
    );
}

#[test]
fn an_epoch_of_an_agent_that_is_not_there_is_stale() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a EPOCH 7 => !STALE there is no such agent
        WF.RECOVER a EPOCH 7 => !STALE there is no such agent
        WF.POP q a => {id:$t1 ..}
        WF.INFO a => {epoch:$e1 ..}
        del a
        WF.DONE q a $t1 EPOCH $e1 => !STALE there is no such agent
        WF.MDONE q a EPOCH $e1 IDS 1 $t1 => !STALE
        WF.NEXT q a $t1 EPOCH $e1 => !STALE
        WF.FAIL q a $t1 EPOCH $e1 => !STALE
        WF.NACK q a EPOCH $e1 IDS 1 $t1 => !STALE
        WF.TOUCH q a $t1 EPOCH $e1 => !STALE
        WF.MPOP a 1 q EPOCH $e1 => !STALE
        # An identity of that name that is made anew has a later epoch.
        WF.RECOVER a => {epoch:$e2 ..}
        $e2 != $e1
        WF.DONE q a $t1 EPOCH $e1 => !STALE
        # Without one the name alone decides.
        WF.DONE q a $t1 => OK
        "#,
    );
}

#[test]
fn where_an_epoch_is_required_no_call_of_an_agent_goes_without() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        require-epoch yes
        WF.POP q a => !STALE 'a': this call must give EPOCH
        WF.MPOP a 1 q => !STALE 'a': this call must give EPOCH
        WF.DONE q a $t1 => !STALE 'a': this call must give EPOCH
        WF.MDONE q a IDS 1 $t1 => !STALE 'a': this call must give EPOCH
        WF.NEXT q a $t1 => !STALE 'a': this call must give EPOCH
        WF.FAIL q a $t1 => !STALE 'a': this call must give EPOCH
        WF.NACK q a IDS 1 $t1 => !STALE 'a': this call must give EPOCH
        WF.TOUCH q a $t1 => !STALE 'a': this call must give EPOCH
        # RECOVER is how one comes by an epoch, and producers have none.
        WF.RECOVER a => {epoch:$e1 ..}
        WF.PUSH q 3
        WF.POP q a EPOCH $e1 => {id:$t1 ..}
        WF.NEXT q a $t1 EPOCH $e1 => {id:$t2 ..}
        WF.TOUCH q a $t2 EPOCH $e1
        WF.NACK q a EPOCH $e1 IDS 1 $t2 => 1
        WF.HELD a => {tasks:[] ..}
        "#,
    );
}

#[test]
fn fences_are_strict_between_two_takings_of_one_agent() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a => {fence:$f1 ..}
        WF.NACK q a IDS 1 $t1 FENCES 1 $f1 => 1
        WF.POP q a => {id:$t1 fence:$f2 ..}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER was taken again
        WF.FAIL q a $t1 FENCE $f1 => !NOTOWNER was taken again
        WF.NACK q a IDS 1 $t1 FENCES 1 $f1 => 0
        WF.DONE q a $t1 FENCE $f2 => OK
        "#,
    );
}
