//! Whom does a pool give away, and when?

use super::super::script::scenario;

#[test]
fn a_pool_is_made_and_changed_piece_by_piece() {
    scenario(
        r#"
        WF.INFO p => nil
        WF.POOL p => OK
        WF.INFO p => {kind:"pool" size:1 lease:30000 orphan:0 state:"active" assumed:0 running:0 \
            left:[]}
        WF.POOL p SIZE 3 => OK
        WF.POOL p LEASE 8000 => OK
        WF.POOL p ORPHAN 5000 => OK
        WF.POOL p => OK
        WF.INFO p => {size:3 lease:8000 orphan:5000 ..}
        WF.POOL p SIZE 10000 LEASE 1 ORPHAN 0 => OK
        WF.INFO p => {size:10000 lease:1 orphan:0 ..}
        WF.CHECK p => OK
        WF.PUSH p x => !WRONGTYPE
        WF.POP q p => !WRONGTYPE
        WF.RECOVER p => !WRONGTYPE
        "#,
    );
}

#[test]
fn assume_gives_each_identity_to_one_and_none_when_all_are_somebodys() {
    scenario(
        r#"
        WF.ASSUME p => !NOAGENT there is no pool 'p'
        WF.POOL p SIZE 2 LEASE 8000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 lease:8000 tasks:[] quarantined:[] missing:[] \
            more:0 cursor:"0"}
        WF.INFO {p}:1 => {kind:"agent" epoch:$e1 state:"active" pool:"p" lease:8000 queues:[]}
        WF.ASSUME p LEASE 5000 => {agent:"{p}:2" lease:5000 ..}
        WF.ASSUME p => nil
        WF.ASSUME p BLOCK 0 => wait
        WF.INFO p => {assumed:2 ..}
        +5000
        tick
        WF.ASSUME p => {agent:"{p}:2" lease:8000 ..}
        # The name of the pool may bring its own tag.
        WF.POOL {t}p => OK
        WF.ASSUME {t}p => {agent:"{t}p:1" ..}
        "#,
    );
}

#[test]
fn assume_prefers_an_identity_that_left_work_behind() {
    scenario(
        r#"
        WF.POOL p SIZE 4 LEASE 8000 => OK
        WF.ASSUME p => {agent:"{p}:1" ..}
        WF.ASSUME p => {agent:"{p}:2" ..}
        WF.ASSUME p => {agent:"{p}:3" epoch:$e3 ..}
        WF.PUSH q one => $t1
        WF.POP q {p}:3 EPOCH $e3 => {id:$t1 fence:$f1 ..}
        +8000
        tick
        WF.INFO p => {assumed:0 left:["{p}:3"] ..}
        WF.ASSUME p => {agent:"{p}:3" epoch:$e4 tasks:[{id:$t1 ..}] ..}
        "#,
    );
    scenario(
        r#"
        WF.POOL p SIZE 4 LEASE 8000 => OK
        WF.ASSUME p => {agent:"{p}:1" ..}
        WF.ASSUME p => {agent:"{p}:2" epoch:$e2 ..}
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q {p}:2 EPOCH $e2 COUNT 2 => [{id:$t1 fence:$f1 ..} ..]
        +8000
        # Each mode does what it does for RECOVER; the predecessor can change nothing any more.
        WF.ASSUME p KEEP COUNT 1 => {agent:"{p}:2" epoch:$e3 more:1 \
            tasks:[{id:$t1 crashes:1 queue:"q" running-for:8000 ..}] ..}
        $e3 > $e2
        WF.DONE q {p}:2 $t1 EPOCH $e2 => !STALE
        WF.DONE q {p}:2 $t1 EPOCH $e3 => OK
        # Nothing is left behind as long as somebody has it.
        WF.ASSUME p => {agent:"{p}:1" ..}
        +8000
        WF.ASSUME p RELEASE => {agent:"{p}:2" count:1 tasks:[] ..}
        WF.TASK q $t2 => {state:"ready" crashes:1 reason:"released by recovery" ..}
        WF.ASSUME p KEEP FAIL => !ERR exclude each other
        "#,
    );
}

#[test]
fn a_repeated_assume_gives_the_same_identity_and_counts_nothing_twice() {
    scenario(
        r#"
        WF.POOL p SIZE 3 LEASE 8000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.PUSH q x => $t1
        WF.POP q {p}:1 EPOCH $e1
        +8000
        WF.ASSUME p REQID r => {agent:"{p}:1" epoch:$e2 tasks:[{id:$t1 fence:$f1 crashes:1 ..}] ..}
        +100
        WF.ASSUME p REQID r => {agent:"{p}:1" epoch:$e2 lease:7900 \
            tasks:[{id:$t1 fence:$f1 crashes:1 ..}] ..}
        WF.ASSUME p REQID s => {agent:"{p}:2" epoch:$e3 ..}
        WF.ASSUME p REQID s => {agent:"{p}:2" epoch:$e3 ..}
        # A lost reply is told again even when the pool gives nobody away any more.
        WF.DRAIN p
        WF.ASSUME p REQID r => {agent:"{p}:1" epoch:$e2 ..}
        WF.ASSUME p REQID t => !DRAINING 'p'
        "#,
    );
}

#[test]
fn a_pool_that_was_made_smaller_gives_its_former_names_away_while_they_hold_work() {
    scenario(
        r#"
        WF.POOL p SIZE 3 LEASE 8000 => OK
        WF.ASSUME p
        WF.ASSUME p
        WF.ASSUME p => {agent:"{p}:3" epoch:$e3 ..}
        WF.PUSH q x => $t1
        WF.POP q {p}:3 EPOCH $e3
        WF.POOL p SIZE 1 => OK
        # Who has it keeps it.
        WF.TOUCH q {p}:3 $t1 EPOCH $e3
        +8000
        WF.ASSUME p => {agent:"{p}:3" epoch:$e4 tasks:[{id:$t1 ..}] ..}
        WF.ASSUME p => {agent:"{p}:1" ..}
        WF.ASSUME p => nil
        WF.DONE q {p}:3 $t1 EPOCH $e4 => OK
        +8000
        WF.ASSUME p => {agent:"{p}:1" ..}
        WF.ASSUME p => nil
        "#,
    );
}

#[test]
fn a_draining_pool_gives_nobody_away_and_its_agents_take_nothing() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.MPUSH q 3 1 2 3 => [$t1 $t2 $t3]
        WF.POP q {p}:1 EPOCH $e1 REQID r => {id:$t1 ..}
        WF.DRAIN p
        WF.INFO p => {state:"draining" ..}
        WF.INFO {p}:1 => {state:"draining" ..}
        WF.ASSUME p => !DRAINING the pool 'p' drains: none can be assumed
        WF.ASSUME p BLOCK 5 => !DRAINING
        WF.POP q {p}:1 EPOCH $e1 => !DRAINING '{p}:1' is to take nothing more: its pool 'p' drains
        WF.POP q {p}:1 EPOCH $e1 BLOCK 0 => !DRAINING
        WF.MPOP {p}:1 1 q EPOCH $e1 => !DRAINING
        # What it took before is told again, and may be finished.
        WF.POP q {p}:1 EPOCH $e1 REQID r => {id:$t1 ..}
        WF.TOUCH q {p}:1 $t1 EPOCH $e1 => {cancel:0 draining:1}
        WF.BEAT {p}:1 EPOCH $e1 => {draining:1 ..}
        WF.NEXT q {p}:1 $t1 EPOCH $e1 => nil
        WF.TASK q $t1 => !NOTASK
        # Others are not concerned.
        WF.POP q other => {id:$t2 ..}
        WF.RESUME p => OK
        WF.POP q {p}:1 EPOCH $e1 => {id:$t3 ..}
        WF.ASSUME p => {agent:"{p}:2" ..}
        "#,
    );
}

#[test]
fn a_drained_pool_hands_back_at_its_deadline_what_is_still_held() {
    scenario(
        r#"
        WF.POOL p SIZE 3 LEASE 60000 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.ASSUME p => {agent:"{p}:2" epoch:$e2 ..}
        WF.ASSUME p => {agent:"{p}:3" epoch:$e3 ..}
        WF.MPUSH q 9 1 2 3 4 5 6 7 8 9 => [$t1 $t2 $t3 $t4 $t5 $t6 ..]
        WF.POP q {p}:1 EPOCH $e1 COUNT 5
        WF.POP q {p}:3 EPOCH $e3 COUNT 1
        WF.DRAIN p BLOCK 5000 RESET
        +4999
        tick
        WF.LEN q STATE running => 6
        WF.INFO p => {state:"draining" running:6 reset:0 ..}
        WF.DONE q {p}:1 $t1 EPOCH $e1 => OK
        +1
        tick
        WF.LEN q STATE running => 0
        WF.TASK q $t6 => {state:"ready" interruptions:1 reason:"reset by a drain" ..}
        WF.INFO {p}:1 => {reset:4 state:"draining" lease:_ ..}
        WF.INFO p => {running:0 reset:5 ..}
        WF.INFO {p}:3 => {reset:1 ..}
        WF.DONE q {p}:1 $t2 EPOCH $e1 => !NOTOWNER reset by a drain
        # It stays drained until that is ended.
        WF.POP q {p}:1 EPOCH $e1 => !DRAINING
        WF.RESUME p => OK
        WF.POP q {p}:1 EPOCH $e1 => {payload:_ ..}
        # A deadline goes with its drain.
        WF.DRAIN p BLOCK 5000 RESET
        WF.RESUME p => OK
        +5000
        tick
        WF.LEN q STATE running => 1
        "#,
    );
}

#[test]
fn a_drained_agent_takes_nothing_until_its_epoch_ends() {
    scenario(
        r#"
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q a COUNT 2
        WF.DRAIN a BLOCK 5000 RESET
        WF.INFO a => {state:"draining" reset:0 ..}
        WF.POP q a => !DRAINING 'a'
        WF.TOUCH q a $t1 => {draining:1 cancel:0}
        WF.DONE q a $t1 => OK
        +5000
        tick
        WF.TASK q $t2 => {state:"ready" interruptions:1 ..}
        WF.INFO a => {state:"draining" reset:1 ..}
        WF.RECOVER a => {epoch:$e1 ..}
        WF.INFO a => {kind:_ epoch:$e1 state:"active" queues:["q"]}
        WF.POP q a => {id:$t3 ..}
        # Or until the drain is ended; then nothing is handed back either.
        WF.DRAIN a BLOCK 5000 RESET
        WF.POP q a => !DRAINING
        WF.RESUME a => OK
        +5000
        tick
        WF.LEN q STATE running => 1
        WF.POP q a => {id:$t4 ..}
        "#,
    );
}

#[test]
fn drain_of_an_agent_or_a_pool_tells_how_it_stands_and_resets_at_once_if_told() {
    scenario(
        r#"
        WF.DRAIN p => !ERR no such key
        WF.RESUME p => !ERR no such key
        WF.POOL p SIZE 2 LEASE 60000 => OK
        WF.DRAIN p BLOCK 0 => {running:0 reset:0}
        WF.RESUME p => OK
        WF.RESUME p => OK
        WF.RESUME p TYPE t => !ERR TYPE and WORKFLOW are for queues
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        WF.ASSUME p => {agent:"{p}:2" epoch:$e2 ..}
        WF.MPUSH q 5 1 2 3 4 5 => [$t1 $t2 $t3 $t4 $t5]
        WF.POP q {p}:1 EPOCH $e1 COUNT 2
        WF.POP q {p}:2 EPOCH $e2 COUNT 2
        WF.DRAIN p => {running:4 reset:0}
        WF.DRAIN p BLOCK 0 => wait
        WF.DRAIN p RESET => {running:0 reset:4}
        WF.TASK q $t4 => {state:"ready" interruptions:1 ..}
        woken yes
        WF.DRAIN p BLOCK 0 => {running:0 reset:4}
        woken no
        WF.RESUME p => OK
        WF.POP q {p}:1 EPOCH $e1 COUNT 3
        WF.DRAIN {p}:1 => {running:3 reset:0}
        WF.DRAIN {p}:1 BLOCK 500 => wait
        WF.POP q {p}:1 EPOCH $e1 => !DRAINING
        WF.DRAIN {p}:1 RESET => {running:0 reset:3}
        WF.RESUME {p}:1 => OK
        WF.POP q {p}:1 EPOCH $e1 => {payload:_ ..}
        "#,
    );
}

#[test]
fn who_acted_before_there_was_a_pool_belongs_to_it_from_the_next_call_on() {
    scenario(
        r#"
        WF.MPUSH q 2 x y
        WF.POP q {p}:5
        WF.POOL p SIZE 1 => OK
        WF.POP q {p}:5 => {payload:"y" ..}
        WF.DRAIN p RESET => {running:0 reset:2}
        "#,
    );
}

#[test]
fn a_plan_for_later_does_not_undo_a_reset_that_is_under_way() {
    scenario(
        r#"
        WF.POOL p SIZE 200 LEASE 8000 => OK
        WF.PUSH q x
        WF.RECOVER {p}:150 => {epoch:$e1 ..}
        WF.POP q {p}:150 EPOCH $e1
        WF.DRAIN p RESET => {running:1 reset:0}
        WF.DRAIN p BLOCK 60000 RESET
        tick
        tick
        WF.LEN q STATE running => 0
        "#,
    );
}

#[test]
fn a_pool_counts_what_its_own_drain_hands_back_and_no_more() {
    scenario(
        r#"
        WF.POOL p LEASE 8000 => OK
        WF.ASSUME p => {epoch:$e1 ..}
        WF.PUSH q x
        WF.POP q {p}:1 EPOCH $e1
        WF.DRAIN {p}:1 BLOCK 1000 RESET
        WF.DRAIN p => {running:1 reset:0}
        +1000
        tick
        WF.INFO p => {running:0 reset:0 ..}
        WF.INFO {p}:1 => {reset:1 ..}
        "#,
    );
}

#[test]
fn who_acts_under_the_name_of_an_identity_belongs_to_the_pool() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 => OK
        WF.MPUSH q 4 1 2 3 4 => [$t1 $t2 $t3 $t4]
        WF.POP q {p}:1 => {id:$t1 ..}
        WF.RECOVER {p}:5 => {epoch:$e5 ..}
        WF.POP q {p}:5 => {id:$t2 ..}
        WF.INFO {p}:1 => {pool:"p" ..}
        WF.INFO p => {running:2 left:["{p}:1" "{p}:5"] ..}
        WF.DRAIN p => {running:2 reset:0}
        WF.POP q {p}:1 => !DRAINING
        WF.POP q {p}:2 => !DRAINING
        WF.BEAT {p}:5 EPOCH $e5 => {draining:1 ..}
        WF.DRAIN p RESET => {running:0 reset:2}
        WF.DONE q {p}:5 $t2 => !NOTOWNER reset by a drain
        # A name of no pool is nobody's.
        WF.RECOVER {o}:1
        WF.POP q {o}:1 => {id:$t3 ..}
        WF.INFO {o}:1 => {kind:"agent" epoch:_ state:"active" queues:["q"]}
        "#,
    );
}

#[test]
fn who_recovers_an_identity_while_its_pool_resets_loses_the_work_all_the_same() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 => OK
        WF.ASSUME p => {epoch:$e1 ..}
        WF.PUSH q x => $t1
        WF.POP q {p}:1 EPOCH $e1 => {id:$t1 ..}
        WF.DRAIN p BLOCK 100 RESET
        +99
        WF.RECOVER {p}:1 EPOCH $e1 => {epoch:$e2 tasks:[{id:$t1 ..}] ..}
        WF.INFO p => {reset-at:_ reset:0 running:1 ..}
        +1
        tick
        WF.INFO p => {state:"draining" reset:1 running:0 ..}
        WF.RESUME p => OK
        WF.INFO p => {state:"active" assumed:1 running:0 left:[] kind:_ size:_ lease:_ orphan:_}
        # So does one whose key was lost, once somebody finds its work.
        WF.POP q {p}:1 EPOCH $e2 => {id:$t1 ..}
        del {p}:1
        WF.DRAIN p RESET => {running:0 reset:0}
        WF.RECOVER {p}:1 QUEUES 1 q => {tasks:[{id:$t1 ..}] ..}
        tick
        WF.TASK q $t1 => {state:"ready" reason:"reset by a drain" ..}
        WF.INFO p => {reset:1 ..}
        "#,
    );
}

#[test]
fn what_a_drain_handed_back_is_told_though_the_identities_are_gone() {
    scenario(
        r#"
        WF.POOL p SIZE 2 LEASE 8000 => OK
        WF.ASSUME p => {epoch:$e1 ..}
        WF.ASSUME p => {epoch:$e2 ..}
        WF.MPUSH q 3 1 2 3
        WF.POP q {p}:1 EPOCH $e1 COUNT 2
        WF.POP q {p}:2 EPOCH $e2
        WF.DRAIN p RESET => {running:0 reset:3}
        WF.RETIRE {p}:1 EPOCH $e1 => OK
        WF.RETIRE {p}:2 EPOCH $e2 => OK
        WF.DRAIN p => {running:0 reset:3}
        WF.INFO p => {reset:3 ..}
        # The next drain counts anew.
        WF.RESUME p => OK
        WF.DRAIN p RESET => {running:0 reset:0}
        "#,
    );
}

#[test]
fn a_key_that_is_no_agent_is_passed_over() {
    scenario(
        r#"
        WF.POOL p SIZE 2 => OK
        other {p}:1
        WF.ASSUME p => {agent:"{p}:2" ..}
        WF.ASSUME p => nil
        WF.INFO p => {assumed:1 ..}
        "#,
    );
}
