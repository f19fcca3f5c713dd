//! The store as plain maps: what the traits promise, with nothing in it that could be fast.
//!
//! Written from what [`countersign::storage`] says, not from any SQL, so that a store that differs from it is wrong or badly described.

mod accounts;
mod changes;
mod clients;
mod connectors;
mod decisions;
mod devices;
mod grants;
mod invitations;
mod keys;
mod outbox;
mod prompts;
mod pushed_requests;
mod redemptions;
mod replay;
mod upstream;
mod user_codes;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::Mutex,
};

use countersign::{
    domain::{
        Account, AccountKey, AuthRequest, AuthRequestId, Client, DebtId, Device, Invitation, PushedRequest, StoredKey,
        TokenHash,
    },
    storage::{ConnectorMark, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId, Handle, Subject};

use self::{
    grants::{Code, Family, Token},
    outbox::Debt,
    prompts::Asked,
};

/// A store in memory.
#[derive(Default)]
pub struct Model(Mutex<Kept>);

/// Everything that is kept.
#[derive(Default, Clone)]
struct Kept {
    accounts: Vec<Account>,
    user_codes: HashMap<Subject, user_codes::Code>,
    clients: BTreeMap<ClientId, Client>,
    /// Which clients registered themselves.
    registered: BTreeSet<ClientId>,
    invitations: BTreeMap<String, Invitation>,
    requests: HashMap<AuthRequestId, AuthRequest>,
    prompts: HashMap<Handle, Asked>,
    /// Last change number of each person.
    changes: HashMap<AccountKey, i64>,
    devices: BTreeMap<DeviceId, Device>,
    families: HashMap<String, Family>,
    codes: HashMap<TokenHash, Code>,
    access: HashMap<TokenHash, Token>,
    refresh: HashMap<TokenHash, Token>,
    keys: Vec<StoredKey>,
    debts: HashMap<DebtId, Debt>,
    /// How connectors fare.
    marks: BTreeMap<String, ConnectorMark>,
    pushed: HashMap<TokenHash, PushedRequest>,
    /// Until when, by kind, owner and id.
    seen: HashMap<[String; 3], Millis>,
}

impl Model {
    fn read<T>(&self, read: impl FnOnce(&Kept) -> T) -> T {
        read(&self.0.lock().unwrap())
    }

    /// All of it or, after an error, nothing.
    fn write<T>(&self, unit: impl FnOnce(&mut Kept) -> Result<T, StorageError>) -> Result<T, StorageError> {
        let mut kept = self.0.lock().unwrap();
        let mut changed = kept.clone();
        let verdict = unit(&mut changed)?;
        *kept = changed;
        Ok(verdict)
    }
}

/// Adds what must not be there yet.
fn add<K: Eq + std::hash::Hash, V>(to: &mut HashMap<K, V>, key: K, value: V) -> Result<(), StorageError> {
    match to.insert(key, value) {
        None => Ok(()),
        Some(_) => Err(taken()),
    }
}

/// What a store says to an id that is made up by the caller and there already.
fn taken() -> StorageError {
    StorageError::Unavailable("the id is taken".into())
}

fn limited<T>(mut all: Vec<T>, limit: u32) -> Vec<T> {
    all.truncate(usize::try_from(limit).unwrap());
    all
}
