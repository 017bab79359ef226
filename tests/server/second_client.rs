//! Does a client nobody here wrote get along: the ordinary one of Python?
//!
//! The script `tests/clients/worker.py` pushes, takes, dies, recovers and completes through the
//! package `redis`, in both protocols; and the worker that the README shows does what it says. They
//! run in a virtual environment under the build folder, made once with the pinned version.

use crate::support::{Server, wait_until};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;

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

/// The interpreter of an environment that has the pinned client, made by whichever test is first.
fn python() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(make_python)
}

fn make_python() -> PathBuf {
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

/// The worker that the README shows.
fn worker_of_the_readme() -> String {
    let text = std::fs::read_to_string("README.md").unwrap();
    let code = text.split("```python\n").nth(1).unwrap();
    code.split("```").next().unwrap().to_owned()
}

#[test]
fn the_worker_of_the_readme_works_recovers_and_leaves() {
    let server = Server::start();
    let mut client = server.client();
    let script = Path::new(env!("CARGO_TARGET_TMPDIR")).join("worker-of-the-readme.py");
    std::fs::write(&script, worker_of_the_readme()).unwrap();
    let start = || {
        let mut command = Command::new(python());
        command.env("REDIS_URL", format!("redis://127.0.0.1:{}", server.port));
        command.arg(&script).stdout(Stdio::piped()).spawn().unwrap()
    };
    let output = |worker: Child| {
        let out = worker.wait_with_output().unwrap();
        (out.status.success(), String::from_utf8(out.stdout).unwrap())
    };
    client.cmd("WF.POOL workers SIZE 1 LEASE 600");
    // A predecessor was lost with a task, two pages into it.
    let lost = client.map("WF.ASSUME workers LEASE 1").int("epoch");
    let id = client.int("WF.PUSH jobs film");
    let me = format!("EPOCH {lost}");
    client.cmd(&format!("WF.POP jobs {{workers}}:1 {me}"));
    client.cmd(&format!("WF.TOUCH jobs {{workers}}:1 {id} {me} CHECKPOINT 2"));
    client.cmd("WF.PUSH jobs book");
    let first = start();
    wait_until("all is done", || client.int("WF.LEN jobs") == 0);
    // Another one waits for the only name, and gets it when the first has left.
    let second = start();
    wait_until("both wait", || client.info("clients", "blocked_clients") == "2");
    run(Command::new("kill").arg(first.id().to_string()), "kill is missing");
    let (well, out) = output(first);
    assert!(well && out.contains("working on film from 2"), "{out}");
    assert!(out.contains("working on book from the beginning"), "{out}");
    client.cmd("WF.PUSH jobs song");
    wait_until("all is done", || client.int("WF.LEN jobs") == 0);
    client.cmd("WF.DRAIN workers");
    let (well, out) = output(second);
    assert!(well && out.contains("working on song"), "{out}");
    assert_eq!(client.int("EXISTS {workers}:1"), 0, "it retired");
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
