use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_protocol::Subject;
use rusqlite::{Connection, Params, Row, params};

use super::{SqliteStorage, StorageError, rows::Columns as _, statement::Statements};
use crate::{
    domain::{Account, NewAccount},
    storage::{Accounts, AddAccount, HintMatch, sql},
};

#[async_trait]
impl Accounts for SqliteStorage {
    async fn find_by_hint(&self, attributes: &[String], value: &str) -> Result<HintMatch, StorageError> {
        self.read(|connection| find_by_hint(connection, attributes, value))
    }

    async fn find_account(&self, sub: &Subject) -> Result<Option<Account>, StorageError> {
        self.read(|connection| find(connection, sql::accounts::FIND, params![sub.as_str()]))
    }

    async fn find_account_by_username(&self, username: &str) -> Result<Option<Account>, StorageError> {
        self.read(|connection| find(connection, sql::accounts::FIND_BY_USERNAME, params![username]))
    }

    async fn add_account(&self, new: NewAccount) -> Result<AddAccount, StorageError> {
        self.write(move |connection| add(connection, &new.account)).await
    }

    async fn set_account_disabled(&self, username: &str, disabled: bool) -> Result<bool, StorageError> {
        let username = username.to_owned();
        self.write(move |connection| Ok(connection.run(sql::accounts::SET_DISABLED, params![username, disabled])? == 1))
            .await
    }

    async fn list_accounts(&self) -> Result<Vec<Account>, StorageError> {
        self.read(|connection| {
            let accounts = connection.all(sql::accounts::LIST, [], read)?;
            accounts
                .into_iter()
                .map(|account| with_attributes(connection, account))
                .collect()
        })
    }
}

fn find_by_hint(connection: &Connection, attributes: &[String], value: &str) -> Result<HintMatch, StorageError> {
    let mut named: Option<Account> = None;
    for attribute in attributes {
        let Some(account) = find_by(connection, attribute, value)? else {
            continue;
        };
        match &named {
            Some(earlier) if earlier.sub != account.sub => return Ok(HintMatch::Several),
            _ => named = Some(account),
        }
    }
    Ok(named.map_or(HintMatch::Nobody, |account| HintMatch::One(Box::new(account))))
}

fn find_by(connection: &Connection, attribute: &str, value: &str) -> Result<Option<Account>, StorageError> {
    match attribute {
        "id" => find(connection, sql::accounts::FIND, params![value]),
        "username" => find(connection, sql::accounts::FIND_BY_USERNAME, params![value]),
        _ => {
            let by = params![attribute, value];
            let sub = connection.one(sql::accounts::FIND_SUB_BY_ATTRIBUTE, by, |row| row.text("sub"))?;
            sub.map_or(Ok(None), |sub| find(connection, sql::accounts::FIND, params![sub]))
        }
    }
}

fn add(connection: &Connection, account: &Account) -> Result<AddAccount, StorageError> {
    let taken = |attribute: &str| AddAccount::Taken {
        attribute: attribute.to_owned(),
    };
    let own = [("id", account.sub.as_str()), ("username", account.username.as_str())];
    let others = account
        .attributes
        .iter()
        .map(|(attribute, value)| (attribute.as_str(), value.as_str()));
    for (attribute, value) in own.into_iter().chain(others) {
        if find_by(connection, attribute, value)?.is_some() {
            return Ok(taken(attribute));
        }
    }
    connection.run(
        sql::accounts::ADD,
        params![
            account.sub.as_str(),
            account.username,
            account.name,
            account.password_hash,
            account.disabled,
            account.created_at,
        ],
    )?;
    for (attribute, value) in &account.attributes {
        connection.run(
            sql::accounts::ADD_ATTRIBUTE,
            params![attribute, value, account.sub.as_str()],
        )?;
    }
    Ok(AddAccount::Added)
}

fn find(connection: &Connection, sql: &str, by: impl Params) -> Result<Option<Account>, StorageError> {
    let account = connection.one(sql, by, read)?;
    account.map(|account| with_attributes(connection, account)).transpose()
}

fn with_attributes(connection: &Connection, account: Account) -> Result<Account, StorageError> {
    let attributes = connection.all(sql::accounts::ATTRIBUTES, params![account.sub.as_str()], |row| {
        Ok((row.text("attribute")?, row.text("value")?))
    })?;
    Ok(Account {
        attributes: attributes.into_iter().collect(),
        ..account
    })
}

fn read(row: &Row<'_>) -> Result<Account, StorageError> {
    Ok(Account {
        sub: row.subject()?,
        username: row.text("username")?,
        name: row.text("name")?,
        attributes: BTreeMap::new(),
        password_hash: row.text("password_hash")?,
        disabled: row.value("disabled")?,
        created_at: row.value("created_at")?,
    })
}
