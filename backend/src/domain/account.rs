use std::collections::BTreeMap;

use countersign_clock::Millis;
use countersign_protocol::Subject;

/// A person at one issuer. There are no tenants: this pair is who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountKey {
    /// Issuer.
    pub iss: String,
    /// Subject there.
    pub sub: Subject,
}

/// A person of the embedded provider.
#[derive(Clone)]
pub struct Account {
    /// Subject; `id` among the hints.
    pub sub: Subject,
    /// Sign-in name, unique.
    pub username: String,
    /// For people.
    pub name: String,
    /// Unique attributes by which a client may name the person (`email`, `phone`, what the operator declares), beside `id` and `username`.
    pub attributes: BTreeMap<String, String>,
    /// Argon2id, PHC string.
    pub password_hash: String,
    /// A disabled person answers like an unknown one.
    pub disabled: bool,
    /// When it was added.
    pub created_at: Millis,
}

/// A person to add.
#[derive(Clone)]
pub struct NewAccount {
    /// The person.
    pub account: Account,
}
