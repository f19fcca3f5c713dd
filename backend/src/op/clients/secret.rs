//! Secrets that have to be known again, to check what a client signed with them (`client_secret_jwt`): sealed wherever they are kept.

use countersign_jose::{JoseError, b64, seal::SealingKey};
use countersign_protocol::{ClientId, Secret};

use crate::domain::Client;

/// Seals `secret` for [`Client::secret_sealed`]. It opens for the client `id` alone.
///
/// # Errors
/// When it cannot be sealed.
pub fn seal_client_secret(sealing: &SealingKey, id: &ClientId, secret: &str) -> Result<String, JoseError> {
    sealing.seal(&context(id), secret.as_bytes()).map(b64::encode)
}

/// The secret of `client`; none when there is none, or it does not open for this client.
pub(super) fn open_client_secret(sealing: &SealingKey, client: &Client) -> Option<Secret> {
    let sealed = b64::decode(client.secret_sealed.as_deref()?).ok()?;
    let plain = sealing.open(&context(&client.id), &sealed).ok()?;
    std::str::from_utf8(&plain).ok().map(Secret::new)
}

fn context(id: &ClientId) -> String {
    format!("op.client_secret:{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_secret_opens_for_its_client_alone() {
        let sealing = SealingKey::new([7; 32]);
        let mut client = Client::new("shop", "Shop", 0);
        assert!(open_client_secret(&sealing, &client).is_none(), "there is none");
        client.secret_sealed = Some(seal_client_secret(&sealing, &client.id, "a secret").unwrap());
        let opened = open_client_secret(&sealing, &client).unwrap();
        assert_eq!(opened.expose(), "a secret");
        client.id = "other".into();
        assert!(
            open_client_secret(&sealing, &client).is_none(),
            "copied to another client"
        );
    }
}
