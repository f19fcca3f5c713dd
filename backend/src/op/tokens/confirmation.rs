//! The key that a token is bound to: that of a DPoP proof (RFC 9449 section 5) or that of the client's certificate (RFC 8705 section 3), never both.

use countersign_clock::Millis;
use countersign_jose::{Algorithm, digest};
use countersign_protocol::OAuthErrorCode;

use crate::{
    domain::{Client, ClientAuthMethod, Confirmation},
    dpop::{self, Nonces, ProofError, ProofFor, Proven, Seen, SeenProofs},
    keys::KeyRing,
    op::{ClientCertificate, ClientRequest, Endpoint, OpError, Provider, Refusal},
};

/// Algorithms of proofs: `dpop_signing_alg_values_supported`.
pub(in crate::op) const DPOP_ALGORITHMS: [Algorithm; 4] =
    [Algorithm::Es256, Algorithm::Es384, Algorithm::Ps256, Algorithm::EdDsa];

/// How far a client's clock may be from ours, seconds: a proof is made for the request that carries it.
const SKEW_SECONDS: i64 = 60;
/// `kind` of proofs among what is remembered once.
const PROOFS: &str = "client_dpop";

/// What the provider knows of proofs beside the requests that carry them.
pub(in crate::op) struct ProofMemory {
    nonces: Nonces,
    of_public_clients: SeenProofs,
}

impl ProofMemory {
    /// A memory whose nonces are those of every node with these keys.
    pub(in crate::op) fn new(keys: &KeyRing) -> Self {
        Self {
            nonces: Nonces::shared(keys.sealing().derive("countersign client dpop nonce")),
            of_public_clients: SeenProofs::default(),
        }
    }
}

/// A proof in a request, and for what it has to be made.
pub(in crate::op) struct Presented<'a> {
    pub(in crate::op) proof: &'a str,
    pub(in crate::op) method: &'a str,
    /// Path of the endpoint.
    pub(in crate::op) path: &'a str,
    pub(in crate::op) access_token: Option<&'a str>,
}

impl Provider {
    /// What tokens that `client` gets for `request` are bound to; nothing, where anybody may present them.
    ///
    /// # Errors
    /// `invalid_dpop_proof` or `use_dpop_nonce` (RFC 9449 sections 5 and 8), `invalid_request` when the client has to show a certificate and does
    /// not, or a proof where its tokens are bound to a certificate; that the store does not answer.
    pub(in crate::op) async fn confirmation(
        &self,
        request: &ClientRequest<'_>,
        client: &Client,
        now: Millis,
    ) -> Result<Option<Confirmation>, OpError> {
        if client.tokens.certificate_bound {
            if request.dpop.is_some() {
                return Err(Refusal::invalid_request(
                    "tokens of this client are bound to its certificate, not to a proof",
                )
                .into());
            }
            let certificate = request.certificate.ok_or_else(|| {
                Refusal::invalid_request("tokens of this client are bound to its certificate: it has to show it")
            })?;
            return Ok(Some(of_certificate(certificate)));
        }
        let Some(proof) = request.dpop else {
            if client.tokens.dpop_bound {
                return Err(bad_proof("tokens of this client are bound to a key: the DPoP header is missing").into());
            }
            return Ok(None);
        };
        let presented = Presented {
            proof,
            method: "POST",
            path: request.endpoint.path(),
            access_token: None,
        };
        let proven = self.check_proof(&presented, now)?;
        self.use_proof(&proven, client, now).await?;
        Ok(Some(Confirmation::Jkt(proven.thumbprint)))
    }

    /// Checks a proof; that it is used for the first time is another question.
    pub(in crate::op) fn check_proof(&self, presented: &Presented<'_>, now: Millis) -> Result<Proven, Refusal> {
        let mut urls = vec![format!("{}{}", self.issuer(), presented.path)];
        let alias = self.parts.mutual_tls.as_ref();
        urls.extend(alias.map(|listener| format!("{}{}", listener.origin(), presented.path)));
        if presented.path == Endpoint::Token.path() && self.has_auth0_aliases() {
            urls.push(format!("{}/oauth/token", self.issuer()));
        }
        let made_for = ProofFor {
            method: presented.method,
            urls: &urls,
            access_token: presented.access_token,
            algorithms: &DPOP_ALGORITHMS,
            nonces: self.parts.config.dpop_nonce.then_some(&self.proofs.nonces),
            skew_seconds: SKEW_SECONDS,
            now,
        };
        dpop::check(presented.proof, &made_for).map_err(|error| match error {
            ProofError::Unacceptable(problem) => bad_proof(problem),
            ProofError::Nonce => Refusal::new(
                OAuthErrorCode::UseDpopNonce,
                "the proof lacks the nonce of the DPoP-Nonce header",
            ),
        })
    }

    /// Notes the proof of a request of `client`. Strangers can send requests of public clients, so those are noted in a memory that has an end; when
    /// it is full they are let pass, because the code or refresh token beside them is used up by one request anyhow.
    pub(in crate::op) async fn use_proof(&self, proven: &Proven, client: &Client, now: Millis) -> Result<(), OpError> {
        if client.auth_method != ClientAuthMethod::None {
            return self.use_proof_of_known(proven).await;
        }
        let jti = format!("{}.{}", proven.thumbprint, proven.jti);
        match self
            .proofs
            .of_public_clients
            .note(client.id.as_str(), &jti, proven.until, now)
        {
            Seen::First | Seen::Full => Ok(()),
            Seen::Again => Err(used_before().into()),
        }
    }

    /// Notes a proof of somebody who is known otherwise, where every node and the next run of this one see it.
    pub(in crate::op) async fn use_proof_of_known(&self, proven: &Proven) -> Result<(), OpError> {
        let jti = digest::sha256_b64(&proven.jti);
        let storage = &self.parts.storage;
        if storage
            .remember_once(PROOFS, &proven.thumbprint, &jti, proven.until)
            .await?
        {
            Ok(())
        } else {
            Err(used_before().into())
        }
    }

    /// Algorithms of proofs, as a challenge lists them (RFC 9449 section 7.1).
    #[must_use]
    pub fn dpop_algorithms() -> String {
        DPOP_ALGORITHMS.map(Algorithm::as_str).join(" ")
    }

    /// The nonce that the next proof of a client has to carry, where it has to carry one.
    #[must_use]
    pub fn dpop_nonce(&self) -> Option<String> {
        let demanded = self.parts.config.dpop_nonce;
        demanded.then(|| self.proofs.nonces.current(self.parts.clock.now()))
    }
}

/// What a token is bound to that is bound to `certificate` (RFC 8705 section 3.1).
pub(in crate::op) fn of_certificate(certificate: &ClientCertificate) -> Confirmation {
    Confirmation::X5tS256(digest::sha256_b64(&*certificate.0))
}

/// What a refresh token of `client` is bound to: with a public client it has only the key that shows whose it is (RFC 9449 section 5, RFC 8705
/// section 4); a confidential one authenticates, and may bind the next tokens to another key.
pub(in crate::op) fn of_refresh(client: &Client, confirmation: Option<&Confirmation>) -> Option<Confirmation> {
    confirmation
        .filter(|_| client.auth_method == ClientAuthMethod::None)
        .cloned()
}

/// `token_type` of an access token that is bound to `confirmation`.
pub(in crate::op) fn token_type(confirmation: Option<&Confirmation>) -> &'static str {
    match confirmation {
        Some(Confirmation::Jkt(_)) => "DPoP",
        Some(Confirmation::X5tS256(_)) | None => "Bearer",
    }
}

fn bad_proof(problem: &'static str) -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidDpopProof, problem.replace('`', "'"))
}

fn used_before() -> Refusal {
    bad_proof("it was used before")
}
