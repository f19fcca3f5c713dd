//! What people are told of a client, and what is only kept for it.

use serde_json::Value;

use super::{
    By, Member,
    given::{Given, Problem, said},
    grants::fits_application_type,
    offer::Offer,
};
use crate::domain::{Client, is_deceptive};

const MAX_NAME: usize = 128;

pub(super) const MEMBERS: [Member; 11] = [
    Member {
        name: "client_name",
        by: By::Client,
        read: client_name,
        write: |client, _| said(&client.name),
    },
    Member {
        name: "client_uri",
        by: By::Client,
        read: |given, client, _| {
            client.uri = given.link()?.map(str::to_owned);
            Ok(())
        },
        write: |client, _| said(&client.uri),
    },
    kept("application_type"),
    kept("contacts"),
    kept("default_max_age"),
    kept("logo_uri"),
    kept("policy_uri"),
    kept("require_auth_time"),
    kept("software_id"),
    kept("software_version"),
    kept("tos_uri"),
];

/// A member that changes nothing here and is returned as it came.
const fn kept(name: &'static str) -> Member {
    Member {
        name,
        by: By::Client,
        read: keep,
        write: |client, name| client.registration.other.get(name).cloned(),
    }
}

/// Each of the kind that its definition asks for. Everybody signs in each time, so `require_auth_time` and `default_max_age` are met anyhow.
fn keep(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    let value = match given.name {
        "application_type" => {
            let kind = given.one_of(&["web", "native"])?;
            if kind.as_deref() == Some("web") && !fits_application_type(client) {
                return Err("is web, but a redirect URI is not https".into());
            }
            kind.map(Value::from)
        }
        "contacts" => given.texts()?.map(Value::from),
        "default_max_age" => given.seconds()?.map(Value::from),
        "logo_uri" | "policy_uri" | "tos_uri" => given.link()?.map(Value::from),
        "require_auth_time" => {
            given.flag()?;
            given.value.cloned()
        }
        _ => given.text()?.map(Value::from),
    };
    match value {
        Some(value) => client.registration.other.insert(given.name.to_owned(), value),
        None => client.registration.other.remove(given.name),
    };
    Ok(())
}

/// Who has no name is shown by its id, which is what `client` has before.
fn client_name(given: Given<'_>, client: &mut Client, _: &Offer) -> Result<(), Problem> {
    let Some(name) = given.text()? else {
        client.name = client.id.to_string();
        return Ok(());
    };
    let name = name.trim();
    if name.is_empty() || name.len() > MAX_NAME || name.chars().any(is_deceptive) {
        return Err(format!("is empty, longer than {MAX_NAME} bytes, or has characters that do not show").into());
    }
    name.clone_into(&mut client.name);
    Ok(())
}
