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
        }
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
        words.option("RETAIN", self.retain);
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
        words.0
    }
}

impl Several {
    fn words(&self, command: &str) -> Vec<String> {
        let mut words = Words::of(&[command, &self.queue, &self.agent]);
        words.option("EPOCH", self.epoch).counted("IDS", &self.ids);
        words.counted("FENCES", &self.fences).counted("RESULTS", &self.results);
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
