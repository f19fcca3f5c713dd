//! The code exchanged, the ID token verified (OpenID Connect Core sections 3.1.3.3 and 3.1.3.7).

use countersign_jose::{Algorithm, Audience, Expect, IntegerSeconds, JwkSet, Typ, digest, verify_with_set};
use countersign_protocol::Secret;
use oauth2::{
    AuthUrl, AuthorizationCode, ClientId, CsrfToken, EndpointNotSet, EndpointSet, ExtraTokenFields, RedirectUrl,
    RequestTokenError, Scope, StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
    basic::{BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse, BasicTokenType},
};
use serde::{Deserialize, Serialize};
use url::Url;

use super::{
    offers::Offer,
    pkce::Attempt,
    provider::{Provider, of_provider},
    token_endpoint::{self, Prover},
};
use crate::{error::AuthenticatorError, verify::MAX_JWT};

/// Seconds by which the provider's clock and ours may differ after the difference was measured.
const LEEWAY: i64 = 60;
/// Seconds after which an ID token is no fresh sign-in any more; the backend asks for the same.
const FRESH: i64 = 300;

/// `id_token` beside the members of RFC 6749.
#[derive(Debug, Serialize, Deserialize)]
struct WithIdToken {
    id_token: Option<Secret>,
}

impl ExtraTokenFields for WithIdToken {}

type Inner = oauth2::Client<
    BasicErrorResponse,
    StandardTokenResponse<WithIdToken, BasicTokenType>,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// The app's public client at one provider.
pub(crate) struct Client {
    inner: Inner,
    token_endpoint: Url,
}

/// What the code was exchanged for.
pub(crate) struct Tokens {
    pub(crate) id_token: Secret,
    access_token: Secret,
}

/// Claims of the ID token that are looked at.
#[derive(Deserialize)]
struct IdTokenClaims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: IntegerSeconds,
    iat: IntegerSeconds,
    nonce: Option<String>,
    azp: Option<String>,
    at_hash: Option<String>,
}

impl Client {
    pub(crate) fn new(provider: &Provider, offer: &Offer, redirect_uri: Url) -> Self {
        let inner = oauth2::Client::new(ClientId::new(offer.client_id.as_str().to_owned()))
            .set_auth_uri(AuthUrl::from_url(provider.authorization_endpoint.clone()))
            .set_token_uri(TokenUrl::from_url(provider.token_endpoint.clone()))
            .set_redirect_uri(RedirectUrl::from_url(redirect_uri));
        Self {
            inner,
            token_endpoint: provider.token_endpoint.clone(),
        }
    }

    /// Where the browser goes. It carries hashes and nonces, no secret. `dpop_jkt` (RFC 9449 section 10) makes the code one that only
    /// the holder of that key can exchange.
    pub(crate) fn authorization_url(&self, attempt: &Attempt, scope: &str, nonce: &str, dpop_jkt: Option<&str>) -> Url {
        let state = attempt.state.clone();
        let scopes = scope.split_ascii_whitespace().map(|one| Scope::new(one.to_owned()));
        let mut request = self
            .inner
            .authorize_url(move || CsrfToken::new(state))
            .add_scopes(scopes)
            .set_pkce_challenge(attempt.challenge())
            .add_extra_param("nonce", nonce);
        if let Some(jkt) = dpop_jkt {
            request = request.add_extra_param("dpop_jkt", jkt);
        }
        request.url().0
    }

    /// Exchanges the code at the token endpoint, proving the key where there is a `prover`.
    pub(crate) async fn exchange(
        &self,
        http: &reqwest::Client,
        code: String,
        attempt: &Attempt,
        prover: Option<&Prover>,
    ) -> Result<Tokens, AuthenticatorError> {
        let outbound =
            |request| token_endpoint::send(http.clone(), self.token_endpoint.clone(), request, prover.cloned());
        let request = self
            .inner
            .exchange_code(AuthorizationCode::new(code))
            .set_pkce_verifier(attempt.verifier());
        let answer = request.request_async(&outbound).await.map_err(|error| match error {
            RequestTokenError::ServerResponse(_) => AuthenticatorError::SignInRefused,
            RequestTokenError::Request(error) => of_provider(error.into()),
            RequestTokenError::Parse(..) | RequestTokenError::Other(_) => AuthenticatorError::SignInMismatch,
        })?;
        // The access token is not used, so one that the provider did not bind to the key does no harm (RFC 9449 section 5).
        let kind = answer.token_type().as_ref();
        let usable = kind.eq_ignore_ascii_case("Bearer") || (prover.is_some() && kind.eq_ignore_ascii_case("DPoP"));
        if !usable {
            return Err(AuthenticatorError::SignInMismatch);
        }
        let id_token = answer
            .extra_fields()
            .id_token
            .clone()
            .ok_or(AuthenticatorError::SignInMismatch)?;
        Ok(Tokens {
            id_token,
            access_token: Secret::new(answer.access_token().secret()),
        })
    }
}

/// Verifies the ID token at `now` (provider's clock, seconds) and says who signed in.
///
/// # Errors
/// `SignInMismatch` when it is not the answer to this sign-in, `ClockSkew` when only its times do not fit.
pub(crate) fn verify(
    tokens: &Tokens,
    keys: &JwkSet,
    issuer: &str,
    client_id: &str,
    nonce: &str,
    now: i64,
) -> Result<String, AuthenticatorError> {
    let expect = Expect {
        typ: Typ::OneOfOrAbsent(&["JWT"]),
        algs: &[Algorithm::Es256, Algorithm::EdDsa, Algorithm::Ps256, Algorithm::Rs256],
        max_len: MAX_JWT,
    };
    let refused = |_| AuthenticatorError::SignInMismatch;
    let verified = verify_with_set(tokens.id_token.expose(), &expect, keys).map_err(refused)?;
    let claims: IdTokenClaims = verified.claims().map_err(refused)?;
    let audience = match &claims.aud {
        Audience::One(one) => one == client_id,
        Audience::Many(many) => many.as_slice() == [client_id],
    };
    let hash = digest::token_hash(verified.header().alg, tokens.access_token.expose());
    let ours = claims.iss == issuer
        && audience
        && claims.azp.as_deref().is_none_or(|party| party == client_id)
        && claims.nonce.as_deref() == Some(nonce)
        && claims.at_hash.is_none_or(|claimed| claimed == hash)
        && !claims.sub.is_empty();
    if !ours {
        return Err(AuthenticatorError::SignInMismatch);
    }
    let (iat, exp) = (claims.iat.0, claims.exp.0);
    if iat > now + LEEWAY || exp <= now - LEEWAY || iat < now - FRESH - LEEWAY {
        return Err(AuthenticatorError::ClockSkew);
    }
    Ok(claims.sub)
}

#[cfg(test)]
mod tests {
    use countersign_jose::SigningKey;
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_700_000_000;

    fn judge(
        key: &SigningKey,
        published: &SigningKey,
        change: impl FnOnce(&mut Value),
    ) -> Result<String, AuthenticatorError> {
        let mut claims = json!({
            "iss": "https://op", "sub": "anna", "aud": "app", "nonce": "n", "iat": NOW, "exp": NOW + 300,
            "at_hash": digest::token_hash(Algorithm::Es256, "token"),
        });
        change(&mut claims);
        let tokens = Tokens {
            id_token: Secret::new(key.sign("JWT", &claims).unwrap()),
            access_token: Secret::new("token"),
        };
        let keys = JwkSet {
            keys: vec![published.public_jwk()],
        };
        verify(&tokens, &keys, "https://op", "app", "n", NOW)
    }

    #[test]
    fn only_the_fresh_id_token_of_this_sign_in_is_taken() {
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        assert_eq!(judge(&key, &key, |_| {}).unwrap(), "anna");
        assert!(judge(&key, &key, |claims| claims["aud"] = json!(["app"])).is_ok());
        assert!(judge(&key, &key, |claims| claims["azp"] = json!("app")).is_ok());
        let foreign: [(&str, Value); 10] = [
            ("iss", json!("https://evil")),
            ("aud", json!("other")),
            ("aud", json!(["app", "other"])),
            ("azp", json!("other")),
            ("nonce", json!("other")),
            ("nonce", Value::Null),
            ("at_hash", json!("AAAAAAAAAAAAAAAAAAAAAA")),
            ("sub", json!("")),
            ("exp", json!("1700000300")),
            ("iat", json!(1.5)),
        ];
        for (claim, value) in foreign {
            let refused = judge(&key, &key, |claims| claims[claim] = value.clone());
            assert!(
                matches!(refused, Err(AuthenticatorError::SignInMismatch)),
                "V-021: {claim} = {value}"
            );
        }
        for (claim, value) in [("exp", NOW - 61), ("iat", NOW + 61), ("iat", NOW - 361)] {
            let refused = judge(&key, &key, |claims| claims[claim] = value.into());
            assert!(
                matches!(refused, Err(AuthenticatorError::ClockSkew)),
                "{claim} = {value}"
            );
        }
        let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
        assert!(
            matches!(judge(&stranger, &key, |_| {}), Err(AuthenticatorError::SignInMismatch)),
            "V-021: the issuer's key"
        );
    }
}
