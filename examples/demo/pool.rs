//! How are the commands about pools, stops and work elsewhere called?
//!
//! The second half of `baton.rs`. What a worker must expect to be refused comes as a `Refused`,
//! so that it can do the right thing; everything else is a failure.

use crate::baton::{Baton, Fields, Identity, QUEUE, Task, call_about, number, tasks, text};
use crate::failure::{Context, Result};
use redis::{Cmd, FromRedisValue, Value, cmd};

/// The pool of the demo.
pub(crate) const POOL: &str = "fleet";

/// What a worker can be told instead of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// Somebody else bears the name now: this process has to end.
    Stale,
    /// The task is not ours any more: let go of it.
    NotOwner,
    /// Take nothing more.
    Draining,
}

/// A name of the pool, and the tasks that were left under it.
pub(crate) type Assumed = (Identity, Vec<Task>);

/// An answer, or the refusal that a worker must expect.
pub(crate) type Granted<T> = std::result::Result<T, Refused>;

impl Baton {
    pub(crate) fn pool(&mut self, size: usize, lease_ms: u64) -> Result<()> {
        let mut pool = cmd("WF.POOL");
        pool.arg(POOL).arg("SIZE").arg(size).arg("LEASE").arg(lease_ms);
        self.ask::<Value>(&pool).map(drop)
    }

    /// "Give me a name": one that left work behind, if there is one, with that work.
    pub(crate) fn assume(
        &mut self,
        request: &str,
        block_ms: u64,
    ) -> Result<Granted<Option<Assumed>>> {
        let mut assume = cmd("WF.ASSUME");
        assume.arg(POOL).arg("REQID").arg(request).arg("BLOCK").arg(block_ms);
        let reply = match self.worker_call::<Option<Fields>>(&assume)? {
            Ok(Some(reply)) => reply,
            Ok(None) => return Ok(Ok(None)),
            Err(refused) => return Ok(Err(refused)),
        };
        let name = text(&reply, "agent").unwrap_or_default();
        let me = Identity { name, epoch: number(&reply, "epoch")? };
        Ok(Ok(Some((me, tasks(reply.get("tasks"))?))))
    }

    /// The next task, or none; refused when the agent is to take nothing more.
    pub(crate) fn take(&mut self, me: &Identity, block_ms: u64) -> Result<Granted<Option<Task>>> {
        let mut pop = cmd("WF.POP");
        pop.arg(QUEUE).arg(&me.name).arg("EPOCH").arg(me.epoch).arg("BLOCK").arg(block_ms);
        match self.worker_call::<Option<Fields>>(&pop)? {
            Ok(reply) => reply.as_ref().map(Task::read).transpose().map(Ok),
            Err(refused) => Ok(Err(refused)),
        }
    }

    /// Saves something of a task (WF.TOUCH with these words); says whether to let go of it.
    pub(crate) fn save(
        &mut self,
        me: &Identity,
        task: &Task,
        words: &[&str],
    ) -> Result<Granted<bool>> {
        let mut touch = call_about(task, "WF.TOUCH", me);
        touch.arg(words);
        let reply = self.worker_call::<Fields>(&touch)?;
        Ok(reply.map(|fields| number(&fields, "cancel").is_ok_and(|cancel| cancel == 1)))
    }

    /// "I live"; says which of our tasks are to be cancelled.
    pub(crate) fn beat(&mut self, me: &Identity) -> Result<Granted<Vec<u64>>> {
        let mut beat = cmd("WF.BEAT");
        match self.worker_call::<Fields>(beat.arg(&me.name).arg("EPOCH").arg(me.epoch))? {
            Ok(reply) => {
                let value = reply.get("cancel").context("a beat without `cancel`")?;
                let list: Vec<Fields> = redis::from_redis_value_ref(value).context("cancel")?;
                list.iter().map(|fields| number(fields, "id")).collect::<Result<_>>().map(Ok)
            }
            Err(refused) => Ok(Err(refused)),
        }
    }

    pub(crate) fn complete(
        &mut self,
        me: &Identity,
        task: &Task,
        result: &str,
    ) -> Result<Granted<()>> {
        let mut done = call_about(task, "WF.DONE", me);
        Ok(self.worker_call::<Value>(done.arg("RESULT").arg(result))?.map(drop))
    }

    /// Hands a task back.
    pub(crate) fn hand_back(&mut self, me: &Identity, task: &Task) -> Result<Granted<()>> {
        let mut nack = cmd("WF.NACK");
        nack.arg(QUEUE).arg(&me.name).arg("EPOCH").arg(me.epoch);
        nack.arg("IDS").arg(1).arg(task.id).arg("FENCES").arg(1).arg(task.fence);
        Ok(self.worker_call::<Value>(&nack)?.map(drop))
    }

    /// A clean farewell: what is still held becomes ready for the others.
    pub(crate) fn retire(&mut self, me: &Identity) -> Result<Granted<()>> {
        let mut retire = cmd("WF.RETIRE");
        retire.arg(&me.name).arg("EPOCH").arg(me.epoch);
        Ok(self.worker_call::<Value>(&retire)?.map(drop))
    }

    /// Stops an agent or the pool: waits, then resets; says how many were reset.
    pub(crate) fn drain(&mut self, key: &str, block_ms: u64) -> Result<u64> {
        let reply: Fields =
            self.ask(cmd("WF.DRAIN").arg(key).arg("BLOCK").arg(block_ms).arg("RESET"))?;
        number(&reply, "reset")
    }

    pub(crate) fn resume(&mut self, key: &str) -> Result<()> {
        self.ask::<Value>(cmd("WF.RESUME").arg(key)).map(drop)
    }

    pub(crate) fn cancel(&mut self, ids: &[u64]) -> Result<()> {
        self.ask::<Value>(cmd("WF.CANCEL").arg(QUEUE).arg("IDS").arg(ids.len()).arg(ids)).map(drop)
    }

    /// The tasks that ended without a result, and whose work may still run elsewhere.
    pub(crate) fn left_outside(&mut self) -> Result<Vec<Task>> {
        let mut found = Vec::new();
        for state in ["cancelled", "failed"] {
            let mut list = cmd("WF.LIST");
            let reply: Fields = self.ask(list.arg(QUEUE).arg("STATE").arg(state).arg("HANDLES"))?;
            found.extend(tasks(reply.get("tasks"))?);
        }
        Ok(found)
    }

    pub(crate) fn purge(&mut self, id: u64) -> Result<u64> {
        let reply: Fields = self.ask(cmd("WF.PURGE").arg(QUEUE).arg("IDS").arg(1).arg(id))?;
        number(&reply, "count")
    }

    /// A number that WF.INFO tells of the pool.
    pub(crate) fn pool_number(&mut self, name: &str) -> Result<u64> {
        let info: Fields = self.ask(cmd("WF.INFO").arg(POOL))?;
        number(&info, name)
    }

    fn worker_call<T: FromRedisValue>(&mut self, call: &Cmd) -> Result<Granted<T>> {
        let answer = self.ask_or_refused(call, &["STALE", "NOTOWNER", "NOTASK", "DRAINING"])?;
        Ok(answer.map_err(|code| match code {
            "STALE" => Refused::Stale,
            "DRAINING" => Refused::Draining,
            _ => Refused::NotOwner,
        }))
    }
}
