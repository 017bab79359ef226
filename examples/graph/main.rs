//! Draws a workflow: as Graphviz DOT, or as Mermaid, which many pages show as a picture.
//!
//! ```text
//! cargo run --example graph -- redis://127.0.0.1:6379 QUEUE WORKFLOW [dot | mermaid]
//! ```
//!
//! All it takes is the reply to `WF.WORKFLOW`.

mod draw;

use std::error::Error;

use draw::{Node, dot, mermaid};
use redis::{Connection, ProtocolVersion, Value, cmd};

fn main() -> Result<(), Box<dyn Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let (url, queue, workflow, form) = match words.as_slice() {
        [url, queue, workflow] => (url, queue, workflow, "mermaid"),
        [url, queue, workflow, form] => (url, queue, workflow, form.as_str()),
        _ => return Err("usage: graph URL QUEUE WORKFLOW [dot | mermaid]".into()),
    };
    let draw = match form {
        "dot" => dot,
        "mermaid" => mermaid,
        other => return Err(format!("'{other}' is neither dot nor mermaid").into()),
    };
    let info = redis::IntoConnectionInfo::into_connection_info(url.as_str())?;
    let settings = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
    let mut server = redis::Client::open(info.set_redis_settings(settings))?.get_connection()?;
    print!("{}", draw(&nodes(&mut server, queue, workflow)?));
    Ok(())
}

/// Every task of a workflow, page by page.
fn nodes(
    server: &mut Connection,
    queue: &str,
    workflow: &str,
) -> Result<Vec<Node>, Box<dyn Error>> {
    let (mut nodes, mut cursor) = (Vec::new(), "0".to_owned());
    loop {
        let mut ask = cmd("WF.WORKFLOW");
        let reply: Value = ask.arg(queue).arg(workflow).arg("CURSOR").arg(&cursor).query(server)?;
        let tasks = field(&reply, "tasks").ok_or("no tasks in the reply")?;
        nodes.extend(list(tasks).map(node));
        cursor = field(&reply, "cursor").map(text).unwrap_or_default();
        if cursor == "0" {
            return Ok(nodes);
        }
    }
}

fn node(task: &Value) -> Node {
    let of = |name: &str| field(task, name).map(text).unwrap_or_default();
    let names = |name: &str| field(task, name).into_iter().flat_map(list).map(text).collect();
    let name = if of("name").is_empty() { of("id") } else { of("name") };
    Node { name, state: of("state"), after: names("after"), after_any: names("afterany") }
}

fn field<'v>(value: &'v Value, name: &str) -> Option<&'v Value> {
    let Value::Map(pairs) = value else { return None };
    pairs.iter().find(|(known, _)| text(known) == name).map(|(_, value)| value)
}

fn list(value: &Value) -> impl Iterator<Item = &Value> {
    let elements: &[Value] = if let Value::Array(elements) = value { elements } else { &[] };
    elements.iter()
}

fn text(value: &Value) -> String {
    match value {
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Int(number) => number.to_string(),
        Value::SimpleString(text) => text.clone(),
        _ => String::new(),
    }
}
