use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_protocol::Subject;

use super::{Engine, Row, Statements, StorageError, Store, values};
use crate::{
    domain::{Account, NewAccount},
    storage::{Accounts, AddAccount, HintMatch, sql, value::Value},
};

#[async_trait]
impl<E: Engine> Accounts for Store<E> {
    async fn find_by_hint(&self, attributes: &[String], value: &str) -> Result<HintMatch, StorageError> {
        let hint = (attributes, value);
        self.engine
            .read(hint, |connection, (attributes, value)| {
                Box::pin(find_by_hint(connection, attributes, value))
            })
            .await
    }

    async fn find_account(&self, sub: &Subject) -> Result<Option<Account>, StorageError> {
        self.engine
            .read(sub, |connection, sub| {
                Box::pin(async move { find(connection, sql::accounts::FIND, values![sub]).await })
            })
            .await
    }

    async fn find_account_by_username(&self, username: &str) -> Result<Option<Account>, StorageError> {
        self.engine
            .read(username, |connection, username| {
                Box::pin(async move { find(connection, sql::accounts::FIND_BY_USERNAME, values![username]).await })
            })
            .await
    }

    async fn add_account(&self, new: NewAccount) -> Result<AddAccount, StorageError> {
        self.engine
            .write(new.account, |connection, account| Box::pin(add(connection, account)))
            .await
    }

    async fn set_account_disabled(&self, username: &str, disabled: bool) -> Result<bool, StorageError> {
        self.engine
            .write_single((username.to_owned(), disabled), |connection, (username, disabled)| {
                Box::pin(async move {
                    let set = connection
                        .run(sql::accounts::SET_DISABLED, values![username, disabled])
                        .await?;
                    Ok(set == 1)
                })
            })
            .await
    }

    async fn list_accounts(&self) -> Result<Vec<Account>, StorageError> {
        self.engine.read((), |connection, ()| Box::pin(list(connection))).await
    }
}

async fn find_by_hint(
    connection: &mut impl Statements,
    attributes: &[String],
    value: &str,
) -> Result<HintMatch, StorageError> {
    let mut named: Option<Account> = None;
    for attribute in attributes {
        let Some(account) = find_by(connection, attribute, value).await? else {
            continue;
        };
        match &named {
            Some(earlier) if earlier.sub != account.sub => return Ok(HintMatch::Several),
            _ => named = Some(account),
        }
    }
    Ok(named.map_or(HintMatch::Nobody, |account| HintMatch::One(Box::new(account))))
}

async fn find_by(
    connection: &mut impl Statements,
    attribute: &str,
    value: &str,
) -> Result<Option<Account>, StorageError> {
    match attribute {
        "id" => find(connection, sql::accounts::FIND, values![value]).await,
        "username" => find(connection, sql::accounts::FIND_BY_USERNAME, values![value]).await,
        _ => {
            let by = values![attribute, value];
            let sub = connection
                .one(sql::accounts::FIND_SUB_BY_ATTRIBUTE, by, |row| row.text("sub"))
                .await?;
            match sub {
                Some(sub) => find(connection, sql::accounts::FIND, values![sub]).await,
                None => Ok(None),
            }
        }
    }
}

async fn add(connection: &mut impl Statements, account: &Account) -> Result<AddAccount, StorageError> {
    let own = [("id", account.sub.as_str()), ("username", account.username.as_str())];
    let others = account
        .attributes
        .iter()
        .map(|(attribute, value)| (attribute.as_str(), value.as_str()));
    for (attribute, value) in own.into_iter().chain(others) {
        if find_by(connection, attribute, value).await?.is_some() {
            let attribute = attribute.to_owned();
            return Ok(AddAccount::Taken { attribute });
        }
    }
    connection
        .run(
            sql::accounts::ADD,
            values![
                account.sub,
                account.username,
                account.name,
                account.password_hash,
                account.disabled,
                account.created_at,
            ],
        )
        .await?;
    for (attribute, value) in &account.attributes {
        connection
            .run(sql::accounts::ADD_ATTRIBUTE, values![attribute, value, account.sub])
            .await?;
    }
    Ok(AddAccount::Added)
}

async fn list(connection: &mut impl Statements) -> Result<Vec<Account>, StorageError> {
    let mut accounts = connection.all(sql::accounts::LIST, &[], read).await?;
    for account in &mut accounts {
        add_attributes(connection, account).await?;
    }
    Ok(accounts)
}

async fn find(
    connection: &mut impl Statements,
    sql: &'static str,
    by: &[Value<'_>],
) -> Result<Option<Account>, StorageError> {
    let mut account = connection.one(sql, by, read).await?;
    if let Some(account) = &mut account {
        add_attributes(connection, account).await?;
    }
    Ok(account)
}

async fn add_attributes(connection: &mut impl Statements, account: &mut Account) -> Result<(), StorageError> {
    let of = values![account.sub];
    let attributes = connection
        .all(sql::accounts::ATTRIBUTES, of, |row| {
            Ok((row.text("attribute")?, row.text("value")?))
        })
        .await?;
    account.attributes = attributes.into_iter().collect();
    Ok(())
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
