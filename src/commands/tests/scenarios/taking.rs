//! Who gets which task, and in which order?

use super::super::script::scenario;

#[test]
fn a_task_that_is_taken_is_exchanged_for_the_name_of_its_taker() {
    scenario(
        r#"
        WF.PUSH q "hello\x00" TYPE mail NAME n1 => $t1
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"hello\x00" type:"mail" name:"n1" \
            pushed-at:1800000000000}
        +40
        WF.POP q a => {id:$t1 fence:$f1 payload:"hello\x00" type:"mail" name:"n1"}
        $f1 > $t1
        +60
        WF.TASK q $t1 => {state:"running" owner:"a" fence:$f1 running-for:60 attempts:1 ..}
        WF.POP q b => nil
        WF.POP q b COUNT 9 => []
        WF.DONE q b $t1 => !NOTOWNER is held by 'a'
        WF.DONE q a $t1 => OK
        WF.TASK q $t1 => !NOTASK
        WF.LEN q => 0
        "#,
    );
}

#[test]
fn priority_0_is_served_first_and_equals_as_they_became_ready() {
    scenario(
        r#"
        WF.PUSH q late PRIORITY 65535 => $t1
        WF.PUSH q p5-first PRIORITY 5 => $t2
        WF.PUSH q p5-second PRIORITY 5 TYPE t => $t3
        WF.PUSH q p5-third PRIORITY 5 => $t4
        WF.PUSH q first => $t5
        WF.POP q a => {id:$t5 payload:"first" ..}
        WF.POP q a => {id:$t2 payload:"p5-first" ..}
        # Ready again later than its equals, but still of its priority.
        WF.NACK q a IDS 1 $t2 => 1
        WF.POP q a => {id:$t3 ..}
        WF.POP q a => {id:$t4 ..}
        WF.POP q a => {id:$t2 attempt:2 ..}
        WF.POP q a => {id:$t1 payload:"late" ..}
        WF.PUSH q x PRIORITY 65536 => !ERR priority
        "#,
    );
}

#[test]
fn types_asks_for_tasks_of_any_of_several_types() {
    scenario(
        r#"
        WF.PUSH q 1 TYPE x => $t1
        WF.PUSH q 2 TYPE y => $t2
        WF.PUSH q 3 => $t3
        WF.PUSH q 4 TYPE z => $t4
        WF.PUSH q 5 TYPE x => $t5
        WF.POP q a TYPES 1 none => nil
        WF.POP q a TYPES 2 z y => {id:$t2 type:"y" ..}
        WF.POP q a TYPES 3 none z x COUNT 9 => [{id:$t1 ..} {id:$t4 ..} {id:$t5 ..}]
        # A task without a type is of none that can be asked for; without TYPES it comes too.
        WF.POP q a TYPES 4 x y z none => nil
        WF.POP q a => {id:$t3 fence:_ payload:"3"}
        # A type named twice is not served twice.
        WF.MPUSH q 2 a b TYPE x => [$u1 $u2]
        WF.POP q a TYPES 2 x x COUNT 9 => [{id:$u1 ..} {id:$u2 ..}]
        "#,
    );
}

#[test]
fn maxpriority_leaves_what_is_less_urgent() {
    scenario(
        r#"
        WF.PUSH q p7 PRIORITY 7 TYPE t => $t7
        WF.PUSH q p5 PRIORITY 5 => $t5
        WF.PUSH q p0 => $t0
        WF.POP q a MAXPRIORITY 4 COUNT 9 => [{id:$t0 ..}]
        WF.POP q a MAXPRIORITY 4 => nil
        WF.POP q a MAXPRIORITY 6 TYPES 1 t => nil
        WF.POP q a MAXPRIORITY 5 => {id:$t5 ..}
        WF.POP q a MAXPRIORITY 7 TYPES 1 t => {id:$t7 ..}
        "#,
    );
}

#[test]
fn count_takes_across_types_and_priorities_in_the_one_order() {
    scenario(
        r#"
        WF.MPUSH q 2 a1 a2 TYPE a PRIORITY 3 => [$a1 $a2]
        WF.MPUSH q 2 b1 b2 TYPE b PRIORITY 1 => [$b1 $b2]
        WF.PUSH q a0 TYPE a PRIORITY 1 => $a0
        WF.PUSH q b3 TYPE b PRIORITY 3 => $b3
        WF.POP q w COUNT 4 => [{id:$b1 fence:$f1 ..} {id:$b2 fence:$f2 ..} {id:$a0 ..} {id:$a1 ..}]
        $f2 > $f1
        WF.POP q w COUNT 4 => [{id:$a2 ..} {id:$b3 ..}]
        WF.POP q w COUNT 4 => []
        WF.POP q w COUNT 0 => !ERR count must be at least 1
        "#,
    );
}

#[test]
fn mpop_takes_from_the_first_queue_that_has_something_and_tells_which() {
    scenario(
        r#"
        WF.PUSH q2 two => $t2
        WF.MPUSH q3 2 three four => [$t3 $t4]
        WF.MPOP a 3 q1 q2 q3 COUNT 9 => [{id:$t2 payload:"two" queue:"q2" ..}]
        WF.MPOP a 3 q1 q2 q3 => {id:$t3 fence:_ payload:"three" queue:"q3"}
        WF.MPOP a 2 q3 q2 => {id:$t4 queue:"q3" ..}
        WF.MPOP a 2 q1 q2 => nil
        WF.MPOP a 2 q1 q2 COUNT 1 => []
        WF.MPOP a 2 q1 q2 BLOCK 0 => wait
        # Taking makes no queue, and the agent remembers where it took from.
        WF.INFO q1 => nil
        WF.INFO a => {kind:"agent" epoch:_ state:"active" queues:["q2" "q3"]}
        WF.MPOP a 3 q1 q2 => !ERR
        "#,
    );
}

#[test]
fn block_waits_when_there_is_nothing_for_the_caller_and_makes_it_known() {
    scenario(
        r#"
        WF.PUSH q x TYPE t => $t1
        WF.POP q a TYPES 1 u BLOCK 100 => wait
        WF.POP q a TYPES 1 u BLOCK 0 COUNT 3 => wait
        WF.INFO a => {kind:"agent" state:"active" queues:[] ..}
        # On being woken the whole call is decided anew.
        woken yes
        WF.POP q a TYPES 1 u BLOCK 100 => wait
        WF.POP q a BLOCK 100 => {id:$t1 ..}
        "#,
    );
}

#[test]
fn next_completes_a_task_and_takes_the_next_one_in_one_step() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 TYPE t => [$t1 $t2 $t3]
        WF.PUSH q other TYPE u => $t4
        WF.POP q a => {id:$t1 ..}
        WF.NEXT q a $t1 => {id:$t2 fence:$f2 payload:"2" type:"t"}
        WF.TASK q $t1 => !NOTASK
        WF.NEXT q a $t2 FENCE $f2 TYPES 1 u COUNT 5 => [{id:$t4 ..}]
        WF.NEXT q a $t4 MAXPRIORITY 0 => {id:$t3 ..}
        # Nothing to take: the completion counts all the same.
        WF.NEXT q a $t3 => nil
        WF.TASK q $t3 => !NOTASK
        WF.NEXT q a $t3 COUNT 2 => []
        "#,
    );
}

#[test]
fn only_the_done_half_of_next_refuses_and_then_nothing_was_taken() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a => {id:$t1 fence:$f1 ..}
        WF.NEXT q b $t1 => !NOTOWNER held by 'a'
        WF.NEXT q a $t1 FENCE $t1 => !NOTOWNER the fence is over
        WF.NEXT q a $t2 => !NOTOWNER is ready
        WF.NEXT q a 7 => !NOTASK
        WF.NEXT q a $t1 EPOCH 7 => !STALE
        WF.NEXT missing a 7 => !NOTASK
        WF.LEN q STATE ready => 2
        # Taking is refused, since the agent drains: null, and the completion counts.
        WF.DRAIN a
        WF.NEXT q a $t1 => nil
        WF.TASK q $t1 => !NOTASK
        WF.LEN q STATE ready => 2
        "#,
    );
}

#[test]
fn a_next_that_was_woken_does_not_complete_again() {
    scenario(
        r#"
        WF.PUSH q 1 RETAIN 9000 => $t1
        WF.POP q a => {id:$t1 ..}
        WF.INFO a => {epoch:$e1 ..}
        WF.NEXT q a $t1 BLOCK 0 EPOCH $e1 RESULT r => wait
        WF.TASK q $t1 => {state:"done" result:"r" ..}
        WF.INFO q => {total-completed:1 ..}
        WF.PUSH q 2 => $t2
        +9000
        tick
        woken yes
        # Its task is gone by now, which is no refusal.
        WF.NEXT q a $t1 BLOCK 0 EPOCH $e1 RESULT r => {id:$t2 ..}
        WF.INFO q => {total-completed:1 ..}
        woken no
        WF.NEXT q a $t2 BLOCK 0 EPOCH $e1 => wait
        # Somebody assumed the identity meanwhile: it gets no task.
        WF.RECOVER a => {tasks:[] ..}
        WF.PUSH q 3 => $t3
        woken yes
        WF.NEXT q a $t2 BLOCK 0 EPOCH $e1 => nil
        WF.POP q a BLOCK 0 EPOCH $e1 => !STALE
        WF.TASK q $t3 => {state:"ready" ..}
        "#,
    );
}
