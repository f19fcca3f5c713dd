use async_trait::async_trait;
use countersign_clock::Millis;

use super::StorageError;

/// What a database that went back in time must forget.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AfterRestore {
    /// Whether every device has to be paired again. One that was revoked after the backup was made would otherwise be back.
    pub revoke_devices: bool,
    /// Now.
    pub now: Millis,
}

/// What was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    /// Requests that were undecided, or approved and not redeemed: their clients are told `access_denied`.
    pub requests: u64,
    /// Questions that waited for people: cancelled.
    pub prompts: u64,
    /// Grants that had not ended, with their codes, access tokens and refresh tokens: revoked.
    pub grants: u64,
    /// Notifications that clients were to get: forgotten.
    pub debts: u64,
    /// Devices that were revoked by the way.
    pub devices: u64,
    /// Devices that are active now.
    pub active_devices: u64,
}

/// Coming back from a backup.
#[async_trait]
pub trait Recovery {
    /// Ends all that was open when the backup was made, because what became of it since is not known: a request may have been
    /// redeemed, a code used, a refresh token replaced by one that this database never saw. Nothing of it may work a second time.
    /// It takes more than one commit where there is much; cut off, it can be called again.
    /// People's change numbers jump ahead, so that devices hear of the end whatever number they heard last.
    async fn after_restore(&self, after: AfterRestore) -> Result<Ended, StorageError>;
}
