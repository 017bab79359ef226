//! A workflow as one JSON document: the same that WF.SUBMIT takes in words.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use super::args;
use super::submit::on_fail;
use crate::engine::numbers::NUMBER_MAX;
use crate::engine::outcome::OnFail;
use crate::engine::refusal::Refusal;
use crate::engine::submit::{Plan, Submission};
use crate::engine::task::Backoff;

/// The longest complaint about a document that is passed on, in characters.
const COMPLAINT_MAX: usize = 300;

/// A workflow.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Document<'d> {
    #[serde(borrow, deserialize_with = "tasks")]
    tasks: Vec<DocumentTask<'d>>,
    #[serde(borrow, default)]
    onfail: Option<Cow<'d, str>>,
    retain: Option<u64>,
    #[serde(borrow, default)]
    unique: Option<Cow<'d, str>>,
    #[serde(rename = "for")]
    kept: Option<u64>,
}

/// A task of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DocumentTask<'d> {
    #[serde(borrow)]
    name: Cow<'d, str>,
    #[serde(borrow, default)]
    payload: Cow<'d, str>,
    #[serde(borrow, default, rename = "type")]
    kind: Cow<'d, str>,
    #[serde(default)]
    priority: u16,
    timeout: Option<u64>,
    retries: Option<u32>,
    backoff: Option<DocumentBackoff>,
    delay: Option<u64>,
    #[serde(borrow, default)]
    after: Vec<Cow<'d, str>>,
    #[serde(borrow, default)]
    afterany: Vec<Cow<'d, str>>,
}

/// One number or two.
#[derive(Clone, Copy)]
struct DocumentBackoff(Backoff);

impl<'d> Deserialize<'d> for DocumentBackoff {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        struct Numbers;

        impl<'d> Visitor<'d> for Numbers {
            type Value = Backoff;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("backoff as milliseconds, or [milliseconds, max-milliseconds]")
            }

            fn visit_u64<E: Error>(self, base_ms: u64) -> Result<Backoff, E> {
                Ok(Backoff { base_ms, max_ms: Backoff::MAX_MS })
            }

            fn visit_seq<A: SeqAccess<'d>>(self, mut array: A) -> Result<Backoff, A::Error> {
                match (array.next_element()?, array.next_element()?) {
                    (Some(base_ms), Some(max_ms)) => Ok(Backoff { base_ms, max_ms }),
                    (first, _) => Err(Error::invalid_length(usize::from(first.is_some()), &self)),
                }
            }
        }

        from.deserialize_any(Numbers).map(DocumentBackoff)
    }
}

/// What is only said as an object: a list of values without their names is refused.
struct Object<T>(T);

impl<'d, T: Deserialize<'d>> Deserialize<'d> for Object<T> {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);

        impl<'d, T: Deserialize<'d>> Visitor<'d> for Fields<T> {
            type Value = T;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an object")
            }

            fn visit_map<A: MapAccess<'d>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        from.deserialize_map(Fields(PhantomData)).map(Object)
    }
}

/// Reads the tasks; a complaint about one says which it is.
fn tasks<'d, D: Deserializer<'d>>(from: D) -> Result<Vec<DocumentTask<'d>>, D::Error> {
    struct Tasks;

    impl<'d> Visitor<'d> for Tasks {
        type Value = Vec<DocumentTask<'d>>;

        fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
            out.write_str("an array of tasks")
        }

        fn visit_seq<A: SeqAccess<'d>>(self, mut array: A) -> Result<Self::Value, A::Error> {
            let mut tasks = Vec::new();
            loop {
                match array.next_element::<Object<DocumentTask<'d>>>() {
                    Ok(Some(Object(task))) => tasks.push(task),
                    Ok(None) => return Ok(tasks),
                    Err(wrong) => {
                        let nth = tasks.len() + 1;
                        return Err(A::Error::custom(format_args!("task {nth}: {wrong}")));
                    }
                }
            }
        }
    }

    from.deserialize_seq(Tasks)
}

/// A document of more bytes than this is looked through before anything of it is kept.
const LARGE: usize = 64 << 10;

/// How many tasks there are, and nothing else.
#[derive(Deserialize)]
struct Outline {
    tasks: Count,
}

struct Count(u64);

impl<'d> Deserialize<'d> for Count {
    fn deserialize<D: Deserializer<'d>>(from: D) -> Result<Self, D::Error> {
        struct Elements;

        impl<'d> Visitor<'d> for Elements {
            type Value = u64;

            fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str("an array of tasks")
            }

            fn visit_seq<A: SeqAccess<'d>>(self, mut array: A) -> Result<u64, A::Error> {
                let mut count = 0;
                while array.next_element::<IgnoredAny>()?.is_some() {
                    count += 1;
                }
                Ok(count)
            }
        }

        from.deserialize_seq(Elements).map(Count)
    }
}

/// How many tasks a document has that could have very many. What is wrong with it is said when it
/// is read.
pub(super) fn count_of_large(document: &[u8]) -> u64 {
    if document.len() <= LARGE {
        return 0;
    }
    serde_json::from_slice(document).map_or(0, |Outline { tasks: Count(count) }| count)
}

/// Reads a document.
pub(super) fn parsed(document: &[u8]) -> Result<Document<'_>, Refusal> {
    let read = serde_json::from_slice::<Object<Document<'_>>>(document);
    read.map(|Object(document)| document).map_err(|error| {
        let printable = |letter: char| if letter.is_control() { '.' } else { letter };
        let text: String = error.to_string().chars().map(printable).take(COMPLAINT_MAX).collect();
        args::syntax("JSON:", &text)
    })
}

/// Milliseconds in the range of the words.
fn bounded(what: &str, ms: Option<u64>) -> Result<Option<u64>, Refusal> {
    match ms {
        Some(ms) if ms > NUMBER_MAX => {
            Err(args::syntax(what, &format!("is not an integer from 0 to {NUMBER_MAX}")))
        }
        ms => Ok(ms),
    }
}

impl Document<'_> {
    /// The workflow as it is asked for; what the call says besides counts first.
    pub(super) fn submission<'s>(
        &'s self,
        said: &Submission<'s>,
        stops: Option<OnFail>,
    ) -> Result<Submission<'s>, Refusal> {
        let own = self.onfail.as_ref().map(|word| on_fail(word.as_bytes())).transpose()?;
        let kept_ms = bounded("for", self.kept)?;
        let unique = self.unique.as_ref().map(|key| (key.as_bytes(), kept_ms.unwrap_or(0)));
        if kept_ms.is_some() && unique.is_none() {
            return Err(args::syntax("for", "goes with unique"));
        }
        Ok(Submission {
            name: said.name,
            on_fail: stops.or(own).unwrap_or_default(),
            unique: said.unique.or(unique),
            retain_ms: said.retain_ms.or(bounded("retain", self.retain)?),
            tasks: self.tasks.iter().map(DocumentTask::plan).collect::<Result<_, _>>()?,
        })
    }
}

impl DocumentTask<'_> {
    fn plan(&self) -> Result<Plan<'_>, Refusal> {
        let backoff = self.backoff.map(|DocumentBackoff(backoff)| backoff);
        let plan = || {
            bounded("backoff", backoff.map(|backoff| backoff.base_ms.max(backoff.max_ms)))?;
            Ok(Plan {
                name: self.name.as_bytes(),
                payload: self.payload.as_bytes(),
                kind: self.kind.as_bytes(),
                priority: self.priority,
                timeout_ms: bounded("timeout", self.timeout)?,
                retries: self.retries,
                backoff,
                delay_ms: bounded("delay", self.delay)?,
                after: self.after.iter().map(|name| name.as_bytes()).collect(),
                after_any: self.afterany.iter().map(|name| name.as_bytes()).collect(),
            })
        };
        plan().map_err(|wrong| args::of_task(self.name.as_bytes(), wrong))
    }
}
