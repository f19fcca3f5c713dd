//! The options of `countersign client add`, as metadata.

use std::{io, path::PathBuf};

use anyhow::{Context as _, ensure};
use clap::ValueEnum;
use countersign_protocol::Secret;
use serde_json::{Map, Value, json};

use super::{ConfigFile, change::assign};
use crate::op::NewSecret;

#[derive(Debug, clap::Args)]
pub(super) struct Add {
    #[command(flatten)]
    pub(super) config: ConfigFile,
    /// `client_id`
    #[arg(long)]
    pub(super) id: String,
    /// Name, for the people who are asked
    #[arg(long)]
    name: String,
    /// Home page, for the people who are asked
    #[arg(long, value_name = "URL")]
    uri: Option<String>,
    /// How the client authenticates
    #[arg(long)]
    auth: Method,
    /// Read the secret from standard input instead of making one
    #[arg(long)]
    secret_stdin: bool,
    /// JWK Set with the public keys of the client
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
    /// How the client is told of results; poll when nothing is said
    #[arg(long)]
    delivery_mode: Option<Delivery>,
    /// Where a `ping` or `push` client is called: https, at a public address or one in [outbound] allow
    #[arg(long, value_name = "URL")]
    notification_endpoint: Option<String>,
    /// How the person compares both screens
    #[arg(long, default_value = "auto")]
    binding_mode: Binding,
    /// Signature of this client's ID tokens, when not the default
    #[arg(long)]
    id_token_alg: Option<String>,
    /// Accept client assertions that name an endpoint instead of the issuer (older profiles)
    #[arg(long)]
    endpoint_audience: bool,
    /// Any other member of the metadata; the value is JSON where it is no text; can be given several times
    #[arg(long, value_name = "MEMBER=VALUE")]
    set: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum Method {
    ClientSecretBasic,
    ClientSecretPost,
    ClientSecretJwt,
    PrivateKeyJwt,
    TlsClientAuth,
    SelfSignedTlsClientAuth,
    /// A public client: authorization code alone
    None,
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

/// What the options come to.
pub(super) fn metadata(options: &Add) -> anyhow::Result<Map<String, Value>> {
    let grants: Vec<&str> = options.grant.iter().copied().map(grant).collect();
    let ciba = options.grant.contains(&Grant::Ciba);
    let delivery_mode = options.delivery_mode.or(ciba.then_some(Delivery::Poll));
    let said = [
        ("client_name", Some(json!(options.name))),
        ("client_uri", options.uri.as_ref().map(|uri| json!(uri))),
        ("token_endpoint_auth_method", Some(json!(name(&options.auth)))),
        ("jwks", jwks(options)?),
        ("scope", Some(json!(options.scope))),
        ("grant_types", Some(json!(grants))),
        ("redirect_uris", Some(json!(options.redirect_uri))),
        (
            "backchannel_token_delivery_mode",
            delivery_mode.map(|mode| json!(name(&mode))),
        ),
        (
            "backchannel_client_notification_endpoint",
            options.notification_endpoint.as_ref().map(|endpoint| json!(endpoint)),
        ),
        ("binding_mode", Some(json!(name(&options.binding_mode)))),
        (
            "id_token_signed_response_alg",
            options.id_token_alg.as_ref().map(|alg| json!(alg)),
        ),
        ("endpoint_audience", Some(json!(options.endpoint_audience))),
    ];
    let said = said
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)));
    let mut metadata: Map<String, Value> = said.collect();
    assign(&mut metadata, &options.set)?;
    Ok(metadata)
}

/// The secret that is given, or that one is to be made.
pub(super) fn secret(options: &Add) -> anyhow::Result<NewSecret> {
    if !options.secret_stdin {
        return Ok(NewSecret::Kept);
    }
    let text = io::read_to_string(io::stdin()).context("the secret cannot be read")?;
    Ok(NewSecret::Given(Secret::new(text.trim_end_matches(['\r', '\n']))))
}

fn grant(grant: Grant) -> &'static str {
    match grant {
        Grant::Ciba => countersign_protocol::CIBA_GRANT,
        Grant::AuthorizationCode => "authorization_code",
        Grant::RefreshToken => "refresh_token",
    }
}

/// The word for a value on the command line, which is the one of its specification.
fn name(value: &impl ValueEnum) -> String {
    let word = value.to_possible_value();
    word.map(|word| word.get_name().to_owned()).unwrap_or_default()
}

fn jwks(options: &Add) -> anyhow::Result<Option<Value>> {
    let Some(file) = &options.jwks else { return Ok(None) };
    let text = std::fs::read_to_string(file).with_context(|| format!("{} cannot be read", file.display()))?;
    let set: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", file.display()))?;
    ensure!(set.is_object(), "{} is not a JWK Set of public keys", file.display());
    Ok(Some(set))
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;
    use countersign_jose::b64;
    use countersign_protocol::DeliveryMode;

    use super::{super::registry, *};
    use crate::{
        config::Config,
        domain::{Client, GrantType},
    };

    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        add: Add,
    }

    fn add(options: &str) -> anyhow::Result<(Client, Option<Secret>)> {
        let words = std::iter::once("add").chain(options.split_whitespace());
        let options = Line::try_parse_from(words)?.add;
        let base = Client::new(options.id.as_str(), options.id.as_str(), 0);
        let mut client = registry::described(&Config::from_toml("")?, &metadata(&options)?, base)?;
        let made = registry::with_secret(&mut client, secret(&options)?, None)?;
        Ok((client, made))
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
            let error = format!("{error:#}");
            assert!(error.contains("backchannel_client_notification_endpoint"), "{error}");
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

    /// Proves G-17 and C-02: what is the client's alone can be set with it.
    #[test]
    fn every_member_can_be_set() {
        let more = "--set backchannel_authentication_request_signing_alg=ES256 --set jwks_uri=https://shop.example/jwks \
                    --set require_signed_backchannel_request=true --set request_max_expiry=60 --set backchannel_user_code_parameter=true";
        let (client, _) = add(&format!("{PINGED} https://shop.example/cb {more}")).unwrap();
        assert_eq!(client.requests.signing_alg.as_deref(), Some("ES256"), "G-17");
        assert!(client.requests.user_code, "G-17");
        assert!(client.requests.signed, "C-02: forced for one client");
        assert_eq!(client.requests.max_expiry, Some(60));
    }

    #[test]
    fn what_makes_no_usable_client_is_named() {
        for (options, word) in [
            (SHOP.replace("shop", "countersign-app"), "built in"),
            (SHOP.replace("shop", "a:b"), "client_id"),
            (SHOP.replace("ciba", "authorization_code"), "redirect_uris"),
            (SHOP.replace("ciba", "refresh_token"), "grant_types"),
            (SHOP.replace("client_secret_basic", "private_key_jwt"), "jwks"),
            (
                SHOP.replace("client_secret_basic", "none"),
                "token_endpoint_auth_method",
            ),
            (SHOP.replace("client_secret_basic", "password"), "--auth"),
            (format!("{SHOP} --scope unheard-of"), "[op.scopes]"),
            (format!("{SHOP} --uri javascript:alert(1)"), "client_uri"),
            (
                format!("{SHOP} --redirect-uri https://x.example/cb"),
                "authorization_code",
            ),
            (
                format!("{SHOP} --grant authorization_code --redirect-uri http://x.example/cb"),
                "redirect_uris",
            ),
            (format!("{SHOP} --jwks no-such-file"), "cannot be read"),
            (
                format!("{SHOP} --delivery-mode ping"),
                "backchannel_client_notification_endpoint",
            ),
            (
                format!("{PINGED} http://x.example/cb")
                    .replace("ciba", "authorization_code --redirect-uri https://x.example"),
                "backchannel_client_notification_endpoint",
            ),
            (
                format!("{PINGED} https://x.example/cb")
                    .replace("ciba", "authorization_code --redirect-uri https://x.example"),
                "backchannel_token_delivery_mode",
            ),
            (format!("{SHOP} --binding-mode guess"), "--binding-mode"),
            (format!("{SHOP} --set unheard_of=1"), "unheard_of: is not known"),
            (format!("{SHOP} --set request_max_expiry"), "MEMBER=VALUE"),
        ] {
            let Err(error) = add(&options) else {
                panic!("{options} is refused")
            };
            assert!(format!("{error:#}").contains(word), "{options}: {error:#}");
        }
    }
}
