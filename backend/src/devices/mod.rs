//! Authentication devices: who may become one, who is one, and what it proves itself with (`docs/protocol.md` sections 2 to 4).
//!
//! It knows no HTTP and no prompt. Obeys RFC 9449 (DPoP) for every call and OpenID Connect Core section 3.1.3.7 for the sign-in
//! that registers a device.

mod access_token;
mod device_keys;
mod error;
mod id_token;
mod list;
mod register;
mod rotate;
mod sign_in;
mod statement;
mod user_code;

use std::sync::Arc;

use countersign_clock::{Clock, Millis, Random};
use countersign_jose::{Algorithm, b64, digest};
use countersign_protocol::{DeviceId, Secret, SessionResponse};
use tokio::sync::Semaphore;

use crate::{
    config::DevicesConfig,
    domain::{AccountKey, Device, TokenHash},
    dpop::{self, Nonces, ProofFor, Proven, Seen, SeenProofs},
    issuers::Issuers,
    keys::KeyRing,
    storage::Storage,
};

pub use device_keys::is_timely;
pub use error::DeviceError;
pub use register::TwoFieldRegistration;

/// Longest JWT that is read, bytes.
pub const MAX_JWT_BYTES: usize = 16 * 1024;
/// Longest identifier that is read, characters.
pub const MAX_ID_CHARS: usize = 128;

/// What the registry is made of.
pub struct Parts {
    /// `[devices]`
    pub config: DevicesConfig,
    /// The backend's origin.
    pub origin: String,
    /// The embedded provider.
    pub issuer: String,
    /// The other providers whose people may have devices here.
    pub issuers: Arc<Issuers>,
    /// The store.
    pub storage: Arc<dyn Storage>,
    /// Keys that sign and seal.
    pub keys: Arc<KeyRing>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub random: Arc<dyn Random>,
    /// Whether other nodes serve the same devices.
    pub several_nodes: bool,
    /// Whether people may have codes that they give to clients.
    pub user_codes: bool,
}

/// How far the clocks of device and backend may differ, seconds.
const SKEW_SECONDS: i64 = 120;
/// `kind` of proofs among what is remembered once.
const PROOFS: &str = "dpop";

/// Registers devices and tells who is calling.
pub struct DeviceRegistry {
    parts: Parts,
    nonces: Nonces,
    seen: SeenProofs,
    hashing: Arc<Semaphore>,
}

/// The parts of a call that prove who makes it.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// HTTP method.
    pub method: &'a str,
    /// Path of the request, without query.
    pub path: &'a str,
    /// The `DPoP` header.
    pub proof: Option<&'a str>,
    /// The token of the `Authorization` header.
    pub access_token: Option<&'a str>,
}

impl DeviceRegistry {
    /// A registry whose nonces are new, or those of all nodes.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let nonces = if parts.several_nodes {
            Nonces::shared(parts.keys.sealing().derive("countersign dpop nonce"))
        } else {
            Nonces::new(&*parts.random)
        };
        Self {
            nonces,
            seen: SeenProofs::default(),
            hashing: Arc::new(Semaphore::new(1)),
            parts,
        }
    }

    /// The nonce that the next proof should carry.
    #[must_use]
    pub fn nonce(&self) -> String {
        self.nonces.current(self.parts.clock.now())
    }

    /// The device that makes this call: its access token is good, its proof is made by its key, and device and person are active.
    ///
    /// # Errors
    /// When one of these does not hold, or the store does not answer.
    pub async fn authenticate(&self, call: Call<'_>) -> Result<Device, DeviceError> {
        let token = call.access_token.ok_or(DeviceError::Token)?;
        let proven = self.prove(call)?;
        let now = self.parts.clock.now();
        let id = access_token::open(self.parts.keys.sealing(), token, now).ok_or(DeviceError::Token)?;
        let device = self.parts.storage.find_device(&id).await?.ok_or(DeviceError::Token)?;
        self.admit(device, &proven, DeviceError::Token).await
    }

    /// Buys an access token with the device session.
    ///
    /// # Errors
    /// When the session is unknown or another key made the proof, device or person are not active, or the store does not answer.
    pub async fn open_session(&self, session: &Secret, call: Call<'_>) -> Result<SessionResponse, DeviceError> {
        let proven = self.prove(call)?;
        let found = self.parts.storage.find_device_by_session(hash_session(session)).await?;
        let device = self
            .admit(found.ok_or(DeviceError::Session)?, &proven, DeviceError::Session)
            .await?;
        Ok(SessionResponse {
            access_token: self.issue(&device.id)?,
            token_type: "DPoP".to_owned(),
            expires_in: self.parts.config.access_token_seconds.into(),
            server_time: self.parts.clock.now(),
        })
    }

    /// Whether a device that was let in a while ago may go on: it and its person are still active. It counts as heard of.
    ///
    /// # Errors
    /// When it may not, or the store does not answer.
    pub async fn recheck(&self, id: &DeviceId) -> Result<(), DeviceError> {
        let device = self.parts.storage.find_device(id).await?;
        let device = device
            .filter(|device| device.revoked_at.is_none())
            .ok_or(DeviceError::Removed)?;
        self.check_account(&device.account).await?;
        self.parts.storage.touch_device(id, self.parts.clock.now()).await?;
        Ok(())
    }

    fn prove(&self, call: Call<'_>) -> Result<Proven, DeviceError> {
        let proof = call.proof.ok_or(DeviceError::Proof("there is none"))?;
        let url = format!("{}{}", self.parts.origin, call.path);
        let made_for = ProofFor {
            method: call.method,
            urls: &[url],
            access_token: call.access_token,
            algorithms: &[Algorithm::Es256],
            nonces: Some(&self.nonces),
            skew_seconds: SKEW_SECONDS,
            now: self.parts.clock.now(),
        };
        Ok(dpop::check(proof, &made_for)?)
    }

    /// Lets `device` in when the proof is by its key; `stranger` is the answer to any other key, so that nobody learns about devices of others.
    async fn admit(&self, device: Device, proven: &Proven, stranger: DeviceError) -> Result<Device, DeviceError> {
        let own = device.keys.as_ref().map(|keys| keys.pop_thumbprint.as_str());
        if own != Some(proven.thumbprint.as_str()) {
            return Err(stranger);
        }
        let now = self.parts.clock.now();
        self.note(proven, now).await?;
        if device.revoked_at.is_some() {
            return Err(DeviceError::Removed);
        }
        self.check_account(&device.account).await?;
        self.parts.storage.touch_device(&device.id, now).await?;
        Ok(device)
    }

    /// Notes a proof as used. This node's memory bounds what a device may note; what other nodes saw is in the store.
    async fn note(&self, proven: &Proven, now: Millis) -> Result<(), DeviceError> {
        let again = DeviceError::Proof("it was used before");
        match self.seen.note(&proven.thumbprint, &proven.jti, proven.until, now) {
            Seen::First => {}
            Seen::Again => return Err(again),
            Seen::Full => return Err(DeviceError::TooManyProofs),
        }
        if !self.parts.several_nodes {
            return Ok(());
        }
        let jti = digest::sha256_b64(&proven.jti);
        let noted = self
            .parts
            .storage
            .remember_once(PROOFS, &proven.thumbprint, &jti, proven.until);
        if noted.await? { Ok(()) } else { Err(again) }
    }

    /// People of the embedded provider are looked up; those of other providers are switched off there.
    async fn check_account(&self, account: &AccountKey) -> Result<(), DeviceError> {
        if account.iss != self.parts.issuer {
            return Ok(());
        }
        let found = self.parts.storage.find_account(&account.sub).await?;
        if found.is_some_and(|account| !account.disabled) {
            Ok(())
        } else {
            Err(DeviceError::AccountDisabled)
        }
    }

    fn issue(&self, device: &DeviceId) -> Result<Secret, DeviceError> {
        let life = Millis::from(self.parts.config.access_token_seconds) * 1000;
        let exp = self.parts.clock.now() + life;
        access_token::issue(self.parts.keys.sealing(), device, exp).map_err(DeviceError::Seal)
    }

    fn random_text<const BYTES: usize>(&self) -> String {
        let mut bytes = [0; BYTES];
        self.parts.random.fill(&mut bytes);
        b64::encode(bytes)
    }
}

fn hash_session(session: &Secret) -> TokenHash {
    TokenHash(digest::sha256(session.expose()))
}
