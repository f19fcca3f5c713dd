//! What an operator says about a new client, checked.

use std::{
    io,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, bail, ensure};
use clap::ValueEnum;
use countersign_clock::{Clock as _, OsRandom, Random as _, SystemClock};
use countersign_jose::{JwkSet, b64, digest};
use countersign_protocol::{DeliveryMode, Secret};
use url::Url;

use super::ConfigFile;
use crate::{
    config::{Config, IdTokenAlg},
    devices::is_deceptive,
    domain::{APP_CLIENT_ID, BindingMode, Client, ClientAuthMethod, GrantType},
    op::{is_registrable, is_scope_value},
    outbound::check_endpoint,
};

const MIN_SECRET: usize = 16;
const MAX_LEN: usize = 128;
const MAX_URL: usize = 1024;

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// `client_id`
    #[arg(long)]
    id: String,
    /// Name, for the people who are asked
    #[arg(long)]
    name: String,
    /// Home page, for the people who are asked
    #[arg(long, value_name = "URL")]
    uri: Option<String>,
    /// How the client authenticates
    #[arg(long)]
    auth: Auth,
    /// Read the secret from standard input instead of making one
    #[arg(long)]
    secret_stdin: bool,
    /// JWK Set with the public keys of a `private_key_jwt` client
    #[arg(long, value_name = "FILE")]
    jwks: Option<PathBuf>,
    /// What the client may ask for, separated by spaces
    #[arg(long, default_value = "openid")]
    scope: String,
    /// What the client may do; can be given several times
    #[arg(long, required = true)]
    grant: Vec<Grant>,
    /// Where the authorization code may go; can be given several times
    #[arg(long, value_name = "URL")]
    redirect_uri: Vec<String>,
    /// How the client is told of results
    #[arg(long, default_value = "poll")]
    delivery_mode: Delivery,
    /// Where a `ping` or `push` client is called: https, at a public address or one in [outbound] allow
    #[arg(long, value_name = "URL")]
    notification_endpoint: Option<String>,
    /// How the person compares both screens
    #[arg(long, default_value = "auto")]
    binding_mode: Binding,
    /// Signature of this client's ID tokens, when not the default
    #[arg(long)]
    id_token_alg: Option<Alg>,
    /// Accept client assertions that name an endpoint instead of the issuer (older profiles)
    #[arg(long)]
    endpoint_audience: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Auth {
    ClientSecretBasic,
    ClientSecretPost,
    PrivateKeyJwt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Grant {
    Ciba,
    AuthorizationCode,
    RefreshToken,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Delivery {
    /// The client asks until there is a result
    Poll,
    /// The client is called when there is a result, and fetches it
    Ping,
    /// The client is called with its tokens
    Push,
}

/// `auto`: a number of 2 to 8 digits is typed, anything else is shown. `show`: shown. `type`: always typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Binding {
    Auto,
    Show,
    Type,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Alg {
    #[value(name = "ES256")]
    Es256,
    #[value(name = "RS256")]
    Rs256,
}

/// The client that the options come to, and the secret that was made for it.
pub(super) fn registered(options: Add, config: &Config) -> anyhow::Result<(Client, Option<Secret>)> {
    let plain = |c: char| c.is_ascii_graphic() && !":\"\\".contains(c);
    let id = options.id.as_str();
    ensure!(
        !id.is_empty() && id.len() <= MAX_LEN && id.chars().all(plain),
        "--id {id:?} is not 1 to {MAX_LEN} printable ASCII characters"
    );
    ensure!(id != APP_CLIENT_ID, "{APP_CLIENT_ID} is built in");
    let name = options.name.trim();
    let shown = !name.is_empty() && name.len() <= MAX_LEN && !name.chars().any(|c| c.is_control() || is_deceptive(c));
    ensure!(
        shown,
        "--name is empty, longer than {MAX_LEN} bytes, or has characters that do not show"
    );
    if let Some(uri) = &options.uri {
        let web = Url::parse(uri).is_ok_and(|url| ["https", "http"].contains(&url.scheme()));
        ensure!(web, "--uri {uri:?} is not a web address");
    }
    let grants: Vec<GrantType> = options.grant.iter().copied().map(grant).collect();
    check_redirects(&grants, &options.redirect_uri)?;
    let (delivery_mode, notification_endpoint) = delivery(&grants, &options, config)?;
    let (secret_sha256, made) = secret(&options)?;
    let client = Client {
        auth_method: match options.auth {
            Auth::ClientSecretBasic => ClientAuthMethod::ClientSecretBasic,
            Auth::ClientSecretPost => ClientAuthMethod::ClientSecretPost,
            Auth::PrivateKeyJwt => ClientAuthMethod::PrivateKeyJwt,
        },
        secret_sha256,
        jwks: jwks(options.auth, options.jwks.as_deref())?,
        delivery_mode,
        notification_endpoint,
        grant_types: grants,
        scopes: scopes(&options.scope, config)?,
        binding_mode: match options.binding_mode {
            Binding::Auto => BindingMode::Auto,
            Binding::Show => BindingMode::Show,
            Binding::Type => BindingMode::Type,
        },
        id_token_alg: match (options.id_token_alg, config.op.id_token_alg) {
            (Some(Alg::Rs256), _) | (None, IdTokenAlg::Rs256) => "RS256",
            (Some(Alg::Es256), _) | (None, IdTokenAlg::Es256) => "ES256",
        }
        .to_owned(),
        uri: options.uri,
        redirect_uris: options.redirect_uri,
        endpoint_audience: options.endpoint_audience,
        ..Client::new(id, name, SystemClock.now())
    };
    Ok((client, made))
}

fn grant(grant: Grant) -> GrantType {
    match grant {
        Grant::Ciba => GrantType::Ciba,
        Grant::AuthorizationCode => GrantType::AuthorizationCode,
        Grant::RefreshToken => GrantType::RefreshToken,
    }
}

fn check_redirects(grants: &[GrantType], redirect_uris: &[String]) -> anyhow::Result<()> {
    let by_code = grants.contains(&GrantType::AuthorizationCode);
    ensure!(
        !by_code || !redirect_uris.is_empty(),
        "--grant authorization_code needs a --redirect-uri"
    );
    ensure!(
        by_code || redirect_uris.is_empty(),
        "--redirect-uri is for --grant authorization_code"
    );
    ensure!(
        by_code || grants.contains(&GrantType::Ciba),
        "--grant refresh_token alone leads to no token: add ciba or authorization_code"
    );
    if let Some(bad) = redirect_uris.iter().find(|uri| !is_registrable(uri)) {
        bail!(
            "--redirect-uri {bad:?} is not https, http on 127.0.0.1 or [::1], or a private scheme with a dot, without fragment and user name"
        );
    }
    Ok(())
}

/// How a client of the CIBA grant is told of results, and where (CIBA Core section 4).
fn delivery(
    grants: &[GrantType],
    options: &Add,
    config: &Config,
) -> anyhow::Result<(Option<DeliveryMode>, Option<Url>)> {
    let endpoint = options.notification_endpoint.as_deref();
    let mode = match options.delivery_mode {
        Delivery::Poll => DeliveryMode::Poll,
        Delivery::Ping => DeliveryMode::Ping,
        Delivery::Push => DeliveryMode::Push,
    };
    let by_ciba = grants.contains(&GrantType::Ciba);
    ensure!(
        by_ciba || mode == DeliveryMode::Poll,
        "--delivery-mode is for --grant ciba"
    );
    ensure!(
        config.op.delivery_modes.contains(&mode),
        "--delivery-mode {} is not among [op] delivery_modes",
        super::word(&mode)
    );
    let url = match (mode, endpoint) {
        (DeliveryMode::Poll, None) => return Ok((by_ciba.then_some(mode), None)),
        (DeliveryMode::Poll, Some(_)) => bail!("--notification-endpoint is for --delivery-mode ping or push"),
        (_, None) => bail!("--delivery-mode {} needs --notification-endpoint", super::word(&mode)),
        (_, Some(endpoint)) => endpoint,
    };
    ensure!(
        url.len() <= MAX_URL,
        "--notification-endpoint is longer than {MAX_URL} bytes"
    );
    let parsed = Url::parse(url).with_context(|| format!("--notification-endpoint {url:?} is not a URL"))?;
    check_endpoint(&parsed, &config.outbound.allow)
        .with_context(|| format!("--notification-endpoint {url:?} cannot be called"))?;
    Ok((Some(mode), Some(parsed)))
}

fn scopes(scope: &str, config: &Config) -> anyhow::Result<Vec<String>> {
    let mut scopes: Vec<String> = Vec::new();
    for value in scope.split_whitespace().filter(|value| *value != "openid") {
        let known = is_scope_value(value) && config.op.scopes.contains_key(value);
        let all: Vec<&str> = config.op.scopes.keys().map(String::as_str).collect();
        ensure!(
            known,
            "--scope {value:?} is not one of openid {}: add it to [op.scopes] with words for people",
            all.join(" ")
        );
        if !scopes.iter().any(|known| known == value) {
            scopes.push(value.to_owned());
        }
    }
    Ok(scopes)
}

/// Hash of the secret, and the secret itself when it was made here.
fn secret(options: &Add) -> anyhow::Result<(Option<String>, Option<Secret>)> {
    use std::fmt::Write as _;
    if options.auth == Auth::PrivateKeyJwt {
        ensure!(!options.secret_stdin, "--secret-stdin is for clients with a secret");
        return Ok((None, None));
    }
    let given = if options.secret_stdin {
        let text = io::read_to_string(io::stdin()).context("the secret cannot be read")?;
        let text = text.trim_end_matches(['\r', '\n']).to_owned();
        ensure!(
            text.len() >= MIN_SECRET,
            "the secret is shorter than {MIN_SECRET} characters: it has to be random, leave --secret-stdin out to get one"
        );
        Some(text)
    } else {
        None
    };
    let made = given.is_none();
    let secret = given.unwrap_or_else(|| {
        let mut bytes = [0; 32];
        OsRandom.fill(&mut bytes);
        b64::encode(bytes)
    });
    let mut hash = String::new();
    for byte in digest::sha256(&secret) {
        write!(hash, "{byte:02x}")?;
    }
    Ok((Some(hash), made.then(|| Secret::new(secret))))
}

fn jwks(auth: Auth, file: Option<&Path>) -> anyhow::Result<Option<serde_json::Value>> {
    let file = match (auth, file) {
        (Auth::PrivateKeyJwt, Some(file)) => file,
        (Auth::PrivateKeyJwt, None) => bail!("--auth private_key_jwt needs --jwks"),
        (Auth::ClientSecretBasic | Auth::ClientSecretPost, Some(_)) => bail!("--jwks is for --auth private_key_jwt"),
        (Auth::ClientSecretBasic | Auth::ClientSecretPost, None) => return Ok(None),
    };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let set: JwkSet =
        serde_json::from_str(&text).with_context(|| format!("{} is not a JWK Set of public keys", file.display()))?;
    ensure!(!set.keys.is_empty(), "{} has no key that can be used", file.display());
    Ok(Some(serde_json::to_value(&set)?))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        add: Add,
    }

    fn add(options: &str) -> anyhow::Result<(Client, Option<Secret>)> {
        let words = std::iter::once("add").chain(options.split_whitespace());
        registered(Line::try_parse_from(words)?.add, &Config::from_toml("")?)
    }

    const SHOP: &str = "--id shop --name Shop --auth client_secret_basic --grant ciba";
    const PINGED: &str =
        "--id shop --name Shop --auth client_secret_basic --grant ciba --delivery-mode ping --notification-endpoint";

    /// V-003: what cannot be called safely is not registered.
    #[test]
    fn a_client_is_called_at_a_public_https_address_or_not_at_all() {
        let (client, _) = add(&format!("{PINGED} https://shop.example/cb")).unwrap();
        assert_eq!(client.delivery_mode, Some(DeliveryMode::Ping));
        let endpoint = client.notification_endpoint.unwrap();
        assert_eq!(endpoint.as_str(), "https://shop.example/cb");
        for bad in [
            "shop.example/cb",
            "http://shop.example/cb",
            "https://127.0.0.1/cb",
            "https://2130706433/cb",
            "https://[::1]/cb",
            "https://169.254.169.254/cb",
            "https://localhost/cb",
            "https://user:password@shop.example/cb",
            "https://shop.example/cb#fragment",
        ] {
            let Err(error) = add(&format!("{PINGED} {bad}")) else {
                panic!("R-150, V-003: {bad} is refused")
            };
            assert!(format!("{error:#}").contains("--notification-endpoint"), "{error:#}");
        }
    }

    #[test]
    fn a_secret_is_made_and_only_its_hash_is_kept() {
        let (client, secret) = add(&format!("{SHOP} --scope openid")).unwrap();
        let secret = secret.unwrap();
        assert_eq!(b64::decode(secret.expose()).unwrap().len(), 32);
        let kept = serde_json::to_string(&client).unwrap();
        assert!(
            !kept.contains(secret.expose()),
            "the secret is printed once and forgotten"
        );
        assert_eq!(client.delivery_mode, Some(DeliveryMode::Poll));
        assert_eq!(client.grant_types, [GrantType::Ciba]);
    }

    #[test]
    fn what_makes_no_usable_client_is_named() {
        for (options, word) in [
            (SHOP.replace("shop", "countersign-app"), "built in"),
            (SHOP.replace("shop", "a:b"), "--id"),
            (SHOP.replace("ciba", "authorization_code"), "--redirect-uri"),
            (SHOP.replace("ciba", "refresh_token"), "refresh_token"),
            (SHOP.replace("client_secret_basic", "private_key_jwt"), "--jwks"),
            (SHOP.replace("client_secret_basic", "none"), "--auth"),
            (format!("{SHOP} --scope unheard-of"), "[op.scopes]"),
            (format!("{SHOP} --uri javascript:alert(1)"), "--uri"),
            (
                format!("{SHOP} --redirect-uri https://x.example/cb"),
                "authorization_code",
            ),
            (
                format!("{SHOP} --grant authorization_code --redirect-uri http://x.example/cb"),
                "--redirect-uri",
            ),
            (format!("{SHOP} --jwks file"), "--jwks"),
            (format!("{SHOP} --delivery-mode ping"), "--notification-endpoint"),
            (format!("{SHOP} --delivery-mode push"), "--delivery-mode"),
            (
                format!("{SHOP} --notification-endpoint https://x.example"),
                "--delivery-mode",
            ),
            (
                format!("{PINGED} http://x.example/cb")
                    .replace("ciba", "authorization_code --redirect-uri https://x.example"),
                "--delivery-mode",
            ),
            (format!("{SHOP} --binding-mode guess"), "--binding-mode"),
        ] {
            let Err(error) = add(&options) else {
                panic!("{options} is refused")
            };
            assert!(format!("{error:#}").contains(word), "{options}: {error:#}");
        }
    }
}
