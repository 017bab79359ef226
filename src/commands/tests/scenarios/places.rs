//! Keys are renamed, copied, deleted. What is found, and by whom?

use super::super::script::scenario;

#[test]
fn a_queue_that_was_renamed_is_missing_until_it_is_named() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        rename q p
        WF.HELD a => {tasks:[] missing:["q"] ..}
        WF.RECOVER a => {tasks:[] missing:["q"] more:0 ..}
        WF.HELD a QUEUES 1 p => {tasks:[{id:$t1 queue:"p" ..}] missing:["q"] ..}
        WF.OWNERS p => [{agent:"a" running:1 oldest:0}]
        WF.DONE q a $t1 => !NOTASK
        WF.RECOVER a QUEUES 3 p q nowhere => {tasks:[{id:$t1 queue:"p" ..}] \
            missing:["nowhere" "q"] ..}
        WF.INFO a => {queues:["p" "q"] ..}
        # A name that is given twice is one queue.
        WF.RECOVER a RELEASE QUEUES 2 p p => {count:1 missing:["q"] ..}
        "#,
    );
}

#[test]
fn a_touch_through_the_new_name_makes_the_agent_remember_it() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a
        rename q p
        WF.TOUCH p b $t1 => !NOTOWNER
        WF.INFO b => nil
        WF.TOUCH p a $t1 => {cancel:0 draining:0}
        WF.INFO a => {queues:["p" "q"] ..}
        WF.RECOVER a => {tasks:[{id:$t1 queue:"p" ..}] missing:["q"] ..}
        # Also when the agent's key is lost altogether.
        del a
        WF.TOUCH p a $t1
        WF.INFO a => {queues:["p"] ..}
        "#,
    );
}

#[test]
fn nobody_holds_the_tasks_of_a_copy() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.SET q maxlen 9
        WF.POP q b => {id:$t1 ..}
        WF.POP q a REQID r => {id:$t2 fence:$f2 ..}
        WF.POP q b => {id:$t3 fence:$f3 ..}
        WF.NACK q b IDS 1 $t1
        WF.POP q b TYPES 1 x => nil
        copy q p
        WF.OWNERS p => []
        WF.INFO p => {ready:4 running:0 maxlen:9 owners:0 ..}
        WF.TASK p $t2 => {state:"ready" attempts:1 reason:"copied with its queue" ..}
        WF.DONE p a $t2 FENCE $f2 => !NOTOWNER is ready: copied with its queue
        WF.DONE p a $t2 => !NOTOWNER
        WF.HELD a QUEUES 1 p => {tasks:[{id:$t2 queue:"q" ..}] ..}
        WF.POP p c COUNT 9 => [{id:$t4 ..} {id:$t1 ..} {id:$t2 fence:$g2 ..} {id:$t3 fence:$g3 ..}]
        $g2 > $f2
        $g3 > $f3
        WF.DONE p c $t2 FENCE $f2 => !NOTOWNER
        # The original goes on as it was; two queues, two truths.
        WF.DONE q a $t2 FENCE $f2 => OK
        WF.POP q a REQID r => {id:$t4 ..}
        WF.DONE p c $t2 FENCE $g2 => OK
        "#,
    );
}

#[test]
fn what_the_agents_of_the_original_could_repeat_they_cannot_repeat_on_a_copy() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a REQID r => {id:$t1 ..}
        WF.DONE q a $t1
        WF.POP q a REQID r => {id:$t2 fence:$f2 ..}
        copy q p
        WF.DONE p a $t1 => !NOTASK
        WF.POP p a REQID r => {id:$t2 fence:$g2 attempt:2 ..}
        $g2 > $f2
        "#,
    );
}

#[test]
fn owners_tells_who_holds_how_many_and_since_when() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.OWNERS missing => []
        WF.OWNERS q => []
        WF.POP q b => {id:$t1 ..}
        +100
        WF.POP q a => {id:$t2 ..}
        +50
        WF.POP q b => {id:$t3 ..}
        +5
        WF.OWNERS q => [{agent:"a" running:1 oldest:55} {agent:"b" running:2 oldest:155}]
        # A recovery does not make a taking younger; a completion may.
        WF.RECOVER b
        WF.DONE q a $t2
        WF.OWNERS q => [{agent:"b" running:2 oldest:155}]
        WF.DONE q b $t1
        WF.OWNERS q => [{agent:"b" running:1 oldest:5}]
        WF.NACK q b IDS 1 $t3
        WF.OWNERS q => []
        "#,
    );
}

#[test]
fn an_agent_whose_queue_was_deleted_and_made_anew_holds_nothing_there() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q a => {fence:$f1 ..}
        del q
        WF.HELD a => {tasks:[] missing:["q"] ..}
        +1
        WF.PUSH q 2 => $t2
        $t2 > $f1
        WF.HELD a => {tasks:[] missing:[] ..}
        WF.DONE q a $t1 => !NOTASK
        "#,
    );
}

#[test]
fn an_empty_queue_keeps_its_settings_and_stays() {
    scenario(
        r#"
        WF.SET q maxlen 3
        WF.PUSH q 1 => $t1
        WF.POP q a
        WF.DONE q a $t1
        WF.LEN q => 0
        reload
        WF.INFO q => {kind:"queue" maxlen:3 unfinished:0 ..}
        "#,
    );
}

#[test]
fn a_queue_that_a_recovery_names_is_remembered_though_its_page_did_not_reach_it() {
    scenario(
        r#"
        WF.PUSH p 1 => $p1
        WF.PUSH q 2 => $q1
        WF.POP q a
        del a
        WF.POP p a
        WF.RECOVER a QUEUES 1 q COUNT 1 => {tasks:[{id:$p1 ..}] more:1 cursor:$c1 ..}
        WF.HELD a CURSOR $c1 => {tasks:[{id:$q1 ..}] cursor:"0" ..}
        "#,
    );
}
