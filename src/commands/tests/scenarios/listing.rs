//! What do the commands tell that only look?

use super::super::script::scenario;

/// Two tasks in each state but one, of two types; some have a handle.
const ALL: &str = r#"
    WF.SET q retain 9000
    WF.MPUSH q 6 1 2 3 4 5 6 TYPE x => [$d1 $f1 $r1 $d2 $f2 $r2]
    WF.POP q a COUNT 3
    WF.POP q b COUNT 3
    WF.TOUCH q a $f1 HANDLE h1
    WF.TOUCH q b $r2 HANDLE h2
    WF.DONE q a $d1
    WF.DONE q b $d2
    WF.FAIL q a $f1
    WF.FAIL q b $f2
    WF.PUSH q 7 TYPE y PRIORITY 3 => $w2
    WF.PUSH q 8 TYPE x => $w1
"#;

fn with_all(text: &str) {
    scenario(&format!("{ALL}\n{text}"));
}

#[test]
fn list_tells_of_all_tasks_or_those_of_one_state() {
    with_all(
        r#"
        WF.LIST q => {tasks:[{id:$w1 state:"ready" ..} {id:$w2 ..} {id:$r1 state:"running" ..} \
            {id:$r2 ..} {id:$d1 state:"done" ..} {id:$d2 ..} {id:$f1 state:"failed" ..} \
            {id:$f2 ..}] cursor:"0"}
        WF.LIST q STATE ready => {tasks:[{id:$w1 ..} {id:$w2 priority:3 ..}] cursor:"0"}
        WF.LIST q STATE running => {tasks:[{id:$r1 owner:"a" ..} {id:$r2 owner:"b" ..}] cursor:"0"}
        WF.LIST q STATE done => {tasks:[{id:$d1 ..} {id:$d2 ..}] cursor:"0"}
        WF.LIST q STATE FAILED => {tasks:[{id:$f1 ..} {id:$f2 ..}] cursor:"0"}
        WF.LIST q STATE lost => !ERR STATE 'lost' is none of waiting, scheduled, ready,
        WF.LIST missing => {tasks:[] cursor:"0"}
        "#,
    );
}

#[test]
fn list_and_len_know_what_is_scheduled_and_what_was_cancelled() {
    with_all(
        r#"
        WF.MPUSH q 3 1 2 3 DELAY 70 TYPE x RETAIN 500 => [$s1 $s2 $s3]
        WF.PUSH q 4 DELAY 20 TYPE y => $s4
        WF.CANCEL q IDS 2 $s2 $w1
        # In the order in which they were scheduled, not that of their times.
        WF.LIST q STATE scheduled => {tasks:[{id:$s1 state:"scheduled" ..} {id:$s3 ..} \
            {id:$s4 ..}] cursor:"0"}
        WF.LIST q STATE scheduled TYPE y => {tasks:[{id:$s4 ..}] cursor:"0"}
        WF.LIST q STATE scheduled COUNT 1 => {tasks:[{id:$s1 ..}] cursor:$c1}
        WF.LIST q STATE scheduled CURSOR $c1 => {tasks:[{id:$s3 ..} {id:$s4 ..}] cursor:"0"}
        WF.LIST q STATE Cancelled => {tasks:[{id:$s2 state:"cancelled" ..} {id:$w1 ..}] cursor:"0"}
        WF.LIST q => {tasks:[{id:$s1 ..} {id:$s3 ..} {id:$s4 ..} {id:$w2 ..} _ _ _ _ _ _ \
            {id:$s2 ..} {id:$w1 ..}] cursor:"0"}
        WF.LEN q STATE scheduled => 3
        WF.LEN q STATE cancelled => 2
        WF.LEN q => 6
        "#,
    );
}

#[test]
fn list_leaves_out_what_is_not_asked_for() {
    with_all(
        r#"
        WF.LIST q TYPE y => {tasks:[{id:$w2 ..}] cursor:"0"}
        WF.LIST q TYPE none => {tasks:[] cursor:"0"}
        WF.LIST q OWNER a => {tasks:[{id:$r1 ..}] cursor:"0"}
        WF.LIST q OWNER nobody => {tasks:[] cursor:"0"}
        WF.LIST q OWNER a STATE ready => {tasks:[] cursor:"0"}
        WF.LIST q HANDLES => {tasks:[{id:$r2 handle:"h2" ..} {id:$f1 handle:"h1" ..}] cursor:"0"}
        WF.LIST q HANDLES STATE failed TYPE x => {tasks:[{id:$f1 ..}] cursor:"0"}
        WF.LIST q HANDLES OWNER a => {tasks:[] cursor:"0"}
        "#,
    );
}

#[test]
fn list_goes_on_page_by_page_through_all_states() {
    with_all(
        r#"
        WF.LIST q COUNT 1 => {tasks:[{id:$w1 ..}] cursor:$c1}
        WF.LIST q COUNT 2 CURSOR $c1 => {tasks:[{id:$w2 ..} {id:$r1 ..}] cursor:$c2}
        WF.LIST q COUNT 1 CURSOR $c2 => {tasks:[{id:$r2 ..}] cursor:$c3}
        WF.LIST q COUNT 3 CURSOR $c3 => {tasks:[{id:$d1 ..} {id:$d2 ..} {id:$f1 ..}] cursor:$c4}
        WF.LIST q COUNT 1 CURSOR $c4 => {tasks:[{id:$f2 ..}] cursor:"0"}
        WF.LIST q CURSOR nonsense => !ERR CURSOR
        WF.LIST q COUNT 0 => !ERR count
        "#,
    );
}

#[test]
fn a_page_goes_on_though_the_task_of_its_cursor_is_gone() {
    with_all(
        r#"
        WF.LIST q STATE ready COUNT 1 => {tasks:[{id:$w1 ..}] cursor:$c1}
        WF.POP q c => {id:$w1 ..}
        WF.LIST q STATE ready CURSOR $c1 => {tasks:[{id:$w2 ..}] cursor:"0"}
        WF.LIST q STATE running COUNT 1 => {tasks:[{id:$r1 ..}] cursor:$c2}
        WF.DONE q a $r1
        WF.LIST q STATE running CURSOR $c2 => {tasks:[{id:$r2 ..} {id:$w1 ..}] cursor:"0"}
        WF.LIST q STATE done COUNT 1 => {tasks:[{id:$d1 ..}] cursor:$c3}
        WF.LIST q STATE failed COUNT 1 => {tasks:[{id:$f1 ..}] cursor:$c4}
        reload
        WF.LIST q STATE failed CURSOR $c4 => {tasks:[{id:$f2 ..}] cursor:"0"}
        WF.LIST q STATE done CURSOR $c3 => {tasks:[{id:$d2 ..} {id:$r1 ..}] cursor:"0"}
        +9000
        tick
        WF.PUSH q 9 RETAIN 1 => $n1
        WF.POP q c TYPES 1 y
        WF.POP q c => {id:$n1 ..}
        WF.DONE q c $n1
        WF.LIST q STATE done CURSOR $c3 => {tasks:[{id:$n1 ..}] cursor:"0"}
        "#,
    );
}

#[test]
fn a_task_that_stays_where_it_was_is_listed_once_while_others_are_recovered() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 4
        WF.RECOVER a COUNT 1 => {tasks:[{id:$t1 ..}] ..}
        WF.LIST q STATE running COUNT 2 => {tasks:[{id:$t1 ..} {id:$t2 ..}] cursor:$c1}
        WF.DONE q a $t2
        WF.LIST q STATE running CURSOR $c1 => {tasks:[{id:$t3 ..} {id:$t4 ..}] cursor:"0"}
        WF.LIST q OWNER a COUNT 1 => {tasks:[{id:$t1 ..}] cursor:$c2}
        WF.DONE q a $t1
        WF.LIST q OWNER a CURSOR $c2 => {tasks:[{id:$t3 ..} {id:$t4 ..}] cursor:"0"}
        "#,
    );
}

#[test]
fn ready_tasks_are_listed_in_the_order_in_which_they_are_taken() {
    scenario(
        r#"
        WF.PUSH q 1 PRIORITY 2 TYPE x => $t1
        WF.PUSH q 2 PRIORITY 1 TYPE y => $t2
        WF.PUSH q 3 PRIORITY 2 TYPE y => $t3
        WF.PUSH q 4 PRIORITY 1 TYPE x => $t4
        WF.LIST q STATE ready COUNT 2 => {tasks:[{id:$t2 ..} {id:$t4 ..}] cursor:$c1}
        WF.LIST q STATE ready CURSOR $c1 => {tasks:[{id:$t1 ..} {id:$t3 ..}] cursor:"0"}
        WF.LIST q STATE ready TYPE y COUNT 1 => {tasks:[{id:$t2 ..}] cursor:$c2}
        WF.LIST q STATE ready TYPE y CURSOR $c2 => {tasks:[{id:$t3 ..}] cursor:"0"}
        WF.POP q a COUNT 9 => [{id:$t2 ..} {id:$t4 ..} {id:$t1 ..} {id:$t3 ..}]
        "#,
    );
}

#[test]
fn len_counts_what_is_unfinished_or_in_one_state() {
    with_all(
        r#"
        WF.LEN q => 4
        WF.LEN q STATE ready => 2
        WF.LEN q STATE running => 2
        WF.LEN q STATE done => 2
        WF.LEN q STATE failed => 2
        WF.LEN q STATE lost => !ERR STATE 'lost' is none of waiting, scheduled, ready,
        WF.LEN missing => 0
        "#,
    );
}

#[test]
fn info_tells_of_a_queue_as_a_whole() {
    with_all(
        r#"
        WF.SET q maxlen 20 maxunique 30 crashes 4 retain-failed 50
        WF.NACK q a IDS 1 $r1
        WF.PUSH q 9 UNIQUE k
        WF.PUSH q 10 DELAY 5
        WF.PUSH q 11 DELAY 5 RETAIN 9 => $t1
        WF.CANCEL q IDS 1 $t1
        WF.SET q timeout 41 retries 42 backoff 43 backstop 44
        WF.INFO q => {kind:"queue" state:"active" paused-types:[] waiting:0 \
            workflows:0 maxdag:100000 \
            scheduled:1 \
            ready:4 running:1 done:2 failed:2 cancelled:1 unfinished:6 types:3 owners:1 \
            unique-keys:1 total-pushed:11 total-taken:6 \
            total-completed:2 total-failed:2 total-returned:1 total-cancelled:1 total-retried:0 \
            last-number:_ \
            retain:9000 retain-failed:50 crashes:4 maxlen:20 maxunique:30 timeout:41 retries:42 \
            backoff:43 backstop:44}
        WF.SET n maxlen 1
        WF.INFO n => {retain:0 retain-failed:604800000 crashes:10 maxlen:1 maxunique:1000000 \
            timeout:0 retries:0 backoff:0 backstop:0 ..}
        WF.INFO a => {kind:"agent" epoch:_ state:"active" queues:["q"]}
        WF.PAUSE n
        WF.PAUSE n TYPE red
        WF.PAUSE n TYPE blue
        WF.INFO n => {state:"paused" paused-types:["blue" "red"] ..}
        WF.PUSH n 1
        WF.RESUME n
        WF.POP n a
        WF.DRAIN n BLOCK 50 RESET => wait
        WF.INFO n => {state:"draining" reset-at:1800000000050 reset:0 ..}
        WF.INFO missing => nil
        "#,
    );
}

#[test]
fn check_finds_nothing_wrong() {
    with_all(
        r#"
        WF.CHECK q => OK
        WF.CHECK a => OK
        WF.CHECK missing => !ERR no such key
        "#,
    );
}

#[test]
fn set_changes_all_the_settings_it_names_or_none() {
    scenario(
        r#"
        WF.SET q MAXLEN 5 crashes 3 => OK
        WF.INFO q => {maxlen:5 crashes:3 ready:0 ..}
        WF.SET q maxlen 6 colour 3 => !ERR setting 'colour' is unknown
        WF.SET q maxlen 6 crashes -1 => !ERR crashes is not an integer
        WF.SET q maxlen 6 crashes => !ERR crashes has no value
        WF.SET q maxlen 7 maxlen 8 => OK
        WF.INFO q => {maxlen:8 crashes:3 ..}
        "#,
    );
}

#[test]
fn task_tells_of_no_task_that_is_not_there() {
    scenario(
        r#"
        WF.TASK missing 7 => !NOTASK there is no task 7
        WF.PUSH q 1 PRIORITY 9 UNIQUE k => $t1
        WF.TASK q 7 => !NOTASK
        WF.TASK q x => !ERR id is not an integer
        WF.TASK q $t1 => {id:$t1 state:"ready" payload:"1" priority:9 unique:"k" pushed-at:_}
        "#,
    );
}
