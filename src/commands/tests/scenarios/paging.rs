//! How does a successor read what is too much for one page?

use super::super::script::scenario;

#[test]
fn held_reads_on_from_the_cursor_of_a_recovery_until_it_is_0() {
    scenario(
        r#"
        WF.MPUSH p 2 1 2 => [$p1 $p2]
        WF.MPUSH q 3 3 4 5 => [$q1 $q2 $q3]
        WF.POP q a COUNT 3
        WF.POP p a COUNT 2
        WF.RECOVER a COUNT 1 => {tasks:[{id:$p1 queue:"p" ..}] more:1 cursor:$c1 ..}
        WF.HELD a CURSOR $c1 COUNT 2 => {tasks:[{id:$p2 queue:"p" crashes:1 ..} \
            {id:$q1 queue:"q" ..}] cursor:$c2 ..}
        WF.HELD a CURSOR $c2 COUNT 1 => {tasks:[{id:$q2 fence:$f2 ..}] cursor:$c3 ..}
        WF.HELD a CURSOR $c3 COUNT 1 => {tasks:[{id:$q3 ..}] cursor:"0" ..}
        # From the start, all are there and counted once.
        WF.HELD a CURSOR 0 => {tasks:[{id:$p1 crashes:1 ..} {id:$p2 crashes:1 ..} \
            {id:$q1 crashes:1 ..} {id:$q2 crashes:1 fence:$f2 ..} {id:$q3 crashes:1 ..}] \
            cursor:"0" quarantined:[] missing:[]}
        WF.HELD a CURSOR nonsense => !ERR CURSOR
        WF.HELD a COUNT 0 => !ERR count
        WF.HELD nobody => {tasks:[] quarantined:[] cursor:"0" missing:[]}
        "#,
    );
}

#[test]
fn a_page_that_ends_with_a_queue_goes_on_with_the_next_one() {
    scenario(
        r#"
        WF.MPUSH p 2 1 2 => [$p1 $p2]
        WF.PUSH q 3 => $q1
        WF.POP p a COUNT 2
        WF.POP q a
        WF.RECOVER a COUNT 2 => {tasks:[{id:$p1 ..} {id:$p2 ..}] more:1 cursor:$c1 ..}
        WF.HELD a CURSOR $c1 => {tasks:[{id:$q1 ..}] cursor:"0" ..}
        WF.RECOVER a COUNT 3 => {tasks:[_ _ _] more:0 cursor:"0" ..}
        "#,
    );
}

#[test]
fn a_recovery_with_count_0_voids_all_and_reads_nothing() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.POP q a COUNT 2 => [{fence:$f1 ..} ..]
        WF.RECOVER a COUNT 0 => {tasks:[] quarantined:[] more:1 cursor:$c1 ..}
        WF.DONE q a $t1 FENCE $f1 => !NOTOWNER the fence is over
        WF.HELD a CURSOR $c1 => {tasks:[{id:$t1 ..} {id:$t2 ..}] cursor:"0" ..}
        WF.RECOVER a RELEASE COUNT 0 => {count:0 more:1 ..}
        WF.RECOVER a RELEASE COUNT 1 => {count:1 more:1 ..}
        WF.RECOVER a RELEASE COUNT 1 => {count:1 more:0 cursor:"0" ..}
        WF.RECOVER a COUNT 0 => {tasks:[] more:0 cursor:"0" ..}
        "#,
    );
}

#[test]
fn a_cursor_leads_on_though_the_task_it_stands_behind_is_gone() {
    scenario(
        r#"
        WF.MPUSH q 5 1 2 3 4 5 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q a COUNT 5
        WF.RECOVER a COUNT 2 => {tasks:[{id:$t1 ..} {id:$t2 ..}] cursor:$c1 ..}
        WF.DONE q a $t2
        WF.HELD a CURSOR $c1 COUNT 1 => {tasks:[{id:$t3 ..}] cursor:$c2 ..}
        # Handed back and taken again it stands at the end.
        WF.NACK q a IDS 1 $t3
        WF.POP q a => {id:$t3 ..}
        WF.HELD a CURSOR $c2 COUNT 9 => {tasks:[{id:$t4 ..} {id:$t5 ..} {id:$t3 ..}] cursor:"0" ..}
        # Taken by somebody else, it leads to none of theirs.
        WF.NACK q a IDS 1 $t3
        WF.PUSH q 6
        WF.POP q b COUNT 9
        WF.HELD a CURSOR $c2 COUNT 9 => {tasks:[{id:$t4 ..} {id:$t5 ..}] cursor:"0" ..}
        # The queue is gone: nothing more is there to read.
        del q
        WF.HELD a CURSOR $c2 => {tasks:[] cursor:"0" missing:["q"] ..}
        "#,
    );
}

#[test]
fn what_is_taken_while_reading_comes_at_the_end() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q a COUNT 2
        WF.RECOVER a COUNT 1 => {tasks:[{id:$t1 ..}] cursor:$c1 ..}
        WF.POP q a => {id:$t3 ..}
        WF.HELD a CURSOR $c1 => {tasks:[{id:$t2 crashes:1 ..} \
            {id:$t3 fence:_ payload:"3" queue:"q" running-for:0}] cursor:"0" ..}
        "#,
    );
}

#[test]
fn on_a_replica_held_changes_nothing_and_what_is_void_has_no_fence() {
    scenario(
        r#"
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.SET q crashes 1
        WF.POP q a COUNT 3
        WF.SET q crashes 9
        WF.RECOVER a COUNT 1 => {tasks:[{id:$t1 fence:$f1 ..}] cursor:$c1 ..}
        read-only yes
        WF.HELD a => {tasks:[{id:$t1 fence:$f1 payload:"1" crashes:1 queue:"q" running-for:0} \
            {id:$t2 payload:"2" queue:"q" running-for:0} \
            {id:$t3 payload:"3" queue:"q" running-for:0}] quarantined:[] cursor:"0" missing:[]}
        WF.HELD a COUNT 1 CURSOR $c1 => {tasks:[{id:$t2 payload:"2" queue:"q" running-for:0}] \
            cursor:$c2 ..}
        WF.HELD a CURSOR $c2 => {tasks:[{id:$t3 ..}] cursor:"0" ..}
        WF.INFO q => {running:3 ..}
        read-only no
        WF.HELD a CURSOR $c1 => {tasks:[{id:$t2 fence:_ crashes:1 ..} {id:$t3 fence:_ ..}] ..}
        "#,
    );
}

#[test]
fn a_cursor_shows_nobody_elses_tasks() {
    scenario(
        r#"
        WF.MPUSH q 3 a b c => [$a $b $c]
        WF.POP q me
        WF.POP q other COUNT 2 => [{fence:$fb ..} {fence:$fc ..}]
        WF.HELD other COUNT 1 => {tasks:[{id:$b ..}] cursor:$cursor ..}
        WF.HELD me QUEUES 1 q CURSOR $cursor => {tasks:[] cursor:"0" ..}
        WF.LIST q OWNER other COUNT 1 => {tasks:[{id:$b ..}] cursor:$page}
        WF.LIST q OWNER me CURSOR $page => {tasks:[] cursor:"0"}
        WF.LIST q OWNER other CURSOR $page => {tasks:[{id:$c ..}] cursor:"0"}
        "#,
    );
}
