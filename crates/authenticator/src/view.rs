//! What the window sees: plain data, no secret, nothing signed.
//!
//! The TypeScript in `ui/src/protocol` is generated from these types by their tests. Times are milliseconds since the Unix epoch, already
//! on the device's own clock (the backend's clock minus the measured offset), so that the window can count down without arithmetic.

use countersign_protocol::{
    ClientShown, DecidedBy, DetailShown, DeviceListed, Handle, KeyLevel, Match, ScopeShown, SettledView, UvMethod,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use ts_rs::TS;

mod errors;
mod inputs;

pub use errors::{ErrorCode, ErrorView};
pub use inputs::{ApproveInput, DenyInput, PairInput, UserCodeInput};

/// Everything the window needs when it opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct StatusView {
    /// Version of this app.
    pub app_version: String,
    /// Proposed name of this device.
    pub suggested_device_name: String,
    /// Proposed address of a backend, where the machine names one; the person still sees it and starts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub suggested_backend: Option<String>,
    /// Where private keys are kept.
    pub key_store: KeyStoreView,
    /// Paired accounts, in the order they were added.
    pub accounts: Vec<AccountView>,
}

/// Where private keys are kept, said honestly.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct KeyStoreView {
    /// Which store.
    pub kind: KeyStoreKind,
    /// Whether it can be used now.
    pub state: KeyStoreState,
    /// Where keys are, as it is reported to the backend.
    pub level: KeyLevel,
}

/// The stores there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum KeyStoreKind {
    /// The desktop's Secret Service (GNOME Keyring, KWallet).
    SecretService,
    /// Keychain of macOS or iOS.
    Keychain,
    /// Windows Credential Manager.
    WindowsCredentials,
    /// Android Keystore.
    AndroidKeystore,
    /// An encrypted file, opened by a passphrase.
    EncryptedFile,
    /// Memory only, for tests.
    Memory,
    /// None was found; the person has to choose the encrypted file.
    None,
}

/// Whether the store can be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(rename_all = "snake_case")]
#[ts(export)]
pub enum KeyStoreState {
    /// It can.
    Ready,
    /// It is locked: the encrypted file needs its passphrase, the keyring its password.
    Locked,
    /// There is none: the encrypted file has to be chosen explicitly.
    Missing,
}

/// A person's account on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct AccountView {
    /// Local id, used in every command.
    pub id: String,
    /// The person's name.
    pub name: String,
    /// Issuer of the account.
    pub issuer: String,
    /// Where the issuer is: host, port and path, in ASCII.
    pub place: String,
    /// What people call the issuer, where the backend says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<String>,
    /// The backend's origin.
    pub backend: String,
    /// Name of this device there.
    pub device_name: String,
    /// What opens the user-verification key.
    pub uv_method: UvMethod,
    /// How the device hears of requests right now.
    pub connection: ConnectionView,
    /// Set when the backend says this device was removed: keys are wiped, only this notice is left.
    pub removed: bool,
}

/// How the device hears of requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum ConnectionView {
    /// Not yet known.
    Connecting,
    /// The stream is open.
    Live,
    /// The stream does not pass; asking regularly.
    Polling {
        /// Seconds between two questions.
        every_seconds: u32,
    },
    /// The backend cannot be reached.
    Offline {
        /// Last contact.
        #[ts(type = "number")]
        since: i64,
    },
}

/// One request, as far as it is verified.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RequestView {
    /// The account it is for.
    pub account_id: String,
    /// Its handle.
    pub handle: Handle,
    /// Where it stands.
    pub state: RequestState,
    /// What it says; absent when it could not be verified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub content: Option<RequestContent>,
}

/// What a verified request says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct RequestContent {
    /// Who asks.
    pub client: ClientShown,
    /// Whether this device has seen this client before.
    pub first_time: bool,
    /// For what.
    pub scopes: Vec<ScopeShown>,
    /// For what exactly, element by element: every line has to be shown. Absent when there are no authorization details.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub details: Option<Vec<DetailShown>>,
    /// How both screens are tied together.
    pub matching: Match,
    /// What the client reported about the other device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "unknown")]
    pub context: Option<Value>,
    /// Whether approving needs the PIN (or biometrics) now.
    pub needs_unlock: bool,
    /// Created.
    #[ts(type = "number")]
    pub created_at: i64,
    /// To be decided before.
    #[ts(type = "number")]
    pub expires_at: i64,
}

/// Where a request stands on this device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[ts(export)]
pub enum RequestState {
    /// It waits.
    Pending {
        /// Tries left, once a wrong number was typed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        tries_left: Option<u32>,
    },
    /// The signed decision is on its way.
    Sending,
    /// This device decided it.
    Decided {
        /// How.
        settled: SettledView,
    },
    /// It was decided on another device.
    HandledElsewhere {
        /// How.
        settled: SettledView,
        /// Where.
        by: DecidedBy,
    },
    /// The time is over.
    Expired,
    /// A newer request of the same client took its place.
    Superseded {
        /// The newer one, when it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        #[ts(optional)]
        by: Option<Handle>,
    },
    /// The client took it back.
    Cancelled,
    /// The person approved, but the provider does not know: it was not told, or nobody can say whether it heard.
    Failed {
        /// How; `delivery` tells the two apart.
        settled: SettledView,
    },
    /// Signature, key or contents do not hold: nothing of it is shown, nothing can be approved.
    CannotVerify,
}

/// What waits, for all accounts.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct InboxView {
    /// Whether every account was asked at least once.
    pub loaded: bool,
    /// Oldest first.
    pub requests: Vec<RequestView>,
}

/// How far pairing is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "step", rename_all = "snake_case")]
#[ts(export)]
pub enum PairingView {
    /// Reading the backend's documents.
    Resolving,
    /// The backend offers several providers: the person chooses, then it goes on.
    ChooseProvider {
        /// In the backend's order, at least two.
        providers: Vec<ProviderView>,
    },
    /// The browser is open at the provider.
    WaitingForBrowser {
        /// Issuer.
        issuer: String,
        /// For "copy link". It carries no secret: the PKCE verifier stays here.
        url: String,
    },
    /// Exchanging the code, checking the ID token.
    Verifying,
    /// Making keys, registering.
    Registering,
    /// Paired.
    Done {
        /// The new account.
        account: AccountView,
    },
    /// It did not work.
    Failed {
        /// Why.
        error: ErrorView,
    },
}

/// A provider at which the person can sign in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct ProviderView {
    /// Its issuer: what is chosen.
    pub issuer: String,
    /// What people call it. Anybody could be called that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub title: Option<String>,
    /// Where it is: host, port and path, in ASCII.
    pub place: String,
}

/// A page of settled requests.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct HistoryView {
    /// Newest first.
    pub entries: Vec<HistoryEntryView>,
    /// `before` of the next page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub next: Option<i64>,
}

/// One settled request.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct HistoryEntryView {
    /// Its handle.
    pub handle: Handle,
    /// How it ended.
    pub settled: SettledView,
    /// Who asked.
    pub client: ClientShown,
    /// For what.
    pub scopes: Vec<ScopeShown>,
    /// The message that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub message: Option<String>,
    /// Created.
    #[ts(type = "number")]
    pub created_at: i64,
    /// When the client took its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional, type = "number")]
    pub received_at: Option<i64>,
    /// The receipt as JSON text, ready to be saved; absent where there was no decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[ts(optional)]
    pub receipt: Option<String>,
    /// Whether this device verified the receipt.
    pub receipt_verified: bool,
}

/// The devices of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct DevicesView {
    /// This device first.
    pub devices: Vec<DeviceListed>,
}

/// The code that the person gives to clients, as far as this device knows of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, TS)]
#[ts(export)]
pub struct UserCodeView {
    /// Whether clients may ask this person for a code.
    pub offered: bool,
    /// Whether there is one.
    pub set: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_absent_is_not_sent_as_null() {
        let request = RequestView {
            account_id: "a".to_owned(),
            handle: Handle::new("h"),
            state: RequestState::Pending { tries_left: None },
            content: None,
        };
        let page = HistoryView {
            entries: Vec::new(),
            next: None,
        };
        for text in [
            serde_json::to_string(&request).unwrap(),
            serde_json::to_string(&page).unwrap(),
        ] {
            assert!(
                !text.contains("null"),
                "the TypeScript says `?`, which is not null: {text}"
            );
        }
    }
}
