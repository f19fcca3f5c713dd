//! `countersign user`: people of the embedded provider.

use std::{
    collections::BTreeMap,
    io::{self, Write},
    path::PathBuf,
    sync::Arc,
};

use anyhow::{Context as _, bail, ensure};
use clap::Subcommand;
use countersign_clock::{Clock as _, OsRandom, Random as _, SystemClock};
use countersign_jose::{b64, password};
use countersign_protocol::{Secret, Subject};
use serde::Deserialize;

use super::{ConfigFile, typed::typed, user_code};
use crate::{
    app,
    domain::{Account, NewAccount, is_deceptive},
    storage::{AddAccount, Role, Storage},
};

const MIN_PASSWORD: usize = 8;
const MAX_LEN: usize = 256;

/// Add, import, disable and list people
#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Add a person
    #[command(
        after_help = "Examples:\n  countersign user add --username anna --name \"Anna Example\" --email anna@example.com\n  \
        countersign user add --username ben --name Ben --attribute account_number=4711 --password-stdin < secret.txt"
    )]
    Add(Add),
    /// Add people from a file with one JSON object a line
    #[command(
        after_help = "Each line has the members username, name and password (or password_hash, an Argon2id PHC string), and \
        where wanted email, phone and attributes:\n  \
        {\"username\":\"anna\",\"name\":\"Anna Example\",\"email\":\"anna@example.com\",\"password\":\"...\",\"attributes\":{\"account_number\":\"4711\"}}\n\n\
        Example:\n  countersign user import people.jsonl\n\nNothing is added when a line is not usable."
    )]
    Import {
        #[command(flatten)]
        config: ConfigFile,
        /// The file, or - for standard input
        file: PathBuf,
    },
    /// Switch a person off: no sign-in, no requests, no tokens
    Disable {
        #[command(flatten)]
        config: ConfigFile,
        /// Sign-in name
        username: String,
    },
    /// Switch a person on again
    Enable {
        #[command(flatten)]
        config: ConfigFile,
        /// Sign-in name
        username: String,
    },
    /// Set or clear the code that a person gives to clients
    Code(user_code::Args),
    /// List people, and who has a code
    List {
        #[command(flatten)]
        config: ConfigFile,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    #[command(flatten)]
    config: ConfigFile,
    /// Sign-in name, unique
    #[arg(long)]
    username: String,
    /// Name, for people
    #[arg(long)]
    name: String,
    /// E-mail address, unique; a client can name the person by it
    #[arg(long)]
    email: Option<String>,
    /// Phone number, unique; a client can name the person by it
    #[arg(long)]
    phone: Option<String>,
    /// A further unique attribute; see `login_hint_attributes` in the configuration
    #[arg(long, value_name = "NAME=VALUE")]
    attribute: Vec<String>,
    /// Read the password from standard input instead of asking for it
    #[arg(long)]
    password_stdin: bool,
}

/// A line of an import, and what the options of `add` come to.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Person {
    username: String,
    name: String,
    email: Option<String>,
    phone: Option<String>,
    #[serde(default)]
    attributes: BTreeMap<String, String>,
    password: Option<Secret>,
    password_hash: Option<Secret>,
}

/// Runs the command and writes to standard output.
///
/// # Errors
/// With a sentence for the operator.
pub async fn run(args: Args) -> anyhow::Result<()> {
    let out = &mut io::stdout();
    match args.command {
        Command::Add(options) => {
            let storage = open(&options.config).await?;
            let person = asked(options)?;
            let account = account(person)?;
            let username = account.username.clone();
            add(&*storage, account).await?;
            writeln!(out, "added {username}")?;
        }
        Command::Import { config, file } => {
            let storage = open(&config).await?;
            let count = import(&*storage, &lines(&file)?).await?;
            writeln!(out, "added {count}")?;
        }
        Command::Disable { config, username } => set_disabled(&*open(&config).await?, &username, true).await?,
        Command::Enable { config, username } => set_disabled(&*open(&config).await?, &username, false).await?,
        Command::Code(args) => user_code::run(&*open(&args.config).await?, &args).await?,
        Command::List { config } => list(&*open(&config).await?, out).await?,
    }
    Ok(())
}

async fn open(config: &ConfigFile) -> anyhow::Result<Arc<dyn Storage>> {
    app::open_storage(&config.load()?.storage, Role::Command).await
}

fn asked(options: Add) -> anyhow::Result<Person> {
    let mut attributes = BTreeMap::new();
    for attribute in &options.attribute {
        let (name, value) = attribute
            .split_once('=')
            .with_context(|| format!("--attribute {attribute:?} is not NAME=VALUE"))?;
        let twice = attributes.insert(name.to_owned(), value.to_owned()).is_some();
        ensure!(!twice, "--attribute {name} is there twice");
    }
    Ok(Person {
        password: Some(typed("Password", "--password-stdin", options.password_stdin)?),
        username: options.username,
        name: options.name,
        email: options.email,
        phone: options.phone,
        attributes,
        password_hash: None,
    })
}

fn lines(file: &PathBuf) -> anyhow::Result<String> {
    if file.as_os_str() == "-" {
        return io::read_to_string(io::stdin()).context("standard input cannot be read");
    }
    std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))
}

/// Adds everybody in `lines`. All lines are looked at before the first person is added.
async fn import(storage: &dyn Storage, lines: &str) -> anyhow::Result<usize> {
    let mut accounts = Vec::new();
    for (index, line) in lines.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let number = index + 1;
        let account = serde_json::from_str(line)
            .map_err(anyhow::Error::from)
            .and_then(account)
            .with_context(|| format!("line {number}, nobody was added"))?;
        accounts.push((number, account));
    }
    let count = accounts.len();
    for (number, account) in accounts {
        add(storage, account)
            .await
            .with_context(|| format!("line {number}; the lines before it were added"))?;
    }
    Ok(count)
}

/// Checks a person and hashes the password.
fn account(person: Person) -> anyhow::Result<Account> {
    let Person {
        username,
        name,
        email,
        phone,
        mut attributes,
        password,
        password_hash,
    } = person;
    usable("username", &username)?;
    usable("name", &name)?;
    for (attribute, value) in [("email", email), ("phone", phone)] {
        if let Some(value) = value {
            let twice = attributes.insert(attribute.to_owned(), value).is_some();
            ensure!(!twice, "{attribute} is there twice");
        }
    }
    for (attribute, value) in &attributes {
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let good =
            !attribute.is_empty() && attribute.chars().all(named) && !["id", "username"].contains(&attribute.as_str());
        ensure!(
            good,
            "{attribute:?} cannot be the name of an attribute: lower-case letters, digits and _, not id or username"
        );
        usable(attribute, value)?;
    }
    let password_hash = match (password, password_hash) {
        (Some(password), None) => {
            let long_enough = password.expose().chars().count() >= MIN_PASSWORD;
            ensure!(long_enough, "the password is shorter than {MIN_PASSWORD} characters");
            password::hash(password.expose()).context("the password is longer than 1024 bytes")?
        }
        (None, Some(hash)) => {
            password::verify("", hash.expose()).context("password_hash is not an Argon2id PHC string")?;
            hash.expose().to_owned()
        }
        _ => bail!("either password or password_hash is needed"),
    };
    let mut sub = [0; 16];
    OsRandom.fill(&mut sub);
    Ok(Account {
        sub: Subject::new(b64::encode(sub)),
        username,
        name,
        attributes,
        password_hash,
        disabled: false,
        created_at: SystemClock.now(),
    })
}

fn usable(what: &str, value: &str) -> anyhow::Result<()> {
    let plain = value.trim() == value && !value.is_empty() && !value.starts_with('{');
    let shown = value.len() <= MAX_LEN && !value.chars().any(|c| c.is_control() || is_deceptive(c));
    ensure!(
        plain && shown,
        "{what} is empty, longer than {MAX_LEN} bytes, begins with a brace, or has spaces around it or characters that do not show"
    );
    Ok(())
}

async fn add(storage: &dyn Storage, account: Account) -> anyhow::Result<()> {
    let username = account.username.clone();
    match storage.add_account(NewAccount { account }).await? {
        AddAccount::Added => Ok(()),
        AddAccount::Taken { attribute } => {
            bail!("{username} was not added: the {attribute} belongs to somebody else already")
        }
    }
}

async fn set_disabled(storage: &dyn Storage, username: &str, disabled: bool) -> anyhow::Result<()> {
    let found = storage.set_account_disabled(username, disabled).await?;
    ensure!(found, "there is nobody called {username}");
    Ok(())
}

async fn list(storage: &dyn Storage, out: &mut dyn Write) -> anyhow::Result<()> {
    for account in storage.list_accounts().await? {
        let state = if account.disabled { "disabled" } else { "active" };
        let code = if storage.has_user_code(&account.sub).await? {
            "code"
        } else {
            "-"
        };
        let attributes: Vec<String> = account
            .attributes
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        let (username, name, sub) = (&account.username, &account.name, &account.sub);
        writeln!(
            out,
            "{username}\t{state}\t{code}\t{name}\t{sub}\t{}",
            attributes.join(" ")
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Accounts as _, SqliteStorage};

    fn people(lines: &str) -> anyhow::Result<usize> {
        let folder = tempfile::tempdir().unwrap();
        let storage = SqliteStorage::open(&folder.path().join("db"), Role::Command).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let result = runtime.block_on(import(&storage, lines));
        let stored = runtime.block_on(async { storage.list_accounts().await.unwrap().len() });
        if let Ok(count) = &result {
            assert_eq!(*count, stored);
        } else {
            assert_eq!(stored, 0, "nothing is added when a line is not usable");
        }
        result
    }

    #[test]
    fn people_come_with_a_password_or_with_its_hash() {
        let hash = password::hash("correct horse").unwrap();
        let lines = format!(
            "{{\"username\":\"anna\",\"name\":\"Anna\",\"password\":\"correct horse\",\"email\":\"a@x.example\"}}\n\n\
             {{\"username\":\"ben\",\"name\":\"Ben\",\"password_hash\":\"{hash}\",\"attributes\":{{\"account_number\":\"4711\"}}}}\n"
        );
        assert_eq!(people(&lines).unwrap(), 2);
    }

    #[test]
    fn a_line_that_is_not_usable_is_named() {
        let good = "{\"username\":\"anna\",\"name\":\"Anna\",\"password\":\"correct horse\"}\n";
        for (bad, word) in [
            (r#"{"username":"ben","name":"Ben"}"#, "password"),
            (r#"{"username":"ben","name":"Ben","password":"short"}"#, "shorter"),
            (
                r#"{"username":"ben","name":"Ben","password_hash":"$2b$10$x"}"#,
                "password_hash",
            ),
            (
                r#"{"username":" ben","name":"Ben","password":"correct horse"}"#,
                "username",
            ),
            (r#"{"username":"ben","name":"","password":"correct horse"}"#, "name"),
            (
                r#"{"username":"ben","name":"Ben","password":"correct horse","role":"x"}"#,
                "role",
            ),
            (
                r#"{"username":"ben","name":"Ben","password":"correct horse","attributes":{"id":"x"}}"#,
                "id",
            ),
            ("ben", "expected"),
        ] {
            let error = format!("{:#}", people(&format!("{good}{bad}")).unwrap_err());
            assert!(error.contains("line 2") && error.contains(word), "{error}");
        }
    }
}
