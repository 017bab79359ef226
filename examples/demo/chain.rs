//! What is one task's work, and what survives of a half-done one?
//!
//! A task hashes one file many times over, each round over the digest of the round before:
//! work that cannot be skipped, whose result anybody can check, and whose whole state is a round
//! number and 32 bytes. Those two are the checkpoint.

use crate::failure::{Context, Failure, Result};
use sha2::{Digest, Sha256};

/// How many checkpoints a task saves on its way.
const CHECKPOINTS: u64 = 20;

/// What a task asks for: so many rounds over this content.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) rounds: u64,
    pub(crate) content: Vec<u8>,
}

impl Job {
    /// The task's payload: the number of rounds on a line of its own, then the file as it is.
    pub(crate) fn to_payload(&self) -> Vec<u8> {
        let mut payload = format!("{}\n", self.rounds).into_bytes();
        payload.extend_from_slice(&self.content);
        payload
    }

    pub(crate) fn from_payload(payload: &[u8]) -> Result<Self> {
        let mut parts = payload.splitn(2, |byte| *byte == b'\n');
        let rounds = parts.next().and_then(|line| std::str::from_utf8(line).ok());
        let rounds = rounds.and_then(|line| line.parse().ok());
        Ok(Self {
            rounds: rounds.context("a payload does not begin with its number of rounds")?,
            content: parts.next().context("a payload has no content")?.to_vec(),
        })
    }

    /// After how many rounds the next checkpoint is worth its call.
    pub(crate) fn rounds_between_checkpoints(&self) -> u64 {
        (self.rounds / CHECKPOINTS).max(1)
    }
}

/// The work itself: `round` rounds are done, and this is what came out.
#[derive(Clone)]
pub(crate) struct Chain {
    pub(crate) round: u64,
    digest: Vec<u8>,
}

impl Chain {
    pub(crate) fn start() -> Self {
        Self { round: 0, digest: Vec::new() }
    }

    /// Does up to `rounds` more rounds, and none beyond the job's last.
    pub(crate) fn advance(&mut self, job: &Job, rounds: u64) {
        let end = job.rounds.min(self.round + rounds);
        while self.round < end {
            let hasher = Sha256::new().chain_update(&self.digest).chain_update(&job.content);
            self.digest = hasher.finalize().to_vec();
            self.round += 1;
        }
    }

    pub(crate) fn is_complete(&self, job: &Job) -> bool {
        self.round >= job.rounds
    }

    /// The digest in hexadecimal: the result of the task once the chain is complete.
    pub(crate) fn hex(&self) -> String {
        self.digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Everything needed to go on elsewhere.
    pub(crate) fn checkpoint(&self) -> String {
        format!("{} {}", self.round, self.hex())
    }

    pub(crate) fn from_checkpoint(text: &str) -> Result<Self> {
        let broken = || format!("checkpoint `{text}`");
        let (round, hex) = text.split_once(' ').context(broken())?;
        let round = round.parse().context(broken())?;
        Ok(Self { round, digest: bytes_of_hex(hex).context(broken())? })
    }
}

fn bytes_of_hex(hex: &str) -> Result<Vec<u8>> {
    let digits: Option<Vec<u8>> =
        hex.chars().map(|digit| u8::try_from(digit.to_digit(16)?).ok()).collect();
    let digits = digits.context("not hexadecimal")?;
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => Ok(high * 16 + low),
        _ => Err(Failure::new("an odd number of digits")),
    });
    pairs.collect()
}
