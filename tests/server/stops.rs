//! Does a deliberate stop stop what it should, and nothing else; and does it happen also when
//! whoever asked for it is gone?

use crate::support::{Client, Options, Server, play, wait_until};

fn running(client: &mut Client) -> i64 {
    client.int("WF.LEN q STATE running")
}

#[test]
fn a_pause_holds_tasks_back_and_a_resumption_serves_who_waits() {
    play(
        "WF.PAUSE q                          => OK
         one> WF.POP q a BLOCK 0             => (blocked)
         WF.PUSH q x                         => $t
         one<                                => (blocked)
         WF.INFO q                           => {state paused, ready 1, ...}
         WF.PAUSE q TYPE t                   => OK
         WF.RESUME q                         => OK
         one<                                => {id $t, ...}
         two> WF.POP q b BLOCK 0             => (blocked)
         WF.PUSH q y TYPE t                  => $u
         two<                                => (blocked)
         WF.INFO q                           => {state active, paused-types [t], ...}
         WF.RESUME q TYPE t                  => OK
         two<                                => {id $u, type t, ...}
         WF.RESUME missing                   => !ERR no such key",
    );
}

#[test]
fn a_drain_ends_when_nothing_runs_any_more() {
    play(
        "WF.MPUSH q 3 1 2 3                  => [$s, $t, $u]
         WF.POP q a COUNT 2                  => [_, _]
         one> WF.DRAIN q BLOCK 0             => (blocked)
         two> WF.DRAIN q BLOCK 60000         => (blocked)
         WF.DRAIN q                          => {running 2, reset 0}
         WF.POP q b                          => nil
         WF.DONE q a $s                      => OK
         one<                                => (blocked)
         WF.FAIL q a $t                      => failed
         one<                                => {running 0, reset 0}
         two<                                => {running 0, reset 0}
         WF.INFO q                           => {state draining, ready 1, running 0, ...}
         WF.RESUME q                         => OK
         WF.POP q b                          => {id $u, ...}",
    );
}

#[test]
fn a_drain_whose_time_is_over_tells_what_runs_or_resets_it() {
    play(
        "WF.PUSH q x                         => $t
         WF.POP q a                          => {fence $f, ...}
         WF.DRAIN q BLOCK 50                 => {running 1, reset 0}
         WF.DRAIN q BLOCK 50 RESET           => {running 0, reset 1}
         WF.DONE q a $t FENCE $f             => !NOTOWNER ready: reset by a drain
         WF.TASK q $t                        => {state ready, interruptions 1, ...}
         WF.DRAIN q RESET                    => {running 0, reset 1}
         WF.DRAIN missing                    => !ERR no such key",
    );
}

#[test]
fn who_resumes_a_queue_ends_the_wait_for_its_drain() {
    play(
        "WF.PUSH q x                         => $t
         WF.POP q a                          => {...}
         one> WF.DRAIN q BLOCK 60000 RESET   => (blocked)
         WF.RESUME q                         => OK
         one<                                => {running 1, reset 0}
         WF.TOUCH q a $t                     => {...}",
    );
}

#[test]
fn a_drain_with_a_reset_resets_though_its_caller_is_gone_and_the_server_restarts() {
    let mut server = Options::new().append_only("always").start();
    let mut client = server.client();
    for (queue, dies) in [("q", false), ("r", true)] {
        client.cmd(&format!("WF.MPUSH {queue} 3 1 2 3"));
        client.cmd(&format!("WF.POP {queue} agent COUNT 3"));
        let mut caller = server.client();
        caller.send(&format!("WF.DRAIN {queue} BLOCK 300 RESET"));
        wait_until("it waits", || client.info("clients", "blocked_clients") == "1");
        drop(caller);
        wait_until("it is gone", || client.info("clients", "blocked_clients") == "0");
        if dies {
            server.kill();
            server.start_again();
            client = server.client();
        }
        let runs = format!("WF.LEN {queue} STATE running");
        wait_until("all are reset", || client.int(&runs) == 0);
        assert_eq!(client.int(&format!("WF.LEN {queue} STATE ready")), 3);
        let info = client.map(&format!("WF.INFO {queue}"));
        assert_eq!((info.text("state"), info.int("reset")), ("draining".to_owned(), 3));
        assert!(!info.has("reset-at"));
    }
}

#[test]
fn thousands_of_running_tasks_are_reset_in_slices() {
    let server = Server::start();
    let mut client = server.client();
    for _ in 0..25 {
        client.cmd(&format!("WF.MPUSH q 1000 {}", "p ".repeat(1_000)));
        client.cmd("WF.POP q agent COUNT 1000");
    }
    let first = client.map("WF.RESET q");
    assert_eq!((first.int("count"), first.int("more")), (10_000, 1));
    assert_eq!(running(&mut client), 15_000);
    let drained = client.map("WF.DRAIN q RESET");
    assert_eq!((drained.int("running"), drained.int("reset")), (5_000, 10_000));
    wait_until("the timer resets the rest", || running(&mut client) == 0);
    assert_eq!(client.map("WF.INFO q").int("reset"), 15_000);
    client.cmd("WF.CHECK q");
}

#[test]
fn an_agent_learns_that_its_task_is_cancelled_and_hands_it_back_for_ever() {
    play(
        "WF.MPUSH q 2 1 2                    => [$s, $t]
         WF.POP q a                          => {id $s, ...}
         WF.TOUCH q a $s HANDLE slurm:7      => {cancel 0, ...}
         WF.CANCEL q IDS 2 $s $t             => {count 2, more 0}
         WF.TASK q $t                        => !NOTASK
         WF.TOUCH q a $s                     => {cancel 1, ...}
         WF.RECOVER a                        => {tasks [{id $s, cancel 1, ...}], ...}
         WF.NACK q a IDS 1 $s                => 1
         WF.TASK q $s                        => {state cancelled, handle slurm:7, ...}
         WF.LIST q HANDLES                   => {tasks [{id $s, ...}], cursor \"0\"}
         WF.RETRY q IDS 1 $s                 => {count 0, more 0}
         WF.PURGE q IDS 1 $s                 => {count 1, more 0}
         WF.LEN q STATE cancelled            => 0",
    );
}
