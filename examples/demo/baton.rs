//! How are Baton's commands called from a program?
//!
//! Nothing more than the `redis` crate and command names: a client of Baton needs no library.
//! A reply is a map (in RESP2 the same pairs in a flat array) whose fields are there when they
//! say something, so absent ones get their default here.

use crate::failure::{Context, Failure, Result};
use redis::{Cmd, Connection, ConnectionAddr, FromRedisValue, IntoConnectionInfo, Value, cmd};
use std::collections::HashMap;
use std::time::Duration;

/// The one queue of the demo.
pub(crate) const QUEUE: &str = "demo:jobs";

/// How long a reply may take: more than any BLOCK used here.
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection to a server with Baton in it.
pub(crate) struct Baton {
    connection: Connection,
}

/// Who acts: a name that outlives processes, and the epoch of the process that bears it now.
#[derive(Clone)]
pub(crate) struct Identity {
    pub(crate) name: String,
    pub(crate) epoch: u64,
}

/// A task as it is handed out, or as an onlooker sees it.
#[derive(Clone)]
pub(crate) struct Task {
    pub(crate) id: u64,
    pub(crate) state: String,
    pub(crate) owner: String,
    pub(crate) fence: u64,
    pub(crate) name: String,
    pub(crate) payload: Vec<u8>,
    pub(crate) attempt: u64,
    pub(crate) crashes: u64,
    pub(crate) running_for_ms: u64,
    pub(crate) interruptions: u64,
    pub(crate) progress: u64,
    pub(crate) checkpoint: Option<String>,
    pub(crate) handle: Option<String>,
    pub(crate) result: Option<String>,
}

impl Baton {
    pub(crate) fn connect(port: u16) -> Result<Self> {
        let address = ConnectionAddr::Tcp("127.0.0.1".to_owned(), port);
        let info = address.into_connection_info().context("the server's address")?;
        let client = redis::Client::open(info).context("a client")?;
        let connection = client.get_connection_with_timeout(PATIENCE).context("connecting")?;
        connection.set_read_timeout(Some(PATIENCE)).context("connecting")?;
        Ok(Self { connection })
    }

    /// Puts a task into the queue; its result is kept for ten minutes.
    pub(crate) fn push(&mut self, name: &str, payload: &[u8]) -> Result<u64> {
        let mut push = cmd("WF.PUSH");
        push.arg(QUEUE).arg(payload).arg("NAME").arg(name).arg("RETAIN").arg(600_000);
        self.ask(&push)
    }

    /// "I am `name` now: what was my predecessor doing?"
    pub(crate) fn recover(&mut self, name: &str) -> Result<(Identity, Vec<Task>)> {
        let reply: Fields = self.ask(cmd("WF.RECOVER").arg(name))?;
        let identity = Identity { name: name.to_owned(), epoch: number(&reply, "epoch")? };
        Ok((identity, tasks(reply.get("tasks"))?))
    }

    /// The next task, or none when none came within `block_ms`.
    pub(crate) fn pop(&mut self, me: &Identity, block_ms: u64) -> Result<Option<Task>> {
        let mut pop = cmd("WF.POP");
        pop.arg(QUEUE).arg(&me.name).arg("EPOCH").arg(me.epoch).arg("BLOCK").arg(block_ms);
        let reply: Option<Fields> = self.ask(&pop)?;
        reply.as_ref().map(Task::read).transpose()
    }

    /// Saves how far the work got, for whoever takes the task next.
    pub(crate) fn touch(
        &mut self,
        me: &Identity,
        task: &Task,
        percent: u64,
        checkpoint: &str,
    ) -> Result<()> {
        let mut touch = call_about(task, "WF.TOUCH", me);
        touch.arg("PROGRESS").arg(percent).arg("CHECKPOINT").arg(checkpoint);
        self.ask::<Value>(&touch).map(drop)
    }

    /// Ends a task with its result.
    pub(crate) fn done(&mut self, me: &Identity, task: &Task, result: &str) -> Result<()> {
        let mut done = call_about(task, "WF.DONE", me);
        self.ask::<Value>(done.arg("RESULT").arg(result)).map(drop)
    }

    /// How many tasks are not at their end.
    pub(crate) fn unfinished(&mut self) -> Result<u64> {
        self.ask(cmd("WF.LEN").arg(QUEUE))
    }

    /// The counters of the queue, by name.
    pub(crate) fn counter(&mut self, name: &str) -> Result<u64> {
        let info: Fields = self.ask(cmd("WF.INFO").arg(QUEUE))?;
        number(&info, name)
    }

    /// The running tasks, with their owners.
    pub(crate) fn running(&mut self) -> Result<Vec<Task>> {
        let reply: Fields = self.ask(cmd("WF.LIST").arg(QUEUE).arg("STATE").arg("running"))?;
        tasks(reply.get("tasks"))
    }

    pub(crate) fn task(&mut self, id: u64) -> Result<Task> {
        let reply: Fields = self.ask(cmd("WF.TASK").arg(QUEUE).arg(id))?;
        Task::read(&reply)
    }

    /// How many tasks `name` holds, as the queue itself knows it.
    pub(crate) fn held_by(&mut self, name: &str) -> Result<u64> {
        let owners: Vec<Fields> = self.ask(cmd("WF.OWNERS").arg(QUEUE))?;
        for owner in &owners {
            if text(owner, "agent").as_deref() == Some(name) {
                return number(owner, "running");
            }
        }
        Ok(0)
    }

    /// The epoch under which `name` acts now.
    pub(crate) fn epoch(&mut self, name: &str) -> Result<u64> {
        let info: Fields = self.ask(cmd("WF.INFO").arg(name))?;
        number(&info, "epoch")
    }

    /// Lets the server verify every invariant of a key.
    pub(crate) fn check(&mut self, key: &str) -> Result<()> {
        self.ask::<Value>(cmd("WF.CHECK").arg(key)).map(drop)
    }

    /// Makes a call that must be refused, and gives back the refusal's words.
    pub(crate) fn refusal(&mut self, call: &Cmd) -> Result<String> {
        match call.query::<Value>(&mut self.connection) {
            Ok(reply) => Err(Failure::new(format!("{}: accepted with {reply:?}", name_of(call)))),
            Err(error) => Ok(match (error.code(), error.detail()) {
                (Some(code), Some(detail)) => format!("{code} {detail}"),
                _ => error.to_string(),
            }),
        }
    }

    pub(crate) fn server_version(&mut self) -> Result<String> {
        let info: String = self.ask(cmd("INFO").arg("server"))?;
        let line =
            |key: &str| info.lines().find_map(|line| Some(line.strip_prefix(key)?.to_owned()));
        let valkey = line("valkey_version:").map(|version| format!("Valkey {version}"));
        let redis = || line("redis_version:").map(|version| format!("Redis {version}"));
        valkey.or_else(redis).context("INFO names no version")
    }

    /// How often a command was called and not refused, by the server's own statistics.
    pub(crate) fn accepted_calls(&mut self, command: &str) -> Result<u64> {
        let info: String = self.ask(cmd("INFO").arg("commandstats"))?;
        let prefix = format!("cmdstat_{command}:");
        let line = info.lines().find_map(|line| line.strip_prefix(&prefix));
        let line = line.context(format!("no statistics of {command}"))?;
        let value = |name: &str| {
            let found = line.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
            found.and_then(|number| number.parse::<u64>().ok()).context(format!("no {name}"))
        };
        Ok(value("calls")? - value("failed_calls")?)
    }

    /// A call that may be refused with one of `codes`; the inner error is that code.
    pub(crate) fn ask_or_refused<T: FromRedisValue>(
        &mut self,
        call: &Cmd,
        codes: &[&'static str],
    ) -> Result<std::result::Result<T, &'static str>> {
        call.query(&mut self.connection).map(Ok).or_else(|error| {
            let code = codes.iter().find(|code| error.code() == Some(**code));
            code.map(|code| Err(*code)).ok_or(error).context(name_of(call))
        })
    }

    pub(crate) fn ask<T: FromRedisValue>(&mut self, call: &Cmd) -> Result<T> {
        call.query(&mut self.connection).context(name_of(call))
    }
}

/// The head that all calls about a held task share: who, which task, which taking of it.
pub(crate) fn call_about(task: &Task, command: &str, me: &Identity) -> Cmd {
    let mut call = cmd(command);
    call.arg(QUEUE).arg(&me.name).arg(task.id);
    call.arg("EPOCH").arg(me.epoch).arg("FENCE").arg(task.fence);
    call
}

pub(crate) type Fields = HashMap<String, Value>;

impl Task {
    pub(crate) fn read(fields: &Fields) -> Result<Self> {
        let or_zero = |name: &str| number(fields, name).unwrap_or(0);
        let payload = fields.get("payload").context("a task without payload")?;
        Ok(Self {
            id: number(fields, "id")?,
            state: text(fields, "state").unwrap_or_default(),
            owner: text(fields, "owner").unwrap_or_default(),
            fence: or_zero("fence"),
            name: text(fields, "name").unwrap_or_default(),
            payload: redis::from_redis_value_ref(payload).context("a payload")?,
            attempt: or_zero("attempt").max(or_zero("attempts")).max(1),
            crashes: or_zero("crashes"),
            running_for_ms: or_zero("running-for"),
            interruptions: or_zero("interruptions"),
            progress: or_zero("progress"),
            checkpoint: text(fields, "checkpoint"),
            handle: text(fields, "handle"),
            result: text(fields, "result"),
        })
    }
}

pub(crate) fn tasks(value: Option<&Value>) -> Result<Vec<Task>> {
    let value = value.context("a reply without `tasks`")?;
    let list: Vec<Fields> = redis::from_redis_value_ref(value).context("tasks")?;
    list.iter().map(Task::read).collect()
}

pub(crate) fn number(fields: &Fields, name: &str) -> Result<u64> {
    let value = fields.get(name).context(format!("a reply without `{name}`"))?;
    redis::from_redis_value_ref(value).context(name)
}

pub(crate) fn text(fields: &Fields, name: &str) -> Option<String> {
    redis::from_redis_value_ref(fields.get(name)?).ok()
}

fn name_of(call: &Cmd) -> String {
    let name = call.args_iter().next().map(|word| match word {
        redis::Arg::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        _ => String::new(),
    });
    name.unwrap_or_default()
}
