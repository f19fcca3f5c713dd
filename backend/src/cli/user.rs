use super::ConfigFile;
use crate::{
    domain::{Account, NewAccount},
    storage::{Accounts as _, AddAccount, Role, SqliteStorage},
};
use clap::Subcommand;
use countersign_clock::{Clock as _, OsRandom, Random as _, SystemClock};
use countersign_jose::{b64, password};
use countersign_protocol::Subject;
use std::io::Read as _;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    file: ConfigFile,
}
#[derive(Debug, Subcommand)]
enum Command {
    Add {
        #[arg(long)]
        username: String,
        #[arg(long)]
        name: String,
        #[arg(long)]
        email: Option<String>,
        #[arg(long)]
        phone: Option<String>,
        #[arg(long)]
        password_stdin: bool,
        #[command(flatten)]
        file: ConfigFile,
    },
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let Command::Add {
        username,
        name,
        email,
        phone,
        file,
        ..
    } = args.command;
    let config = file.load()?;
    let storage = SqliteStorage::open(&config.storage.path, Role::Command)?;
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    let mut id = [0; 16];
    OsRandom.fill(&mut id);
    let mut attributes = std::collections::BTreeMap::new();
    if let Some(email) = email {
        attributes.insert("email".to_owned(), email);
    }
    if let Some(phone) = phone {
        attributes.insert("phone".to_owned(), phone);
    }
    let account = Account {
        sub: Subject::new(b64::encode(id)),
        username,
        name,
        attributes,
        password_hash: password::hash(text.trim_end_matches('\n'))?,
        disabled: false,
        created_at: SystemClock.now(),
    };
    match storage.add_account(NewAccount { account }).await? {
        AddAccount::Added => Ok(()),
        AddAccount::Taken { attribute } => anyhow::bail!("{attribute} is taken"),
    }
}
