//! The robot as a process, as a test starts it.

use std::{
    fmt::Write as _,
    fs,
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::Duration,
};

use reqwest::StatusCode;
use serde_json::Value;

use crate::{Backend, Person, http, program};

/// A running robot. It is killed when dropped.
pub struct Robot {
    process: Child,
    address: String,
    http: reqwest::Client,
}

impl Robot {
    /// Starts a robot with a device for each of `people` and waits until all are paired. Decisions wait for `wait_seconds`.
    ///
    /// # Panics
    /// When it does not get ready within two minutes.
    #[must_use]
    pub fn start(backend: &Backend, people: &[&Person], wait_seconds: u32) -> Self {
        let mut text = String::new();
        for person in people {
            writeln!(text, "{}:{}", person.username, person.password).expect("a string takes text");
        }
        let file = backend.folder().join("robot.people");
        fs::write(&file, text).expect("the people can be written down");
        let mut process = Command::new(program::build("countersign-e2e", "robot", &[]))
            .args([
                "--backend",
                &backend.origin,
                "--wait",
                &wait_seconds.to_string(),
                "--people",
            ])
            .arg(file)
            .envs(backend.certificate().map(|path| ("SSL_CERT_FILE", path)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the robot can be started");
        let stdout = process.stdout.take().expect("its output is piped");
        let (told, ready) = mpsc::channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                if let Some(address) = line.strip_prefix("listening on ") {
                    told.send(address.to_owned()).ok();
                }
            }
        });
        let Ok(address) = ready.recv_timeout(Duration::from_mins(2)) else {
            process.kill().ok();
            process.wait().ok();
            panic!("the robot did not get ready");
        };
        Self {
            process,
            address,
            http: http(),
        }
    }

    /// Has it decide; `query` as the control port takes it.
    pub async fn decide(&self, query: &[(&str, &str)]) -> (StatusCode, Value) {
        let url = format!("{}/decide", self.address);
        let url = url::Url::parse_with_params(&url, query).expect("the address is one");
        let answer = self.http.post(url).timeout(Duration::from_mins(2)).send().await;
        let answer = answer.expect("the robot answers");
        (answer.status(), answer.json().await.expect("it answers JSON"))
    }
}

impl Drop for Robot {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}
