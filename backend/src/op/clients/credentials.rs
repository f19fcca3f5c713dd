//! The secret of a client: made or given, kept as a hash, and known again only where that is needed.

use countersign_clock::Random;
use countersign_jose::digest;
use countersign_protocol::{ClientId, Secret};

use super::hex;
use crate::{
    domain::{Client, ClientAuthMethod},
    op::fresh,
};

/// Characters of a secret that was not made here. It signs where it is as long as the digest that it keys (RFC 7518 section 3.2).
const MIN_SECRET: usize = 16;
const MIN_SIGNING_SECRET: usize = 32;

/// What becomes of a client's secret.
#[derive(Debug)]
pub enum NewSecret {
    /// It stays as it is, where there is one and it will do.
    Kept,
    /// It is this one.
    Given(Secret),
    /// A new one is made.
    Fresh,
}

/// Whether a client that authenticates by `method` has a secret.
#[must_use]
pub fn has_secret(method: ClientAuthMethod) -> bool {
    match method {
        ClientAuthMethod::ClientSecretBasic
        | ClientAuthMethod::ClientSecretPost
        | ClientAuthMethod::ClientSecretJwt => true,
        ClientAuthMethod::PrivateKeyJwt
        | ClientAuthMethod::TlsClientAuth
        | ClientAuthMethod::SelfSignedTlsClientAuth
        | ClientAuthMethod::None => false,
    }
}

/// Whether `secret` is long enough for a client that authenticates by `method`.
#[must_use]
pub fn is_long_enough(secret: &Secret, method: ClientAuthMethod) -> bool {
    let least = match method {
        ClientAuthMethod::ClientSecretJwt => MIN_SIGNING_SECRET,
        _ => MIN_SECRET,
    };
    secret.expose().len() >= least
}

/// Whether `secret` is the one that `client` has.
#[must_use]
pub fn is_secret_of(client: &Client, secret: &str) -> bool {
    let kept = client.secret_sha256.as_deref().unwrap_or_default();
    digest::equal(hex(&digest::sha256(secret)).as_bytes(), kept.as_bytes())
}

/// Leaves `client` with the secret that its method needs, and with no other. Returns a secret that was made here. `seal` is asked only where the
/// secret has to be known again.
///
/// # Errors
/// When `seal` fails.
pub fn set_secret<E>(
    client: &mut Client,
    new: NewSecret,
    random: &dyn Random,
    seal: impl FnOnce(&ClientId, &str) -> Result<String, E>,
) -> Result<Option<Secret>, E> {
    if !has_secret(client.auth_method) {
        client.secret_sha256 = None;
        client.secret_sealed = None;
        return Ok(None);
    }
    let signs = client.auth_method == ClientAuthMethod::ClientSecretJwt;
    let (secret, made) = match new {
        NewSecret::Kept if client.secret_sha256.is_some() && (!signs || client.secret_sealed.is_some()) => {
            if !signs {
                client.secret_sealed = None;
            }
            return Ok(None);
        }
        // What is sealed anew differs each time: nothing changes where nothing has to.
        NewSecret::Given(secret)
            if is_secret_of(client, secret.expose()) && client.secret_sealed.is_some() == signs =>
        {
            return Ok(None);
        }
        NewSecret::Given(secret) => (secret, false),
        NewSecret::Kept | NewSecret::Fresh => (Secret::new(fresh::secret(random)), true),
    };
    client.secret_sealed = if signs {
        Some(seal(&client.id, secret.expose())?)
    } else {
        None
    };
    client.secret_sha256 = Some(hex(&digest::sha256(secret.expose())));
    Ok(made.then_some(secret))
}
