use super::ConfigFile;
use crate::{
    domain::{BindingMode, Client, ClientAuthMethod, GrantType},
    storage::{Clients as _, Role, SqliteStorage},
};
use clap::Subcommand;
use countersign_clock::{Clock as _, OsRandom, Random as _, SystemClock};
use countersign_jose::{b64, digest};
use countersign_protocol::{ClientId, DeliveryMode};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: Command,
}
#[derive(Debug, Subcommand)]
enum Command {
    Add {
        #[arg(long)]
        id: String,
        #[arg(long)]
        name: String,
        #[arg(long)]
        auth: String,
        #[arg(long)]
        scope: String,
        #[arg(long)]
        grant: Vec<String>,
        #[command(flatten)]
        file: ConfigFile,
    },
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    let Command::Add {
        id,
        name,
        scope,
        file,
        auth,
        ..
    } = args.command;
    let config = file.load()?;
    let storage = SqliteStorage::open(&config.storage.path, Role::Command)?;
    let mut secret = [0; 32];
    OsRandom.fill(&mut secret);
    let secret = b64::encode(secret);
    let hex: String = digest::sha256(&secret).iter().map(|b| format!("{b:02x}")).collect();
    let client = Client {
        id: ClientId::new(id),
        name,
        uri: None,
        auth_method: if auth.ends_with("basic") {
            ClientAuthMethod::ClientSecretBasic
        } else {
            ClientAuthMethod::ClientSecretPost
        },
        secret_sha256: Some(hex),
        jwks: None,
        redirect_uris: vec![],
        grant_types: vec![GrantType::Ciba],
        scopes: scope.split(' ').map(str::to_owned).collect(),
        delivery_mode: Some(DeliveryMode::Poll),
        binding_mode: BindingMode::Auto,
        id_token_alg: "ES256".into(),
        endpoint_audience: false,
        created_at: SystemClock.now(),
    };
    storage.add_client(client).await?;
    println!("{secret}");
    Ok(())
}
