use countersign_clock::Millis;
use countersign_jose::{Algorithm, JwkSet};
use serde::Deserialize;
use url::Url;

use super::{Verdict, ill, ok, skipped};
use crate::outbound::{DocumentError, Outbound, OutboundError, Sight};

/// Clocks that are further apart make tokens and deadlines fail, milliseconds.
const APART: Millis = 30_000;
const NO_METADATA: &str = "there is no metadata of it that says where";

/// Which kind of connector it is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A realm of Keycloak.
    Keycloak,
    /// Any other provider that hands over.
    Generic,
    /// One that is asked.
    Upstream,
}

/// The members of a provider's metadata that are looked at (OpenID Connect Discovery section 3, CIBA Core section 4, RFC 8414, RFC 9207, RFC 9449).
#[derive(Debug, Deserialize)]
pub(super) struct Metadata {
    issuer: String,
    jwks_uri: Option<Url>,
    pub(super) authorization_endpoint: Option<Url>,
    token_endpoint: Option<Url>,
    backchannel_authentication_endpoint: Option<Url>,
    #[serde(default)]
    backchannel_token_delivery_modes_supported: Vec<String>,
    #[serde(default)]
    response_types_supported: Vec<String>,
    #[serde(default)]
    code_challenge_methods_supported: Vec<String>,
    #[serde(default)]
    dpop_signing_alg_values_supported: Vec<String>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// What can be seen of a provider outside.
pub(super) struct Issuer<'a> {
    name: &'a str,
    kind: Kind,
    outbound: &'a Outbound,
    sight: Result<Sight, OutboundError>,
    /// What it says of itself, where that can be read.
    metadata: Option<Metadata>,
    seen_at: Millis,
}

impl<'a> Issuer<'a> {
    /// Asks for the metadata of `issuer`; `clock` tells the time when they came.
    pub(super) async fn look(
        issuer: &'a str,
        kind: Kind,
        outbound: &'a Outbound,
        clock: &dyn countersign_clock::Clock,
    ) -> Self {
        let sight = match Url::parse(&metadata_url(issuer)) {
            Ok(url) => outbound.look_at(&url).await,
            Err(error) => Err(OutboundError::Unreachable(error.to_string())),
        };
        let seen_at = clock.now();
        let document = sight.as_ref().ok().and_then(|sight| sight.document.as_ref().ok());
        let metadata: Option<Metadata> = document.and_then(|document| serde_json::from_slice(document).ok());
        Self {
            name: issuer,
            kind,
            outbound,
            sight,
            metadata,
            seen_at,
        }
    }

    /// Its metadata, where they are about this issuer.
    pub(super) fn usable(&self) -> Option<&Metadata> {
        self.metadata.as_ref().filter(|found| found.issuer == self.name)
    }

    /// Whether it is found and names itself.
    pub(super) fn found(&self) -> Verdict {
        let issuer = self.name;
        let url = metadata_url(issuer);
        let sight = match &self.sight {
            Err(error) => {
                return ill(
                    format!("{issuer} cannot be reached: {error}"),
                    unreachable_remedy(error),
                );
            }
            Ok(sight) => sight,
        };
        match (&sight.document, &self.metadata) {
            (Err(DocumentError::Status(404)), _) => ill(
                format!("nothing is at {url}: answered 404"),
                match self.kind {
                    Kind::Keycloak => {
                        "look whether the realm exists, and at the path before /realms; `issuer` is what its metadata say"
                    }
                    Kind::Generic | Kind::Upstream => "`issuer` is what the provider's metadata say, byte for byte",
                },
            ),
            (Err(error), _) => ill(
                format!("{url} does not answer as it should: {error}"),
                "look at the provider, and at a proxy in front of it",
            ),
            (Ok(_), None) => ill(
                format!("what is at {url} is not the metadata of a provider"),
                "`issuer` is what the provider's metadata say, byte for byte",
            ),
            (Ok(_), Some(found)) if found.issuer != issuer => ill(
                format!("{url} is about another issuer: {}", found.issuer),
                "if that is the provider you mean, write its issuer as it does, byte for byte: tokens of any other are refused",
            ),
            (Ok(_), Some(_)) => ok(format!("{issuer} is found and names itself")),
        }
    }

    /// Whether its clock goes as ours does.
    pub(super) fn clock(&self) -> Verdict {
        let date = self.sight.as_ref().ok().and_then(|sight| sight.date.as_deref());
        let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()) else {
            return skipped("it does not say what time it is");
        };
        let theirs = theirs
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap_or_default()
            .as_millis();
        let ahead = Millis::try_from(theirs)
            .unwrap_or(Millis::MAX)
            .saturating_sub(self.seen_at);
        let seconds = (ahead.saturating_abs() / 1000).to_string();
        if ahead.saturating_abs() <= APART {
            return ok("it goes as ours does");
        }
        let way = if ahead > 0 { "ahead of" } else { "behind" };
        ill(
            format!("its clock is {seconds} s {way} ours"),
            "set both by NTP: its tokens and deadlines are good for minutes",
        )
    }

    /// Whether its signatures can be verified.
    pub(super) async fn keys(&self) -> Verdict {
        let Some(uri) = self.usable().and_then(|found| found.jwks_uri.as_ref()) else {
            return skipped(NO_METADATA);
        };
        let document = match self.outbound.look_at(uri).await {
            Ok(sight) => sight.document,
            Err(error) => Err(DocumentError::Call(error)),
        };
        let document = match document {
            Ok(document) => document,
            Err(error) => {
                return ill(
                    format!("its keys at {uri} cannot be had: {error}"),
                    "look at the provider, and at a proxy in front of it",
                );
            }
        };
        let keys: JwkSet = match serde_json::from_slice(&document) {
            Ok(keys) => keys,
            Err(error) => {
                return ill(
                    format!("what is at {uri} is not a set of public keys: {error}"),
                    "look at the provider: secret keys must never be published",
                );
            }
        };
        let good: Vec<Algorithm> = Algorithm::ALL
            .into_iter()
            .filter(|algorithm| keys.find(None, *algorithm).next().is_some())
            .collect();
        if good.is_empty() {
            return ill(
                "none of its keys can verify a signature: what is signed with a shared secret (HS256) nobody outside can verify",
                match self.kind {
                    Kind::Keycloak => {
                        "choose RS256, PS256, ES256 or EdDSA in Realm settings, Tokens, Default Signature Algorithm, and see that Keys has one for it"
                    }
                    Kind::Generic | Kind::Upstream => "let it sign with RSA, ECDSA or EdDSA, and publish the key",
                },
            );
        }
        let names: Vec<String> = good.iter().map(ToString::to_string).collect();
        ok(format!("signatures can be verified: {}", names.join(", ")))
    }

    /// Whether its clients can ask for anybody.
    pub(super) fn ciba(&self) -> Verdict {
        let Some(found) = self.usable() else {
            return skipped(NO_METADATA);
        };
        let modes = &found.backchannel_token_delivery_modes_supported;
        match (&found.backchannel_authentication_endpoint, self.kind) {
            (None, Kind::Keycloak) => ill(
                "it announces no CIBA, so its clients cannot ask",
                "Keycloak from 13 on has it, unless the feature `ciba` is switched off: look at `--features-disabled`",
            ),
            (None, Kind::Upstream) => ill(
                "it announces no CIBA, so it cannot be asked",
                "let it announce backchannel_authentication_endpoint, or take this connector out",
            ),
            (None, Kind::Generic) => skipped("it announces no CIBA: how its clients ask is its own matter"),
            (Some(_), Kind::Upstream) if !has(modes, "poll") => ill(
                "it does not announce that results can be polled, which is how we get them",
                "let it offer `poll`",
            ),
            (Some(_), _) if modes.is_empty() => ill(
                "it announces CIBA, and no way in which clients get results",
                "let it offer `poll` or `ping`",
            ),
            (Some(endpoint), _) => ok(format!(
                "clients ask at {endpoint} and get results by {}",
                modes.join(", ")
            )),
        }
    }

    /// Whether people can sign in to the app there.
    pub(super) fn sign_in(&self) -> Verdict {
        let Some(found) = self.usable() else {
            return skipped(NO_METADATA);
        };
        let endpoints = found.authorization_endpoint.is_some() && found.token_endpoint.is_some();
        if !endpoints || !has(&found.response_types_supported, "code") {
            return ill(
                "it announces no sign-in with an authorization code, so nobody can pair the app",
                "switch the authorization code flow on",
            );
        }
        if !has(&found.code_challenge_methods_supported, "S256") {
            return ill(
                "it does not announce PKCE with S256, without which the app signs nobody in",
                "switch PKCE (RFC 7636) with S256 on, or take a version that has it",
            );
        }
        if !found.authorization_response_iss_parameter_supported {
            return ill(
                "it does not say in its answers who it is (RFC 9207), so the app takes none of them",
                match self.kind {
                    Kind::Keycloak => {
                        "Keycloak says it from 23 on: look at the version, and at `Exclude Issuer From Authentication Response` of the app's client"
                    }
                    Kind::Generic | Kind::Upstream => {
                        "let it send `iss` and announce authorization_response_iss_parameter_supported"
                    }
                },
            );
        }
        let dpop = if has(&found.dpop_signing_alg_values_supported, "ES256") {
            "tokens are bound to the device's key (DPoP)"
        } else {
            "without DPoP"
        };
        ok(format!("people sign in with a code and PKCE, {dpop}"))
    }
}

fn metadata_url(issuer: &str) -> String {
    let issuer = issuer.trim_end_matches('/');
    format!("{issuer}/.well-known/openid-configuration")
}

fn has(list: &[String], word: &str) -> bool {
    list.iter().any(|value| value == word)
}

fn unreachable_remedy(error: &OutboundError) -> &'static str {
    let words = error.to_string();
    if words.contains("dns error") {
        "look whether the name is right, and whether this machine can look it up"
    } else if words.contains("certificate") {
        "name the authority that vouches for its certificate in [outbound] ca_file, or let it renew the certificate"
    } else {
        "look whether the provider runs, and whether a firewall is between it and this machine"
    }
}
