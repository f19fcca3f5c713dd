use async_trait::async_trait;
use countersign_clock::Millis;
use countersign_protocol::{DeviceId, PushTarget, Secret};
use rusqlite::{Connection, Row, params};

use super::{
    SqliteStorage, StorageError,
    rows::{Columns as _, to_json, to_word},
    statement::Statements,
};
use crate::{
    domain::{AccountKey, Device, DeviceKeys, NewDevice, TokenHash},
    storage::{Devices, Registered, RotateKeys, sql},
};

const WHAT: &str = "device";

#[async_trait]
impl Devices for SqliteStorage {
    async fn register_device(&self, new: NewDevice) -> Result<Registered, StorageError> {
        self.write(move |connection| register(connection, &new)).await
    }

    async fn find_device(&self, id: &DeviceId) -> Result<Option<Device>, StorageError> {
        let device = self.read(|connection| find(connection, id))?;
        Ok(device.map(|device| self.as_last_seen(device)))
    }

    async fn find_device_by_session(&self, session: TokenHash) -> Result<Option<Device>, StorageError> {
        let by = params![session.0];
        let device = self.read(|connection| connection.one(sql::devices::FIND_BY_SESSION, by, read))?;
        Ok(device.map(|device| self.as_last_seen(device)))
    }

    async fn list_devices(&self, account: &AccountKey) -> Result<Vec<Device>, StorageError> {
        let of = params![account.iss, account.sub.as_str()];
        let devices = self.read(|connection| connection.all(sql::devices::LIST, of, read))?;
        Ok(devices.into_iter().map(|device| self.as_last_seen(device)).collect())
    }

    async fn rename_device(&self, account: &AccountKey, id: &DeviceId, name: &str) -> Result<bool, StorageError> {
        let (account, id, name) = (account.clone(), id.clone(), name.to_owned());
        self.write(move |connection| {
            let params = params![id.as_str(), account.iss, account.sub.as_str(), name];
            Ok(connection.run(sql::devices::RENAME, params)? == 1)
        })
        .await
    }

    async fn revoke_device(&self, account: &AccountKey, id: &DeviceId, now: Millis) -> Result<bool, StorageError> {
        let (account, id) = (account.clone(), id.clone());
        self.write(move |connection| {
            let params = params![id.as_str(), account.iss, account.sub.as_str(), now];
            let revoked = connection.run(sql::devices::REVOKE, params)? == 1;
            if revoked {
                connection.run(sql::grants::REVOKE_OF_DEVICE, params![id.as_str(), now])?;
            }
            Ok(revoked)
        })
        .await
    }

    async fn set_push_target(&self, id: &DeviceId, push: PushTarget) -> Result<bool, StorageError> {
        let id = id.clone();
        self.write(move |connection| {
            let (push_type, token) = push_columns(&push);
            Ok(connection.run(sql::devices::SET_PUSH, params![id.as_str(), push_type, token])? == 1)
        })
        .await
    }

    async fn rotate_device_keys(&self, rotation: RotateKeys) -> Result<bool, StorageError> {
        self.write(move |connection| {
            let RotateKeys {
                device_id,
                old_thumbprint,
                keys,
            } = &rotation;
            let holds = connection.any(sql::devices::HOLDS_KEY, params![device_id.as_str(), old_thumbprint])?;
            if !holds || in_use_elsewhere(connection, keys, device_id)? {
                return Ok(false);
            }
            set_keys(connection, device_id, keys)?;
            Ok(true)
        })
        .await
    }

    async fn touch_device(&self, id: &DeviceId, now: Millis) -> Result<(), StorageError> {
        self.touches.note(id, now);
        Ok(())
    }
}

impl SqliteStorage {
    fn as_last_seen(&self, mut device: Device) -> Device {
        if let Some(at) = self.touches.noted(&device.id) {
            device.last_seen_at = device.last_seen_at.max(at);
        }
        device
    }
}

fn register(connection: &Connection, new: &NewDevice) -> Result<Registered, StorageError> {
    let known = match &new.keys {
        Some(keys) => connection.one(sql::devices::FIND_BY_POP, params![keys.pop_thumbprint], read)?,
        None => find_keyless(connection, new)?,
    };
    let id = known.as_ref().map_or(&new.id, |device| &device.id);
    if let Some(device) = &known
        && (device.account != new.account || device.revoked_at.is_some())
    {
        return Ok(Registered::KeyInUse);
    }
    if let Some(keys) = &new.keys
        && in_use_elsewhere(connection, keys, id)?
    {
        return Ok(Registered::KeyInUse);
    }
    if known.is_some() {
        renew(connection, id, new)?;
    } else {
        add(connection, new)?;
    }
    let device = find(connection, id)?.ok_or(StorageError::Corrupt { what: WHAT })?;
    Ok(if known.is_some() {
        Registered::Renewed(device)
    } else {
        Registered::New(device)
    })
}

fn find_keyless(connection: &Connection, new: &NewDevice) -> Result<Option<Device>, StorageError> {
    let (push_type, token) = push_columns(&new.push);
    let by = params![new.account.iss, new.account.sub.as_str(), push_type, token];
    connection.one(sql::devices::FIND_KEYLESS, by, read)
}

fn in_use_elsewhere(connection: &Connection, keys: &DeviceKeys, id: &DeviceId) -> Result<bool, StorageError> {
    let params = params![keys.pop_thumbprint, keys.uv_thumbprint, id.as_str()];
    connection.any(sql::devices::KEY_IN_USE, params)
}

fn add(connection: &Connection, new: &NewDevice) -> Result<(), StorageError> {
    let (push_type, token) = push_columns(&new.push);
    let (iss, sub) = (&new.account.iss, new.account.sub.as_str());
    connection.run(
        sql::devices::ADD,
        params![new.id.as_str(), iss, sub, new.name, push_type, token, new.now],
    )?;
    set_keys_and_session(connection, &new.id, new.keys.as_ref())
}

fn renew(connection: &Connection, id: &DeviceId, new: &NewDevice) -> Result<(), StorageError> {
    let (push_type, token) = push_columns(&new.push);
    connection.run(
        sql::devices::RENEW,
        params![id.as_str(), new.name, push_type, token, new.now],
    )?;
    set_keys_and_session(connection, id, new.keys.as_ref())
}

fn set_keys_and_session(connection: &Connection, id: &DeviceId, keys: Option<&DeviceKeys>) -> Result<(), StorageError> {
    if let Some(keys) = keys {
        set_keys(connection, id, keys)?;
        connection.run(sql::devices::SET_SESSION, params![id.as_str(), keys.session.0])?;
    }
    Ok(())
}

fn set_keys(connection: &Connection, id: &DeviceId, keys: &DeviceKeys) -> Result<(), StorageError> {
    connection.run(
        sql::devices::SET_KEYS,
        params![
            id.as_str(),
            to_json(&keys.pop)?,
            keys.pop_thumbprint,
            to_json(&keys.uv)?,
            keys.uv_thumbprint,
            to_word(&keys.level)?,
            to_word(&keys.uv_method)?,
            to_word(&keys.platform)?,
            keys.app_version,
        ],
    )?;
    Ok(())
}

pub(super) fn find(connection: &Connection, id: &DeviceId) -> Result<Option<Device>, StorageError> {
    connection.one(sql::devices::FIND, params![id.as_str()], read)
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
