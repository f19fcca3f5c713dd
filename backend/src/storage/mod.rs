//! What is kept, in verbs of the domain: plain data in, a verdict out.
//!
//! A call is one use case and one commit; its answer leaves only when the commit is on disk, and dropping the future does not undo it.
//! Nothing above knows SQL or holds a transaction. Times come in as arguments, in milliseconds.

mod accounts;
mod auth_requests;
mod changes;
mod clients;
mod connectors;
mod devices;
mod error;
mod grants;
mod inspection;
mod invitations;
mod keys;
mod outbox;
mod postgres;
mod prompts;
mod pushed_requests;
mod recovery;
mod replay;
mod row;
mod sql;
mod sqlite;
mod statements;
mod store;
mod touches;
mod units;
mod upstream;
mod user_codes;
mod value;

pub use accounts::{Accounts, AddAccount, HintMatch};
pub use auth_requests::{AuthRequests, Redeemed, Redemption, Sealed, SealedTokens, Sealing};
pub use changes::{Changes, PersonMark};
pub use clients::{AddClient, Clients, ReplaceClient, Replacement, SelfRegistered, SelfRegistration};
pub use connectors::{ConnectorMark, Connectors, Intake, MessageId, SettledQuestion, TakenIn, Telling, Told};
pub use devices::{Devices, Registered, RotateKeys};
pub use error::StorageError;
pub use grants::{AccessTokenFacts, CodeRedemption, CodeUse, Grants, RefreshUse, Rotation};
pub use inspection::{Inspection, StoreKind};
pub use invitations::Invitations;
pub use keys::SigningKeys;
pub use outbox::{Claim, Outbox, Resend};
pub use postgres::{PostgresSignals, PostgresStorage, SignalListener, inspect_server};
pub use prompts::{Decide, Decided, Mismatch, MismatchVerdict, Opened, Opening, Prompts, Swept};
pub use pushed_requests::PushedRequests;
pub use recovery::{AfterRestore, Ended, Recovery};
pub use replay::Replay;
pub use sqlite::{BackupError, Restoration, Role, SqliteStorage, back_up, inspect_file};
pub use upstream::{Asking, Heard, Upstream, UpstreamAnswer};
pub use user_codes::{UserCodeTry, UserCodes};

/// The whole store.
pub trait Storage:
    Accounts
    + AuthRequests
    + Changes
    + Clients
    + Connectors
    + Devices
    + Grants
    + Invitations
    + SigningKeys
    + Outbox
    + Prompts
    + PushedRequests
    + Replay
    + Upstream
    + UserCodes
    + Send
    + Sync
{
}

impl<T> Storage for T where
    T: Accounts
        + AuthRequests
        + Changes
        + Clients
        + Connectors
        + Devices
        + Grants
        + Invitations
        + SigningKeys
        + Outbox
        + Prompts
        + PushedRequests
        + Replay
        + Upstream
        + UserCodes
        + Send
        + Sync
{
}
