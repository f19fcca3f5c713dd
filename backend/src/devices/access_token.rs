use countersign_clock::Millis;
use countersign_jose::{JoseError, b64, seal::SealingKey};
use countersign_protocol::{DeviceId, Secret};
use serde::{Deserialize, Serialize};

/// Nothing else that is sealed opens as an access token.
const CONTEXT: &str = "device-access-token";

#[derive(Serialize, Deserialize)]
struct Contents {
    device: DeviceId,
    exp: Millis,
}

/// Makes the access token of a device: sealed, so that nobody reads or makes one, and nothing has to be stored.
pub fn issue(sealing: &SealingKey, device: &DeviceId, exp: Millis) -> Result<Secret, JoseError> {
    let contents = Contents {
        device: device.clone(),
        exp,
    };
    let plain = serde_json::to_vec(&contents).map_err(|_| JoseError::Seal)?;
    Ok(Secret::new(b64::encode(sealing.seal(CONTEXT, &plain)?)))
}

/// Whose access token it is. None when it is not one of ours or its time is over.
pub fn open(sealing: &SealingKey, token: &str, now: Millis) -> Option<DeviceId> {
    let plain = sealing.open(CONTEXT, &b64::decode(token).ok()?).ok()?;
    let contents: Contents = serde_json::from_slice(&plain).ok()?;
    (now < contents.exp).then_some(contents.device)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_for_its_device_until_its_time_is_over() {
        let sealing = SealingKey::new([7; 32]);
        let device = DeviceId::new("d1");
        let token = issue(&sealing, &device, 1_000).unwrap();
        assert_eq!(open(&sealing, token.expose(), 999), Some(device));
        assert_eq!(open(&sealing, token.expose(), 1_000), None);
        assert_eq!(open(&SealingKey::new([8; 32]), token.expose(), 0), None);
        let other = b64::encode(sealing.seal("something else", b"{}").unwrap());
        assert_eq!(open(&sealing, &other, 0), None);
    }
}
