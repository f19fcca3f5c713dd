use countersign_clock::Millis;
use countersign_jose::{Algorithm, Expect, IntegerSeconds, Typ, digest, verify_embedded};
use countersign_protocol::DPOP_TYP;
use serde::Deserialize;
use url::Url;

use super::Nonces;

/// Longest proof that is read, bytes.
const MAX_BYTES: usize = 16 * 1024;
/// Longest `jti`, characters.
const MAX_JTI_CHARS: usize = 128;

/// What a proof is made for.
pub struct ProofFor<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// The addresses of the endpoint, one of which it names; without query.
    pub urls: &'a [String],
    /// The access token beside it, where there is one.
    pub access_token: Option<&'a str>,
    /// Signature algorithms that are taken.
    pub algorithms: &'a [Algorithm],
    /// The nonces of which it has to carry one, where it has to.
    pub nonces: Option<&'a Nonces>,
    /// How far the clocks of its maker and ours may differ, seconds.
    pub skew_seconds: i64,
    /// Now.
    pub now: Millis,
}

/// Why a proof is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It is not a proof for this request.
    #[error("the DPoP proof is not acceptable: {0}")]
    Unacceptable(&'static str),
    /// It lacks a nonce that is good now.
    #[error("the DPoP proof lacks the current nonce")]
    Nonce,
}

/// A proof that verified. Whether its `jti` is new is asked once its sender is known.
#[derive(Debug)]
pub struct Proven {
    /// Thumbprint of the key that made it.
    pub thumbprint: String,
    /// Its id.
    pub jti: String,
    /// Until when it could be accepted.
    pub until: Millis,
}

#[derive(Deserialize)]
struct Claims {
    jti: String,
    htm: String,
    htu: String,
    iat: IntegerSeconds,
    nonce: Option<String>,
    ath: Option<String>,
}

/// Checks a proof as RFC 9449 section 4.3 asks, except for the replay of its `jti`.
///
/// # Errors
/// Which of its rules the proof breaks.
pub fn check(proof: &str, made_for: &ProofFor<'_>) -> Result<Proven, ProofError> {
    let expect = Expect {
        typ: Typ::Exactly(DPOP_TYP),
        algs: made_for.algorithms,
        max_len: MAX_BYTES,
    };
    let verified = verify_embedded(proof, &expect).map_err(|_| ProofError::Unacceptable("it does not verify"))?;
    let claims: Claims = verified
        .claims()
        .map_err(|_| ProofError::Unacceptable("a claim is missing or of the wrong kind"))?;
    let key = verified.header().jwk.as_ref();
    let thumbprint = key.ok_or(ProofError::Unacceptable("it has no key"))?.thumbprint();
    if claims.htm != made_for.method {
        return Err(ProofError::Unacceptable("`htm` is another method"));
    }
    if !made_for.urls.iter().any(|url| same_target(&claims.htu, url)) {
        return Err(ProofError::Unacceptable("`htu` is another address"));
    }
    if claims.jti.is_empty() || claims.jti.chars().count() > MAX_JTI_CHARS {
        return Err(ProofError::Unacceptable("`jti` is empty or too long"));
    }
    if claims.ath != made_for.access_token.map(digest::sha256_b64) {
        return Err(ProofError::Unacceptable("`ath` is not the digest of the access token"));
    }
    // The nonce comes before the time: who has a wrong clock learns the right one from the answer to a fresh nonce, not the other way round.
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    if made_for
        .nonces
        .is_some_and(|nonces| !nonces.accepts(nonce, made_for.now))
    {
        return Err(ProofError::Nonce);
    }
    let iat = claims.iat.0;
    if (made_for.now.div_euclid(1000) - iat).abs() > made_for.skew_seconds {
        return Err(ProofError::Unacceptable("`iat` is too far from our time"));
    }
    Ok(Proven {
        thumbprint,
        jti: claims.jti,
        until: (iat + made_for.skew_seconds + 1) * 1000,
    })
}

/// Compares scheme, host, port and path after the normalization that RFC 3986 section 6.2 describes; query and fragment do not count.
fn same_target(claimed: &str, actual: &str) -> bool {
    let plain = |text| {
        let mut url = Url::parse(text).ok()?;
        url.set_query(None);
        url.set_fragment(None);
        Some(url)
    };
    plain(claimed).is_some_and(|claimed| plain(actual) == Some(claimed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_compared_as_addresses() {
        let url = "https://id.example/ad/v1/requests";
        for same in [
            url,
            "https://id.example:443/ad/v1/requests",
            "HTTPS://ID.example/ad/v1/requests?x=1#y",
        ] {
            assert!(same_target(same, url), "{same} is the same address");
        }
        for other in [
            "http://id.example/ad/v1/requests",
            "https://id.example:8443/ad/v1/requests",
            "https://id.example/ad/v1/requests/",
            "https://user@id.example/ad/v1/requests",
            "/ad/v1/requests",
            "",
        ] {
            assert!(!same_target(other, url), "S-027: {other} is another address");
        }
    }
}
