//! What does a client get that repeats a taking, since the reply was lost?

use super::super::script::scenario;

#[test]
fn a_pop_repeated_with_its_request_id_takes_nothing_more() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a REQID r1 => {id:$t1 fence:$f1 payload:"1"}
        WF.POP q a REQID r1 => {id:$t1 fence:$f1 payload:"1"}
        reload
        WF.POP q a REQID r1 BLOCK 0 => {id:$t1 fence:$f1 ..}
        WF.POP q a REQID r2 COUNT 9 => [{id:$t2 fence:$f2 ..} {id:$t3 fence:$f3 ..}]
        WF.POP q a REQID r2 COUNT 9 => [{id:$t2 fence:$f2 ..} {id:$t3 fence:$f3 ..}]
        WF.POP q a REQID r3 => nil
        # It is a request of this agent, and nobody else's.
        WF.POP q b REQID r1 => nil
        WF.INFO q => {total-taken:3 ..}
        WF.TASK q $t1 => {attempts:1 ..}
        "#,
    );
}

#[test]
fn a_repeated_pop_replies_only_what_is_still_held_of_that_taking() {
    scenario(
        r#"
        WF.MPUSH q 5 1 2 3 4 5 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q a REQID r COUNT 3 => [{fence:$f1 ..} {fence:$f2 ..} {fence:$f3 ..}]
        WF.DONE q a $t2
        WF.POP q a REQID r COUNT 3 => [{id:$t1 fence:$f1 ..} {id:$t3 fence:$f3 ..}]
        # Handed back, and taken by somebody else.
        WF.NACK q a IDS 1 $t1
        WF.POP q b COUNT 3 => [{id:$t4 ..} {id:$t5 ..} {id:$t1 ..}]
        WF.POP q a REQID r COUNT 3 => [{id:$t3 fence:$f3 ..}]
        # Handed back, and taken again by the same agent: that was another taking.
        WF.NACK q b IDS 1 $t1
        WF.POP q a => {id:$t1 fence:$g1 ..}
        WF.POP q a REQID r COUNT 3 => [{id:$t3 fence:$f3 ..}]
        $g1 > $f3
        # Nothing is left of it: it may be asked anew.
        WF.FAIL q a $t3
        WF.POP q a REQID r COUNT 3 => []
        WF.NACK q b IDS 1 $t4
        WF.POP q a REQID r COUNT 3 => [{id:$t4 attempt:2 ..}]
        WF.POP q a REQID r COUNT 3 => [{id:$t4 attempt:2 ..}]
        "#,
    );
}

#[test]
fn a_request_under_another_epoch_is_another_request() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.RECOVER a => {epoch:$e1 ..}
        WF.POP q a EPOCH $e1 REQID r => {id:$t1 ..}
        WF.RECOVER a => {epoch:$e2 tasks:[{id:$t1 ..}] ..}
        WF.POP q a EPOCH $e1 REQID r => !STALE
        WF.POP q a EPOCH $e2 REQID r => {id:$t2 fence:$f2 ..}
        WF.POP q a EPOCH $e2 REQID r => {id:$t2 fence:$f2 ..}
        WF.POP q a REQID r => {id:$t2 fence:$f2 ..}
        "#,
    );
}

#[test]
fn an_mpop_repeated_is_answered_by_whichever_queue_answered_first() {
    scenario(
        r#"
        WF.PUSH q2 two => $t2
        WF.MPOP a 3 q1 q2 q3 REQID r => {id:$t2 fence:$f2 queue:"q2" ..}
        WF.PUSH q1 one => $t1
        WF.PUSH q2 more
        WF.MPOP a 3 q1 q2 q3 REQID r => {id:$t2 fence:$f2 queue:"q2" ..}
        WF.MPOP a 2 q3 q2 REQID r COUNT 2 => [{id:$t2 fence:$f2 queue:"q2" ..}]
        WF.DONE q2 a $t2
        WF.MPOP a 3 q1 q2 q3 REQID r => {id:$t1 queue:"q1" ..}
        "#,
    );
}

#[test]
fn a_next_repeated_with_its_request_id_completes_and_takes_nothing_more() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a => {id:$t1 fence:$f1 ..}
        WF.NEXT q a $t1 FENCE $f1 REQID r => {id:$t2 fence:$f2 ..}
        WF.NEXT q a $t1 FENCE $f1 REQID r => {id:$t2 fence:$f2 ..}
        WF.INFO q => {total-completed:1 total-taken:2 ..}
        WF.NEXT q a $t2 REQID s => {id:$t3 ..}
        "#,
    );
}

#[test]
fn at_least_the_last_64_completions_can_be_repeated() {
    use std::fmt::Write;
    let mut text = "WF.PUSH q first => $first\nWF.POP q a\nWF.DONE q a $first\n".to_owned();
    for nth in 0..63 {
        let said = format!("WF.PUSH q x => $t{nth}\nWF.POP q a\nWF.DONE q a $t{nth}\n");
        write!(text, "{said}").expect("room");
    }
    write!(text, "reload\nWF.DONE q a $first => OK\n").expect("room");
    write!(text, "WF.PUSH q x => $last\nWF.POP q a\nWF.DONE q a $last\n").expect("room");
    scenario(&format!("{text}WF.DONE q a $t0 => OK\nWF.DONE q a $first => !NOTASK"));
}
