//! What is the system outside? A folder in which every file is a job that runs there.
//!
//! Like a batch system it knows its jobs by name, starts a name once, and goes on whatever becomes
//! of those who asked for it. A job is running until somebody ends it:
//! an empty file runs, one with the word `ended` does not.

use crate::failure::{Context, Result};
use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The system outside, as anybody may see it who knows where it is.
pub(crate) struct Remote {
    folder: PathBuf,
}

impl Remote {
    pub(crate) fn at(folder: &Path) -> Result<Self> {
        let folder = folder.join("remote");
        fs::create_dir_all(&folder).context("the remote system")?;
        Ok(Self { folder })
    }

    /// Starts the job `handle`, unless it was started before; says whether it was not.
    pub(crate) fn start(&self, handle: &str) -> Result<bool> {
        let path = self.folder.join(handle);
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error).context(handle),
        }
    }

    /// Whether the job, which takes `duration`, has its result.
    pub(crate) fn is_ready(&self, handle: &str, duration: Duration) -> Result<bool> {
        let path = self.folder.join(handle);
        let since = fs::metadata(path).and_then(|found| found.modified()).context(handle)?;
        Ok(self.has_ended(handle)? || since.elapsed().unwrap_or_default() >= duration)
    }

    /// Ends a job, also one that was not started yet and now never will be.
    pub(crate) fn end(&self, handle: &str) -> Result<()> {
        fs::write(self.folder.join(handle), "ended").context(handle)
    }

    fn has_ended(&self, handle: &str) -> Result<bool> {
        Ok(fs::read_to_string(self.folder.join(handle)).context(handle)? == "ended")
    }

    /// The names of all jobs that ever were, and of those that still run.
    pub(crate) fn jobs(&self) -> Result<(Vec<String>, Vec<String>)> {
        let mut all = Vec::new();
        let mut running = Vec::new();
        for entry in fs::read_dir(&self.folder).context("the remote system")? {
            let name = entry.context("the remote system")?.file_name();
            let name = name.to_string_lossy().into_owned();
            if !self.has_ended(&name)? {
                running.push(name.clone());
            }
            all.push(name);
        }
        Ok((all, running))
    }
}
