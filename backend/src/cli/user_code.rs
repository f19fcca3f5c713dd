//! `countersign user code`: the code that a person gives to clients (CIBA Core section 7.1.2), set by an operator.

use anyhow::{Context as _, ensure};
use countersign_jose::password;

use super::{ConfigFile, typed::typed};
use crate::{domain::UserCode, storage::Storage};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "Examples:\n  countersign user code --username anna --config countersign.toml\n  countersign user code --username anna --clear\n\n\
    It has 4 to 64 characters and is not the password. Setting or clearing it ends a wait after wrong codes. People set it in the app as well.\n\
    Clients ask for it when [op] user_code is on and they are registered with backchannel_user_code_parameter."
)]
pub(super) struct Args {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// Sign-in name
    #[arg(long)]
    username: String,
    /// Take the code away
    #[arg(long, conflicts_with = "code_stdin")]
    clear: bool,
    /// Read the code from standard input instead of asking for it
    #[arg(long)]
    code_stdin: bool,
}

pub(super) async fn run(storage: &dyn Storage, args: &Args) -> anyhow::Result<()> {
    let username = &args.username;
    let account = storage
        .find_account_by_username(username)
        .await?
        .with_context(|| format!("there is nobody called {username}"))?;
    let hash = if args.clear {
        None
    } else {
        let code = UserCode::parse(typed("Code", "--code-stdin", args.code_stdin)?.expose())?;
        let code = code.secret().expose();
        ensure!(
            !password::verify(code, &account.password_hash)?,
            "the code is the password of {username}: whoever is told the code could sign in"
        );
        Some(password::hash(code)?)
    };
    ensure!(
        storage.set_user_code(&account.sub, hash).await?,
        "{username} was removed meanwhile"
    );
    Ok(())
}
