//! Clients that register themselves (RFC 7591) and look after themselves (RFC 7592).
//!
//! What they may have is the operator's policy; the members that are the operator's own are not theirs to read or to change. Secrets and registration
//! access tokens are kept as hashes: a secret is told once, when it is made.

mod pace;

use std::net::IpAddr;

use countersign_jose::digest;
use countersign_protocol::{ClientId, OAuthErrorCode, Secret};
use serde_json::{Map, Value, json};

pub(in crate::op) use self::pace::Pace;
use super::{
    By, NewSecret, Offer, are_confusable, check_sector, has_secret, is_secret_of, metadata, seal_client_secret,
    set_secret,
};
use crate::{
    config::RegistrationMode,
    domain::Client,
    op::{OpError, Provider, Refusal, fresh},
    storage::{ReplaceClient, Replacement, SelfRegistered, SelfRegistration},
};

/// A call of somebody who registers a client or looks after one.
#[derive(Clone, Copy)]
pub struct RegistrationCall<'a> {
    /// The bearer token: an initial access token or a registration access token.
    pub token: Option<&'a str>,
    /// Where the call comes from, where it is known.
    pub peer: Option<IpAddr>,
}

/// Why a client is not registered or changed.
#[derive(Debug, thiserror::Error)]
pub enum RegistrationError {
    /// Refused, or not to be answered now.
    #[error(transparent)]
    Op(#[from] OpError),
    /// Too many calls from one address or with one invitation.
    #[error("too many registrations: {retry_after} s to wait")]
    TooMany {
        /// Seconds.
        retry_after: u32,
    },
    /// There are as many clients as there may be.
    #[error("there are as many registered clients as the settings allow")]
    Full,
    /// Somebody else changed the client at the same time.
    #[error("the client was changed at the same time")]
    Changed,
}

impl From<Refusal> for RegistrationError {
    fn from(refusal: Refusal) -> Self {
        Self::Op(refusal.into())
    }
}

impl From<crate::storage::StorageError> for RegistrationError {
    fn from(error: crate::storage::StorageError) -> Self {
        Self::Op(error.into())
    }
}

/// Members of an answer that a request to change a client does not have (RFC 7592 section 2.2).
const OURS: [&str; 4] = [
    "registration_access_token",
    "registration_client_uri",
    "client_id_issued_at",
    "client_secret_expires_at",
];
/// Asks for a new secret in a request to change a client. Our own: RFC 7592 leaves to the provider when secrets change.
const ROTATE: &str = "rotate_client_secret";

impl Provider {
    /// Whether clients can register themselves here.
    #[must_use]
    pub fn registers_clients(&self) -> bool {
        self.parts.registration.mode != RegistrationMode::Off
    }

    /// Registers a client (RFC 7591 section 3) and returns all that is registered of it, with its credentials.
    ///
    /// # Errors
    /// `invalid_redirect_uri`, `invalid_client_metadata`, the codes of software statements, `invalid_token`; too many; the store does not answer.
    pub async fn register_client(
        &self,
        call: RegistrationCall<'_>,
        metadata: &Map<String, Value>,
    ) -> Result<Map<String, Value>, RegistrationError> {
        let now = self.parts.clock.now();
        let invitation = match self.parts.registration.mode {
            RegistrationMode::Open => None,
            RegistrationMode::Token | RegistrationMode::Off => Some(fresh::hash(call.token.ok_or_else(bad_token)?)),
        };
        self.pace(call, invitation.map(|hash| hash.0))?;
        check_software_statement(metadata)?;
        let id = ClientId::new(fresh::secret(&*self.parts.random));
        let offer = self.offer();
        let base = Client {
            profile: offer.profile(),
            ..Client::new(id.clone(), id.as_str(), now)
        };
        let mut client = metadata::read(metadata, base, &offer).map_err(Refusal::from)?;
        self.check(&client, None).await?;
        let secret = self.set_secret_of(&mut client, NewSecret::Fresh)?;
        let token = fresh::secret(&*self.parts.random);
        client.registration.token_sha256 = Some(digest::sha256_hex(&token));
        let registration = SelfRegistration {
            client: client.clone(),
            invitation,
            most: self.parts.registration.max_clients,
            now,
        };
        match self.parts.storage.register_client(registration).await? {
            SelfRegistered::Added => {}
            SelfRegistered::NotInvited => return Err(bad_token().into()),
            SelfRegistered::Full => return Err(RegistrationError::Full),
            SelfRegistered::Taken => return Err(RegistrationError::Changed),
        }
        tracing::info!(client.id = %client.id, "a client registered itself");
        Ok(self.told(&client, &token, secret.as_ref()))
    }

    /// What is registered of a client (RFC 7592 section 2.1), without its secret, which is not known.
    ///
    /// # Errors
    /// `invalid_token`, also where there is no such client; the store does not answer.
    pub async fn registered_client(
        &self,
        call: RegistrationCall<'_>,
        id: &str,
    ) -> Result<Map<String, Value>, RegistrationError> {
        let (client, token) = self.looked_after(call, id).await?;
        Ok(self.told(&client, token, None))
    }

    /// Replaces what is registered of a client (RFC 7592 section 2.2): what is not said is as if it had never been said.
    ///
    /// # Errors
    /// As [`Provider::register_client`].
    pub async fn change_client(
        &self,
        call: RegistrationCall<'_>,
        id: &str,
        metadata: &Map<String, Value>,
    ) -> Result<Map<String, Value>, RegistrationError> {
        let (before, token) = self.looked_after(call, id).await?;
        self.pace(call, None)?;
        let refuse = |description: &'static str| Refusal::new(OAuthErrorCode::InvalidClientMetadata, description);
        if OURS.iter().any(|name| metadata.contains_key(*name)) {
            return Err(refuse("a member is not the client's to send, such as registration_access_token").into());
        }
        if metadata.get("client_id").and_then(Value::as_str) != Some(before.id.as_str()) {
            return Err(refuse("client_id: is missing or another client's").into());
        }
        let secret = metadata.get("client_secret").filter(|secret| !secret.is_null());
        if secret.is_some_and(|secret| !secret.as_str().is_some_and(|secret| is_secret_of(&before, secret))) {
            return Err(refuse("client_secret: is not the present one; rotate_client_secret asks for another").into());
        }
        let new = match metadata.get(ROTATE) {
            None | Some(Value::Null | Value::Bool(false)) => NewSecret::Kept,
            Some(Value::Bool(true)) => NewSecret::Fresh,
            Some(_) => return Err(refuse("rotate_client_secret: is neither true nor false").into()),
        };
        check_software_statement(metadata)?;
        let mut after = metadata::read(metadata, before.clone(), &self.offer()).map_err(Refusal::from)?;
        self.check(&after, Some(&before)).await?;
        let secret = self.set_secret_of(&mut after, new)?;
        let replacement = Replacement {
            before,
            after: after.clone(),
            now: self.parts.clock.now(),
        };
        match self.parts.storage.replace_client(replacement).await? {
            ReplaceClient::Replaced => {}
            ReplaceClient::Changed => return Err(RegistrationError::Changed),
            ReplaceClient::Unknown => return Err(bad_token().into()),
        }
        tracing::info!(client.id = %after.id, "a client changed its registration");
        Ok(self.told(&after, token, secret.as_ref()))
    }

    /// Removes a client at its own wish (RFC 7592 section 2.3); its tokens and open requests end with it.
    ///
    /// # Errors
    /// As [`Provider::registered_client`].
    pub async fn unregister_client(&self, call: RegistrationCall<'_>, id: &str) -> Result<(), RegistrationError> {
        let (client, _) = self.looked_after(call, id).await?;
        self.parts
            .storage
            .remove_client(&client.id, self.parts.clock.now())
            .await?;
        tracing::info!(client.id = %client.id, "a client removed itself");
        Ok(())
    }

    fn offer(&self) -> Offer {
        let certificates = self.parts.mutual_tls.as_ref();
        Offer::to_operator(&self.parts.config, self.parts.outbound.allowed(), certificates)
            .to_clients(&self.parts.registration)
    }

    fn pace(&self, call: RegistrationCall<'_>, invitation: Option<[u8; 32]>) -> Result<(), RegistrationError> {
        let per_hour = self.parts.registration.per_hour;
        let wait = self
            .registrations
            .note(call.peer, invitation, per_hour, self.parts.clock.now());
        wait.map_or(Ok(()), |retry_after| Err(RegistrationError::TooMany { retry_after }))
    }

    /// The client that `call` may look after. Unknown clients, disabled ones and clients of the operator are not told apart from a wrong token.
    async fn looked_after<'a>(
        &self,
        call: RegistrationCall<'a>,
        id: &str,
    ) -> Result<(Client, &'a str), RegistrationError> {
        let token = call.token.ok_or_else(bad_token)?;
        let client = self.find_client(id).await?;
        let shown = digest::sha256_hex(token);
        let expected = client
            .as_ref()
            .and_then(|client| client.registration.token_sha256.as_deref());
        let matches = expected.is_some_and(|expected| digest::equal(shown.as_bytes(), expected.as_bytes()));
        let client = client.filter(|_| matches).ok_or_else(bad_token)?;
        Ok((client, token))
    }

    /// What cannot be told from the metadata alone.
    async fn check(&self, client: &Client, before: Option<&Client>) -> Result<(), RegistrationError> {
        let renamed = before.is_none_or(|before| before.name != client.name);
        if renamed && !self.parts.registration.allow_look_alikes {
            let others = self.parts.storage.list_clients().await?;
            let mut others = others.iter().filter(|other| other.id != client.id);
            if others.any(|other| are_confusable(&other.name, &client.name)) {
                let description = "client_name: people could take it for another client's";
                return Err(Refusal::new(OAuthErrorCode::InvalidClientMetadata, description).into());
            }
        }
        Ok(check_sector(&self.parts.outbound, client).await?)
    }

    fn set_secret_of(&self, client: &mut Client, new: NewSecret) -> Result<Option<Secret>, OpError> {
        let seal = |id: &ClientId, secret: &str| seal_client_secret(self.parts.keys.sealing(), id, secret);
        Ok(set_secret(client, new, &*self.parts.random, seal)?)
    }

    /// The client information response (RFC 7591 section 3.2.1, RFC 7592 section 3).
    fn told(&self, client: &Client, token: &str, secret: Option<&Secret>) -> Map<String, Value> {
        let mut told = metadata::write(client, By::Client);
        told.insert("client_id".to_owned(), json!(client.id));
        told.insert(
            "client_id_issued_at".to_owned(),
            json!(client.created_at.div_euclid(1000)),
        );
        if let Some(secret) = secret {
            told.insert("client_secret".to_owned(), json!(secret));
        }
        if has_secret(client.auth_method) {
            told.insert("client_secret_expires_at".to_owned(), json!(0));
        }
        told.insert("registration_access_token".to_owned(), json!(token));
        let uri = format!("{}/register/{}", self.issuer(), client.id);
        told.insert("registration_client_uri".to_owned(), json!(uri));
        told
    }
}

fn bad_token() -> Refusal {
    Refusal::new(OAuthErrorCode::InvalidToken, "the access token is missing or not good")
}

/// Nobody's software statements are trusted here, and one that is sent is not passed over (RFC 7591 section 3.2.2).
fn check_software_statement(metadata: &Map<String, Value>) -> Result<(), Refusal> {
    let Some(statement) = metadata
        .get("software_statement")
        .filter(|statement| !statement.is_null())
    else {
        return Ok(());
    };
    let is_jwt = statement
        .as_str()
        .is_some_and(|statement| statement.split('.').count() == 3);
    Err(if is_jwt {
        let unapproved = OAuthErrorCode::UnapprovedSoftwareStatement;
        Refusal::new(unapproved, "software_statement: nobody is trusted to make one")
    } else {
        Refusal::new(
            OAuthErrorCode::InvalidSoftwareStatement,
            "software_statement: is not a signed JWT",
        )
    })
}
