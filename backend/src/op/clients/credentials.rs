//! The secret of a client: made or given, kept as a hash, and known again only where that is needed.

use countersign_clock::Random;
use countersign_jose::{MacAlgorithm, digest};
use countersign_protocol::{ClientId, Secret};

use crate::{
    domain::{Client, ClientAuthMethod},
    op::fresh,
};

/// Bytes of a secret that was not made here.
const MIN_SECRET: usize = 16;

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

/// Whether `secret` is long enough for `client`: one that signs is as long as the digest that it keys (RFC 7518 section 3.2).
#[must_use]
pub fn is_long_enough(secret: &Secret, client: &Client) -> bool {
    let least = if client.auth_method == ClientAuthMethod::ClientSecretJwt {
        let alg = client.assertion_alg.as_deref().and_then(|alg| alg.parse().ok());
        alg.unwrap_or(MacAlgorithm::Hs256).min_secret_len()
    } else {
        MIN_SECRET
    };
    secret.expose().len() >= least
}

/// Whether `secret` is the one that `client` has.
#[must_use]
pub fn is_secret_of(client: &Client, secret: &str) -> bool {
    let kept = client.secret_sha256.as_deref().unwrap_or_default();
    digest::equal(digest::sha256_hex(secret).as_bytes(), kept.as_bytes())
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
        // Long enough for every algorithm, so that the client may change it.
        NewSecret::Kept | NewSecret::Fresh if signs => (
            Secret::new([fresh::secret(random), fresh::secret(random)].concat()),
            true,
        ),
        NewSecret::Kept | NewSecret::Fresh => (Secret::new(fresh::secret(random)), true),
    };
    client.secret_sealed = if signs {
        Some(seal(&client.id, secret.expose())?)
    } else {
        None
    };
    client.secret_sha256 = Some(digest::sha256_hex(secret.expose()));
    Ok(made.then_some(secret))
}

#[cfg(test)]
mod tests {
    use countersign_clock::SeededRandom;

    use super::*;

    fn set(client: &mut Client, new: NewSecret) -> Option<Secret> {
        let seal = |id: &ClientId, secret: &str| Ok::<_, ()>(format!("{id} {secret}"));
        set_secret(client, new, &SeededRandom::new(1), seal).unwrap()
    }

    fn client(method: ClientAuthMethod) -> Client {
        let mut client = Client::new("shop", "Shop", 0);
        client.auth_method = method;
        client
    }

    #[test]
    fn a_client_has_the_secret_of_its_method_and_no_other() {
        let mut shop = client(ClientAuthMethod::ClientSecretBasic);
        let made = set(&mut shop, NewSecret::Kept).unwrap();
        assert!(is_secret_of(&shop, made.expose()) && shop.secret_sealed.is_none());
        assert!(set(&mut shop, NewSecret::Kept).is_none(), "it has one");
        shop.auth_method = ClientAuthMethod::ClientSecretPost;
        assert!(set(&mut shop, NewSecret::Kept).is_none(), "the same is sent otherwise");
        shop.auth_method = ClientAuthMethod::ClientSecretJwt;
        let signing = set(&mut shop, NewSecret::Kept).unwrap();
        assert_eq!(
            shop.secret_sealed,
            Some(format!("shop {}", signing.expose())),
            "the old one is not known any more"
        );
        shop.assertion_alg = Some("HS512".to_owned());
        assert!(
            is_long_enough(&signing, &shop),
            "long enough for whatever it changes to"
        );
        let before = shop.clone();
        assert!(set(&mut shop, NewSecret::Given(signing)).is_none());
        assert_eq!(shop, before, "the same again changes nothing");
        shop.auth_method = ClientAuthMethod::PrivateKeyJwt;
        assert!(set(&mut shop, NewSecret::Kept).is_none());
        assert!(
            shop.secret_sha256.is_none() && shop.secret_sealed.is_none(),
            "nothing of it stays"
        );
    }

    #[test]
    fn a_given_secret_is_long_enough_for_what_it_is_for() {
        for (method, alg, len, good) in [
            (ClientAuthMethod::ClientSecretBasic, None, 15, false),
            (ClientAuthMethod::ClientSecretBasic, None, 16, true),
            (ClientAuthMethod::ClientSecretJwt, None, 31, false),
            (ClientAuthMethod::ClientSecretJwt, None, 32, true),
            (ClientAuthMethod::ClientSecretJwt, Some("HS384"), 47, false),
            (ClientAuthMethod::ClientSecretJwt, Some("HS512"), 63, false),
            (ClientAuthMethod::ClientSecretJwt, Some("HS512"), 64, true),
        ] {
            let mut client = client(method);
            client.assertion_alg = alg.map(str::to_owned);
            let secret = Secret::new("s".repeat(len));
            assert_eq!(is_long_enough(&secret, &client), good, "{alg:?} {len}");
        }
    }
}
