use countersign_jose::{
    Algorithm, Expect, JoseError, Jwk, JwkSet, Typ, digest, peek_claims_unverified, peek_header, verify,
};
use countersign_protocol::{
    DECISION_TYP, DecisionClaims, Match, PublicJwk, Receipt, RequestClaims, UserVerificationPolicy, Verdict,
};

use super::request_object;
use crate::devices::MAX_JWT_BYTES;

const EXPECT: Expect<'static> = Expect {
    typ: Typ::Exactly(DECISION_TYP),
    algs: &[Algorithm::Es256],
    max_len: MAX_JWT_BYTES,
};

/// Keys that whoever verifies already trusts. What is not pinned is taken from the receipt, which then proves only that it belongs together.
#[derive(Debug, Default)]
pub struct Pins {
    /// Keys that sign the backend's request objects.
    pub request_keys: Option<JwkSet>,
    /// The device's key.
    pub device_key: Option<Jwk>,
}

/// What a receipt proves.
#[derive(Debug)]
pub struct VerifiedReceipt {
    /// What was shown.
    pub request: RequestClaims,
    /// What was decided.
    pub decision: DecisionClaims,
    /// Thumbprint of the backend's key.
    pub request_kid: String,
    /// Thumbprint of the device's key.
    pub device_kid: String,
}

/// Why a receipt proves nothing.
#[derive(Debug, thiserror::Error)]
pub enum ReceiptError {
    /// A key is not one that could have signed.
    #[error("the receipt's `{0}` is not a usable public key")]
    Key(&'static str),
    /// A token names a key that is not the one beside it.
    #[error("the receipt's `{0}` is not the key that its token names")]
    OtherKey(&'static str),
    /// A pinned key is not the one that signed.
    #[error("the receipt's `{0}` is not among the keys that were given")]
    NotPinned(&'static str),
    /// The request object does not verify.
    #[error("the request object does not verify")]
    Request(#[source] JoseError),
    /// The decision does not verify.
    #[error("the decision does not verify")]
    Decision(#[source] JoseError),
    /// Both halves verify but do not belong together.
    #[error("request object and decision do not belong together: {0}")]
    Apart(&'static str),
}

/// Whose decision a token claims to be, and which key it names. Nothing of it is verified.
pub fn peek_decision(token: &str) -> Result<(DecisionClaims, String), JoseError> {
    let header = peek_header(token, &EXPECT)?;
    let claims = peek_claims_unverified(token, &EXPECT)?;
    Ok((claims, header.kid.ok_or(JoseError::KeyMismatch)?))
}

/// Verifies a decision with `key`.
pub fn read_decision(token: &str, key: &Jwk) -> Result<DecisionClaims, JoseError> {
    verify(token, &EXPECT, key)?.claims()
}

/// Verifies both halves of a receipt and that they belong together, offline.
///
/// # Errors
/// When a key is not usable or not the one that is pinned, a signature does not verify, or the halves are not of the same request.
pub fn verify_receipt(receipt: &Receipt, pins: &Pins) -> Result<VerifiedReceipt, ReceiptError> {
    let request_key = usable(&receipt.request_key, "request_key")?;
    let device_key = usable(&receipt.device_key, "device_key")?;
    let pinned = |keys: &JwkSet| keys.keys.iter().any(|key| same(key, &request_key));
    if pins.request_keys.as_ref().is_some_and(|keys| !pinned(keys)) {
        return Err(ReceiptError::NotPinned("request_key"));
    }
    if pins.device_key.as_ref().is_some_and(|key| !same(key, &device_key)) {
        return Err(ReceiptError::NotPinned("device_key"));
    }
    let request = request_object::read(&receipt.request, &request_key).map_err(|error| match error {
        JoseError::KeyMismatch => ReceiptError::OtherKey("request_key"),
        error => ReceiptError::Request(error),
    })?;
    let decision = read_decision(&receipt.decision, &device_key).map_err(|error| match error {
        JoseError::KeyMismatch => ReceiptError::OtherKey("device_key"),
        error => ReceiptError::Decision(error),
    })?;
    if let Some(problem) = apart(receipt, &request, &decision) {
        return Err(ReceiptError::Apart(problem));
    }
    Ok(VerifiedReceipt {
        request,
        decision,
        request_kid: request_key.thumbprint(),
        device_kid: device_key.thumbprint(),
    })
}

fn usable(key: &PublicJwk, field: &'static str) -> Result<Jwk, ReceiptError> {
    let key = Jwk::parse(&key.0.to_string()).map_err(|_| ReceiptError::Key(field))?;
    let thumbprint = key.thumbprint();
    if key.kid().is_some_and(|kid| kid != thumbprint) {
        return Err(ReceiptError::Key(field));
    }
    Ok(key.with_kid(thumbprint))
}

fn same(one: &Jwk, other: &Jwk) -> bool {
    one.thumbprint() == other.thumbprint()
}

fn apart(receipt: &Receipt, request: &RequestClaims, decision: &DecisionClaims) -> Option<&'static str> {
    let approves = decision.dec == Verdict::Approve;
    let types = request.matching == Match::Type;
    let rules = [
        (
            decision.rh == digest::sha256_b64(&receipt.request),
            "`rh` is not the digest of the request object",
        ),
        (decision.req == request.req, "`req` differs"),
        (decision.iss == request.aud, "another device decided than was asked"),
        (decision.aud == request.iss, "the decision is for another backend"),
        (decision.iat < request.exp, "the decision was made after the deadline"),
        (
            decision.matched.is_some() == (approves && types),
            "a number was typed where none was asked for, or none where one was",
        ),
        (
            !approves || request.policy.uv == UserVerificationPolicy::Optional || decision.uv.is_some(),
            "the approval lacks the verification that was asked for",
        ),
    ];
    rules.iter().find(|(holds, _)| !holds).map(|(_, problem)| *problem)
}
