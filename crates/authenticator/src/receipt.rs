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

#[cfg(test)]
mod tests {
    use countersign_jose::{Algorithm, SigningKey};
    use serde_json::{Value, json};

    use super::*;
    use crate::signer::to_wire;

    struct Case {
        backend: SigningKey,
        device: SigningKey,
        request: String,
    }

    impl Case {
        fn new() -> Self {
            let backend = SigningKey::generate(Algorithm::Es256).unwrap();
            let request = json!({
                "iss": "https://backend", "aud": "device", "op": "https://op", "sub": "anna", "req": "r1",
                "client": {"id": "shop", "name": "Shop"}, "scopes": [], "match": {"mode": "show"},
                "policy": {"uv": "required", "uv_max_age": 60}, "iat": 1_000, "exp": 1_120,
            });
            let request = backend.sign(REQUEST_TYP, &request).unwrap();
            Self {
                backend,
                device: SigningKey::generate(Algorithm::Es256).unwrap(),
                request,
            }
        }

        fn receipt(&self, change: impl FnOnce(&mut Value)) -> Receipt {
            let mut claims = json!({
                "iss": "device", "aud": "https://backend", "iat": 1_010, "exp": 1_070, "jti": "1", "req": "r1",
                "rh": digest::sha256_b64(&self.request), "dec": "approve",
            });
            change(&mut claims);
            Receipt {
                request: self.request.clone(),
                decision: self.device.sign(DECISION_TYP, &claims).unwrap(),
                device_key: to_wire(&self.device.public_jwk()).unwrap(),
                request_key: to_wire(&self.backend.public_jwk()).unwrap(),
            }
        }
    }

    /// S-022, S-015: a receipt holds for exactly the request it was given for.
    #[test]
    fn a_receipt_holds_for_its_own_request_and_no_other() {
        let case = Case::new();
        let good = verify_receipt(&case.receipt(|_| {})).unwrap();
        assert_eq!(
            (good.decision.dec, good.device_key.as_str()),
            (countersign_protocol::Verdict::Approve, case.device.kid())
        );
        let unrelated: [(&str, Value); 5] = [
            ("rh", digest::sha256_b64("other").into()),
            ("req", "r2".into()),
            ("iss", "device-2".into()),
            ("aud", "https://evil".into()),
            ("iat", 1_120.into()),
        ];
        for (claim, value) in unrelated {
            let receipt = case.receipt(|claims| claims[claim] = value);
            assert_eq!(verify_receipt(&receipt), Err(ReceiptError::Unrelated), "S-015: {claim}");
        }
        let other = Case::new();
        let mut swapped = case.receipt(|_| {});
        swapped.request.clone_from(&other.request);
        assert!(
            matches!(verify_receipt(&swapped), Err(ReceiptError::Request(_))),
            "S-022: another backend's request"
        );
        let mut forged = case.receipt(|_| {});
        forged.device_key = to_wire(&other.device.public_jwk()).unwrap();
        assert!(
            matches!(verify_receipt(&forged), Err(ReceiptError::Decision(_))),
            "S-022: another device's key"
        );
        let mut confused = case.receipt(|_| {});
        confused.decision.clone_from(&confused.request);
        confused.device_key = confused.request_key.clone();
        assert!(
            matches!(verify_receipt(&confused), Err(ReceiptError::Decision(_))),
            "S-024: a request is no decision"
        );
    }
}
