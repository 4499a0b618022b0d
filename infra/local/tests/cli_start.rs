//! `treue` as a newcomer meets it: it comes up, tells a story, what it says to try works, and it ends and begins again.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// Nothing takes longer, even where the functions are still to be built and others build at the same time.
const PATIENCE: Duration = Duration::from_secs(900);

struct Running {
    child: Child,
    said: Vec<String>,
}

impl Running {
    /// Starts `treue` and waits until it is up.
    fn start(data: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_treue"))
            .args(["--port", "0", "--data"])
            .arg(data)
            .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."))
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (lines, received) = mpsc::channel();
        std::thread::spawn(move || {
            output
                .lines()
                .map_while(Result::ok)
                .try_for_each(|line| lines.send(line))
        });
        let mut said = Vec::new();
        let deadline = Instant::now() + PATIENCE;
        while !said.last().is_some_and(|line: &String| line.starts_with("Up after")) {
            match received.recv_timeout(deadline.saturating_duration_since(Instant::now())) {
                Ok(line) => said.push(line),
                Err(error) => {
                    let _ = child.kill();
                    panic!("not up: {error}\n{}", said.join("\n"));
                }
            }
        }
        Self { child, said }
    }

    /// Ctrl-C.
    fn interrupt(mut self) -> Option<i32> {
        let sent = Command::new("kill")
            .args(["-INT", &self.child.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let deadline = Instant::now() + Duration::from_secs(60);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.code();
            }
            if Instant::now() > deadline {
                let _ = self.child.kill();
                panic!("still there a minute after Ctrl-C");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn has(&self, text: &str) -> bool {
        self.said.iter().any(|line| line.contains(text))
    }

    fn lines<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = &'a str> {
        self.said
            .iter()
            .map(|line| line.trim())
            .filter(move |line| line.starts_with(prefix))
    }

    /// What it says to try, done by a shell: what each call was answered, with the status in the end.
    fn try_it(&self) -> Vec<String> {
        let names: Vec<_> = ["API=", "TILL=", "OFFICE="]
            .into_iter()
            .flat_map(|name| self.lines(name))
            .collect();
        assert_eq!(names.len(), 3);
        let call = |line: &str| {
            let script = format!(
                "{}\n{} --silent --max-time 60 --write-out ' %{{http_code}}'",
                names.join("\n"),
                line
            );
            let output = Command::new("sh").arg("-c").arg(&script).output().unwrap();
            String::from_utf8(output.stdout).unwrap()
        };
        self.lines("curl").map(call).collect()
    }
}

#[test]
fn a_newcomer_sees_a_day_tries_what_is_said_and_finds_the_data_again() {
    if Command::new("curl").arg("--version").output().is_err() {
        eprintln!("SKIPPED: there is no curl to try the examples with");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");

    let first = Running::start(&data);
    for part in [
        "12 vouchers issued",
        "replayed, nothing is doubled",
        "409 voucher_redeemed",
        "422 receipt_contradiction",
    ] {
        assert!(first.has(part), "{part} is missing in\n{}", first.said.join("\n"));
    }
    let answers = first.try_it();
    assert_eq!(answers.len(), 9, "a call for each main thing");
    for answer in &answers {
        assert!(answer.ends_with(" 200") || answer.ends_with(" 201"), "{answer}");
    }
    assert!(answers[0].contains("accepted"));

    let other = Command::new(env!("CARGO_BIN_EXE_treue"))
        .arg("--data")
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(other.status.code(), Some(1), "two stacks cannot share a folder");
    let verified = Command::new(env!("CARGO_BIN_EXE_treue"))
        .args(["verify", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(
        verified.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&verified.stdout)
    );

    assert_eq!(first.interrupt(), Some(0));
    let gone = Command::new(env!("CARGO_BIN_EXE_treue"))
        .args(["verify", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    assert_eq!(gone.status.code(), Some(3), "nothing runs any more");

    let second = Running::start(&data);
    assert!(!second.has("vouchers issued"), "the day is not played twice");
    let answers = second.try_it();
    assert!(
        answers[0].contains("replayed"),
        "the data are there again: {}",
        answers[0]
    );
    assert_eq!(second.interrupt(), Some(0));
}
