//! Client authentication (OpenID Connect Core section 9, RFC 6749 section 2.3): exactly one mechanism, and the registered one.

use std::sync::Arc;

use countersign_jose::digest;
use countersign_protocol::OAuthErrorCode;

use super::basic;
use crate::{
    domain::{Client, ClientAuthMethod},
    op::{OpError, Params, Provider, Refusal},
};

/// A request of a client to an endpoint where it authenticates.
#[derive(Clone, Copy)]
pub struct ClientRequest<'a> {
    /// Where it came in.
    pub endpoint: Endpoint,
    /// The `Authorization` header, as it came.
    pub authorization: Option<&'a str>,
    /// The form.
    pub params: &'a Params,
    /// What the client showed in the TLS handshake, where the listener asks for it.
    pub certificate: Option<&'a ClientCertificate>,
    /// What the client sent beside it.
    pub issuers: Option<&'a CertificateIssuers>,
    /// The `DPoP` header, as it came; an empty one where it was there twice.
    pub dpop: Option<&'a str>,
}

/// The endpoints where clients authenticate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    /// RFC 6749 section 3.2.
    Token,
    /// CIBA Core section 7.
    BackchannelAuthentication,
    /// RFC 7662 section 2.
    Introspection,
    /// RFC 7009 section 2.
    Revocation,
    /// RFC 9126 section 2.
    PushedAuthorization,
}

impl Endpoint {
    /// Where it is, below the issuer.
    #[must_use]
    pub const fn path(self) -> &'static str {
        match self {
            Self::Token => "/token",
            Self::BackchannelAuthentication => "/bc-authorize",
            Self::Introspection => "/introspect",
            Self::Revocation => "/revoke",
            Self::PushedAuthorization => "/par",
        }
    }
}

/// An X.509 certificate, DER, whose key the client has: the TLS handshake proved it. Whose it is was not looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientCertificate(pub Arc<[u8]>);

/// The certificates that a client sent after its own, each DER: they may lead from it to an authority.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CertificateIssuers(pub Arc<[Vec<u8>]>);

/// A client that is who it says it is.
pub(in crate::op) struct Authenticated {
    pub(in crate::op) client: Client,
    pub(in crate::op) proven: Proven,
}

/// By what a client showed who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::op) enum Proven {
    /// By nothing: a public client.
    Nothing,
    /// By a secret that it shares with us.
    Secret,
    /// By a certificate that an authority vouches for, which says nothing of the keys that it registered.
    Certificate,
    /// By a key that it registered or publishes.
    Key,
}

/// Whether a client without credentials may come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::op) enum PublicClients {
    Allowed,
    Refused,
}

enum Mechanism<'a> {
    Basic {
        id: String,
        secret: String,
    },
    Post {
        id: &'a str,
        secret: &'a str,
    },
    Assertion(&'a str),
    /// Nothing in the request itself: a public client, or one that showed a certificate in the TLS handshake.
    None {
        id: &'a str,
    },
}

/// No secret has this hash: unknown clients and clients without a secret are compared with it, so that they take as long.
const NO_SECRET: [u8; 64] = [b'-'; 64];
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

impl Provider {
    /// Finds out which client this is.
    pub(in crate::op) async fn authenticate(
        &self,
        request: ClientRequest<'_>,
        public: PublicClients,
    ) -> Result<Authenticated, OpError> {
        let basic = request.authorization.is_some();
        let with_challenge = |refusal: Refusal| Refusal {
            basic: basic && refusal.code == OAuthErrorCode::InvalidClient,
            ..refusal
        };
        let mechanism = mechanism(request).map_err(with_challenge)?;
        let authenticated = match mechanism {
            Mechanism::Basic { id, secret } => {
                let named = request.params.get("client_id");
                if named.is_some_and(|named| named != id) {
                    return Err(Refusal::invalid_request("client_id is not the one that authenticates").into());
                }
                self.with_secret(&id, &secret, ClientAuthMethod::ClientSecretBasic)
                    .await?
            }
            Mechanism::Post { id, secret } => self.with_secret(id, secret, ClientAuthMethod::ClientSecretPost).await?,
            Mechanism::Assertion(assertion) => self.with_assertion(assertion, request.params.get("client_id")).await?,
            Mechanism::None { id } => match self.find_client(id).await? {
                Some(client) if client.auth_method == ClientAuthMethod::None => {
                    (public == PublicClients::Allowed).then_some(client)
                }
                Some(client) => self.with_certificate(client, request).await?,
                None => None,
            },
        };
        let client = authenticated.ok_or_else(|| with_challenge(not_authenticated()))?;
        self.check_profile_of(&client).map_err(with_challenge)?;
        let proven = match client.auth_method {
            ClientAuthMethod::ClientSecretBasic
            | ClientAuthMethod::ClientSecretPost
            | ClientAuthMethod::ClientSecretJwt => Proven::Secret,
            ClientAuthMethod::PrivateKeyJwt | ClientAuthMethod::SelfSignedTlsClientAuth => Proven::Key,
            ClientAuthMethod::TlsClientAuth => Proven::Certificate,
            ClientAuthMethod::None => Proven::Nothing,
        };
        Ok(Authenticated { client, proven })
    }

    async fn with_secret(&self, id: &str, secret: &str, method: ClientAuthMethod) -> Result<Option<Client>, OpError> {
        let client = self.find_client(id).await?;
        let registered = client.as_ref().and_then(|client| client.secret_sha256.as_deref());
        let expected = registered.map_or(&NO_SECRET[..], str::as_bytes);
        let matches = digest::equal(digest::sha256_hex(secret).as_bytes(), expected);
        Ok(client.filter(|client| matches && client.auth_method == method))
    }
}

/// The one answer to every failure.
pub(in crate::op) fn not_authenticated() -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidClient, "client authentication failed")
}

fn mechanism(request: ClientRequest<'_>) -> Result<Mechanism<'_>, Refusal> {
    let params = request.params;
    let secret = params.get("client_secret");
    let assertion = params.get("client_assertion");
    let assertion_type = params.get("client_assertion_type");
    let by_assertion = assertion.is_some() || assertion_type.is_some();
    let tried = [request.authorization.is_some(), secret.is_some(), by_assertion];
    if tried.into_iter().filter(|&tried| tried).count() > 1 {
        return Err(Refusal::invalid_request(
            "the client authenticates in more than one way",
        ));
    }
    if let Some(header) = request.authorization {
        let (id, secret) = basic::credentials(header).ok_or_else(not_authenticated)?;
        return Ok(Mechanism::Basic { id, secret });
    }
    if by_assertion {
        if assertion_type != Some(ASSERTION_TYPE) {
            return Err(Refusal::invalid_request("client_assertion_type is not jwt-bearer"));
        }
        let assertion = assertion.ok_or_else(|| Refusal::invalid_request("client_assertion is missing"))?;
        return Ok(Mechanism::Assertion(assertion));
    }
    let id = params.get("client_id").ok_or_else(not_authenticated)?;
    Ok(match secret {
        Some(secret) => Mechanism::Post { id, secret },
        None => Mechanism::None { id },
    })
}
