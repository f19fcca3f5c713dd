use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::Subject;

use super::{Engine, Statements, StorageError, Store, values};
use crate::{
    domain::{UserCodeLimit, UserCodeTries},
    storage::{UserCodeTry, UserCodes, sql},
};

#[async_trait]
impl<E: Engine> UserCodes for Store<E> {
    async fn set_user_code(&self, sub: &Subject, hash: Option<String>) -> Result<bool, StorageError> {
        self.engine
            .write_single((sub.clone(), hash), |connection, (sub, hash)| {
                Box::pin(async move {
                    let set = connection.run(sql::user_codes::SET, values![sub, hash]).await?;
                    Ok(set == 1)
                })
            })
            .await
    }

    async fn has_user_code(&self, sub: &Subject) -> Result<bool, StorageError> {
        self.engine
            .read(sub, |connection, sub| {
                Box::pin(async move { connection.any(sql::user_codes::HAS, values![sub]).await })
            })
            .await
    }

    async fn take_user_code_try(
        &self,
        sub: &Subject,
        limit: UserCodeLimit,
        now: Millis,
    ) -> Result<UserCodeTry, StorageError> {
        self.engine
            .write_locking((sub.clone(), limit, now), |connection, (sub, limit, now)| {
                Box::pin(take(connection, sub, *limit, *now))
            })
            .await
    }

    async fn user_code_was_right(&self, sub: &Subject) -> Result<(), StorageError> {
        self.engine
            .write_single(sub.clone(), |connection, sub| {
                Box::pin(async move {
                    connection.run(sql::user_codes::RIGHT, values![sub]).await?;
                    Ok(())
                })
            })
            .await
    }
}

async fn take<C: Statements>(
    connection: &mut C,
    sub: &Subject,
    limit: UserCodeLimit,
    now: Millis,
) -> Result<UserCodeTry, StorageError> {
    let find = sql::user_codes::FIND_TO_TRY.text(C::DIALECT);
    let found = connection
        .one(find, values![sub], |row| {
            let tries = UserCodeTries {
                taken: row.value("user_code_tries")?,
                wait_until: row.value("user_code_wait_until")?,
            };
            Ok((row.text("user_code")?, tries))
        })
        .await?;
    let Some((hash, tries)) = found else {
        return Ok(UserCodeTry::NoCode);
    };
    let Some(tries) = tries.take(limit, now) else {
        return Ok(UserCodeTry::Wait);
    };
    let counted = values![sub, tries.taken, tries.wait_until];
    connection.run(sql::user_codes::TRY, counted).await?;
    Ok(UserCodeTry::Try(hash))
}
