//! Receipts: a request object with the decision over it, verifiable by anybody without asking anybody.

use countersign_jose::{JoseError, digest};
use countersign_protocol::{DECISION_TYP, DecisionClaims, REQUEST_TYP, Receipt, RequestClaims};
use thiserror::Error;

use crate::{
    signer::from_wire,
    verify::{expect, thumbprint},
};

/// Why a receipt proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// The request object is not signed by the receipt's request key.
    #[error("verify the request of a receipt")]
    Request(#[source] JoseError),
    /// The decision is not signed by the receipt's device key.
    #[error("verify the decision of a receipt")]
    Decision(#[source] JoseError),
    /// Both hold, but the decision is about something else.
    #[error("match the decision of a receipt with its request")]
    Unrelated,
}

/// What a receipt proves.
#[derive(Debug, Clone, PartialEq)]
pub struct VerifiedReceipt {
    /// What was asked.
    pub request: RequestClaims,
    /// What was decided.
    pub decision: DecisionClaims,
    /// Thumbprint of the key that signed the request; compare it with the backend's.
    pub request_key: String,
    /// Thumbprint of the key that signed the decision; compare it with the device's.
    pub device_key: String,
}

/// Verifies both signatures and that the decision is over exactly this request, made for this device in its time.
///
/// # Errors
/// When any of that does not hold. Whose keys they are is for the caller to compare.
pub fn verify_receipt(receipt: &Receipt) -> Result<VerifiedReceipt, ReceiptError> {
    let request_key = from_wire(&receipt.request_key).map_err(ReceiptError::Request)?;
    let device_key = from_wire(&receipt.device_key).map_err(ReceiptError::Decision)?;
    let request: RequestClaims = countersign_jose::verify(&receipt.request, &expect(REQUEST_TYP), &request_key)
        .and_then(|verified| verified.claims())
        .map_err(ReceiptError::Request)?;
    let decision: DecisionClaims = countersign_jose::verify(&receipt.decision, &expect(DECISION_TYP), &device_key)
        .and_then(|verified| verified.claims())
        .map_err(ReceiptError::Decision)?;
    let related = decision.rh == digest::sha256_b64(&receipt.request)
        && decision.req == request.req
        && decision.iss == request.aud
        && decision.aud == request.iss
        && decision.iat < request.exp;
    let (Some(request_key), Some(device_key), true) = (
        thumbprint(&receipt.request_key),
        thumbprint(&receipt.device_key),
        related,
    ) else {
        return Err(ReceiptError::Unrelated);
    };
    Ok(VerifiedReceipt {
        request,
        decision,
        request_key,
        device_key,
    })
}
