//! A paired account: what is kept of it, and its links to backend, inbox and keys while the device runs.

use std::sync::{Arc, Mutex, RwLock};

use countersign_clock::Millis;
use countersign_jose::b64;
use countersign_protocol::{ClientId, DeviceId, PublicJwk, Secret, Subject, UvMethod};
use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::{
    address,
    api::Api,
    core::Core,
    error::AuthenticatorError,
    host::SecretStore,
    inbox::Inbox,
    login,
    server_clock::ServerClock,
    signer::{Signer, SoftwareSigner},
    sync::{held, read, write},
    transport::Transport,
    uv::{self, UvGate},
    view::{AccountView, ConnectionView},
};

const INDEX: &str = "accounts";
/// Clients remembered as seen; older ones are greeted as new again.
const SEEN: usize = 200;

/// What is kept of an account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Record {
    /// Local, never on the wire.
    pub(crate) id: String,
    /// The pinned origin.
    pub(crate) backend: String,
    /// The pinned issuer.
    pub(crate) issuer: String,
    /// What people call the issuer.
    #[serde(default)]
    pub(crate) title: Option<String>,
    pub(crate) subject: Subject,
    /// The person's name.
    pub(crate) name: String,
    pub(crate) device_id: DeviceId,
    pub(crate) device_name: String,
    pub(crate) uv_method: UvMethod,
    /// Thumbprints of every key this device has had: it knows its own decisions by them.
    pub(crate) own_keys: Vec<String>,
    /// Absent when the device was removed.
    pub(crate) credentials: Option<Credentials>,
}

/// What makes the account work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Credentials {
    /// PKCS#8, base64url.
    pub(crate) pop_key: Secret,
    pub(crate) device_session: Secret,
    /// Pinned.
    pub(crate) request_keys: Vec<PublicJwk>,
}

/// The account's way to its backend and keys, gone when the device is removed.
pub(crate) struct Link {
    pub(crate) api: Api,
    pub(crate) pop: Arc<dyn Signer>,
}

/// An account while the device runs.
pub(crate) struct Account {
    pub(crate) id: String,
    pub(crate) record: RwLock<Record>,
    link: RwLock<Option<Arc<Link>>>,
    pub(crate) clock: Arc<ServerClock>,
    pub(crate) gate: UvGate,
    pub(crate) inbox: Mutex<Inbox>,
    pub(crate) seen: Mutex<Vec<ClientId>>,
    pub(crate) connection: Mutex<ConnectionView>,
    pub(crate) last_contact: Mutex<Option<Millis>>,
    pub(crate) keys_asked: Mutex<Option<Millis>>,
    pub(crate) hint: Notify,
    pub(crate) nudge: Notify,
    pub(crate) changed: Notify,
    pub(crate) fetching: tokio::sync::Mutex<()>,
    // Held while the record is changed and written, so that a slow write never brings back what was wiped meanwhile.
    keeping: tokio::sync::Mutex<Keeping>,
}

impl Account {
    /// Brings a kept account to life.
    pub(crate) async fn wake(core: &Core, record: Record) -> Result<Self, AuthenticatorError> {
        let store = core.host.secrets();
        let seen = uv::load(store.as_ref(), &seen_name(&record.id))
            .await?
            .unwrap_or_default();
        let clock = Arc::new(ServerClock::new(Arc::clone(&core.clock)));
        let link = link(core, &record, &clock)?;
        Ok(Self {
            id: record.id.clone(),
            gate: UvGate::new(&record.id, core.options.unlock_seconds),
            record: RwLock::new(record),
            link: RwLock::new(link),
            clock,
            inbox: Mutex::default(),
            seen: Mutex::new(seen),
            connection: Mutex::new(ConnectionView::Connecting),
            last_contact: Mutex::new(None),
            keys_asked: Mutex::new(None),
            hint: Notify::new(),
            nudge: Notify::new(),
            changed: Notify::new(),
            fetching: tokio::sync::Mutex::new(()),
            keeping: tokio::sync::Mutex::new(Keeping::Kept),
        })
    }

    /// The way to the backend.
    ///
    /// # Errors
    /// `DeviceRemoved` when there is none any more.
    pub(crate) fn link(&self) -> Result<Arc<Link>, AuthenticatorError> {
        read(&self.link).clone().ok_or(AuthenticatorError::DeviceRemoved)
    }

    pub(crate) fn is_removed(&self) -> bool {
        read(&self.link).is_none()
    }

    /// Takes over a changed record and what follows from it, and keeps it.
    pub(crate) async fn replace(&self, core: &Core, record: Record) -> Result<(), AuthenticatorError> {
        let _in_order = self.keeping.lock().await;
        if self.is_removed() {
            return Err(AuthenticatorError::DeviceRemoved);
        }
        let new = link(core, &record, &self.clock)?;
        save(core.host.secrets().as_ref(), &record).await?;
        *write(&self.record) = record;
        *write(&self.link) = new;
        Ok(())
    }

    /// Keeps a changed record whose keys are the same.
    pub(crate) async fn update(&self, core: &Core, change: impl FnOnce(&mut Record)) -> Result<(), AuthenticatorError> {
        let keeping = self.keeping.lock().await;
        if *keeping == Keeping::Forgotten {
            return Ok(());
        }
        let changed = {
            let mut record = write(&self.record);
            change(&mut record);
            record.clone()
        };
        save(core.host.secrets().as_ref(), &changed).await
    }

    /// Wipes every key of a removed device and leaves the notice.
    pub(crate) async fn wipe(&self, core: &Core) -> Result<(), AuthenticatorError> {
        self.part();
        *held(&self.inbox) = Inbox::emptied();
        let store = core.host.secrets();
        self.update(core, |record| record.credentials = None).await?;
        self.gate.wipe(store.as_ref()).await?;
        store.delete(&seen_name(&self.id)).await?;
        store.delete(&next_name(&self.id)).await?;
        Ok(())
    }

    /// Forgets the account altogether.
    pub(crate) async fn forget(&self, core: &Core) -> Result<(), AuthenticatorError> {
        self.part();
        let mut keeping = self.keeping.lock().await;
        *keeping = Keeping::Forgotten;
        let store = core.host.secrets();
        self.gate.wipe(store.as_ref()).await?;
        store.delete(&seen_name(&self.id)).await?;
        store.delete(&next_name(&self.id)).await?;
        store.delete(&record_name(&self.id)).await?;
        Ok(())
    }

    /// Lets the account's tasks find out that it is over.
    fn part(&self) {
        *write(&self.link) = None;
        self.hint.notify_one();
        self.nudge.notify_one();
        self.changed.notify_one();
    }

    pub(crate) fn has_seen(&self, client: &ClientId) -> bool {
        held(&self.seen).contains(client)
    }

    /// Remembers a client that was approved.
    pub(crate) async fn remember(&self, core: &Core, client: &ClientId) -> Result<(), AuthenticatorError> {
        let seen = {
            let mut seen = held(&self.seen);
            if seen.contains(client) {
                return Ok(());
            }
            seen.push(client.clone());
            let over = seen.len().saturating_sub(SEEN);
            seen.drain(..over);
            seen.clone()
        };
        uv::save(core.host.secrets().as_ref(), &seen_name(&self.id), &seen).await
    }

    pub(crate) fn view(&self) -> AccountView {
        let record = read(&self.record);
        AccountView {
            id: record.id.clone(),
            name: record.name.clone(),
            issuer: record.issuer.clone(),
            place: login::place(&record.issuer),
            title: record.title.clone(),
            backend: record.backend.clone(),
            device_name: record.device_name.clone(),
            uv_method: record.uv_method,
            connection: held(&self.connection).clone(),
            removed: record.credentials.is_none(),
        }
    }
}

/// Whether an account's record is still written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Keeping {
    Kept,
    Forgotten,
}

/// The way to the backend of `record`, unless the device was removed.
pub(crate) fn link(
    core: &Core,
    record: &Record,
    clock: &Arc<ServerClock>,
) -> Result<Option<Arc<Link>>, AuthenticatorError> {
    let Some(credentials) = &record.credentials else {
        return Ok(None);
    };
    let der = zeroize::Zeroizing::new(b64::decode(credentials.pop_key.expose())?);
    let pop: Arc<dyn Signer> = Arc::new(SoftwareSigner::from_pkcs8(&der)?);
    let backend = address::parse(&record.backend).map_err(|_| AuthenticatorError::AddressRefused)?;
    let transport = Transport::new(
        core.http.clone(),
        backend,
        Arc::clone(&pop),
        Arc::clone(clock),
        Arc::clone(&core.random),
        core.options.timing.clone(),
    );
    let api = Api::new(transport, credentials.device_session.clone());
    Ok(Some(Arc::new(Link { api, pop })))
}

/// Reads all kept accounts, in the order they were added.
pub(crate) async fn load_all(store: &dyn SecretStore) -> Result<Vec<Record>, AuthenticatorError> {
    let ids: Vec<String> = uv::load(store, INDEX).await?.unwrap_or_default();
    let mut records = Vec::new();
    for id in ids {
        // An index entry without a value is what a crash between two writes leaves.
        match uv::load(store, &record_name(&id)).await {
            Ok(record) => records.extend(record),
            // One damaged account must not take the others with it.
            Err(AuthenticatorError::Value(error)) => {
                tracing::error!(account.id = id, %error, "an account cannot be read");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(records)
}

/// Keeps an account's record.
pub(crate) async fn save(store: &dyn SecretStore, record: &Record) -> Result<(), AuthenticatorError> {
    uv::save(store, &record_name(&record.id), record).await
}

/// Keeps the list of accounts.
pub(crate) async fn save_index(store: &dyn SecretStore, ids: &[String]) -> Result<(), AuthenticatorError> {
    uv::save(store, INDEX, &ids).await
}

fn record_name(id: &str) -> String {
    format!("account.{id}")
}

fn seen_name(id: &str) -> String {
    format!("account.{id}.seen")
}

/// Where keys wait that the backend may not know yet.
pub(crate) fn next_name(id: &str) -> String {
    format!("account.{id}.next")
}
