//! How does a test talk to a server?
//!
//! Over one plain connection of the redis crate, in either protocol: what is sent is sent once,
//! nothing is retried, an error comes back with its code and its words, and a reply that does not
//! come within half a minute fails the test instead of hanging it. Sending and receiving can be
//! done apart, which is how a test holds a blocked client without a thread.

use super::reply::{Map, Reply};
use super::words;
use redis::{Cmd, Connection, ConnectionAddr, IntoConnectionInfo, ProtocolVersion, Value};
use std::collections::BTreeMap;
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(30);

/// The code of a [`Failure`] that the network made, not the server.
pub(crate) const LOST: &str = "LOST";

/// The protocol a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// Flat arrays for maps.
    Resp2,
    /// Maps as maps.
    Resp3,
}

/// Why a call got no value: the error's first word, and all of its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The first word, a part of the API; [`LOST`] when the connection broke.
    pub(crate) code: String,
    /// The whole line, code included.
    pub(crate) text: String,
}

impl Failure {
    fn of_server(code: &str, details: Option<&str>) -> Self {
        let text = match details {
            Some(details) => format!("{code} {details}"),
            None => code.to_owned(),
        };
        Failure { code: code.to_owned(), text }
    }

    fn of_network(error: &redis::RedisError) -> Self {
        match error.code() {
            Some(code) => Failure::of_server(code, error.detail()),
            None => Failure { code: LOST.to_owned(), text: error.to_string() },
        }
    }
}

/// The value of a reply, or why there is none.
pub(crate) type Answer = Result<Value, Failure>;

/// One connection.
pub(crate) struct Client {
    connection: Connection,
}

impl Client {
    /// Connects to a server of this machine, or says why not.
    pub(crate) fn connect(port: u16, protocol: Protocol) -> redis::RedisResult<Self> {
        let version = match protocol {
            Protocol::Resp2 => ProtocolVersion::RESP2,
            Protocol::Resp3 => ProtocolVersion::RESP3,
        };
        let settings =
            redis::RedisConnectionInfo::default().set_protocol(version).set_skip_set_lib_name();
        let info = ConnectionAddr::Tcp("127.0.0.1".to_owned(), port)
            .into_connection_info()?
            .set_redis_settings(settings);
        let connection = redis::Client::open(info)?.get_connection_with_timeout(PATIENCE)?;
        connection.set_read_timeout(Some(PATIENCE))?;
        connection.set_write_timeout(Some(PATIENCE))?;
        Ok(Client { connection })
    }

    /// Sends words and does not wait for the answer.
    pub(crate) fn send_words<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Result<(), Failure> {
        let mut command = Cmd::new();
        for word in words {
            command.arg(word.as_ref());
        }
        self.connection
            .send_packed_command(&command.get_packed_command())
            .map_err(|error| Failure::of_network(&error))
    }

    /// Sends a line and does not wait for the answer.
    #[track_caller]
    pub(crate) fn send(&mut self, line: &str) {
        let sent = self.send_words(&words::split(line));
        assert!(sent.is_ok(), "{line}: {sent:?}");
    }

    /// The next answer.
    pub(crate) fn receive(&mut self) -> Answer {
        match self.connection.recv_response() {
            Ok(Value::ServerError(error)) => Err(Failure::of_server(error.code(), error.details())),
            Ok(value) => Ok(value),
            Err(error) => Err(Failure::of_network(&error)),
        }
    }

    /// One call with words of any bytes.
    pub(crate) fn call<W: AsRef<[u8]>>(&mut self, words: &[W]) -> Answer {
        self.send_words(words)?;
        self.receive()
    }

    /// One call, written as a line.
    pub(crate) fn try_cmd(&mut self, line: &str) -> Answer {
        self.call(&words::split(line))
    }

    /// One call that has to succeed.
    #[track_caller]
    pub(crate) fn cmd(&mut self, line: &str) -> Value {
        match self.try_cmd(line) {
            Ok(value) => value,
            Err(failure) => panic!("{line}: {}", failure.text),
        }
    }

    /// One call that has to be refused by the server.
    #[track_caller]
    pub(crate) fn refused(&mut self, line: &str) -> Failure {
        match self.try_cmd(line) {
            Err(failure) if failure.code != LOST => failure,
            other => panic!("{line}: should be refused, but {other:?}"),
        }
    }

    /// One call that has to be refused with this code.
    #[track_caller]
    pub(crate) fn refused_as(&mut self, code: &str, line: &str) {
        let failure = self.refused(line);
        assert_eq!(failure.code, code, "{line}: {}", failure.text);
    }

    /// A call that answers an integer.
    #[track_caller]
    pub(crate) fn int(&mut self, line: &str) -> i64 {
        self.cmd(line).int()
    }

    /// A call that answers a string.
    #[track_caller]
    pub(crate) fn text(&mut self, line: &str) -> String {
        self.cmd(line).text()
    }

    /// A call that answers a map.
    #[track_caller]
    pub(crate) fn map(&mut self, line: &str) -> Map {
        self.cmd(line).map()
    }

    /// A call that answers an array of maps.
    #[track_caller]
    pub(crate) fn maps(&mut self, line: &str) -> Vec<Map> {
        self.cmd(line).maps()
    }

    /// The value of a field of the server's INFO.
    #[track_caller]
    pub(crate) fn info(&mut self, section: &str, field: &str) -> String {
        let text = self.text(&format!("INFO {section}"));
        text.lines()
            .find_map(|line| line.strip_prefix(field)?.strip_prefix(':'))
            .unwrap_or_else(|| panic!("no {field} in INFO {section}:\n{text}"))
            .trim()
            .to_owned()
    }

    /// Whether this is Redis 7.0: it gives no categories to the commands of modules, and does not
    /// wake clients that wait for a key that is deleted.
    #[track_caller]
    pub(crate) fn is_redis_7_0(&mut self) -> bool {
        let text = self.text("INFO server");
        !text.contains("valkey_version:") && text.contains("redis_version:7.0.")
    }

    /// The digest of one key.
    #[track_caller]
    pub(crate) fn digest_of(&mut self, key: &str) -> String {
        self.cmd(&format!("DEBUG DIGEST-VALUE {key}")).list()[0].text()
    }

    /// The digest of each key of this database, to show which one differs.
    #[track_caller]
    pub(crate) fn digests(&mut self) -> BTreeMap<String, String> {
        let keys = self.cmd("KEYS *").texts();
        keys.iter().map(|key| (key.clone(), self.digest_of(key))).collect()
    }

    /// The digest of everything the server holds.
    #[track_caller]
    pub(crate) fn digest(&mut self) -> String {
        self.text("DEBUG DIGEST")
    }
}
