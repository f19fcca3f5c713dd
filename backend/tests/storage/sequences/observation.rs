//! Everything that can be read from a store.

use countersign::{
    domain::{
        AccountKey, Arrears, AuthRequest, Client, DeadDebt, Device, DeviceKeys, Invitation, KeyPurpose, KeyState,
        Prompt, SignedReceipt,
    },
    storage::{AccessTokenFacts, ConnectorMark, HintMatch, SettledQuestion, Storage, StorageError},
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, Handle, PushTarget, Subject};

use super::{
    names::{CLIENTS, Names, PEOPLE, device_id, everybody},
    world::TICK,
};
use crate::sample::{access, hash, refresh, request_id};

/// What was read, and what it was asked for.
#[derive(Debug, PartialEq)]
pub enum Seen {
    Account(Option<AccountSeen>),
    Accounts(Vec<AccountSeen>),
    Hint(String, String),
    Client(Option<Box<Client>>),
    Clients(Vec<Client>),
    Invitations(Vec<Invitation>),
    Device(String, Option<DeviceSeen>),
    Devices(Vec<DeviceSeen>),
    Keys(Vec<KeySeen>),
    Prompt(String, Option<Box<Prompt>>),
    Receipt(String, Option<SignedReceipt>),
    Prompts(Vec<Prompt>),
    LastSeq(i64),
    History(Vec<(Prompt, Option<SignedReceipt>, Option<Millis>)>),
    Request(String, Option<AuthRequest>),
    Token(String, Option<AccessTokenFacts>),
    HasUserCode(Subject, bool),
    /// Within the last ticks, and ever.
    Reported(Subject, &'static str, [bool; 2]),
    Arrears(Arrears),
    DeadDebts(Vec<DeadDebt>),
    Marks(Vec<ConnectorMark>),
    Settled(String, Box<Option<SettledQuestion>>),
}

type AccountSeen = (Subject, String, String, Vec<(String, String)>, String, bool, Millis);
type KeySeen = (String, KeyPurpose, KeyState, Vec<u8>, [Millis; 2], Option<String>);

#[derive(Debug, PartialEq)]
pub struct DeviceSeen {
    id: String,
    account: AccountKey,
    name: String,
    keys: Option<DeviceKeys>,
    push: PushTarget,
    times: (Millis, Millis, Option<Millis>),
    mismatches: u32,
}

/// Reads everything, as of `now`.
pub async fn observe(store: &dyn Storage, names: &Names, now: Millis) -> Result<Vec<Seen>, StorageError> {
    let mut seen = people_and_clients(store, now).await?;
    seen.extend(devices(store, names).await?);
    for account in everybody() {
        seen.extend(questions_to(store, &account, now).await?);
        seen.extend(said_by(store, &account, now).await?);
    }
    seen.push(Seen::Arrears(store.arrears().await?));
    seen.push(Seen::DeadDebts(store.dead_debts(100).await?));
    seen.push(Seen::Marks(store.connector_marks().await?));
    for name in names.handles() {
        let handle = Handle::from(name);
        let prompt = store.find_prompt(&handle).await?;
        seen.push(Seen::Prompt(name.to_owned(), prompt.map(Box::new)));
        let receipt = store.find_receipt(&handle).await?;
        seen.push(Seen::Receipt(name.to_owned(), receipt));
        let settled = store.settled_question(&handle).await?;
        seen.push(Seen::Settled(name.to_owned(), Box::new(settled)));
        let request = store.find_auth_request(request_id(name)).await?;
        seen.push(Seen::Request(name.to_owned(), request));
    }
    for name in names.tokens() {
        for hash in [access(name).hash, refresh(name).hash] {
            let facts = store.find_token(hash, now).await?;
            seen.push(Seen::Token(name.to_owned(), facts));
        }
    }
    let keys = store.list_keys().await?;
    let keys = keys.into_iter().map(|key| {
        let times = [key.created_at, key.state_since];
        (key.kid, key.purpose, key.state, key.sealed, times, key.announcement)
    });
    seen.push(Seen::Keys(keys.collect()));
    Ok(seen)
}

async fn people_and_clients(store: &dyn Storage, now: Millis) -> Result<Vec<Seen>, StorageError> {
    let mut seen = Vec::new();
    for person in PEOPLE {
        let by_sub = store.find_account(&Subject::from(person)).await?;
        let by_username = store.find_account_by_username(&format!("{person}-login")).await?;
        seen.extend([by_sub, by_username].map(|account| Seen::Account(account.map(account_seen))));
        for value in [
            person.to_owned(),
            format!("{person}-login"),
            format!("{person}@example.org"),
        ] {
            let attributes = ["email", "id", "username"].map(str::to_owned);
            let hinted = match store.find_by_hint(&attributes, &value).await? {
                HintMatch::Nobody => "nobody".to_owned(),
                HintMatch::One(account) => account.username,
                HintMatch::Several => "several".to_owned(),
            };
            seen.push(Seen::Hint(value, hinted));
        }
    }
    let accounts = store.list_accounts().await?;
    seen.push(Seen::Accounts(accounts.into_iter().map(account_seen).collect()));
    for client in CLIENTS {
        let client = store.find_client(&ClientId::from(client)).await?;
        seen.push(Seen::Client(client.map(Box::new)));
    }
    seen.push(Seen::Clients(store.list_clients().await?));
    seen.push(Seen::Invitations(store.list_invitations(now).await?));
    Ok(seen)
}

/// Who gave a code, and who said that a request was not theirs.
async fn said_by(store: &dyn Storage, account: &AccountKey, now: Millis) -> Result<Vec<Seen>, StorageError> {
    let sub = || account.sub.clone();
    let mut seen = vec![Seen::HasUserCode(sub(), store.has_user_code(&account.sub).await?)];
    for client in CLIENTS {
        let id = ClientId::from(client);
        let lately = store.was_reported(account, &id, now - 4 * TICK).await?;
        let ever = store.was_reported(account, &id, 0).await?;
        seen.push(Seen::Reported(sub(), client, [lately, ever]));
    }
    Ok(seen)
}

async fn devices(store: &dyn Storage, names: &Names) -> Result<Vec<Seen>, StorageError> {
    let mut seen = Vec::new();
    for number in 0..=9 {
        let id = device_id(number);
        let device = store.find_device(&id).await?;
        seen.push(Seen::Device(id.to_string(), device.map(device_seen)));
    }
    for session in names.sessions() {
        let hash = countersign::domain::TokenHash(hash(session));
        let device = store.find_device_by_session(hash).await?;
        seen.push(Seen::Device(session.to_owned(), device.map(device_seen)));
    }
    for account in everybody() {
        let devices = store.list_devices(&account).await?;
        seen.push(Seen::Devices(devices.into_iter().map(device_seen).collect()));
    }
    Ok(seen)
}

async fn questions_to(store: &dyn Storage, account: &AccountKey, now: Millis) -> Result<Vec<Seen>, StorageError> {
    let last = store.last_seq(account).await?;
    let mut seen = vec![Seen::LastSeq(last)];
    for limit in [2, 100] {
        seen.push(Seen::Prompts(store.pending_prompts(account, now, limit).await?));
        for since in [0, last / 2] {
            seen.push(Seen::Prompts(store.prompts_since(account, since, limit).await?));
        }
        for before in [now, now + 100_000] {
            seen.push(Seen::History(store.history(account, before, limit).await?));
        }
    }
    Ok(seen)
}

fn account_seen(account: countersign::domain::Account) -> AccountSeen {
    (
        account.sub,
        account.username,
        account.name,
        account.attributes.into_iter().collect(),
        account.password_hash,
        account.disabled,
        account.created_at,
    )
}

fn device_seen(device: Device) -> DeviceSeen {
    DeviceSeen {
        id: device.id.to_string(),
        account: device.account,
        name: device.name,
        keys: device.keys,
        push: device.push,
        times: (device.created_at, device.last_seen_at, device.revoked_at),
        mismatches: device.mismatches,
    }
}
