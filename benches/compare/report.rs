//! How are the measurements told: to people as two tables, to programs as JSON?

use std::fmt::Write as _;

use crate::contest::Record;

/// Below this share of the time a server was not the bottleneck, or shared its core: then times
/// inside, which it takes by the clock, may be too long.
const QUIET: f64 = 0.9;

/// A median and how far the single values lie around it.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

/// What a measurement is held against.
#[derive(Clone, Copy)]
pub(crate) enum Limit {
    AtMost(f64),
    AtLeast(f64),
}

/// One line of the table of bars.
pub(crate) struct Row {
    pub(crate) what: String,
    pub(crate) unit: &'static str,
    pub(crate) measured: Spread,
    /// What must be reached; a row without is told for comparison.
    pub(crate) bar: Option<Limit>,
}

/// All that a run found out.
pub(crate) struct Report {
    /// Name and value: server, seed, size of the run.
    pub(crate) setting: Vec<(&'static str, String)>,
    pub(crate) rows: Vec<Row>,
    pub(crate) records: Vec<Record>,
}

impl Spread {
    pub(crate) fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let at = |index: usize| sorted.get(index).copied().unwrap_or(f64::NAN);
        let last = sorted.len().saturating_sub(1);
        Self { median: (at(last / 2) + at(last.div_ceil(2))) / 2.0, min: at(0), max: at(last) }
    }

    pub(crate) fn single(value: f64) -> Self {
        Self { median: value, min: value, max: value }
    }

    fn json(&self) -> String {
        let Self { median, min, max } = *self;
        format!(r#"{{"median": {}, "min": {}, "max": {}}}"#, json(median), json(min), json(max))
    }
}

impl Limit {
    fn holds(self, value: f64) -> bool {
        match self {
            Self::AtMost(limit) => value <= limit,
            Self::AtLeast(limit) => value >= limit,
        }
    }

    fn text(self) -> String {
        match self {
            Self::AtMost(limit) => format!("<= {limit}"),
            Self::AtLeast(limit) => format!(">= {limit}"),
        }
    }
}

impl Row {
    /// Whether the median reaches the bar.
    fn verdict(&self) -> &'static str {
        match self.bar.map(|bar| bar.holds(self.measured.median)) {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        }
    }

    fn json(&self) -> String {
        format!(
            r#"{{"what": {}, "unit": {}, "measured": {}, "bar": {}, "verdict": {}}}"#,
            quoted(&self.what),
            quoted(self.unit),
            self.measured.json(),
            quoted(&text_of(self.bar)),
            quoted(self.verdict()),
        )
    }
}

impl Report {
    pub(crate) fn table(&self) -> String {
        let mut out = String::new();
        for (name, value) in &self.setting {
            let _ = writeln!(out, "{name:<10}{value}");
        }
        self.write_rows(&mut out);
        self.write_costs(&mut out);
        out
    }

    fn write_rows(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n{:<56}{:>10}  {:<17}{:<9}verdict",
            "what", "measured", "min-max", "bar"
        );
        for row in &self.rows {
            let Spread { median, min, max } = row.measured;
            let spread = if min < max { format!("{min:.2}-{max:.2}") } else { String::new() };
            let line = format!(
                "{:<56}{median:>8.2} {:<3}{spread:<17}{:<9}{}",
                row.what,
                row.unit,
                text_of(row.bar),
                row.verdict()
            );
            let _ = writeln!(out, "{}", line.trim_end());
        }
    }

    fn write_costs(&self, out: &mut String) {
        let _ = writeln!(
            out,
            "\n{:<48}{:>8}  {:<13}{:<6}{:<9}time inside a call, us",
            "server CPU per task", "us", "min-max", "busy", "tasks/s"
        );
        for record in &self.records {
            let Spread { median, min, max } = record.cpu_us();
            let inside = record
                .commands()
                .map(|command| format!("{command} {:.2}", record.inside_us(command).median));
            let _ = writeln!(
                out,
                "{:<48}{median:>8.2}  {:<13}{:<6}{:<9}{}",
                record.name,
                format!("{min:.2}-{max:.2}"),
                format!("{:.0}%", record.busy().median * 100.0),
                format!("{:.1} k", record.thousands_per_s().median),
                inside.collect::<Vec<_>>().join("  ")
            );
        }
        if self.records.iter().any(|record| record.busy().median < QUIET) {
            let _ = writeln!(out, "\nBelow 90% busy a server waited for load or shared its core.");
        }
    }

    pub(crate) fn json(&self) -> String {
        let settings = self.setting.iter();
        let settings = settings.map(|(name, value)| format!("{}: {}", quoted(name), quoted(value)));
        let costs = self.records.iter().map(|record| {
            let inside = record.commands().map(|command| {
                format!("{}: {}", quoted(command), record.inside_us(command).json())
            });
            format!(
                concat!(
                    r#"{{"side": {}, "cpu_us": {}, "busy": {}, "#,
                    r#""thousands_per_s": {}, "inside_us": {{{}}}}}"#
                ),
                quoted(&record.name),
                record.cpu_us().json(),
                record.busy().json(),
                record.thousands_per_s().json(),
                inside.collect::<Vec<_>>().join(", ")
            )
        });
        format!(
            "{{\n  \"setting\": {{{}}},\n  \"rows\": [{}\n  ],\n  \"costs\": [{}\n  ]\n}}\n",
            settings.collect::<Vec<_>>().join(", "),
            lines(self.rows.iter().map(Row::json)),
            lines(costs)
        )
    }
}

fn text_of(limit: Option<Limit>) -> String {
    limit.map(Limit::text).unwrap_or_default()
}

fn lines(items: impl Iterator<Item = String>) -> String {
    items.map(|item| format!("\n    {item}")).collect::<Vec<_>>().join(",")
}

fn json(number: f64) -> String {
    if number.is_finite() { format!("{number:.4}") } else { "null".to_owned() }
}

/// A JSON string; the names told here need no more escapes than these.
fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}
