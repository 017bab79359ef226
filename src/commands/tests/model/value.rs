//! What did a command reply? The text of a reply as a tree, and comparisons that name what differs.

/// A reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) enum Value {
    /// `OK`.
    Fine,
    /// Nothing.
    Nil,
    /// The call waits.
    Wait,
    Integer(u64),
    Text(String),
    Array(Vec<Value>),
    Map(Vec<(String, Value)>),
}

/// Whether the model agrees, or what it expected.
pub(in super::super) type Verdict = Result<(), String>;

impl Value {
    pub(in super::super) fn parse(text: &str) -> Self {
        let mut rest = text;
        let value = read(&mut rest);
        assert!(rest.is_empty(), "half a reply: {text}");
        value
    }

    /// The value of a field.
    pub(in super::super) fn get(&self, name: &str) -> Option<&Self> {
        let Self::Map(pairs) = self else { return None };
        pairs.iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// The number in a field.
    pub(in super::super) fn number(&self, name: &str) -> Result<u64, String> {
        match self.get(name) {
            Some(Self::Integer(number)) => Ok(*number),
            _ => Err(format!("a number {name} in {self:?}")),
        }
    }

    /// The array in a field.
    pub(in super::super) fn array(&self, name: &str) -> Result<&[Self], String> {
        match self.get(name) {
            Some(Self::Array(values)) => Ok(values),
            _ => Err(format!("an array {name} in {self:?}")),
        }
    }

    pub(in super::super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Reads one value off the front.
fn read(rest: &mut &str) -> Value {
    let (first, behind) = rest.split_at(1);
    match first {
        "[" => {
            *rest = behind;
            let mut values = Vec::new();
            while !ends(rest, ']') {
                values.push(read(rest));
            }
            Value::Array(values)
        }
        "{" => {
            *rest = behind;
            let mut pairs = Vec::new();
            while !ends(rest, '}') {
                let (name, behind) = rest.split_once(':').expect("a name");
                *rest = behind;
                pairs.push((name.to_owned(), read(rest)));
            }
            Value::Map(pairs)
        }
        "\"" => {
            let (text, behind) = behind.split_once('"').expect("an end");
            *rest = behind;
            Value::text(text)
        }
        _ => {
            let len = rest.find([' ', ']', '}']).unwrap_or(rest.len());
            let (word, behind) = rest.split_at(len);
            *rest = behind;
            match word {
                "OK" => Value::Fine,
                "nil" => Value::Nil,
                "wait" => Value::Wait,
                number => Value::Integer(number.parse().expect("a number")),
            }
        }
    }
}

/// Whether the list ends here; the bracket, or the space between two values, is passed.
fn ends(rest: &mut &str, bracket: char) -> bool {
    let trimmed = rest.strip_prefix(' ').unwrap_or(rest);
    *rest = trimmed.strip_prefix(bracket).unwrap_or(trimmed);
    trimmed.starts_with(bracket)
}

/// A reply that is expected to be exactly this.
pub(super) fn is(told: &Result<Value, String>, expected: &Value) -> Verdict {
    match told {
        Ok(told) if told == expected => Ok(()),
        _ => Err(format!("the reply {expected:?}")),
    }
}

/// A refusal with this code.
pub(super) fn refused(told: &Result<Value, String>, code: &str) -> Verdict {
    match told {
        Err(text) if text.split(' ').next() == Some(code) => Ok(()),
        _ => Err(format!("the refusal {code}")),
    }
}

/// Anything but a refusal.
pub(super) fn replied(told: &Result<Value, String>) -> Result<&Value, String> {
    told.as_ref().map_err(|_| "no refusal".to_owned())
}

/// The fields that a map is expected to have.
#[derive(Default)]
pub(super) struct Fields {
    exact: Vec<(&'static str, Value)>,
    near: Vec<(&'static str, u64)>,
    any: Vec<&'static str>,
}

/// A moment that is read off a number may lie so far beside the clock, in milliseconds.
const NEAR_MS: u64 = 15;

impl Fields {
    pub(super) fn number(&mut self, name: &'static str, number: u64) -> &mut Self {
        self.exact.push((name, Value::Integer(number)));
        self
    }

    /// A number that is not told when it is 0.
    pub(super) fn count(&mut self, name: &'static str, number: u64) -> &mut Self {
        if number > 0 {
            self.number(name, number);
        }
        self
    }

    /// A number that is told where there is one.
    pub(super) fn option(&mut self, name: &'static str, number: Option<u64>) {
        if let Some(number) = number {
            self.number(name, number);
        }
    }

    pub(super) fn text(&mut self, name: &'static str, text: &str) -> &mut Self {
        self.exact.push((name, Value::text(text)));
        self
    }

    pub(super) fn maybe(&mut self, name: &'static str, text: Option<&String>) -> &mut Self {
        if let Some(text) = text {
            self.text(name, text);
        }
        self
    }

    pub(super) fn near(&mut self, name: &'static str, number: u64) -> &mut Self {
        self.near.push((name, number));
        self
    }

    /// A field that may be there or not.
    pub(super) fn any(&mut self, name: &'static str) -> &mut Self {
        self.any.push(name);
        self
    }

    pub(super) fn verify(&self, told: &Value) -> Verdict {
        let Value::Map(pairs) = told else { return Err(format!("a map, not {told:?}")) };
        for (name, value) in &self.exact {
            if told.get(name) != Some(value) {
                return Err(format!("{name} {value:?} in {told:?}"));
            }
        }
        for (name, number) in &self.near {
            if told.number(name)?.abs_diff(*number) > NEAR_MS {
                return Err(format!("{name} about {number} in {told:?}"));
            }
        }
        let exact = self.exact.iter().map(|(name, _)| *name);
        let names: Vec<&str> =
            exact.chain(self.near.iter().map(|(name, _)| *name)).chain(self.any.clone()).collect();
        match pairs.iter().find(|(name, _)| !names.contains(&name.as_str())) {
            Some((name, _)) => Err(format!("no field {name} in {told:?}")),
            None => Ok(()),
        }
    }
}

#[test]
fn the_text_of_a_reply_is_read_as_a_tree() {
    let value = Value::parse("{a:1 b:[nil OK {}] c:\"x y\" d:[]}");
    assert_eq!(value.number("a"), Ok(1));
    assert_eq!(value.array("b").unwrap(), [Value::Nil, Value::Fine, Value::Map(Vec::new())]);
    assert_eq!(value.get("c"), Some(&Value::text("x y")));
    assert_eq!(value.array("d").unwrap(), []);
    let mut fields = Fields::default();
    fields.number("a", 1).text("c", "x y").any("b");
    assert_eq!(fields.verify(&value), Err(format!("no field d in {value:?}")));
    assert!(fields.any("d").near("a", 3).verify(&value).is_ok());
}
