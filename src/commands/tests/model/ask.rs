//! What can be asked? The commands of the walk as values, and the words each of them is sent in.

/// PUSH and MPUSH.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Push {
    pub(in super::super) queue: String,
    pub(in super::super) payloads: Vec<String>,
    pub(in super::super) many: bool,
    pub(in super::super) name: Option<String>,
    pub(in super::super) kind: Option<String>,
    pub(in super::super) priority: u64,
    pub(in super::super) unique: Option<(String, u64)>,
    pub(in super::super) retain: Option<u64>,
    pub(in super::super) starts: Option<Start>,
    pub(in super::super) timeout: Option<u64>,
    pub(in super::super) retries: Option<u64>,
    /// The wait after the first failure, and the longest if that is said.
    pub(in super::super) backoff: Option<(u64, Option<u64>)>,
}

/// DELAY and AT.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Start {
    Delay(u64),
    At(u64),
}

/// POP, MPOP, and NEXT if something is to be completed first.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Take {
    pub(in super::super) queues: Vec<String>,
    pub(in super::super) many: bool,
    pub(in super::super) first: Option<Finish>,
    pub(in super::super) agent: String,
    pub(in super::super) epoch: Option<u64>,
    pub(in super::super) kinds: Vec<String>,
    pub(in super::super) max_priority: Option<u64>,
    pub(in super::super) count: Option<u64>,
    pub(in super::super) block: bool,
    pub(in super::super) request: Option<String>,
}

/// DONE, FAIL and TOUCH: one task, and what is said of it.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Finish {
    pub(in super::super) queue: String,
    pub(in super::super) agent: String,
    pub(in super::super) id: u64,
    pub(in super::super) epoch: Option<u64>,
    pub(in super::super) fence: Option<u64>,
    /// RESULT, ERROR or CHECKPOINT.
    pub(in super::super) text: Option<String>,
    pub(in super::super) progress: Option<u64>,
    pub(in super::super) handle: Option<String>,
    pub(in super::super) extend: Option<u64>,
    pub(in super::super) delay: Option<u64>,
    pub(in super::super) fatal: bool,
}

/// MDONE and NACK.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Several {
    pub(in super::super) queue: String,
    pub(in super::super) agent: String,
    pub(in super::super) epoch: Option<u64>,
    pub(in super::super) ids: Vec<u64>,
    pub(in super::super) fences: Vec<u64>,
    pub(in super::super) results: Vec<String>,
    pub(in super::super) delay: Option<u64>,
}

/// RECOVER, and HELD if there is no mode.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Recover {
    pub(in super::super) agent: String,
    pub(in super::super) mode: Option<&'static str>,
    pub(in super::super) epoch: Option<u64>,
    pub(in super::super) request: Option<String>,
    pub(in super::super) queues: Vec<String>,
    pub(in super::super) count: Option<u64>,
    pub(in super::super) cursor: Option<String>,
}

/// LIST.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct List {
    pub(in super::super) queue: String,
    pub(in super::super) state: Option<&'static str>,
    pub(in super::super) kind: Option<String>,
    pub(in super::super) owner: Option<String>,
    pub(in super::super) handles: bool,
}

/// EDIT.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Edit {
    pub(in super::super) queue: String,
    pub(in super::super) id: u64,
    pub(in super::super) priority: Option<u64>,
    pub(in super::super) starts: Option<Start>,
    pub(in super::super) timeout: Option<u64>,
    pub(in super::super) kind: Option<String>,
}

/// DRAIN.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Drain {
    pub(in super::super) queue: String,
    pub(in super::super) block: Option<u64>,
    pub(in super::super) resets: bool,
}

/// RESET.
#[derive(Clone, Debug, Default)]
pub(in super::super) struct Reset {
    pub(in super::super) queue: String,
    pub(in super::super) agent: Option<String>,
    pub(in super::super) ids: Option<Vec<u64>>,
    pub(in super::super) idle: Option<u64>,
    pub(in super::super) count: Option<u64>,
}

/// CANCEL, RETRY and PURGE.
#[derive(Clone, Debug)]
pub(in super::super) struct Bulk {
    pub(in super::super) queue: String,
    pub(in super::super) which: Which,
    pub(in super::super) count: Option<u64>,
}

/// The tasks that such a call is about.
#[derive(Clone, Debug)]
pub(in super::super) enum Which {
    Ids(Vec<u64>),
    Failed,
    Quarantined,
    /// In this state, for so long if that is said.
    Ended(&'static str, Option<u64>),
}

/// A command.
#[derive(Clone, Debug)]
pub(in super::super) enum Ask {
    Push(Push),
    Take(Take),
    Done(Finish),
    Fail(Finish),
    Touch(Finish),
    DoneAll(Several),
    Nack(Several),
    Recover(Recover),
    Held(Recover),
    Owners(String),
    Task(String, u64),
    List(List),
    Len(String, Option<&'static str>),
    Info(String),
    Set(String, &'static str, u64),
    Check(String),
    Edit(Edit),
    Pause(String, Option<String>),
    Resume(String, Option<String>),
    Drain(Drain),
    Reset(Reset),
    Cancel(Bulk),
    Retry(Bulk),
    Purge(Bulk),
}

/// The words of one command.
struct Words(Vec<String>);

impl Words {
    fn of(words: &[&str]) -> Self {
        Self(words.iter().map(|word| (*word).to_owned()).collect())
    }

    fn option(&mut self, token: &str, value: Option<impl ToString>) -> &mut Self {
        if let Some(value) = value {
            self.0.extend([token.to_owned(), value.to_string()]);
        }
        self
    }

    fn counted<T: ToString>(&mut self, token: &str, values: &[T]) -> &mut Self {
        if !values.is_empty() {
            self.option(token, Some(values.len()));
            self.0.extend(values.iter().map(ToString::to_string));
        }
        self
    }

    fn starts(&mut self, starts: Option<Start>) -> &mut Self {
        match starts {
            None => self,
            Some(Start::Delay(ms)) => self.option("DELAY", Some(ms)),
            Some(Start::At(ms)) => self.option("AT", Some(ms)),
        }
    }

    fn flag(&mut self, token: &str, set: bool) -> &mut Self {
        if set {
            self.0.push(token.to_owned());
        }
        self
    }
}

impl Ask {
    pub(in super::super) fn words(&self) -> Vec<String> {
        match self {
            Self::Push(push) => push.words(),
            Self::Take(take) => take.words(),
            Self::Done(finish) => finish.words("WF.DONE", "RESULT"),
            Self::Fail(finish) => finish.words("WF.FAIL", "ERROR"),
            Self::Touch(finish) => finish.words("WF.TOUCH", "CHECKPOINT"),
            Self::DoneAll(several) => several.words("WF.MDONE"),
            Self::Nack(several) => several.words("WF.NACK"),
            Self::Recover(recover) => recover.words("WF.RECOVER"),
            Self::Held(recover) => recover.words("WF.HELD"),
            Self::Owners(queue) => Words::of(&["WF.OWNERS", queue]).0,
            Self::Task(queue, id) => Words::of(&["WF.TASK", queue, &id.to_string()]).0,
            Self::List(list) => list.words("0"),
            Self::Len(queue, state) => {
                let mut words = Words::of(&["WF.LEN", queue]);
                words.option("STATE", state.as_ref());
                words.0
            }
            Self::Info(key) => Words::of(&["WF.INFO", key]).0,
            Self::Set(queue, setting, value) => {
                Words::of(&["WF.SET", queue, setting, &value.to_string()]).0
            }
            Self::Check(key) => Words::of(&["WF.CHECK", key]).0,
            Self::Edit(edit) => edit.words(),
            Self::Pause(queue, kind) => of_kind("WF.PAUSE", queue, kind.as_ref()),
            Self::Resume(queue, kind) => of_kind("WF.RESUME", queue, kind.as_ref()),
            Self::Drain(drain) => {
                let mut words = Words::of(&["WF.DRAIN", &drain.queue]);
                words.option("BLOCK", drain.block).flag("RESET", drain.resets);
                words.0
            }
            Self::Reset(reset) => reset.words(),
            Self::Cancel(bulk) => bulk.words("WF.CANCEL"),
            Self::Retry(bulk) => bulk.words("WF.RETRY"),
            Self::Purge(bulk) => bulk.words("WF.PURGE"),
        }
    }
}

fn of_kind(command: &str, queue: &str, kind: Option<&String>) -> Vec<String> {
    let mut words = Words::of(&[command, queue]);
    words.option("TYPE", kind);
    words.0
}

impl Edit {
    fn words(&self) -> Vec<String> {
        let mut words = Words::of(&["WF.EDIT", &self.queue, &self.id.to_string()]);
        words.option("PRIORITY", self.priority).starts(self.starts);
        words.option("TIMEOUT", self.timeout).option("TYPE", self.kind.as_ref());
        words.0
    }
}

impl Reset {
    fn words(&self) -> Vec<String> {
        let mut words = Words::of(&["WF.RESET", &self.queue]);
        words.option("AGENT", self.agent.as_ref()).option("IDLE", self.idle);
        words.counted("IDS", self.ids.as_deref().unwrap_or_default());
        words.option("COUNT", self.count);
        words.0
    }
}

impl Bulk {
    fn words(&self, command: &str) -> Vec<String> {
        let mut words = Words::of(&[command, &self.queue]);
        match &self.which {
            Which::Ids(ids) => _ = words.counted("IDS", ids),
            Which::Failed => _ = words.flag("FAILED", true),
            Which::Quarantined => _ = words.flag("QUARANTINED", true),
            Which::Ended(state, older) => {
                words.option("STATE", Some(state)).option("OLDER", *older);
            }
        }
        words.option("COUNT", self.count);
        words.0
    }
}

impl Push {
    fn words(&self) -> Vec<String> {
        let mut words = Words::of(&[if self.many { "WF.MPUSH" } else { "WF.PUSH" }, &self.queue]);
        if self.many {
            words.0.push(self.payloads.len().to_string());
        }
        words.0.extend(self.payloads.iter().cloned());
        words.option("NAME", self.name.as_ref()).option("TYPE", self.kind.as_ref());
        words.option("PRIORITY", (self.priority > 0).then_some(self.priority));
        let (key, kept) = self.unique.clone().unzip();
        words.option("UNIQUE", key).option("FOR", kept.filter(|kept| *kept > 0));
        words.option("RETAIN", self.retain).starts(self.starts);
        words.option("TIMEOUT", self.timeout).option("RETRIES", self.retries);
        let (base, most) = self.backoff.unzip();
        words.option("BACKOFF", base);
        words.0.extend(most.flatten().map(|most| most.to_string()));
        words.0
    }
}

impl Take {
    fn words(&self) -> Vec<String> {
        let mut words = match (&self.first, self.many) {
            (Some(first), _) => Words(first.words("WF.NEXT", "RESULT")),
            (None, true) => {
                let mut words = Words::of(&["WF.MPOP"]);
                words.counted(&self.agent, &self.queues);
                words
            }
            (None, false) => Words::of(&["WF.POP", &self.queues[0], &self.agent]),
        };
        words.option("EPOCH", self.epoch.filter(|_| self.first.is_none()));
        words.counted("TYPES", &self.kinds).option("MAXPRIORITY", self.max_priority);
        words.option("COUNT", self.count).option("BLOCK", self.block.then_some(1_000));
        words.option("REQID", self.request.as_ref());
        words.0
    }
}

impl Finish {
    fn words(&self, command: &str, text: &str) -> Vec<String> {
        let mut words = Words::of(&[command, &self.queue, &self.agent, &self.id.to_string()]);
        words.option("EPOCH", self.epoch).option("FENCE", self.fence);
        words.option(text, self.text.as_ref());
        words.option("PROGRESS", self.progress).option("HANDLE", self.handle.as_ref());
        words.option("EXTEND", self.extend).option("DELAY", self.delay);
        words.flag("FATAL", self.fatal);
        words.0
    }
}

impl Several {
    fn words(&self, command: &str) -> Vec<String> {
        let mut words = Words::of(&[command, &self.queue, &self.agent]);
        words.option("EPOCH", self.epoch).counted("IDS", &self.ids);
        words.counted("FENCES", &self.fences).counted("RESULTS", &self.results);
        words.option("DELAY", self.delay);
        words.0
    }
}

impl Recover {
    fn words(&self, command: &str) -> Vec<String> {
        let mut words = Words::of(&[command, &self.agent]);
        words.0.extend(self.mode.map(str::to_owned));
        words.option("EPOCH", self.epoch).option("REQID", self.request.as_ref());
        words.counted("QUEUES", &self.queues).option("COUNT", self.count);
        words.option("CURSOR", self.cursor.as_ref());
        words.0
    }
}

impl List {
    /// The first page, or the one behind a cursor; short ones, so that there are several.
    pub(in super::super) fn words(&self, cursor: &str) -> Vec<String> {
        let mut words = Words::of(&["WF.LIST", &self.queue]);
        words.option("STATE", self.state).option("TYPE", self.kind.as_ref());
        words.option("OWNER", self.owner.as_ref()).flag("HANDLES", self.handles);
        words.option("CURSOR", Some(cursor)).option("COUNT", Some(7));
        words.0
    }
}
