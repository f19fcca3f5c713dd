//! Whose assertion it is: signed with a key of the client, or made with the secret that it shares with us. Which of both, and with which
//! algorithm, is registered; the assertion does not choose.

use countersign_jose::{
    Algorithm, Expect, ExpectMac, MacAlgorithm, MacKey, Typ, peek_claims_unverified, peek_header,
    peek_mac_claims_unverified, verify_with_set,
};
use serde::Deserialize;

use super::{Rules, assertion::Claims, secret::open_client_secret};
use crate::{
    domain::{Client, ClientAuthMethod},
    op::{OpError, Provider},
};

const SIGNATURES: [Algorithm; 4] = [Algorithm::Es256, Algorithm::Ps256, Algorithm::Rs256, Algorithm::EdDsa];
const MACS: [MacAlgorithm; 3] = [MacAlgorithm::Hs256, MacAlgorithm::Hs384, MacAlgorithm::Hs512];
/// `token_endpoint_auth_signing_alg_values_supported`.
pub(in crate::op) const ALGORITHMS: [&str; 7] = ["ES256", "PS256", "RS256", "EdDSA", "HS256", "HS384", "HS512"];

const TYP: Typ<'static> = Typ::OneOfOrAbsent(&["JWT", "client-authentication+jwt"]);
const MAX_LEN: usize = 16 * 1024;

/// An assertion that nobody has verified.
pub(super) struct Presented<'a> {
    /// Who it says it is of.
    pub(super) sub: String,
    assertion: &'a str,
    kind: Kind,
}

enum Kind {
    Signed { alg: Algorithm, kid: Option<String> },
    WithSecret,
}

#[derive(Deserialize)]
struct Named {
    sub: String,
}

impl<'a> Presented<'a> {
    /// Reads as much as is needed to find the client.
    pub(super) fn read(assertion: &'a str) -> Option<Self> {
        if let Ok(header) = peek_header(assertion, &signed_with(&SIGNATURES)) {
            let Named { sub } = peek_claims_unverified(assertion, &signed_with(&SIGNATURES)).ok()?;
            return Some(Self {
                sub,
                assertion,
                kind: Kind::Signed {
                    alg: header.alg,
                    kid: header.kid,
                },
            });
        }
        let Named { sub } = peek_mac_claims_unverified(assertion, &made_with(&MACS)).ok()?;
        let kind = Kind::WithSecret;
        Some(Self { sub, assertion, kind })
    }

    /// How a client has to be registered that authenticates like this.
    pub(super) fn method(&self) -> ClientAuthMethod {
        match self.kind {
            Kind::Signed { .. } => ClientAuthMethod::PrivateKeyJwt,
            Kind::WithSecret => ClientAuthMethod::ClientSecretJwt,
        }
    }
}

impl Provider {
    /// The claims, when the client vouches for them.
    pub(super) async fn proven_claims(
        &self,
        client: &Client,
        presented: &Presented<'_>,
    ) -> Result<Option<Claims>, OpError> {
        match &presented.kind {
            Kind::Signed { alg, kid } if self.may_use(client, alg.as_str()) => {
                let keys = self.client_keys(client, kid.as_deref()).await?;
                let expect = signed_with(std::slice::from_ref(alg));
                let verified = keys.and_then(|keys| verify_with_set(presented.assertion, &expect, &keys).ok());
                Ok(verified.and_then(|verified| verified.claims().ok()))
            }
            Kind::Signed { .. } => Ok(None),
            Kind::WithSecret => {
                let algs: Vec<MacAlgorithm> = MACS
                    .into_iter()
                    .filter(|alg| self.may_use(client, alg.as_str()))
                    .collect();
                let secret = open_client_secret(self.parts.keys.sealing(), client);
                let key = secret.map(|secret| MacKey::new(secret.expose()));
                Ok(key.and_then(|key| key.verify(presented.assertion, &made_with(&algs)).ok()))
            }
        }
    }

    /// Whether the client may use `alg`: the one that it registered, or any when it registered none; within what its profile allows.
    fn may_use(&self, client: &Client, alg: &str) -> bool {
        let registered = client.assertion_alg.as_deref().is_none_or(|own| own == alg);
        registered && Rules::of(&self.parts.config, client).allows_algorithm(alg)
    }
}

const fn signed_with(algs: &[Algorithm]) -> Expect<'_> {
    Expect {
        typ: TYP,
        algs,
        max_len: MAX_LEN,
    }
}

const fn made_with(algs: &[MacAlgorithm]) -> ExpectMac<'_> {
    ExpectMac {
        typ: TYP,
        algs,
        max_len: MAX_LEN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_announced_is_what_is_read() {
        let signatures = SIGNATURES.iter().map(|alg| alg.as_str());
        let read: Vec<&str> = signatures.chain(MACS.iter().map(|alg| alg.as_str())).collect();
        assert_eq!(read, ALGORITHMS, "R-007: both lists are one");
    }
}
