//! A strict client: it accepts only what the specifications say, and times its polls as they ask.

use std::{
    collections::HashMap,
    sync::Arc,
    time::{Duration, Instant},
};

use countersign_clock::{Clock as _, SystemClock};
use countersign_jose::{Algorithm, Expect, JwkSet, SigningKey, Typ, verify_with_set};
use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::{Backend, http, raw_device::random_text};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// How a client authenticates.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// HTTP Basic.
    Basic(String),
    /// Secret in the form.
    Post(String),
    /// `private_key_jwt`.
    Key(Arc<SigningKey>),
}

/// A registered client.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    /// `client_id`.
    pub id: String,
    /// How it authenticates.
    pub credentials: Credentials,
    issuer: String,
    discovered: Value,
    http: reqwest::Client,
}

/// An acknowledged authentication request.
#[derive(Debug, Clone)]
pub struct Started {
    /// `auth_req_id`.
    pub auth_req_id: String,
    /// Seconds.
    pub expires_in: u64,
    /// Seconds.
    pub interval: u64,
    /// The number made by the provider, where it made one.
    pub binding_code: Option<String>,
}

/// A request of a client that is called with the result.
#[derive(Debug, Clone)]
pub struct Called {
    /// What it was told at once.
    pub started: Started,
    /// `client_notification_token`: the call brings it back.
    pub token: String,
}

/// Tokens whose ID token is verified.
#[derive(Debug, Clone)]
pub struct Tokens {
    /// The whole answer.
    pub response: Value,
    /// Claims of the ID token.
    pub claims: Value,
}

/// An error of the token endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PollError(pub String);

impl RelyingParty {
    /// Adds a confidential client for CIBA to `backend`.
    pub async fn add(backend: &Backend, id: &str, more: &[&str]) -> Self {
        let mut options = vec![
            "client",
            "add",
            "--id",
            id,
            "--name",
            "Demo Shop",
            "--grant",
            "ciba",
            "--scope",
            "openid profile payment",
        ];
        if !more.contains(&"--auth") {
            options.extend(["--auth", "client_secret_basic"]);
        }
        options.extend(more);
        let secret = backend.succeed(&options, "");
        let credentials = if more.contains(&"client_secret_post") {
            Credentials::Post(secret)
        } else {
            Credentials::Basic(secret)
        };
        Self::discover(&backend.origin, id, credentials).await
    }

    /// Adds a client that authenticates with a key.
    pub async fn add_with_key(backend: &Backend, id: &str) -> Self {
        let key = SigningKey::generate(Algorithm::Es256).expect("a key can be made");
        let file = backend.folder().join(format!("{id}.jwks.json"));
        let jwks = json!({ "keys": [key.public_jwk()] });
        std::fs::write(&file, jwks.to_string()).expect("the key set can be written");
        let file = file.to_str().expect("paths are UTF-8");
        let options = [
            "client", "add", "--id", id, "--name", "Bank", "--grant", "ciba", "--scope",
        ];
        let options = [
            &options[..],
            &["openid profile payment", "--auth", "private_key_jwt", "--jwks", file],
        ]
        .concat();
        assert_eq!(
            backend.succeed(&options, ""),
            "",
            "a client with a key has no secret to print"
        );
        Self::discover(&backend.origin, id, Credentials::Key(Arc::new(key))).await
    }

    /// A client of the provider `issuer`.
    pub async fn discover(issuer: &str, id: &str, credentials: Credentials) -> Self {
        let http = http();
        let url = format!("{issuer}/.well-known/openid-configuration");
        let discovered: Value = http
            .get(url)
            .send()
            .await
            .expect("discovery answers")
            .json()
            .await
            .expect("discovery is JSON");
        assert_eq!(discovered["issuer"], issuer, "R-260: the issuer names itself");
        Self {
            id: id.to_owned(),
            credentials,
            issuer: issuer.to_owned(),
            discovered,
            http,
        }
    }

    /// The same client, which reaches the provider at `origin` although it is called something else.
    #[must_use]
    pub fn by_way_of(mut self, origin: &str) -> Self {
        for (name, value) in self.discovered.as_object_mut().expect("discovery is an object") {
            let url = value.as_str().and_then(|url| url.strip_prefix(&self.issuer));
            if let Some(path) = url.filter(|_| name != "issuer") {
                *value = format!("{origin}{path}").into();
            }
        }
        self
    }

    /// Posts a form to the endpoint that discovery calls `endpoint`, with the client's credentials.
    pub async fn post(&self, endpoint: &str, form: &[(&str, &str)]) -> (StatusCode, Value) {
        let answer = self.try_post(endpoint, form).await;
        answer.expect("the provider answers")
    }

    /// As [`Self::post`]. `None` when the connection failed.
    pub async fn try_post(&self, endpoint: &str, form: &[(&str, &str)]) -> Option<(StatusCode, Value)> {
        let (status, body) = self.try_post_for_text(endpoint, form).await?;
        let body = serde_json::from_str(&body).expect("the provider answers JSON");
        Some((status, body))
    }

    /// As [`Self::try_post`], with the answer as it was written.
    pub async fn try_post_for_text(&self, endpoint: &str, form: &[(&str, &str)]) -> Option<(StatusCode, String)> {
        let url = self.discovered[endpoint]
            .as_str()
            .unwrap_or_else(|| panic!("discovery names {endpoint}"));
        let assertion;
        let mut form: Vec<(&str, &str)> = form.to_vec();
        let mut request = self.http.post(url);
        match &self.credentials {
            Credentials::Basic(secret) => request = request.basic_auth(&self.id, Some(secret)),
            Credentials::Post(secret) => {
                form.extend([("client_id", self.id.as_str()), ("client_secret", secret.as_str())]);
            }
            Credentials::Key(key) => {
                assertion = self.assertion(key);
                form.extend([
                    ("client_assertion_type", ASSERTION_TYPE),
                    ("client_assertion", &assertion),
                ]);
            }
        }
        let answer = request.form(&form).send().await.ok()?;
        let no_store = answer
            .headers()
            .get("cache-control")
            .is_some_and(|value| value == "no-store");
        assert!(no_store, "R-121, R-170: answers of {endpoint} are not stored");
        let status = answer.status();
        Some((status, answer.text().await.ok()?))
    }

    /// A fresh client assertion for the provider (RFC 7523 section 3).
    fn assertion(&self, key: &SigningKey) -> String {
        let now = SystemClock.now_seconds();
        let (iss, aud) = (&self.id, &self.issuer);
        let claims = json!({ "iss": iss, "sub": iss, "aud": aud, "iat": now, "exp": now + 60, "jti": random_text() });
        key.sign("JWT", &claims).expect("an assertion can be signed")
    }

    /// Asks `username`, to be called with the result.
    pub async fn ask_to_be_called(&self, username: &str, more: &[(&str, &str)]) -> Called {
        let token = random_text();
        let named = [("login_hint", username), ("client_notification_token", token.as_str())];
        let started = self.start(&[&named[..], more].concat()).await;
        Called { started, token }
    }

    /// Starts a request that has to be acknowledged.
    pub async fn start(&self, parameters: &[(&str, &str)]) -> Started {
        let mut form = parameters.to_vec();
        if !form.iter().any(|(name, _)| *name == "scope") {
            form.push(("scope", "openid profile payment"));
        }
        let (status, body) = self.post("backchannel_authentication_endpoint", &form).await;
        assert_eq!(status, StatusCode::OK, "the request is acknowledged: {body}");
        let auth_req_id = body["auth_req_id"]
            .as_str()
            .expect("R-122: auth_req_id is a string")
            .to_owned();
        let charset = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
        assert!(
            auth_req_id.len() >= 27 && auth_req_id.chars().all(charset),
            "R-122: 160 bits in allowed characters"
        );
        Started {
            auth_req_id,
            expires_in: body["expires_in"]
                .as_u64()
                .expect("R-123: expires_in is a positive integer"),
            interval: body["interval"].as_u64().unwrap_or(5),
            binding_code: body["binding_code"].as_str().map(str::to_owned),
        }
    }

    /// Asks once for the tokens.
    pub async fn poll(&self, auth_req_id: &str) -> Result<Tokens, PollError> {
        let form = [
            ("grant_type", countersign_protocol::CIBA_GRANT),
            ("auth_req_id", auth_req_id),
        ];
        let (status, body) = self.post("token_endpoint", &form).await;
        if status != StatusCode::OK {
            assert_eq!(status, StatusCode::BAD_REQUEST, "R-170: errors are 400: {body}");
            return Err(PollError(
                body["error"].as_str().expect("an error has a code").to_owned(),
            ));
        }
        let id_token = body["id_token"].as_str().expect("R-166: there is an ID token");
        let claims = self.verify(id_token).await;
        Ok(Tokens { claims, response: body })
    }

    /// Asks at the interval it was told until there is a result.
    pub async fn poll_to_the_end(&self, started: &Started) -> Result<Tokens, PollError> {
        let mut interval = Duration::from_secs(started.interval);
        let over = Instant::now() + Duration::from_secs(started.expires_in + 30);
        loop {
            let sent = Instant::now();
            match self.poll(&started.auth_req_id).await {
                Err(PollError(code)) if code == "authorization_pending" => {}
                Err(PollError(code)) if code == "slow_down" => interval += Duration::from_secs(5),
                settled => return settled,
            }
            assert!(Instant::now() < over, "a request ends with its time");
            tokio::time::sleep_until((sent + interval).into()).await;
        }
    }

    /// Verifies an ID token (OpenID Connect Core section 3.1.3.7) and returns its claims.
    pub async fn verify(&self, id_token: &str) -> Value {
        let keys = self.keys().await;
        self.verify_with(&keys, id_token)
    }

    /// The keys of the provider.
    pub async fn keys(&self) -> JwkSet {
        let url = self.discovered["jwks_uri"].as_str().expect("discovery names jwks_uri");
        let answer = self.http.get(url).send().await.expect("the keys answer");
        answer.json().await.expect("the keys are a JWK Set")
    }

    /// As [`Self::verify`], with keys that were fetched before.
    #[must_use]
    pub fn verify_with(&self, keys: &JwkSet, id_token: &str) -> Value {
        let expect = Expect {
            typ: Typ::OneOfOrAbsent(&["JWT"]),
            algs: &[Algorithm::Es256, Algorithm::Rs256],
            max_len: 16_384,
        };
        let verified =
            verify_with_set(id_token, &expect, keys).expect("R-168: the ID token verifies with the provider's keys");
        let claims: HashMap<String, Value> = verified.claims().expect("claims are JSON");
        assert_eq!(claims["iss"], self.issuer.as_str(), "R-168: iss");
        assert_eq!(claims["aud"], self.id.as_str(), "R-168: aud");
        assert!(
            claims["exp"].as_i64() > claims["iat"].as_i64(),
            "R-168: exp is after iat"
        );
        assert!(claims["auth_time"].is_i64(), "R-168: auth_time is there");
        serde_json::to_value(claims).expect("claims are JSON")
    }
}
