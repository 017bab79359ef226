//! A workflow as text that other programs draw: the colour of a task tells its state, a dashed
//! arrow that any end of the parent will do.

use std::fmt::Write;

/// A task.
pub(crate) struct Node {
    pub(crate) name: String,
    pub(crate) state: String,
    pub(crate) after: Vec<String>,
    pub(crate) after_any: Vec<String>,
}

/// By state: the colour of the box, and that of the text in it.
const COLOURS: [(&str, &str, &str); 7] = [
    ("waiting", "#e5e7eb", "#111827"),
    ("scheduled", "#ddd6fe", "#111827"),
    ("ready", "#bfdbfe", "#111827"),
    ("running", "#fde68a", "#111827"),
    ("done", "#bbf7d0", "#111827"),
    ("failed", "#b91c1c", "#ffffff"),
    ("cancelled", "#9ca3af", "#111827"),
];

/// As Graphviz draws it: `dot -Tsvg`.
pub(crate) fn dot(nodes: &[Node]) -> String {
    let mut out =
        String::from("digraph workflow {\n  rankdir=LR;\n  node [shape=box style=filled];\n");
    for node in nodes {
        let known = COLOURS.iter().find(|(state, ..)| *state == node.state);
        let (_, fill, ink) = known.copied().unwrap_or(("", "#ffffff", "#000000"));
        let name = quoted(&node.name);
        let _ = writeln!(out, "  {name} [fillcolor=\"{fill}\" fontcolor=\"{ink}\"];");
    }
    for node in nodes {
        for (parents, style) in [(&node.after, ""), (&node.after_any, " [style=dashed]")] {
            for parent in parents {
                let _ = writeln!(out, "  {} -> {}{style};", quoted(parent), quoted(&node.name));
            }
        }
    }
    out + "}\n"
}

/// As Mermaid draws it, in pages that know it.
pub(crate) fn mermaid(nodes: &[Node]) -> String {
    let place = |name: &String| nodes.iter().position(|node| node.name == *name);
    let mut out = String::from("flowchart LR\n");
    for (nth, node) in nodes.iter().enumerate() {
        let _ = writeln!(out, "  t{nth}[\"{}\"]:::{}", entities(&node.name), node.state);
    }
    for (nth, node) in nodes.iter().enumerate() {
        for (parents, arrow) in [(&node.after, "-->"), (&node.after_any, "-.->")] {
            for parent in parents.iter().filter_map(place) {
                let _ = writeln!(out, "  t{parent} {arrow} t{nth}");
            }
        }
    }
    for (state, fill, ink) in COLOURS {
        if nodes.iter().any(|node| node.state == state) {
            let _ = writeln!(out, "  classDef {state} fill:{fill},color:{ink}");
        }
    }
    out
}

/// A name in which nothing means anything to Mermaid or to the page around it.
fn entities(name: &str) -> String {
    let mut out = String::new();
    for letter in name.chars() {
        match letter {
            '#' => out.push_str("#35;"),
            '"' => out.push_str("#quot;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '&' => out.push_str("#amp;"),
            control if control.is_control() => out.push(' '),
            plain => out.push(plain),
        }
    }
    out
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nodes() -> Vec<Node> {
        let node = |name: &str, state: &str, after: &[&str], after_any: &[&str]| Node {
            name: name.to_owned(),
            state: state.to_owned(),
            after: after.iter().map(|&name| name.to_owned()).collect(),
            after_any: after_any.iter().map(|&name| name.to_owned()).collect(),
        };
        vec![
            node("fetch", "done", &[], &[]),
            node("a \"b\"", "failed", &["fetch"], &[]),
            node("clean", "ready", &["fetch"], &["a \"b\""]),
            node("<b> & #1\n", "ready", &[], &[]),
        ]
    }

    #[test]
    fn dot_has_every_task_and_arrow() {
        let drawn = dot(&nodes());
        for line in [
            "  \"fetch\" [fillcolor=\"#bbf7d0\" fontcolor=\"#111827\"];",
            "  \"a \\\"b\\\"\" [fillcolor=\"#b91c1c\" fontcolor=\"#ffffff\"];",
            "  \"fetch\" -> \"clean\";",
            "  \"a \\\"b\\\"\" -> \"clean\" [style=dashed];",
        ] {
            assert!(drawn.lines().any(|drawn| drawn == line), "{line} is not in\n{drawn}");
        }
        assert_eq!(drawn.matches("->").count(), 3);
    }

    #[test]
    fn mermaid_has_every_task_and_arrow() {
        let expected = [
            "flowchart LR",
            "  t0[\"fetch\"]:::done",
            "  t1[\"a #quot;b#quot;\"]:::failed",
            "  t2[\"clean\"]:::ready",
            "  t3[\"#lt;b#gt; #amp; #35;1 \"]:::ready",
            "  t0 --> t1",
            "  t0 --> t2",
            "  t1 -.-> t2",
            "  classDef ready fill:#bfdbfe,color:#111827",
            "  classDef done fill:#bbf7d0,color:#111827",
            "  classDef failed fill:#b91c1c,color:#ffffff",
        ];
        assert!(mermaid(&nodes()).lines().eq(expected));
    }
}
