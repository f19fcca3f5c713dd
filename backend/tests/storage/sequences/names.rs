//! Who and what there is in a sequence.

use countersign::domain::AccountKey;
use countersign_protocol::{ClientId, DeviceId, Subject};

use super::operation::Name;
use crate::sample::person;

/// Not in the order of any language, so that a store that sorts by one is found out.
pub const PEOPLE: [&str; 4] = ["ada", "Bob", "cid", "a-da"];
/// In no order either.
pub const INVITATIONS: [&str; 2] = ["partner", "Guest"];
/// The provider outside.
pub const OTHER: &str = "keycloak";
pub const CLIENTS: [&str; 3] = ["shop", "Bank", "s-hop"];

pub fn client_id(number: u8) -> ClientId {
    ClientId::from(CLIENTS[usize::from(number)])
}

pub fn device_id(number: u8) -> DeviceId {
    DeviceId::new(format!("{}{number}", if number.is_multiple_of(2) { "d" } else { "D-" }))
}

/// Everybody who may be asked: people of the embedded provider and the one of another.
pub fn everybody() -> impl Iterator<Item = AccountKey> {
    PEOPLE.into_iter().map(person).chain([stranger()])
}

/// The names given so far, oldest first. What came of a name may be gone.
#[derive(Default)]
pub struct Names {
    handles: Vec<String>,
    families: Vec<String>,
    /// With the client that got them.
    codes: Vec<(String, ClientId)>,
    tokens: Vec<(String, ClientId)>,
    sessions: Vec<String>,
    kids: Vec<String>,
    leases: usize,
}

impl Names {
    pub fn handles(&self) -> impl Iterator<Item = &str> {
        self.handles.iter().map(String::as_str)
    }

    pub fn tokens(&self) -> impl Iterator<Item = &str> {
        self.tokens.iter().map(|(name, _)| name.as_str())
    }

    pub fn sessions(&self) -> impl Iterator<Item = &str> {
        self.sessions.iter().map(String::as_str)
    }

    pub fn codes(&self) -> &[(String, ClientId)] {
        &self.codes
    }

    pub fn owned_tokens(&self) -> &[(String, ClientId)] {
        &self.tokens
    }

    pub fn new_handle(&mut self, name: Name) -> String {
        give(&mut self.handles, name, |n| format!("h{n}"))
    }

    pub fn new_family(&mut self, name: Name) -> String {
        give(&mut self.families, name, |n| format!("f{n}"))
    }

    pub fn new_code(&mut self, name: Name, client: &ClientId) -> String {
        give(&mut self.codes, name, |n| (format!("c{n}"), client.clone())).0
    }

    pub fn new_token(&mut self, name: Name, client: &ClientId) -> String {
        give(&mut self.tokens, name, |n| (format!("t{n}"), client.clone())).0
    }

    pub fn new_session(&mut self, name: Name) -> String {
        give(&mut self.sessions, name, |n| format!("s{n}"))
    }

    pub fn new_lease(&mut self) -> String {
        self.leases += 1;
        format!("lease {}", self.leases)
    }

    pub fn new_kid(&mut self, name: Name) -> String {
        give(&mut self.kids, name, |n| {
            format!("{}{n}", if n.is_multiple_of(2) { "k" } else { "K-" })
        })
    }
}

/// The number of [`stranger`] among the people.
pub const STRANGER: u8 = 3;

/// Ada's namesake at another issuer.
pub fn stranger() -> AccountKey {
    AccountKey {
        iss: "https://other.example".to_owned(),
        sub: Subject::from(PEOPLE[0]),
    }
}

fn give<T: Clone>(names: &mut Vec<T>, name: Name, fresh: impl FnOnce(usize) -> T) -> T {
    if let Name::Old(back) = name
        && let Some(old) = names.iter().rev().nth(usize::from(back))
    {
        return old.clone();
    }
    names.push(fresh(names.len()));
    names[names.len() - 1].clone()
}
