//! For how long is an identity somebody's, and what does that mean for others?

use super::super::script::scenario;

#[test]
fn an_identity_with_an_alive_lease_is_recovered_by_its_holder_or_by_force_alone() {
    scenario(
        r#"
        WF.RECOVER a LEASE 8000 => {agent:"a" epoch:$e1 lease:8000 tasks:[] quarantined:[] \
            missing:[] more:0 cursor:"0"}
        WF.INFO a => {kind:"agent" epoch:$e1 state:"active" lease:8000 queues:[]}
        +1000
        WF.RECOVER a => !BUSYAGENT 'a' runs for another 7000 ms
        WF.RECOVER a LEASE 1 => !BUSYAGENT
        WF.RECOVER a EPOCH 7 => !STALE
        WF.RECOVER a EPOCH 7 FORCE => !STALE
        # The holder itself may; the lease keeps its length, and begins anew.
        WF.RECOVER a EPOCH $e1 => {epoch:$e2 lease:8000 ..}
        $e2 > $e1
        WF.RECOVER a FORCE => {epoch:$e3 lease:8000 ..}
        WF.BEAT a EPOCH $e2 => !STALE
        # Once it has run out, anybody may.
        +7999
        WF.RECOVER a => !BUSYAGENT another 1 ms
        +1
        WF.RECOVER a LEASE 5000 => {epoch:$e4 lease:5000 ..}
        WF.RECOVER a LEASE 0 FORCE => {agent:_ epoch:$e5 tasks:_ quarantined:_ missing:_ more:_ \
            cursor:_}
        WF.INFO a => {kind:_ epoch:$e5 state:"active" queues:[]}
        WF.RECOVER a => {epoch:_ ..}
        "#,
    );
}

#[test]
fn an_identity_with_a_lease_takes_no_call_without_its_epoch_alive_or_not() {
    scenario(
        r#"
        WF.MPUSH q 2 1 2 => [$t1 $t2]
        WF.RECOVER a LEASE 8000 => {epoch:$e1 ..}
        WF.POP q a EPOCH $e1 => {id:$t1 ..}
        WF.POP q a => !STALE it has a lease, so its calls must give EPOCH
        WF.MPOP a 1 q => !STALE has a lease
        WF.DONE q a $t1 => !STALE has a lease
        WF.MDONE q a IDS 1 $t1 => !STALE has a lease
        WF.NEXT q a $t1 => !STALE has a lease
        WF.FAIL q a $t1 => !STALE has a lease
        WF.NACK q a IDS 1 $t1 => !STALE has a lease
        WF.TOUCH q a $t1 => !STALE has a lease
        WF.BEAT a COUNT 5 => !ERR unknown option
        +9000
        tick
        WF.INFO a => {lease:0 ..}
        WF.DONE q a $t1 => !STALE has a lease
        # Under the epoch it is accepted, as long as nobody else assumed the name.
        WF.DONE q a $t1 EPOCH $e1 => OK
        WF.INFO a => {lease:8000 ..}
        "#,
    );
}

#[test]
fn every_accepted_call_renews_the_lease_once_a_quarter_of_it_has_passed() {
    scenario(
        r#"
        WF.MPUSH q 9 1 2 3 4 5 6 7 8 9 => [$t1 $t2 $t3 $t4 $t5 $t6 $t7 ..]
        WF.RECOVER a LEASE 8000 => {epoch:$e1 ..}
        +1999
        WF.POP q a EPOCH $e1 COUNT 6
        WF.INFO a => {lease:6001 ..}
        +1
        WF.TOUCH q a $t1 EPOCH $e1 => {cancel:0 draining:0}
        WF.INFO a => {lease:8000 ..}
        +2000
        WF.DONE q a $t1 EPOCH $e1 => OK
        WF.INFO a => {lease:8000 ..}
        +2000
        # So does one that says again what was said.
        WF.DONE q a $t1 EPOCH $e1 => OK
        WF.INFO a => {lease:8000 ..}
        +2000
        WF.MDONE q a EPOCH $e1 IDS 1 $t2 => [1]
        WF.INFO a => {lease:8000 ..}
        +2000
        WF.FAIL q a $t3 EPOCH $e1
        WF.INFO a => {lease:8000 ..}
        +2000
        WF.NACK q a EPOCH $e1 IDS 1 $t4 => 1
        WF.INFO a => {lease:8000 ..}
        +2000
        WF.NEXT q a $t5 EPOCH $e1 => {id:$t7 ..}
        WF.INFO a => {lease:8000 ..}
        +2000
        WF.POP q a EPOCH $e1
        WF.INFO a => {lease:8000 ..}
        +2000
        WF.POP empty a EPOCH $e1 => nil
        WF.INFO a => {lease:8000 ..}
        # A refused call is no sign of life.
        +2000
        WF.DONE q a 7 EPOCH $e1 => !NOTASK
        WF.POP q a EPOCH 7 => !STALE
        WF.INFO a => {lease:6000 ..}
        # Nor does one that goes on waiting change anything; it did when it began to.
        WF.POP empty a EPOCH $e1 BLOCK 0 => wait
        WF.INFO a => {lease:8000 ..}
        +2000
        woken yes
        WF.POP empty a EPOCH $e1 BLOCK 0 => wait
        WF.INFO a => {lease:6000 ..}
        WF.POP q a EPOCH $e1 BLOCK 0 => {payload:_ ..}
        WF.INFO a => {lease:8000 ..}
        "#,
    );
}

#[test]
fn beat_renews_the_lease_and_tells_what_is_wanted() {
    scenario(
        r#"
        WF.BEAT a EPOCH 7 => !STALE there is no such agent
        WF.RECOVER a LEASE 8000 => {epoch:$e1 ..}
        WF.BEAT a EPOCH 7 => !STALE
        +100
        WF.BEAT a EPOCH $e1 => {lease:7900 draining:0 cancel:[]}
        +1900
        WF.BEAT a EPOCH $e1 => {lease:8000 draining:0 cancel:[]}
        WF.DRAIN a
        WF.BEAT a EPOCH $e1 => {lease:8000 draining:1 cancel:[]}
        # Without a lease there is none to tell.
        WF.RECOVER b => {epoch:$e2 ..}
        WF.BEAT b EPOCH $e2 => {draining:0 cancel:[]}
        WF.INFO b => {kind:_ epoch:$e2 state:"active" queues:[]}
        "#,
    );
}

#[test]
fn after_a_restart_leases_start_again_and_spare_agents_that_live_on() {
    scenario(
        r#"
        WF.RECOVER a LEASE 8000 => {epoch:$e1 ..}
        WF.RECOVER b LEASE 50000 => {epoch:$e2 ..}
        WF.RECOVER c LEASE 8000
        +8000
        # What has run out and was noticed before stays so.
        WF.RECOVER gone LEASE 1
        +1
        tick
        WF.INFO c => {lease:0 ..}
        WF.RECOVER d LEASE 8000 => {epoch:$e4 ..}
        +7000
        reload
        # 30 seconds is how long the server spares everybody.
        WF.RECOVER d => !BUSYAGENT another 30000 ms
        WF.INFO b => {lease:50000 ..}
        WF.INFO gone => {lease:0 ..}
        +29999
        tick
        WF.RECOVER d => !BUSYAGENT another 1 ms
        # A call of its holder ends the exception.
        WF.BEAT d EPOCH $e4 => {lease:8000 ..}
        +8000
        tick
        WF.INFO d => {lease:0 ..}
        WF.RECOVER d => {epoch:_ ..}
        "#,
    );
}

#[test]
fn a_repeated_recover_gives_the_same_epoch_though_the_lease_is_alive() {
    scenario(
        r#"
        WF.RECOVER a LEASE 8000 REQID r => {epoch:$e1 lease:8000 ..}
        +100
        WF.RECOVER a LEASE 8000 REQID r => {epoch:$e1 lease:7900 ..}
        WF.RECOVER a LEASE 8000 REQID s => !BUSYAGENT
        WF.RECOVER a LEASE 8000 REQID s EPOCH $e1 => {epoch:$e2 ..}
        WF.RECOVER a LEASE 8000 REQID s EPOCH $e1 => {epoch:$e2 ..}
        "#,
    );
}

#[test]
fn a_copy_of_an_identity_has_no_lease_and_no_pool() {
    scenario(
        r#"
        WF.POOL p SIZE 1 => OK
        WF.ASSUME p => {agent:"{p}:1" epoch:$e1 ..}
        copy {p}:1 c
        WF.INFO c => {kind:"agent" epoch:$e1 state:"active" queues:[]}
        WF.POP q c => nil
        "#,
    );
}
