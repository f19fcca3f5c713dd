use countersign_jose::{Algorithm, Expect, JoseError, Jwk, Typ, digest, peek_claims_unverified, peek_header, verify};
use countersign_protocol::{Match, REQUEST_TYP, RequestClaims};

use super::{Consent, ConsentError};
use crate::{
    devices::MAX_JWT_BYTES,
    domain::{Device, KeyPurpose, Matching, Prompt},
};

const EXPECT: Expect<'static> = Expect {
    typ: Typ::Exactly(REQUEST_TYP),
    algs: &[Algorithm::Es256],
    max_len: MAX_JWT_BYTES,
};

impl Consent {
    /// Signs what `device` shows of `prompt`. A number that is typed is not in it, nor anything that was computed from it.
    pub(super) fn request_object(&self, prompt: &Prompt, device: &Device) -> Result<String, ConsentError> {
        let matching = match &prompt.matching {
            Matching::Show { message } => Match::Show {
                message: message.clone(),
            },
            Matching::Type { .. } => Match::Type,
        };
        let details = &prompt.details;
        let claims = RequestClaims {
            iss: self.parts.origin.clone(),
            aud: device.id.clone(),
            op: prompt.account.iss.clone(),
            op_title: self.parts.titles.get(&prompt.account.iss).cloned(),
            sub: prompt.account.sub.clone(),
            req: prompt.handle.clone(),
            client: prompt.client.clone(),
            scopes: prompt.scopes.clone(),
            authorization_details: details.as_ref().map(|shown| shown.details.clone()),
            authorization_details_words: details.as_ref().map(|shown| shown.words.clone()).unwrap_or_default(),
            matching,
            acr_values: prompt.acr_values.clone(),
            context: prompt.context.clone(),
            policy: prompt.policy.clone(),
            iat: prompt.created_at.div_euclid(1000),
            // Rounded down: a device never shows time that is not there.
            exp: prompt.expires_at.div_euclid(1000),
        };
        let signer = self.parts.keys.signer(KeyPurpose::RequestObject)?;
        let object = signer.sign(REQUEST_TYP, &claims).map_err(ConsentError::Sign)?;
        self.signed.remember(digest::sha256(&object));
        Ok(object)
    }

    /// The key of ours that a request object names, if we have one of that name.
    pub(super) fn key_of_request_object(&self, request: &str) -> Option<Jwk> {
        let kid = peek_header(request, &EXPECT).ok()?.kid?;
        self.parts.keys.snapshot().find(KeyPurpose::RequestObject, &kid)
    }
}

impl Consent {
    /// Verifies a request object, whose SHA-256 is `digest`, with `key`, which is ours; what was signed here a moment ago needs no second look.
    pub(super) fn read_request_object(
        &self,
        request: &str,
        digest: &[u8; 32],
        key: &Jwk,
    ) -> Result<RequestClaims, JoseError> {
        if self.signed.knows(digest) {
            return peek_claims_unverified(request, &EXPECT);
        }
        read(request, key)
    }
}

/// Verifies a request object with `key`.
pub fn read(request: &str, key: &Jwk) -> Result<RequestClaims, JoseError> {
    verify(request, &EXPECT, key)?.claims()
}
