use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{DeviceId, PushTarget, Secret};

use super::{Engine, Row, Statements, StorageError, Store, to_json, to_word, values};
use crate::{
    domain::{AccountKey, Device, DeviceKeys, NewDevice, TokenHash},
    storage::{Devices, Registered, RotateKeys, sql},
};

const WHAT: &str = "device";

#[async_trait]
impl<E: Engine> Devices for Store<E> {
    async fn register_device(&self, new: NewDevice) -> Result<Registered, StorageError> {
        self.engine
            .write_locking(new, |connection, new| Box::pin(register(connection, new)))
            .await
    }

    async fn find_device(&self, id: &DeviceId) -> Result<Option<Device>, StorageError> {
        let found = self.engine.read(id, |connection, id| Box::pin(find(connection, id)));
        Ok(found.await?.map(|device| self.as_last_seen(device)))
    }

    async fn find_device_by_session(&self, session: TokenHash) -> Result<Option<Device>, StorageError> {
        let found = self.engine.read(session, |connection, session| {
            Box::pin(async move {
                let by = values![session];
                connection.one(sql::devices::FIND_BY_SESSION, by, read).await
            })
        });
        Ok(found.await?.map(|device| self.as_last_seen(device)))
    }

    async fn list_devices(&self, account: &AccountKey) -> Result<Vec<Device>, StorageError> {
        let found = self.engine.read(account, |connection, account| {
            Box::pin(async move {
                let of = values![account.iss, account.sub];
                connection.all(sql::devices::LIST, of, read).await
            })
        });
        let devices = found.await?.into_iter().map(|device| self.as_last_seen(device));
        Ok(devices.collect())
    }

    async fn rename_device(&self, account: &AccountKey, id: &DeviceId, name: &str) -> Result<bool, StorageError> {
        let renamed = (account.clone(), id.clone(), name.to_owned());
        self.engine
            .write_single(renamed, |connection, (account, id, name)| {
                Box::pin(async move {
                    let values = values![id, account.iss, account.sub, name];
                    Ok(connection.run(sql::devices::RENAME, values).await? == 1)
                })
            })
            .await
    }

    async fn revoke_device(&self, account: &AccountKey, id: &DeviceId, now: Millis) -> Result<bool, StorageError> {
        self.engine
            .write_locking((account.clone(), id.clone(), now), |connection, (account, id, now)| {
                Box::pin(revoke(connection, account, id, *now))
            })
            .await
    }

    async fn set_push_target(&self, id: &DeviceId, push: PushTarget) -> Result<bool, StorageError> {
        self.engine
            .write_single((id.clone(), push), |connection, (id, push)| {
                Box::pin(async move {
                    let (push_type, token) = push_columns(push);
                    let set = connection
                        .run(sql::devices::SET_PUSH, values![id, push_type, token])
                        .await?;
                    Ok(set == 1)
                })
            })
            .await
    }

    async fn rotate_device_keys(&self, rotation: RotateKeys) -> Result<bool, StorageError> {
        self.engine
            .write_locking(rotation, |connection, rotation| Box::pin(rotate(connection, rotation)))
            .await
    }

    async fn touch_device(&self, id: &DeviceId, now: Millis) -> Result<(), StorageError> {
        self.engine.touches().note(id, now);
        Ok(())
    }
}

impl<E: Engine> Store<E> {
    fn as_last_seen(&self, mut device: Device) -> Device {
        if let Some(at) = self.engine.touches().noted(&device.id) {
            device.last_seen_at = device.last_seen_at.max(at);
        }
        device
    }
}

async fn revoke(
    connection: &mut impl Statements,
    account: &AccountKey,
    id: &DeviceId,
    now: Millis,
) -> Result<bool, StorageError> {
    let values = values![id, account.iss, account.sub, now];
    if connection.run(sql::devices::REVOKE, values).await? != 1 {
        return Ok(false);
    }
    connection.run(sql::grants::REVOKE_OF_DEVICE, values![id, now]).await?;
    Ok(true)
}

async fn rotate(connection: &mut impl Statements, rotation: &RotateKeys) -> Result<bool, StorageError> {
    let RotateKeys {
        device_id,
        old_thumbprint,
        keys,
    } = rotation;
    lock_names(connection, Some(keys), Some(old_thumbprint)).await?;
    let present = values![device_id, old_thumbprint];
    if !connection.any(sql::devices::HOLDS_KEY, present).await? {
        return Ok(false);
    }
    if in_use_elsewhere(connection, keys, device_id).await? {
        return Ok(false);
    }
    set_keys(connection, device_id, keys).await?;
    Ok(true)
}

async fn register(connection: &mut impl Statements, new: &NewDevice) -> Result<Registered, StorageError> {
    lock_names(connection, new.keys.as_ref(), push_columns(&new.push).1).await?;
    let known = match &new.keys {
        Some(keys) => {
            connection
                .one(sql::devices::FIND_BY_POP, values![keys.pop_thumbprint], read)
                .await?
        }
        None => find_keyless(connection, new).await?,
    };
    let id = known.as_ref().map_or(&new.id, |device| &device.id);
    if let Some(device) = &known
        && (device.account != new.account || device.revoked_at.is_some())
    {
        return Ok(Registered::KeyInUse);
    }
    if let Some(keys) = &new.keys
        && in_use_elsewhere(connection, keys, id).await?
    {
        return Ok(Registered::KeyInUse);
    }
    if known.is_some() {
        renew(connection, id, new).await?;
    } else {
        add(connection, new).await?;
    }
    let device = find(connection, id)
        .await?
        .ok_or(StorageError::Corrupt { what: WHAT })?;
    Ok(if known.is_some() {
        Registered::Renewed(device)
    } else {
        Registered::New(device)
    })
}

/// Keeps others from registering the same keys, or what goes by the `other` name, as long as this unit runs.
async fn lock_names(
    connection: &mut impl Statements,
    keys: Option<&DeviceKeys>,
    other: Option<&str>,
) -> Result<(), StorageError> {
    let thumbprints = keys.map(|keys| [keys.pop_thumbprint.as_str(), keys.uv_thumbprint.as_str()]);
    let mut names: Vec<_> = thumbprints.into_iter().flatten().chain(other).collect();
    // In one order for all, so that nobody waits in a circle.
    names.sort_unstable();
    for name in names {
        connection.lock(name).await?;
    }
    Ok(())
}

async fn find_keyless(connection: &mut impl Statements, new: &NewDevice) -> Result<Option<Device>, StorageError> {
    let (push_type, token) = push_columns(&new.push);
    let by = values![new.account.iss, new.account.sub, push_type, token];
    connection.one(sql::devices::FIND_KEYLESS, by, read).await
}

async fn in_use_elsewhere(
    connection: &mut impl Statements,
    keys: &DeviceKeys,
    id: &DeviceId,
) -> Result<bool, StorageError> {
    let of = values![keys.pop_thumbprint, keys.uv_thumbprint, id];
    connection.any(sql::devices::KEY_IN_USE, of).await
}

async fn add(connection: &mut impl Statements, new: &NewDevice) -> Result<(), StorageError> {
    let (push_type, token) = push_columns(&new.push);
    let (iss, sub) = (&new.account.iss, new.account.sub.as_str());
    connection
        .run(
            sql::devices::ADD,
            values![new.id, iss, sub, new.name, push_type, token, new.now],
        )
        .await?;
    set_keys_and_session(connection, &new.id, new.keys.as_ref()).await
}

async fn renew(connection: &mut impl Statements, id: &DeviceId, new: &NewDevice) -> Result<(), StorageError> {
    let (push_type, token) = push_columns(&new.push);
    connection
        .run(sql::devices::RENEW, values![id, new.name, push_type, token, new.now])
        .await?;
    set_keys_and_session(connection, id, new.keys.as_ref()).await
}

async fn set_keys_and_session(
    connection: &mut impl Statements,
    id: &DeviceId,
    keys: Option<&DeviceKeys>,
) -> Result<(), StorageError> {
    if let Some(keys) = keys {
        set_keys(connection, id, keys).await?;
        let session = values![id, keys.session];
        connection.run(sql::devices::SET_SESSION, session).await?;
    }
    Ok(())
}

async fn set_keys(connection: &mut impl Statements, id: &DeviceId, keys: &DeviceKeys) -> Result<(), StorageError> {
    connection
        .run(
            sql::devices::SET_KEYS,
            values![
                id,
                to_json(&keys.pop)?,
                keys.pop_thumbprint,
                to_json(&keys.uv)?,
                keys.uv_thumbprint,
                to_word(&keys.level)?,
                to_word(&keys.uv_method)?,
                to_word(&keys.platform)?,
                keys.app_version,
            ],
        )
        .await?;
    Ok(())
}

pub(super) async fn find(connection: &mut impl Statements, id: &DeviceId) -> Result<Option<Device>, StorageError> {
    connection.one(sql::devices::FIND, values![id], read).await
}

/// As [`find`]; the device stays as it is as long as the unit runs.
pub(super) async fn find_to_decide<S: Statements>(
    connection: &mut S,
    id: &DeviceId,
) -> Result<Option<Device>, StorageError> {
    let sql = sql::devices::FIND_TO_DECIDE.text(S::DIALECT);
    connection.one(sql, values![id], read).await
}

fn read(row: &Row<'_>) -> Result<Device, StorageError> {
    Ok(Device {
        id: row.device_id("id")?.ok_or(StorageError::Corrupt { what: WHAT })?,
        account: row.account()?,
        name: row.text("name")?,
        keys: read_keys(row)?,
        push: read_push(row)?,
        created_at: row.value("created_at")?,
        last_seen_at: row.value("last_seen_at")?,
        revoked_at: row.value("revoked_at")?,
        mismatches: row.value("mismatches")?,
    })
}

fn read_keys(row: &Row<'_>) -> Result<Option<DeviceKeys>, StorageError> {
    let Some(pop_thumbprint) = row.value("pop_thumbprint")? else {
        return Ok(None);
    };
    let missing = StorageError::Corrupt { what: WHAT };
    Ok(Some(DeviceKeys {
        pop: row.some_json("pop_key", WHAT)?,
        pop_thumbprint,
        uv: row.some_json("uv_key", WHAT)?,
        uv_thumbprint: row.text("uv_thumbprint")?,
        level: row.some_word("key_level", WHAT)?,
        uv_method: row.some_word("uv_method", WHAT)?,
        platform: row.some_word("platform", WHAT)?,
        app_version: row.text("app_version")?,
        session: row.token_hash("session")?.ok_or(missing)?,
    }))
}

fn push_columns(push: &PushTarget) -> (&'static str, Option<&str>) {
    match push {
        PushTarget::Stream => ("stream", None),
        PushTarget::Fcm(token) => ("fcm", Some(token.expose())),
        PushTarget::Apns(token) => ("apns", Some(token.expose())),
        PushTarget::WebPush(token) => ("web_push", Some(token.expose())),
    }
}

fn read_push(row: &Row<'_>) -> Result<PushTarget, StorageError> {
    let token: Option<String> = row.value("push_token")?;
    match (row.text("push_type")?.as_str(), token.map(Secret::new)) {
        ("stream", None) => Ok(PushTarget::Stream),
        ("fcm", Some(token)) => Ok(PushTarget::Fcm(token)),
        ("apns", Some(token)) => Ok(PushTarget::Apns(token)),
        ("web_push", Some(token)) => Ok(PushTarget::WebPush(token)),
        _ => Err(StorageError::Corrupt { what: WHAT }),
    }
}
