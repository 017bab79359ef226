//! Does a client nobody here wrote get along: the ordinary one of Python?
//!
//! The script `tests/clients/worker.py` pushes, takes, dies, recovers and completes through the
//! package `redis`, in both protocols. It runs in a virtual environment under the build folder,
//! made once with the pinned version.

use crate::support::Server;
use std::path::{Path, PathBuf};
use std::process::Command;

const VERSION: &str = "8.1.0";

fn run(command: &mut Command, what_to_do: &str) -> String {
    let output = match command.output() {
        Ok(output) => output,
        Err(error) => panic!("{what_to_do} ({command:?}: {error})"),
    };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.success(), "{what_to_do}\n{command:?}:\n{out}{err}");
    out
}

/// The interpreter of an environment that has the pinned client.
fn python() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("python-redis-{VERSION}"));
    let interpreter = folder.join("bin").join("python");
    let complete = folder.join("complete");
    if !complete.exists() {
        let _ = std::fs::remove_dir_all(&folder);
        run(
            Command::new("python3").args(["-m", "venv"]).arg(&folder),
            "install python3 with its module venv (Debian: python3 python3-venv)",
        );
        run(
            Command::new(&interpreter)
                .args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"])
                .arg(format!("redis=={VERSION}")),
            &format!("let pip install redis=={VERSION} (it needs a package index)"),
        );
        std::fs::write(&complete, "").unwrap();
    }
    interpreter
}

#[test]
fn the_python_client_pushes_takes_recovers_and_completes() {
    let server = Server::start();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/clients/worker.py");
    for protocol in ["2", "3"] {
        server.client().cmd("FLUSHALL");
        let out = run(
            Command::new(python()).arg(&script).arg(server.port.to_string()).arg(protocol),
            "the Python client met something it did not expect",
        );
        assert!(out.contains("all is well"), "{out}");
    }
}
