//! DPoP proofs (RFC 9449 section 4.2).

use countersign_clock::Random;
use countersign_jose::{b64, digest};
use countersign_protocol::{DPOP_TYP, Secret};
use serde_json::{Map, Value};
use url::Url;

use crate::signer::{Signer, SignerError};

/// What a proof is for.
pub(crate) struct Purpose<'a> {
    pub(crate) method: &'a str,
    pub(crate) url: &'a Url,
    /// The nonce of the backend's last answer.
    pub(crate) nonce: Option<&'a str>,
    /// The access token that goes with it.
    pub(crate) token: Option<&'a Secret>,
    /// By the backend's clock, seconds.
    pub(crate) now: i64,
}

/// Makes a proof by the proof-of-possession key.
pub(crate) async fn proof(
    signer: &dyn Signer,
    random: &dyn Random,
    purpose: Purpose<'_>,
) -> Result<String, SignerError> {
    let mut target = purpose.url.clone();
    target.set_query(None);
    target.set_fragment(None);
    let mut claims = Map::new();
    claims.insert("htm".to_owned(), purpose.method.into());
    claims.insert("htu".to_owned(), target.as_str().into());
    claims.insert("iat".to_owned(), purpose.now.into());
    claims.insert("jti".to_owned(), fresh_id(random).into());
    if let Some(nonce) = purpose.nonce {
        claims.insert("nonce".to_owned(), nonce.into());
    }
    if let Some(token) = purpose.token {
        claims.insert("ath".to_owned(), digest::sha256_b64(token.expose()).into());
    }
    signer.sign_with_jwk(DPOP_TYP, &Value::Object(claims)).await
}

/// 128 random bits as text: an identifier nobody guesses and nothing repeats.
pub(crate) fn fresh_id(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    b64::encode(bytes)
}

/// 256 random bits as text, for `state`, `salt` and verifiers.
pub(crate) fn fresh_secret(random: &dyn Random) -> String {
    let mut bytes = [0; 32];
    random.fill(&mut bytes);
    b64::encode(bytes)
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;
    use countersign_jose::{Algorithm, Expect, Typ, verify_embedded};

    use super::*;
    use crate::signer::SoftwareSigner;

    #[tokio::test]
    async fn a_proof_names_method_address_token_and_nonce_and_never_the_query() {
        let signer = SoftwareSigner::generate().unwrap();
        let url = Url::parse("https://id.example.com/ad/v1/history?before=7#x").unwrap();
        let token = Secret::new("token");
        let purpose = Purpose {
            method: "GET",
            url: &url,
            nonce: Some("n"),
            token: Some(&token),
            now: 1_700_000_000,
        };
        let jws = proof(&signer, &SeededRandom::new(1), purpose).await.unwrap();
        let expect = Expect {
            typ: Typ::Exactly(DPOP_TYP),
            algs: &[Algorithm::Es256],
            max_len: 4096,
        };
        let verified = verify_embedded(&jws, &expect).unwrap();
        assert_eq!(
            verified
                .header()
                .jwk
                .as_ref()
                .map(countersign_jose::Jwk::thumbprint)
                .as_deref(),
            Some(signer.kid())
        );
        let claims: Value = verified.claims().unwrap();
        assert_eq!(claims["htm"], "GET", "S-027");
        assert_eq!(
            claims["htu"], "https://id.example.com/ad/v1/history",
            "S-027: RFC 9449 section 4.2"
        );
        assert_eq!(claims["ath"], digest::sha256_b64("token"), "S-027: bound to the token");
        assert_eq!(claims["nonce"], "n");
        assert_eq!(claims["iat"], 1_700_000_000);
    }
}
