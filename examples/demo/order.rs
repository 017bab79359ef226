//! What is one of the fleet's tasks? So many short steps here, or one job on a system outside.
//!
//! A step waits and then computes one round of a chain, so the result proves that every step was
//! done, and the time a task takes does not depend on the machine.

use crate::chain::{Chain, Job};
use crate::failure::{Context, Result};
use std::time::Duration;

/// What a task of the fleet asks for.
pub(crate) struct Order {
    /// Whether the work runs elsewhere.
    pub(crate) remote: bool,
    pub(crate) steps: u64,
    pub(crate) step: Duration,
    payload: Vec<u8>,
}

impl Order {
    pub(crate) fn new(kind: &str, steps: u64, step_ms: u64, name: &str) -> Self {
        let payload = format!("{kind} {steps} {step_ms} {name}").into_bytes();
        let step = Duration::from_millis(step_ms);
        Self { remote: kind == "remote", steps, step, payload }
    }

    pub(crate) fn from_payload(payload: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(payload).context("an order")?;
        let mut words = text.splitn(4, ' ');
        let kind = words.next().context("an order without a kind")?;
        let mut number = || words.next().and_then(|word| word.parse().ok());
        let steps = number().context("an order without steps")?;
        let step_ms = number().context("an order without the length of a step")?;
        Ok(Self::new(kind, steps, step_ms, words.next().context("an order without a name")?))
    }

    pub(crate) fn payload(&self) -> &[u8] {
        &self.payload
    }

    /// The work as a job for a chain: a round per step.
    pub(crate) fn job(&self) -> Job {
        Job { rounds: self.steps, content: self.payload.clone() }
    }

    /// What the task's result must be.
    pub(crate) fn expected(&self) -> String {
        let mut chain = Chain::start();
        chain.advance(&self.job(), self.steps);
        chain.hex()
    }

    /// How long a job outside takes.
    pub(crate) fn duration(&self) -> Duration {
        self.step * u32::try_from(self.steps).unwrap_or(u32::MAX)
    }
}
