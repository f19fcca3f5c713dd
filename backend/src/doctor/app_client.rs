use url::Url;

use super::{
    Verdict, ill,
    issuer::{Issuer, Kind},
    ok, skipped,
};
use crate::{config::ConnectorConfig, outbound::Outbound};

/// Where the app listens for the answer of a browser; the port is another one each time (RFC 8252 section 7.3).
const REDIRECT: &str = "http://127.0.0.1:49152/callback";
const STATE: &str = "doctor";
/// S256 of the verifier in appendix B of RFC 7636. Nobody ever redeems a code for it.
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// Whether the provider knows the app's client and takes its loopback redirect: asked for a sign-in without any page (`prompt=none`), it sends whom it
/// knows back with an error, and answers everybody else with a page of its own (OpenID Connect Core section 3.1.2.6, RFC 6749 section 4.1.2.1).
pub(super) async fn app_client(
    connector: &ConnectorConfig,
    kind: Kind,
    issuer: &Issuer<'_>,
    outbound: &Outbound,
) -> Verdict {
    let endpoint = issuer.usable().and_then(|found| found.authorization_endpoint.clone());
    let Some(mut url) = endpoint else {
        return skipped("there is no metadata of it that says where people sign in");
    };
    url.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", &connector.app_client_id),
        ("redirect_uri", REDIRECT),
        ("scope", &connector.app_scope),
        ("state", STATE),
        ("nonce", STATE),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
        ("prompt", "none"),
    ]);
    let id = &connector.app_client_id;
    let sight = match outbound.look_at(&url).await {
        Ok(sight) => sight,
        Err(error) => {
            return ill(
                format!("where people sign in nobody answers: {error}"),
                "look at the provider, and at a proxy in front of it",
            );
        }
    };
    if sight.status >= 500 {
        return ill(
            format!("where people sign in it fails: answered {}", sight.status),
            "look at the provider's log",
        );
    }
    let location = sight.location.and_then(|location| url.join(&location).ok());
    match (sight.status, location) {
        (300..=399, Some(location)) => sent_to(id, kind, &location),
        // No redirect: to whom it does not know it shows a page.
        (status, _) => ill(
            format!("it does not know the client {id}, or not its redirect {REDIRECT}: answered {status} with a page"),
            match kind {
                Kind::Keycloak => {
                    "make a public client of this id with the standard flow and the valid redirect URI http://127.0.0.1/callback (any port)"
                }
                Kind::Generic | Kind::Upstream => {
                    "register a public native client of this id with the redirect URI http://127.0.0.1/callback, any port allowed (RFC 8252 section 7.3)"
                }
            },
        ),
    }
}

/// Where the browser was sent.
fn sent_to(id: &str, kind: Kind, location: &Url) -> Verdict {
    let back = location.as_str().split(['?', '#']).next() == Some(REDIRECT);
    if !back {
        return skipped("it sends browsers to a page of its own first, so nothing can be seen from outside");
    }
    let said = |name: &str| {
        let mut pairs = location.query_pairs();
        pairs.find_map(|(key, value)| (key == name).then(|| value.into_owned()))
    };
    match said("error").as_deref() {
        // Nobody is signed in here, which is all that it has to say.
        Some("login_required" | "interaction_required" | "consent_required" | "account_selection_required") => {
            ok(format!("the client {id} is known, with its loopback redirect"))
        }
        Some("unauthorized_client") => ill(
            format!("the client {id} may not sign people in with a code"),
            match kind {
                Kind::Keycloak => "switch its standard flow on",
                Kind::Generic | Kind::Upstream => "let it use the authorization code grant",
            },
        ),
        Some("invalid_scope") => ill(
            format!("the client {id} may not ask for its app_scope"),
            "give the client these scopes, or set app_scope to what it may ask for",
        ),
        Some(error) if error.chars().all(|c| c.is_ascii_lowercase() || c == '_') => ill(
            format!("signing in with the client {id} is refused: {error}"),
            "look at the settings of this client, and at the provider's log",
        ),
        _ => ill(
            format!("it lets the client {id} sign in somebody without asking anybody"),
            "look at the provider: with `prompt=none` and no session it has to say login_required",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_browser_is_sent_back_with_says_how_the_client_is_set_up() {
        let sent = |to: &str| sent_to("app", Kind::Keycloak, &Url::parse(to).unwrap());
        let back = |query: &str| sent(&format!("{REDIRECT}?{query}"));
        assert!(matches!(back("error=login_required&state=doctor"), Verdict::Ok { .. }));
        for query in [
            "error=unauthorized_client",
            "error=invalid_scope",
            "error=invalid_request",
            "error=%1b%5b31m",
            "code=abc",
            "",
        ] {
            assert!(matches!(back(query), Verdict::Ill { .. }), "{query}");
        }
        for elsewhere in [
            "https://sso.example/login",
            "http://127.0.0.1:49152/other",
            "http://127.0.0.1:49152@evil.example/callback",
        ] {
            assert!(matches!(sent(elsewhere), Verdict::Skipped { .. }), "{elsewhere}");
        }
        let Verdict::Ill { says, .. } = back("error=%1b%5b31m") else {
            panic!("it is refused")
        };
        assert!(
            !says.contains('\u{1b}'),
            "nothing that was received goes to the terminal as it is"
        );
    }
}
