use std::collections::BTreeMap;

use async_trait::async_trait;
use countersign_protocol::Handle;

use super::{Engine, Row, Statements, StorageError, Store, to_json, values};
use crate::{
    domain::AccountKey,
    storage::{Changes, PersonMark, sql},
};

#[async_trait]
impl<E: Engine> Changes for Store<E> {
    async fn person_marks(&self, people: &[AccountKey]) -> Result<Vec<(AccountKey, PersonMark)>, StorageError> {
        self.engine
            .read(people, |connection, people| Box::pin(person_marks(connection, people)))
            .await
    }

    async fn settled_among(&self, handles: &[Handle]) -> Result<Vec<Handle>, StorageError> {
        self.engine
            .read(handles, |connection, handles| {
                Box::pin(settled_among(connection, handles))
            })
            .await
    }
}

/// One statement for each issuer: nearly always one.
async fn person_marks<S: Statements>(
    connection: &mut S,
    people: &[AccountKey],
) -> Result<Vec<(AccountKey, PersonMark)>, StorageError> {
    let mut by_issuer: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for person in people {
        by_issuer.entry(&person.iss).or_default().push(person.sub.as_str());
    }
    let mut marks = Vec::with_capacity(people.len());
    for (iss, subjects) in by_issuer {
        let of = to_json(&subjects)?;
        let by = values![iss, of];
        let found = connection.all(sql::changes::marks(S::DIALECT), by, |row| {
            let mark = PersonMark {
                seq: row.value("seq")?,
                revoked: row.value("revoked")?,
                disabled: row.value("disabled")?,
            };
            let person = AccountKey {
                iss: iss.to_owned(),
                sub: row.subject()?,
            };
            Ok((person, mark))
        });
        marks.extend(found.await?);
    }
    Ok(marks)
}

async fn settled_among<S: Statements>(connection: &mut S, handles: &[Handle]) -> Result<Vec<Handle>, StorageError> {
    let among = to_json(&handles)?;
    connection
        .all(sql::changes::settled(S::DIALECT), values![among], read_handle)
        .await
}

fn read_handle(row: &Row<'_>) -> Result<Handle, StorageError> {
    row.handle()
}
