//! What did the server answer, whichever protocol it spoke?
//!
//! A map is a map in RESP3 and the same pairs as a flat array in RESP2; here both become a [`Map`].
//! Everything else stays a `redis::Value`, with short readers that fail the test on another type.

use redis::Value;

/// Readers of a reply; each fails, showing the reply, when it is of another type.
pub(crate) trait Reply {
    /// An integer.
    fn int(&self) -> i64;
    /// The bytes of a string of any kind.
    fn bytes(&self) -> Vec<u8>;
    /// The same as text.
    fn text(&self) -> String;
    /// The elements of an array.
    fn list(&self) -> Vec<Value>;
    /// The pairs of a map or of a flat array.
    fn map(&self) -> Map;
    /// A null.
    fn is_nil(&self) -> bool;
    /// The codes of the errors inside an array, as EXEC gives them.
    fn codes(&self) -> Vec<String>;
    /// An array of maps.
    fn maps(&self) -> Vec<Map> {
        self.list().iter().map(Reply::map).collect()
    }
    /// An array of integers.
    fn ints(&self) -> Vec<i64> {
        self.list().iter().map(Reply::int).collect()
    }
    /// An array of strings.
    fn texts(&self) -> Vec<String> {
        self.list().iter().map(Reply::text).collect()
    }
}

impl Reply for Value {
    fn int(&self) -> i64 {
        match self {
            Value::Int(number) => *number,
            other => panic!("not an integer: {other:?}"),
        }
    }

    fn bytes(&self) -> Vec<u8> {
        match self {
            Value::BulkString(bytes) => bytes.clone(),
            Value::SimpleString(text) | Value::VerbatimString { text, .. } => {
                text.clone().into_bytes()
            }
            Value::Okay => b"OK".to_vec(),
            other => panic!("not a string: {other:?}"),
        }
    }

    fn text(&self) -> String {
        String::from_utf8(self.bytes()).expect("text")
    }

    fn list(&self) -> Vec<Value> {
        match self {
            Value::Array(elements) | Value::Set(elements) => elements.clone(),
            other => panic!("not an array: {other:?}"),
        }
    }

    fn map(&self) -> Map {
        match self {
            Value::Map(pairs) => {
                Map(pairs.iter().map(|(name, value)| (name.text(), value.clone())).collect())
            }
            Value::Array(flat) if flat.len() % 2 == 0 => {
                Map(flat.chunks(2).map(|pair| (pair[0].text(), pair[1].clone())).collect())
            }
            other => panic!("not a map: {other:?}"),
        }
    }

    fn is_nil(&self) -> bool {
        matches!(self, Value::Nil)
    }

    fn codes(&self) -> Vec<String> {
        let code = |value: &Value| match value {
            Value::ServerError(error) => Some(error.code().to_owned()),
            _ => None,
        };
        self.list().iter().filter_map(code).collect()
    }
}

/// A task, an info, a recovery: named fields, in the order the server sent them.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Map(pub(crate) Vec<(String, Value)>);

impl Map {
    /// A field, or nothing.
    pub(crate) fn find(&self, field: &str) -> Option<&Value> {
        self.0.iter().find(|(name, _)| name == field).map(|(_, value)| value)
    }

    /// Whether a field is there.
    pub(crate) fn has(&self, field: &str) -> bool {
        self.find(field).is_some()
    }

    /// A field; fails the test when it is absent.
    #[track_caller]
    pub(crate) fn get(&self, field: &str) -> &Value {
        self.find(field).unwrap_or_else(|| panic!("no field {field} in {self:?}"))
    }

    /// An integer field.
    #[track_caller]
    pub(crate) fn int(&self, field: &str) -> i64 {
        self.get(field).int()
    }

    /// A text field.
    #[track_caller]
    pub(crate) fn text(&self, field: &str) -> String {
        self.get(field).text()
    }

    /// A field that is an array of maps.
    #[track_caller]
    pub(crate) fn maps(&self, field: &str) -> Vec<Map> {
        self.get(field).maps()
    }

    /// A field that is an array of strings.
    #[track_caller]
    pub(crate) fn texts(&self, field: &str) -> Vec<String> {
        self.get(field).texts()
    }

    /// The ids of the tasks in the field `tasks`.
    #[track_caller]
    pub(crate) fn ids(&self) -> Vec<i64> {
        self.maps("tasks").iter().map(|task| task.int("id")).collect()
    }
}
