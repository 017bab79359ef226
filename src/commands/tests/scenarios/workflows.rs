//! Do tasks that wait for one another start when they may, once, and never when they may not?

use super::super::script::scenario;

#[test]
fn a_child_is_ready_in_the_step_in_which_its_last_parent_is_done() {
    scenario(
        r#"
        WF.SUBMIT q etl TASK a 1 TASK b 2 TASK c 3 AFTER 2 a b => $w
        WF.LEN q STATE waiting => 1
        WF.LEN q => 3
        WF.INFO q => {waiting:1 ready:2 workflows:1 unfinished:3 total-pushed:3 ..}
        WF.POP q x COUNT 5 => [{id:$a workflow:$w name:"a" payload:"1" fence:_} {id:$b name:"b" ..}]
        $a > $w
        WF.DONE q x $b => OK
        WF.POP q x => nil
        WF.DONE q x $a => OK
        WF.POP q x => {id:$c workflow:$w name:"c" payload:"3" fence:_}
        WF.DONE q x $c => OK
        # Nobody asked for it to be kept.
        WF.WORKFLOW q $w => !NOWORKFLOW there is no workflow
        WF.TASK q $a => !NOTASK
        WF.INFO q => {unfinished:0 workflows:0 done:0 types:0 ..}
        "#,
    );
}

#[test]
fn the_order_in_which_parents_end_does_not_matter_and_each_child_starts_once() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 TASK c 3 TASK m x AFTER 3 a b c TASK n y AFTER 2 c b => $w
        WF.POP q x COUNT 3 => [{id:$a ..} {id:$b ..} {id:$c ..}]
        WF.MDONE q x IDS 2 $c $b => [1 1]
        WF.POP q x COUNT 9 => [{name:"n" ..}]
        WF.MDONE q x IDS 1 $a => [1]
        WF.POP q x COUNT 9 => [{name:"m" ..}]
        # The same again: a lost reply.
        WF.MDONE q x IDS 1 $a => [1]
        WF.POP q x => nil
        "#,
    );
}

#[test]
fn next_takes_the_child_that_it_unlocks() {
    scenario(
        r#"
        WF.SUBMIT q chain TASK a 1 TASK b 2 AFTER 1 a TASK c 3 AFTER 1 b RETAIN 500 => $w
        WF.POP q x => {id:$a ..}
        WF.NEXT q x $a RESULT r1 WITHRESULTS => {id:$b name:"b" results:{a:"r1"} ..}
        WF.NEXT q x $b RESULT r2 WITHRESULTS => {id:$c results:{b:"r2"} ..}
        WF.NEXT q x $c => nil
        WF.WORKFLOW q $w => {id:$w name:"chain" state:"done" onfail:"stop" \
            submitted-at:_ ended-at:_ \
            expires-at:_ retain:500 size:3 unfinished:0 failed:0 cancelled:0 cursor:"0" \
            tasks:[{id:$a name:"a" state:"done" result:"r1" after:[] afterany:[] ..} \
            {name:"b" after:["a"] ..} {name:"c" after:["b"] afterany:[] ..}]}
        +499
        tick
        WF.WORKFLOW q $w => {state:"done" ..}
        WF.TASK q $a => {state:"done" ..}
        +1
        tick
        WF.WORKFLOW q $w => !NOWORKFLOW
        WF.TASK q $a => !NOTASK
        "#,
    );
}

#[test]
fn each_task_has_its_own_type_priority_delay_limit_and_retries() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TYPE red PRIORITY 7 TASK b 2 AFTER 1 a TYPE blue \
            PRIORITY 3 DELAY 50 \
            TIMEOUT 500 RETRIES 1 BACKOFF 20 30 TASK c 3 DELAY 10 => $w
        WF.LEN q STATE scheduled => 1
        WF.POP q x => {id:$a type:"red" ..}
        WF.TASK q $a => {priority:7 ..}
        WF.DONE q x $a => OK
        WF.LIST q STATE scheduled => {tasks:[{name:"c" ..} {name:"b" starts-at:1800000000050 \
            type:"blue" priority:3 ..}] ..}
        +10
        tick
        WF.POP q x => {name:"c" id:$c ..}
        WF.DONE q x $c => OK
        +40
        tick
        WF.POP q x TYPES 1 blue => {id:$b deadline:_ ..}
        WF.FAIL q x $b => "scheduled"
        +20
        tick
        WF.POP q x => {id:$b failures:1 attempt:2 ..}
        WF.FAIL q x $b => "failed"
        WF.WORKFLOW q $w => {state:"failed" failed:1 ..}
        "#,
    );
}

#[test]
fn when_a_task_fails_for_good_nothing_more_starts() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 TASK c 3 AFTER 1 a TASK d 4 AFTER 1 c TASK e 5 => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.FAIL q x $a ERROR boom => "failed"
        WF.WORKFLOW q $w => {state:"running" unfinished:1 failed:1 cancelled:3 tasks:[ \
            {name:"a" state:"failed" error:"boom" ..} {name:"b" state:"running" ..} \
            {name:"c" state:"cancelled" reason:"parent" ..} {name:"d" state:"cancelled" ..} \
            {name:"e" state:"cancelled" reason:"parent" ..}] ..}
        # What runs may finish, and then it is over.
        WF.DONE q x $b => OK
        WF.WORKFLOW q $w => {state:"failed" unfinished:0 ended-at:_ expires-at:_ ..}
        WF.POP q x => nil
        # It stays for as long as a failed task does.
        +604799999
        tick
        WF.WORKFLOW q $w => {state:"failed" ..}
        +1
        tick
        WF.WORKFLOW q $w => !NOWORKFLOW
        WF.INFO q => {failed:0 cancelled:0 done:0 workflows:0 types:0 ..}
        "#,
    );
}

#[test]
fn with_continue_only_what_depends_on_the_failure_is_given_up() {
    scenario(
        r#"
        WF.SUBMIT q w ONFAIL CONTINUE TASK a 1 TASK b 2 TASK c 3 AFTER 1 a TASK d 4 AFTER 1 c \
            TASK e 5 AFTER 1 b TASK f 6 AFTER 2 d e => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$b ..}]
        WF.FAIL q x $a => "failed"
        WF.WORKFLOW q $w => {state:"running" failed:1 cancelled:3 unfinished:2 ..}
        WF.DONE q x $b => OK
        WF.POP q x => {name:"e" id:$e ..}
        WF.POP q x => nil
        WF.DONE q x $e => OK
        WF.WORKFLOW q $w => {state:"failed" failed:1 cancelled:3 unfinished:0 onfail:"continue" ..}
        "#,
    );
}

#[test]
fn afterany_waits_for_an_end_and_not_for_success() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 a TASK clean 3 AFTERANY 2 a b TASK c 4 => $w
        WF.POP q x COUNT 2 => [{id:$a ..} {id:$c name:"c" ..}]
        WF.FAIL q x $a => "failed"
        # b never starts, and that is an end, too.
        WF.POP q x => {name:"clean" id:$clean ..}
        # Handed back, it may start again though the workflow is stopped; c may not.
        WF.NACK q x IDS 1 $clean => 1
        WF.NACK q x IDS 1 $c => 1
        WF.TASK q $c => {state:"cancelled" reason:"parent" ..}
        WF.POP q x => {id:$clean ..}
        WF.DONE q x $c => !NOTOWNER is cancelled
        WF.DONE q x $clean => OK
        WF.WORKFLOW q $w => {state:"failed" failed:1 cancelled:2 ..}
        WF.SUBMIT r w TASK a 1 TASK b 2 TASK c 3 AFTER 1 b AFTERANY 1 a => $v
        WF.POP r x COUNT 2 => [{id:$ra ..} {id:$rb ..}]
        WF.FAIL r x $ra => "failed"
        # A last resort that also needs a success waits for it.
        WF.LEN r STATE waiting => 1
        WF.DONE r x $rb => OK
        WF.POP r x => {name:"c" id:$rc ..}
        WF.DONE r x $rc => OK
        WF.WORKFLOW r $v => {state:"failed" ..}
        "#,
    );
}

#[test]
fn a_task_that_is_lost_or_late_advances_nothing_until_it_is_done() {
    scenario(
        r#"
        WF.SET q crashes 2
        WF.SUBMIT q w TASK a 1 TIMEOUT 100 TASK b 2 AFTER 1 a => $w
        WF.POP q x => {id:$a ..}
        +100
        tick
        WF.POP q y => {id:$a crashes:1 ..}
        WF.DONE q x $a => !NOTOWNER held by 'y'
        WF.LEN q STATE waiting => 1
        WF.RECOVER y => {tasks:[] quarantined:[{id:$a ..}] ..}
        WF.WORKFLOW q $w => {state:"failed" failed:1 cancelled:1 ..}
        "#,
    );
}

#[test]
fn a_workflow_is_checked_whole_before_anything_is_stored() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 z \
            => !BADDAG task 'b' waits for 'z', which is no task
        WF.SUBMIT q w TASK a 1 TASK a 2 => !BADDAG two tasks are called 'a'
        WF.SUBMIT q w TASK a 1 AFTER 1 a => !BADDAG task 'a' waits for 'a', which is itself
        WF.SUBMIT q w TASK r 0 TASK a 1 AFTER 1 c TASK b 2 AFTER 1 a TASK c 3 AFTERANY 2 b r \
            => !BADDAG 'a' -> 'b' -> 'c' -> 'a' wait for one another
        WF.SUBMIT q w TASK a 1 AFTER 1 b TASK b 2 AFTER 1 a => !BADDAG no task can start
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 a AFTERANY 1 a => !BADDAG says so twice
        WF.SUBMIT q w TASK "" 1 => !BADDAG a task has no name
        WF.SUBMIT q w ONFAIL STOP RETAIN 5 => !BADDAG at least one task
        WF.INFO q => nil
        WF.SET q maxdag 2 maxlen 3
        WF.SUBMIT q w TASK a 1 TASK b 2 TASK c 3 => !BADDAG 3 tasks are too many: maxdag allows 2
        WF.SUBMIT q w TASK a 1 TASK b 2
        WF.SUBMIT q w TASK a 1 TASK b 2 => !FULL maxlen is 3
        "#,
    );
}

#[test]
fn a_document_says_the_same_as_words() {
    for asked in [
        r#"ONFAIL CONTINUE UNIQUE k RETAIN 900 TASK a p TYPE t PRIORITY 3 TIMEOUT 5 RETRIES 2 \
            BACKOFF 7 9 TASK b "" DELAY 8 AFTER 1 a TASK c z BACKOFF 4 AFTERANY 1 b"#,
        r#"JSON {"tasks":[{"name":"a","payload":"p","type":"t","priority":3,"timeout":5,\
            "retries":2,"backoff":[7,9]},{"name":"b","delay":8,"after":["a"]},\
            {"name":"c","payload":"z","backoff":4,"afterany":["b"]}],\
            "onfail":"continue","retain":900,"unique":"k"}"#,
    ] {
        scenario(&format!(
            r#"
            WF.SUBMIT q etl {asked} => $w
            WF.WORKFLOW q $w => {{id:$w name:"etl" state:"running" onfail:"continue" unique:"k" \
                retain:900 submitted-at:_ size:3 unfinished:3 failed:0 cancelled:0 cursor:"0" \
                tasks:[ \
                {{id:_ workflow:$w name:"a" state:"ready" payload:"p" type:"t" \
                priority:3 timeout:5 \
                retries:2 backoff:7 backoff-max:9 pushed-at:_ after:[] afterany:[]}} \
                {{id:_ workflow:$w name:"b" state:"waiting" payload:"" pushed-at:_ after:["a"] \
                afterany:[] delay:8}} \
                {{id:_ workflow:$w name:"c" state:"waiting" payload:"z" backoff:4 \
                backoff-max:3600000 pushed-at:_ after:[] afterany:["b"]}}]}}
            "#
        ));
    }
}

#[test]
fn what_the_call_says_counts_before_what_the_document_says() {
    scenario(
        r#"
        WF.SUBMIT q w ONFAIL STOP RETAIN 7 JSON \
            {"tasks":[{"name":"a"}],"onfail":"continue","retain":8} => $w
        WF.WORKFLOW q $w => {onfail:"stop" retain:7 ..}
        "#,
    );
}

#[test]
fn what_is_wrong_with_a_document_is_said() {
    scenario(
        r#"
        WF.SUBMIT q w JSON {"tasks":[{"nam":"a"}]} => !ERR task 1: unknown field
        WF.SUBMIT q w JSON {"tasks":[{"name":"b"},{"payload":"a"}]} => !ERR task 2: missing field
        WF.SUBMIT q w JSON {"tasks":[{"name":"a","timeout":-1}]} => !ERR task 1: invalid value
        WF.SUBMIT q w JSON {"tasks":[{"name":"a","delay":9007199254740992}]} => !ERR 'a': delay is
        WF.SUBMIT q w JSON {"tasks":[{"name":"a","backoff":[1]}]} => !ERR task 1: invalid length 1
        # Only by name: a list says nothing to who reads it, and means another thing tomorrow.
        WF.SUBMIT q w JSON {"tasks":[["a","p"]]} => !ERR task 1: invalid type: sequence
        WF.SUBMIT q w JSON [[{"name":"a"}]] => !ERR JSON: invalid type: sequence, expected an obj
        WF.SUBMIT q w JSON {"tasks":{"a":1}} => !ERR JSON: invalid type: map, expected an array
        WF.SUBMIT q w JSON {"tasks":[{"name":"a"}],"onfail":"go"} => !ERR ONFAIL 'go' is neither
        WF.SUBMIT q w JSON {"tasks":[{"name":"a"}],"for":5} => !ERR for goes with unique
        WF.SUBMIT q w JSON {"tasks":[{"name":"a","after":["b"]}]} => !BADDAG
        WF.SUBMIT q w JSON {"tasks":[]} => !BADDAG at least one task
        WF.SUBMIT q w JSON {"tasks":[{"name":"a"}]} TASK b 1 => !ERR exclude each other
        WF.SUBMIT q w JSON [ => !ERR JSON:
        WF.SUBMIT q w TYPE t TASK a 1 => !ERR unknown option 'TYPE'
        WF.SUBMIT q w TASK a 1 TASK b 2 PRIORITY x => !ERR task 'b': priority is not an integer
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER a => !ERR task 'b': AFTER is not an integer
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 2 a => !ERR task 'b': AFTER announces more words
        WF.SUBMIT q w FOR 5 TASK a 1 => !ERR FOR goes with UNIQUE
        WF.SUBMIT q w ONFAIL go TASK a 1 => !ERR ONFAIL 'go' is neither STOP nor CONTINUE
        WF.INFO q => nil
        "#,
    );
}

#[test]
fn a_unique_workflow_is_there_once_while_it_is_unfinished_and_as_long_as_it_says() {
    scenario(
        r#"
        WF.SUBMIT q w UNIQUE k FOR 500 TASK a 1 => $w
        WF.SUBMIT q other UNIQUE k TASK b 1 TASK c 1 => $w
        WF.PUSH q x UNIQUE k => $w
        WF.WORKFLOW q $w => {unique:"k" size:1 ..}
        WF.POP q x => {id:$a ..}
        WF.DONE q x $a => OK
        WF.SUBMIT q w UNIQUE k TASK a 1 => $w
        reload
        +500
        tick
        WF.SUBMIT q w UNIQUE k TASK a 1 => $v
        $v > $w
        WF.INFO q => {unique-keys:1 workflows:1 ..}
        "#,
    );
}

#[test]
fn lists_and_replies_tell_of_the_workflow() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 a TASK c 3 AFTER 1 b => $w
        WF.PUSH q lone
        WF.LIST q WORKFLOW $w => {tasks:[{name:"a" workflow:$w state:"ready" ..} {name:"b" ..} \
            {name:"c" ..}] cursor:"0"}
        WF.LIST q WORKFLOW $w COUNT 2 => {tasks:[{name:"a" ..} {name:"b" ..}] cursor:$c}
        WF.LIST q WORKFLOW $w COUNT 2 CURSOR $c \
            => {tasks:[{name:"c" state:"waiting" ..}] cursor:"0"}
        WF.LIST q WORKFLOW $w STATE waiting => {tasks:[{name:"b" ..} {name:"c" ..}] ..}
        WF.LIST q STATE waiting => {tasks:[{name:"b" ..} {name:"c" ..}] ..}
        WF.LIST q WORKFLOW 5 => {tasks:[] cursor:"0"}
        WF.POP q x COUNT 1
        WF.LIST q WORKFLOW $w OWNER x => {tasks:[{name:"a" ..}] ..}
        WF.WORKFLOW q $w COUNT 2 => {cursor:"2" tasks:[{name:"a" ..} {name:"b" ..}] ..}
        WF.WORKFLOW q $w CURSOR 2 => {cursor:"0" tasks:[{name:"c" ..}] ..}
        WF.WORKFLOW q $w CURSOR 9 => {cursor:"0" tasks:[] ..}
        WF.WORKFLOW q 5 => !NOWORKFLOW there is no workflow 5
        WF.WORKFLOW missing 5 => !NOWORKFLOW
        WF.RECOVER x => {tasks:[{name:"a" workflow:$w ..}] ..}
        WF.EDIT q $w PRIORITY 5 => !NOTASK
        "#,
    );
}

#[test]
fn a_copy_of_a_queue_has_its_workflows_too() {
    scenario(
        r#"
        WF.SUBMIT q w TASK a 1 TASK b 2 AFTER 1 a => $w
        WF.POP q x => {id:$a ..}
        copy q r
        WF.WORKFLOW r $w => {state:"running" unfinished:2 ..}
        WF.POP r y => {id:$a ..}
        WF.DONE r y $a => OK
        WF.POP r y => {name:"b" ..}
        WF.DONE q x $a => OK
        WF.POP q x => {name:"b" ..}
        "#,
    );
}
