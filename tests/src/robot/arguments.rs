//! What the robot is told when it starts.

use std::{fs, net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context as _, bail, ensure};

use crate::Person;

/// Many paired authentication devices in one process, decided by a control port on loopback.
///
/// Prints `listening on http://ADDRESS` when every device is registered and its stream is open.
#[derive(Debug, clap::Parser)]
#[command(name = "robot", after_help = CONTROL)]
pub struct Arguments {
    /// The backend's origin
    #[arg(long, value_name = "URL")]
    pub backend: String,
    /// A person who gets a device; can be given several times
    #[arg(long = "person", value_name = "USER:PASSWORD", value_parser = person)]
    persons: Vec<Person>,
    /// A file with one USER:PASSWORD a line; `#` starts a comment
    #[arg(long, value_name = "FILE")]
    people: Option<PathBuf>,
    /// Where the control port listens; loopback only, port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// How long a decision waits for its request and for the backend, 1 to 120
    #[arg(long, value_name = "SECONDS", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=120))]
    wait: u64,
}

const CONTROL: &str = "\
Control port:
  POST /decide?auth_req_id=ID&action=ACTION
  POST /decide?login_hint=USER&action=ACTION          the newest request that waits for this person
  POST /decide?binding_message=TEXT&action=ACTION     the newest request with this message
      ACTION is approve (or allow) or deny; the body is empty.
      200 {\"state\":...}  the backend has taken this decision
      400 {\"error\":...}  a parameter is missing, unknown or wrong
      404 {\"error\":...}  there was no such request in the time of --wait
      409 {\"state\":...}  it ended another way: decided elsewhere or otherwise, expired, cancelled, ...
      422 {\"error\":...}  it asks for a number; register the client with --binding-mode show
      503 {\"error\":...}  the backend did not answer in the time of --wait
  GET /devices
      200 [{\"person\":...,\"connection\":...}]";

impl Arguments {
    /// Everybody who gets a device.
    ///
    /// # Errors
    /// When the file cannot be read, nobody is named, or somebody twice.
    pub fn everybody(&self) -> anyhow::Result<Vec<Person>> {
        let mut everybody = self.persons.clone();
        if let Some(path) = &self.people {
            let text = fs::read_to_string(path).with_context(|| format!("{} cannot be read", path.display()))?;
            for line in text.lines().map(str::trim) {
                if !line.is_empty() && !line.starts_with('#') {
                    everybody.push(person(line)?);
                }
            }
        }
        ensure!(!everybody.is_empty(), "nobody is named: give --person or --people");
        let mut names: Vec<&str> = everybody.iter().map(|person| person.username.as_str()).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[one, next]| one == next) {
            bail!("{name} is named twice");
        }
        Ok(everybody)
    }

    /// How long a decision waits.
    #[must_use]
    pub fn wait(&self) -> Duration {
        Duration::from_secs(self.wait)
    }
}

fn person(text: &str) -> anyhow::Result<Person> {
    let (username, password) = text.split_once(':').context("a person is USER:PASSWORD")?;
    ensure!(
        !username.is_empty() && !password.is_empty(),
        "a person is USER:PASSWORD"
    );
    Ok(Person {
        username: username.to_owned(),
        password: password.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use clap::Parser as _;

    use super::*;

    fn parse(words: &[&str]) -> Result<Arguments, clap::Error> {
        Arguments::try_parse_from(["robot", "--backend", "http://127.0.0.1:1"].iter().chain(words))
    }

    #[test]
    fn people_come_from_words_and_from_a_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        write!(file, "# staff\n\nben:with:colon\n  carla:c  \n").unwrap();
        let path = file.path().to_str().unwrap();
        let everybody = parse(&["--person", "anna:a", "--people", path])
            .unwrap()
            .everybody()
            .unwrap();
        let found: Vec<_> = everybody
            .iter()
            .map(|person| (person.username.as_str(), person.password.as_str()))
            .collect();
        assert_eq!(found, [("anna", "a"), ("ben", "with:colon"), ("carla", "c")]);
    }

    #[test]
    fn nobody_and_somebody_twice_are_refused() {
        assert!(parse(&[]).unwrap().everybody().is_err());
        let twice = parse(&["--person", "anna:a", "--person", "anna:b"]).unwrap();
        assert_eq!(twice.everybody().unwrap_err().to_string(), "anna is named twice");
        assert!(parse(&["--person", "anna"]).is_err());
        assert!(parse(&["--person", "anna:a", "--wait", "121"]).is_err());
    }
}
