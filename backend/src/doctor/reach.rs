use std::{io::ErrorKind, net::TcpListener, time::Duration};

use reqwest::redirect::Policy;
use serde::Deserialize;

use super::{Verdict, chain, ill, ok, skipped};
use crate::config::{Config, TlsMode};

const PATIENCE: Duration = Duration::from_secs(10);

/// The part of the discovery document that is looked at.
#[derive(Deserialize)]
struct Metadata {
    issuer: String,
    jwks_uri: String,
}

/// Countersign's own, where the embedded provider is switched off.
#[derive(Deserialize)]
struct OwnMetadata {
    backend: String,
}

/// What a server says of itself.
struct Said {
    /// What it calls itself.
    name: String,
    /// None where the embedded provider is switched off.
    jwks_uri: Option<String>,
}

#[derive(Deserialize)]
struct KeySet {
    keys: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    kid: String,
}

/// Who has the listening address.
enum Port {
    Free,
    Taken,
    Denied(std::io::Error),
}

/// What can be seen of the server from outside.
pub(super) struct Site {
    origin: String,
    listen: String,
    port: Port,
    held: Option<bool>,
    client: Result<reqwest::Client, String>,
    metadata: Result<Said, String>,
}

impl Site {
    /// Asks for the discovery document, unless nobody can answer. `held`: whether a server has the database.
    pub(super) async fn look(config: &Config, held: Option<bool>) -> Self {
        let server = &config.server;
        let port = match TcpListener::bind(server.listen) {
            Ok(_) => Port::Free,
            Err(error) if error.kind() == ErrorKind::AddrInUse => Port::Taken,
            Err(error) => Port::Denied(error),
        };
        let origin = server.origin(server.listen);
        let client = client(config);
        let metadata = match (&client, &port) {
            (_, Port::Free | Port::Denied(_)) => Err("no server runs".to_owned()),
            (Err(problem), _) => Err(problem.clone()),
            (Ok(client), Port::Taken) if config.op.enabled => {
                let url = format!("{origin}/.well-known/openid-configuration");
                let found: Result<Metadata, String> = ask(client, &url).await;
                found.map(|found| Said {
                    name: found.issuer,
                    jwks_uri: Some(found.jwks_uri),
                })
            }
            (Ok(client), Port::Taken) => {
                let found: Result<OwnMetadata, String> =
                    ask(client, &format!("{origin}/.well-known/countersign")).await;
                found.map(|found| Said {
                    name: found.backend,
                    jwks_uri: None,
                })
            }
        };
        Self {
            origin,
            listen: server.listen.to_string(),
            port,
            held,
            client,
            metadata,
        }
    }

    /// Whether the listening address is free, or ours.
    pub(super) fn listen(&self) -> Verdict {
        let listen = &self.listen;
        match &self.port {
            Port::Denied(error) => ill(
                format!("nobody can listen on {listen}: {error}"),
                "choose an address of this machine, and a port that the user may use",
            ),
            Port::Free if self.held == Some(true) => ill(
                format!("a server has the database, but nobody listens on {listen}"),
                "it was started with another configuration: look at its `--config` and environment",
            ),
            Port::Free => ok(format!("{listen} is free; no server runs here")),
            Port::Taken if self.is_ours() => ok(format!("a server listens on {listen}")),
            Port::Taken => ill(
                format!("another program listens on {listen}"),
                "end it, or set [server] listen to another port",
            ),
        }
    }

    /// Whether the discovery document is found under the public address and names it.
    pub(super) fn discovery(&self) -> Verdict {
        if !self.is_ours() {
            return skipped("no server of ours runs");
        }
        match &self.metadata {
            Err(problem) => ill(
                format!("{} does not answer as it should: {problem}", self.origin),
                "look at public_url, the names in DNS, the proxy in front of the server and its certificate",
            ),
            Ok(said) if said.name != self.origin => ill(
                format!("{} says that its issuer is {}", self.origin, said.name),
                "set public_url to the issuer that clients know, and restart the server",
            ),
            Ok(said) => ok(format!("{} is found and names itself", said.name)),
        }
    }

    /// Whether the keys that sign (`kids`) are served.
    pub(super) async fn jwks(&self, kids: &[String]) -> Verdict {
        let said = self.metadata.as_ref().ok().filter(|said| said.name == self.origin);
        let (Ok(client), Some(said), true) = (&self.client, said, self.is_ours()) else {
            return skipped("there is no discovery document of ours that says where");
        };
        let Some(jwks_uri) = &said.jwks_uri else {
            return skipped("the embedded provider is switched off");
        };
        let served = match ask::<KeySet>(client, jwks_uri).await {
            Ok(served) => served,
            Err(problem) => {
                return ill(
                    format!("{jwks_uri} does not answer as it should: {problem}"),
                    "look at the proxy in front of the server: every path belongs to it",
                );
            }
        };
        let missing = kids.iter().any(|kid| !served.keys.iter().any(|key| key.kid == *kid));
        if missing {
            return ill(
                format!("{jwks_uri} does not serve a key that signs ID tokens"),
                "another server answers there, or a cache in front keeps an old answer for more than its five minutes",
            );
        }
        ok(format!("{} keys are served", served.keys.len()))
    }

    /// Where nobody can tell who has the database, whoever serves a discovery document here is taken for us.
    fn is_ours(&self) -> bool {
        matches!(self.port, Port::Taken) && self.held.unwrap_or(self.metadata.is_ok())
    }
}

/// Trusts whom the system trusts, and the certificate that we made ourselves.
fn client(config: &Config) -> Result<reqwest::Client, String> {
    let mut builder = reqwest::Client::builder()
        .redirect(Policy::none())
        .connect_timeout(PATIENCE)
        .timeout(PATIENCE);
    if config.server.tls == TlsMode::Development {
        let mut path = config.storage.path.clone().into_os_string();
        path.push(".crt");
        let pem = std::fs::read(path).map_err(|error| format!("its certificate cannot be read: {error}"))?;
        let own = reqwest::Certificate::from_pem(&pem).map_err(|error| chain(&error))?;
        builder = builder.tls_certs_only([own]);
    }
    builder.build().map_err(|error| chain(&error))
}

async fn ask<T: for<'de> Deserialize<'de>>(client: &reqwest::Client, url: &str) -> Result<T, String> {
    let answer = client.get(url).send().await.map_err(|error| chain(&error))?;
    let status = answer.status();
    if !status.is_success() {
        return Err(format!("status {status}"));
    }
    answer.json().await.map_err(|error| chain(&error))
}
