//! Every use case, once for both databases.

mod accounts;
mod auth_requests;
mod changes;
mod clients;
mod connectors;
mod decide;
mod devices;
mod grants;
mod invitations;
mod keys;
mod outbox;
mod prompts;
mod pushed_requests;
mod recovery;
mod replay;
mod settle;
mod upstream;
mod user_codes;

use super::{
    StorageError,
    row::{Row, to_json, to_word},
    statements::{Dialect, Statements},
    store::{Engine, Store},
    value::values,
};
