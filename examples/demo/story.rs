//! How is the demo told? Numbered steps, notes below them, and a bar for what takes time.
//!
//! On a terminal the bar moves below the text. Elsewhere (a log, a pipe) it becomes a few plain
//! lines, because a bar in a log is noise.

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use std::io::IsTerminal;

/// The narrator.
pub(crate) struct Story {
    step: u32,
    on_terminal: bool,
    bar: Option<ProgressBar>,
    total: u64,
    quarters_told: u64,
}

impl Story {
    pub(crate) fn begin(title: &str) -> Self {
        println!("{title}");
        let on_terminal = std::io::stdout().is_terminal();
        Self { step: 0, on_terminal, bar: None, total: 0, quarters_told: 0 }
    }

    /// The next numbered step.
    pub(crate) fn step(&mut self, text: &str) {
        self.step += 1;
        self.print("");
        self.print(&format!("{}. {text}", self.step));
    }

    /// A line below the current step.
    pub(crate) fn note(&self, text: &str) {
        self.print(&format!("   {text}"));
    }

    /// Begins something of `total` parts.
    pub(crate) fn begin_progress(&mut self, total: u64) {
        self.total = total.max(1);
        self.quarters_told = 0;
        if self.on_terminal {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stdout());
            let style = ProgressStyle::with_template("   [{bar:40}] {pos}/{len} {msg}");
            self.bar = Some(bar.with_style(
                style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "),
            ));
        }
    }

    /// Shows that `done` parts are done.
    pub(crate) fn progress(&mut self, done: u64, what: &str) {
        if let Some(bar) = &self.bar {
            bar.set_message(what.to_owned());
            bar.set_position(done);
        } else if done * 4 / self.total > self.quarters_told {
            self.quarters_told = done * 4 / self.total;
            self.note(&format!("... {done} of {} {what}", self.total));
        }
    }

    /// Takes the bar away, for the text that follows.
    pub(crate) fn end_progress(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish();
        }
    }

    fn print(&self, line: &str) {
        match &self.bar {
            Some(bar) => bar.println(line),
            None => println!("{line}"),
        }
    }
}
