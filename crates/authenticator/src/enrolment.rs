//! A device's life at its backend: keys, registration, push target, the end.

use std::sync::Arc;

use countersign_jose::{b64, digest};
use countersign_protocol::{
    DeviceRegistered, DeviceRegistration, KEY_PROOF_TYP, KeyLevel, KeyProofClaims, PushTarget, Secret, UvMethod,
};
use url::Url;

use crate::{
    account::{Account, Credentials, Record},
    address,
    api::{self, ApiError},
    backoff,
    core::Core,
    dpop,
    error::AuthenticatorError,
    login::{Offer, SignedIn},
    pin::Pin,
    server_clock::ServerClock,
    signer::{Signer, SoftwareSigner, to_wire},
    sync::{held, read, write},
    transport::Transport,
    uv::UvGate,
};

/// Seconds for which a proof or a rotation statement holds.
pub(crate) const PROOF_LIFETIME: i64 = 60;
/// How often a registration is sent.
const REGISTRATIONS: u32 = 3;

/// Where a device registers, and at which provider its person signed in.
pub(crate) struct Destination {
    /// The origin that is pinned.
    pub(crate) backend: String,
    /// A path below it.
    pub(crate) registration_endpoint: String,
    /// Its issuer is pinned.
    pub(crate) offer: Offer,
}

/// The keys of a device before they are registered.
pub(crate) struct Keys {
    pub(crate) pop: Arc<SoftwareSigner>,
    pub(crate) uv: SoftwareSigner,
    salt: String,
}

impl Keys {
    /// Makes both keys, and the salt that ties the sign-in to them.
    pub(crate) fn generate(core: &Core) -> Result<Self, AuthenticatorError> {
        Ok(Self {
            pop: Arc::new(SoftwareSigner::generate()?),
            uv: SoftwareSigner::generate()?,
            salt: dpop::fresh_secret(core.random.as_ref()),
        })
    }

    /// The `nonce` by which an ID token is good for these keys and no others (protocol page, section 3).
    pub(crate) fn nonce(&self) -> String {
        digest::sha256_b64(format!("{}.{}", self.pop.kid(), self.salt))
    }

    /// The proof-of-possession key as it is kept.
    pub(crate) fn kept_pop(&self) -> Secret {
        Secret::new(b64::encode(self.pop.to_pkcs8()))
    }
}

/// Registers the device and keeps the account.
pub(crate) async fn register(
    core: &Core,
    destination: &Destination,
    signed_in: SignedIn,
    keys: Keys,
    device_name: &str,
    pin: Pin,
    clock: &Arc<ServerClock>,
) -> Result<Record, AuthenticatorError> {
    let origin = address::parse(&destination.backend).map_err(|_| AuthenticatorError::AddressRefused)?;
    let endpoint = below(&origin, &destination.registration_endpoint)?;
    let pop: Arc<dyn Signer> = Arc::clone(&keys.pop) as Arc<dyn Signer>;
    let transport = Transport::new(
        core.http.clone(),
        origin,
        pop,
        Arc::clone(clock),
        Arc::clone(&core.random),
        core.options.timing.clone(),
    );
    let registration = DeviceRegistration {
        id_token_hint: signed_in.id_token,
        salt: keys.salt.clone(),
        name: device_name.to_owned(),
        platform: core.host.platform(),
        app_version: core.host.app_version(),
        pop_key: to_wire(&keys.pop.public_jwk())?,
        uv_key: to_wire(&keys.uv.public_jwk())?,
        uv_proof: key_proof(&keys.uv, &destination.backend, keys.pop.kid(), clock.now_seconds()).await?,
        key_level: level(&keys),
        uv_method: UvMethod::Pin,
        push: core.options.push.clone(),
    };
    let registered = register_surely(core, &transport, &endpoint, &registration).await?;
    if registered.account.iss != destination.offer.issuer || registered.account.sub.as_str() != signed_in.subject {
        return Err(AuthenticatorError::SignInMismatch);
    }
    keep(core, destination, registered, keys, device_name, pin).await
}

/// Registers, and again when the answer is lost: for the same key that is a renewal, not a second device.
async fn register_surely(
    core: &Core,
    transport: &Transport,
    endpoint: &Url,
    registration: &DeviceRegistration,
) -> Result<DeviceRegistered, ApiError> {
    let mut tries = 1;
    loop {
        match api::register(transport, endpoint.clone(), registration).await {
            Err(error) if error.is_transient() && tries < REGISTRATIONS => {
                tokio::time::sleep(backoff::full_jitter(core, tries)).await;
                tries += 1;
            }
            result => return result,
        }
    }
}

async fn keep(
    core: &Core,
    destination: &Destination,
    registered: DeviceRegistered,
    keys: Keys,
    device_name: &str,
    pin: Pin,
) -> Result<Record, AuthenticatorError> {
    let record = Record {
        id: dpop::fresh_id(core.random.as_ref()),
        backend: destination.backend.clone(),
        issuer: destination.offer.issuer.clone(),
        title: destination.offer.title.clone(),
        subject: registered.account.sub,
        name: registered.account.name,
        device_id: registered.device_id,
        device_name: device_name.to_owned(),
        uv_method: UvMethod::Pin,
        own_keys: vec![keys.pop.kid().to_owned(), keys.uv.kid().to_owned()],
        credentials: Some(Credentials {
            pop_key: keys.kept_pop(),
            device_session: registered.device_session,
            request_keys: registered.request_keys,
        }),
    };
    let store = core.host.secrets();
    let gate = UvGate::new(&record.id, 0);
    let sealed = gate
        .seal(keys.uv, pin, core.options.pin_cost, Arc::clone(&core.random))
        .await?;
    gate.keep(store.as_ref(), &sealed).await?;
    crate::account::save(store.as_ref(), &record).await?;
    Ok(record)
}

/// Tells the backend how to wake this device from now on.
pub(crate) async fn update_push(core: &Core, account: &Account, push: PushTarget) -> Result<(), AuthenticatorError> {
    let link = account.link()?;
    core.heeded(account, link.api.update_push(push).await).await
}

/// Ends the account on this device: at the backend when it can be reached, here in any case.
pub(crate) async fn sign_out(core: &Core, account: &Arc<Account>) -> Result<(), AuthenticatorError> {
    if let Ok(link) = account.link() {
        let device = read(&account.record).device_id.clone();
        if let Err(error) = link.api.revoke(&device).await {
            tracing::warn!(account.id, %error, "the backend could not be told that this device signs out");
        }
    }
    let forgotten = account.forget(core).await;
    let left: Vec<String> = {
        let mut accounts = write(&core.accounts);
        accounts.retain(|one| one.id != account.id);
        accounts.iter().map(|one| one.id.clone()).collect()
    };
    crate::account::save_index(core.host.secrets().as_ref(), &left).await?;
    held(&core.presented).take_if(|presented| presented.account == account.id);
    core.emit_inbox();
    core.emit_status();
    forgotten
}

/// Who signs holds this key and wants it beside the key with thumbprint `jkt`.
pub(crate) async fn key_proof(
    signer: &dyn Signer,
    backend: &str,
    jkt: &str,
    iat: i64,
) -> Result<String, AuthenticatorError> {
    let claims = KeyProofClaims {
        aud: backend.to_owned(),
        iat,
        exp: iat + PROOF_LIFETIME,
        jkt: jkt.to_owned(),
    };
    Ok(signer.sign(KEY_PROOF_TYP, &serde_json::to_value(&claims)?).await?)
}

/// Hardware only when both keys are.
pub(crate) fn level(keys: &Keys) -> KeyLevel {
    match (keys.pop.level(), keys.uv.level()) {
        (KeyLevel::Hardware, KeyLevel::Hardware) => KeyLevel::Hardware,
        _ => KeyLevel::Software,
    }
}

/// A path of the backend's document, which must not lead elsewhere.
fn below(backend: &Url, path: &str) -> Result<Url, AuthenticatorError> {
    let url = backend.join(path).map_err(|_| AuthenticatorError::NotCountersign)?;
    if url.origin() == backend.origin() {
        Ok(url)
    } else {
        Err(AuthenticatorError::AddressRefused)
    }
}
