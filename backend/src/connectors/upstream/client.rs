use std::{fs, io, path::PathBuf, time::Duration};

use countersign_clock::Millis;
use countersign_jose::{Algorithm, JoseError, SigningKey, b64};
use countersign_protocol::Secret;
use rustls::pki_types::{PrivatePkcs8KeyDer, pem::PemObject as _};
use serde::Serialize;
use url::{Url, form_urlencoded::byte_serialize};

use crate::{
    config::UpstreamConfig,
    outbound::{FormAnswer, FormCall, Outbound, ProviderCallError},
};

/// Time for one call. A provider that holds polls for longer is asked again.
const LIMIT: Duration = Duration::from_secs(15);
/// Seconds that a client assertion is good for.
const ASSERTION_SECONDS: i64 = 60;
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Why another provider cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum UpstreamSetupError {
    /// The file with our secret or key cannot be read.
    #[error("[connectors] upstream {name:?}: {path} cannot be read")]
    Unreadable {
        /// Which provider.
        name: String,
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// It holds no secret.
    #[error("[connectors] upstream {name:?}: {path} is empty")]
    NoSecret {
        /// Which provider.
        name: String,
        /// Which file.
        path: PathBuf,
    },
    /// It holds no key.
    #[error("[connectors] upstream {name:?}: {path} holds no key for ES256 in PKCS#8 and PEM")]
    NoKey {
        /// Which provider.
        name: String,
        /// Which file.
        path: PathBuf,
    },
}

enum Credentials {
    /// `client_secret_basic`
    Secret(Secret),
    /// `private_key_jwt`
    Key(Box<SigningKey>),
}

/// Us, as the other provider knows us.
pub(super) struct Client {
    pub(super) config: UpstreamConfig,
    credentials: Credentials,
}

#[derive(Serialize)]
struct Assertion<'a> {
    iss: &'a str,
    sub: &'a str,
    aud: &'a str,
    jti: &'a str,
    iat: i64,
    exp: i64,
}

impl Client {
    pub(super) fn open(config: UpstreamConfig) -> Result<Self, UpstreamSetupError> {
        let name = config.name.clone();
        let read = |path: &PathBuf| {
            fs::read_to_string(path).map_err(|source| UpstreamSetupError::Unreadable {
                name: name.clone(),
                path: path.clone(),
                source,
            })
        };
        let credentials = if let Some(path) = &config.private_key_file {
            let pem = read(path)?;
            let der = PrivatePkcs8KeyDer::from_pem_slice(pem.as_bytes()).ok();
            let key = der.and_then(|der| SigningKey::from_pkcs8(Algorithm::Es256, der.secret_pkcs8_der()).ok());
            let path = path.clone();
            Credentials::Key(Box::new(key.ok_or(UpstreamSetupError::NoKey { name, path })?))
        } else {
            let path = config.client_secret_file.clone().unwrap_or_default();
            let secret = read(&path)?.trim().to_owned();
            if secret.is_empty() {
                return Err(UpstreamSetupError::NoSecret { name, path });
            }
            Credentials::Secret(Secret::new(secret))
        };
        Ok(Self { config, credentials })
    }

    /// Posts a form as the client that we are; `jti` names the assertion where there is one.
    pub(super) async fn post(
        &self,
        outbound: &Outbound,
        url: &Url,
        parameters: &[(&'static str, String)],
        now: Millis,
        jti: &str,
    ) -> Result<FormAnswer, ProviderCallError> {
        let mut form: Vec<(&str, &str)> = parameters.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (authorization, assertion);
        let authorization = match &self.credentials {
            Credentials::Secret(secret) => {
                authorization = basic(&self.config.client_id, secret.expose());
                Some(authorization.as_str())
            }
            Credentials::Key(key) => {
                let signed = self.assertion(key, now.div_euclid(1000), jti);
                assertion = signed.map_err(|error| ProviderCallError::Unsent(error.to_string()))?;
                form.push(("client_assertion_type", ASSERTION_TYPE));
                form.push(("client_assertion", &assertion));
                None
            }
        };
        let call = FormCall {
            url,
            authorization,
            form: &form,
            limit: LIMIT,
        };
        outbound.post_form_to_provider(call).await
    }

    /// RFC 7523 section 3, with the issuer as the audience.
    fn assertion(&self, key: &SigningKey, now: i64, jti: &str) -> Result<String, JoseError> {
        let client_id = &self.config.client_id;
        let claims = Assertion {
            iss: client_id,
            sub: client_id,
            aud: &self.config.issuer,
            jti,
            iat: now,
            exp: now + ASSERTION_SECONDS,
        };
        key.sign("JWT", &claims)
    }
}

/// RFC 6749 section 2.3.1: both halves are form-encoded before they are joined.
fn basic(client_id: &str, secret: &str) -> String {
    let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
    let joined = format!("{}:{}", encoded(client_id), encoded(secret));
    // The encoder at hand writes the other alphabet without padding.
    let mut text = b64::encode(joined).replace('-', "+").replace('_', "/");
    while !text.len().is_multiple_of(4) {
        text.push('=');
    }
    format!("Basic {text}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_and_secret_are_form_encoded_before_they_are_joined() {
        assert_eq!(basic("a:b", "x+y z"), "Basic YSUzQWI6eCUyQnkreg==");
    }
}
