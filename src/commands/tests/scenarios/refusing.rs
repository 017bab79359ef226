//! What is refused before anything is looked at, and by which name?

use super::super::script::scenario;

#[test]
fn an_option_that_is_none_is_refused_as_it_was_typed() {
    scenario(
        r#"
        WF.PUSH q x colour red => !ERR unknown option 'colour'
        WF.MPUSH q 1 x UNIQUE k => !ERR unknown option 'UNIQUE'
        WF.POP q a Fence 1 => !ERR unknown option 'Fence'
        WF.MPOP a 1 q q => !ERR unknown option 'q'
        WF.DONE q a 7 "x\x00" => !ERR unknown option 'x\x00'
        WF.MDONE q a IDS 1 7 FENCE 7 => !ERR unknown option 'FENCE'
        WF.NEXT q a 7 ERROR e => !ERR unknown option 'ERROR'
        WF.FAIL q a 7 RESULT r => !ERR unknown option 'RESULT'
        WF.NACK q a 7 => !ERR
        WF.NACK q a IDS 1 7 8 => !ERR unknown option '8'
        WF.TOUCH q a 7 RESULT r => !ERR unknown option 'RESULT'
        WF.RECOVER a DROP => !ERR unknown option 'DROP'
        WF.HELD a EPOCH 7 => !ERR unknown option 'EPOCH'
        WF.LIST q WHERE x => !ERR unknown option 'WHERE'
        WF.LEN q x => !ERR unknown option 'x'
        WF.POOL p COUNT 5 => !ERR unknown option 'COUNT'
        WF.ASSUME p EPOCH 5 => !ERR unknown option 'EPOCH'
        WF.ASSUME p FORCE => !ERR unknown option 'FORCE'
        WF.BEAT a FENCE 5 => !ERR unknown option 'FENCE'
        WF.RETIRE a EPOCH 5 FAIL => !ERR unknown option 'FAIL'
        WF.RETIRE a EPOCH 5 KEEP RELEASE => !ERR exclude each other
        WF.POOL p SIZE 0 => !ERR must be at least 1
        WF.POOL p SIZE 10001 => !ERR is more than 10000
        WF.POOL p LEASE 0 => !ERR must be at least 1
        WF.ASSUME p LEASE 0 => !ERR must be at least 1
        WF.POOL "" => !ERR must not be empty
        WF.POOL "a}b" => !ERR hash tag
        WF.POOL "{}p" => !ERR hash tag
        WF.EDIT q 7 RETRIES 5 => !ERR unknown option 'RETRIES'
        WF.PAUSE q kind x => !ERR unknown option 'kind'
        WF.RESUME q TYPE t x => !ERR unknown option 'x'
        WF.DRAIN q NOW => !ERR unknown option 'NOW'
        WF.RESET q IDS 1 7 8 => !ERR unknown option '8'
        WF.CANCEL q FAILED 1 7 => !ERR unknown option 'FAILED'
        WF.RETRY q DONE => !ERR unknown option 'DONE'
        WF.PURGE q FAILED 7 => !ERR unknown option 'FAILED'
        WF.PUSH q => !ERR wrong number of arguments
        WF.TASK q 7 7 => !ERR wrong number of arguments
        WF.PUSH q x TYPE => !ERR type has no value
        WF.DONE q a one => !ERR id is not an integer
        WF.MPUSH q 3 x => !ERR
        "#,
    );
}

#[test]
fn words_that_exclude_each_other_or_lack_one_another_are_refused() {
    scenario(
        r#"
        WF.PUSH q x DELAY 5 AT 7 => !ERR DELAY and AT exclude each other
        WF.PUSH q x DELAY -5 => !ERR DELAY is not an integer
        WF.PUSH q x RETRIES 4294967296 => !ERR retries is not an integer from 0 to 4294967295
        WF.PUSH q x BACKOFF fast => !ERR BACKOFF is not an integer
        WF.PUSH q x BACKOFF 5 6 7 => !ERR unknown option '7'
        WF.FAIL q a 7 FATAL DELAY 5 => !ERR DELAY and FATAL exclude each other
        WF.EDIT q 7 AT 5 DELAY 5 => !ERR DELAY and AT exclude each other
        WF.RESET q AGENT a IDLE 5 => !ERR AGENT, IDS and IDLE exclude each other
        WF.RESET q COUNT 0 => !ERR count must be at least 1
        WF.CANCEL q COUNT 5 COUNT 6 => !ERR one of IDS and WORKFLOW is needed
        WF.RETRY q COUNT 5 => !ERR one of IDS, WORKFLOW, FAILED and QUARANTINED is needed
        WF.RETRY q FAILED QUARANTINED => !ERR one of IDS, WORKFLOW, FAILED and QUARANTINED is needed
        WF.RETRY q IDS 1 7 FAILED => !ERR one of IDS, WORKFLOW, FAILED and QUARANTINED is needed
        WF.PURGE q COUNT 5 => !ERR one of STATE and IDS is needed
        WF.PURGE q STATE done IDS 1 7 => !ERR one of STATE and IDS is needed
        WF.PURGE q IDS 1 7 OLDER 5 => !ERR OLDER goes with STATE
        WF.PURGE q STATE lost => !ERR STATE 'lost' is none of waiting, scheduled, ready,
        WF.SET q retries 4294967296 => !ERR retries is not an integer from 0 to 4294967295
        WF.INFO q => nil
        "#,
    );
}

#[test]
fn a_key_that_holds_something_else_is_refused_and_left_alone() {
    scenario(
        r#"
        other k
        WF.PUSH k x => !WRONGTYPE
        WF.MPUSH k 1 x => !WRONGTYPE
        WF.POP k a => !WRONGTYPE
        WF.MPOP a 1 k => !WRONGTYPE
        WF.DONE k a 7 => !WRONGTYPE
        WF.MDONE k a IDS 1 7 => !WRONGTYPE
        WF.NEXT k a 7 => !WRONGTYPE
        WF.FAIL k a 7 => !WRONGTYPE
        WF.NACK k a IDS 1 7 => !WRONGTYPE
        WF.TOUCH k a 7 => !WRONGTYPE
        WF.RECOVER k => !WRONGTYPE
        WF.RECOVER a QUEUES 1 k => !WRONGTYPE
        WF.HELD k => !WRONGTYPE
        WF.HELD a QUEUES 1 k => !WRONGTYPE
        WF.OWNERS k => !WRONGTYPE
        WF.TASK k 7 => !WRONGTYPE
        WF.LIST k => !WRONGTYPE
        WF.LEN k => !WRONGTYPE
        WF.INFO k => !WRONGTYPE
        WF.SET k maxlen 5 => !WRONGTYPE
        WF.CHECK k => !WRONGTYPE
        WF.POOL k => !WRONGTYPE
        WF.ASSUME k => !WRONGTYPE
        WF.BEAT k EPOCH 7 => !WRONGTYPE
        WF.RETIRE k EPOCH 7 => !WRONGTYPE
        WF.EDIT k 7 PRIORITY 1 => !WRONGTYPE
        WF.PAUSE k => !WRONGTYPE
        WF.RESUME k => !WRONGTYPE
        WF.DRAIN k => !WRONGTYPE
        WF.RESET k => !WRONGTYPE
        WF.RESET k IDLE 5 => !WRONGTYPE
        WF.CANCEL k IDS 1 7 => !WRONGTYPE
        WF.RETRY k FAILED => !WRONGTYPE
        WF.PURGE k STATE done => !WRONGTYPE
        WF.INFO a => nil
        "#,
    );
}

#[test]
fn a_queue_is_no_agent_and_an_agent_no_queue() {
    scenario(
        r#"
        WF.PUSH q 1 => $t1
        WF.POP q q => !WRONGTYPE
        WF.POP q a => {id:$t1 ..}
        WF.PUSH a x => !WRONGTYPE
        WF.POP a a => !WRONGTYPE
        WF.RECOVER q => !WRONGTYPE
        WF.HELD q => !WRONGTYPE
        WF.RECOVER a QUEUES 1 a => !WRONGTYPE
        WF.DONE q q $t1 EPOCH 7 => !WRONGTYPE
        WF.DONE q q $t1 => !WRONGTYPE
        WF.MDONE q q IDS 1 $t1 => !WRONGTYPE
        WF.FAIL q q $t1 => !WRONGTYPE
        WF.NACK q q IDS 1 $t1 => !WRONGTYPE
        # A queue that became something else is no queue any more, and no reason to refuse.
        del q
        other q
        WF.RECOVER a => {tasks:[] missing:["q"] ..}
        "#,
    );
}
