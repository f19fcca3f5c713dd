//! Replacing both keys of a device, so that a crash or a lost answer at any point leaves a device that works.

use std::sync::Arc;

use countersign_protocol::{KEY_ROTATION_TYP, KeyRotationClaims, ProblemCode, Secret, UvMethod};
use serde::{Deserialize, Serialize};

use crate::{
    account::{self, Account, Link, Record},
    api::ApiError,
    backoff,
    core::Core,
    dpop,
    enrolment::{self, Keys, PROOF_LIFETIME},
    error::AuthenticatorError,
    pin::Pin,
    signer::{Signer, to_wire},
    sync::read,
    uv::{self, SealedKey},
};

/// How often the same statement is sent.
const SENDINGS: u32 = 3;

/// New keys, kept beside the old ones until it is certain which the backend knows.
#[derive(Serialize, Deserialize)]
struct Next {
    pop_key: Secret,
    uv_key: SealedKey,
    kids: [String; 2],
}

/// Replaces both keys, signed by the old proof-of-possession key (protocol page, section 3). The PIN stays.
pub(crate) async fn rotate(core: &Core, account: &Account, pin: &str) -> Result<(), AuthenticatorError> {
    let link = account.link()?;
    let store = core.host.secrets();
    // The PIN is checked before anything changes; the new key is sealed by the same one.
    account.gate.unlock(store.as_ref(), pin, core.clock.now()).await?;
    let keys = Keys::generate(core)?;
    let statement = statement(core, account, &link, &keys).await?;
    let next = Next {
        pop_key: keys.kept_pop(),
        kids: [keys.pop.kid().to_owned(), keys.uv.kid().to_owned()],
        uv_key: account
            .gate
            .seal(
                keys.uv,
                Pin::typed(pin)?,
                core.options.pin_cost,
                Arc::clone(&core.random),
            )
            .await?,
    };
    uv::save(store.as_ref(), &name(account), &next).await?;
    match send(core, &link, &statement).await {
        Ok(()) => take_over(core, account, next).await,
        Err(error) => {
            core.heed(account, &error).await;
            // A refused statement changed nothing. Of a lost answer nobody knows: the next keys are kept for `settle`.
            if !error.is_transient() {
                store.delete(&name(account)).await?;
            }
            Err(error.into())
        }
    }
}

/// When the backend does not know the keys any more: whether it knows the next ones. Returns whether they were taken over.
pub(crate) async fn settle(core: &Core, account: &Account) -> Result<bool, AuthenticatorError> {
    let store = core.host.secrets();
    let Some(next) = uv::load::<Next>(store.as_ref(), &name(account)).await? else {
        return Ok(false);
    };
    let record = with(account, &next);
    let Some(trial) = account::link(core, &record, &account.clock)? else {
        return Ok(false);
    };
    trial.api.prove().await?;
    take_over(core, account, next).await?;
    Ok(true)
}

/// Whether an answer may mean that the keys were replaced and the answer to that was lost.
pub(crate) fn may_be_pending(error: &AuthenticatorError) -> bool {
    use ProblemCode::{InvalidDpopProof, InvalidSession, InvalidToken};
    matches!(
        error,
        AuthenticatorError::Refused(InvalidDpopProof | InvalidSession | InvalidToken)
    )
}

fn name(account: &Account) -> String {
    account::next_name(&account.id)
}

async fn take_over(core: &Core, account: &Account, next: Next) -> Result<(), AuthenticatorError> {
    let store = core.host.secrets();
    account.gate.keep(store.as_ref(), &next.uv_key).await?;
    account.replace(core, with(account, &next)).await?;
    store.delete(&name(account)).await?;
    Ok(())
}

/// The account with the next keys.
fn with(account: &Account, next: &Next) -> Record {
    let mut record = read(&account.record).clone();
    record.own_keys.extend(next.kids.iter().cloned());
    if let Some(credentials) = &mut record.credentials {
        credentials.pop_key = next.pop_key.clone();
    }
    record
}

async fn statement(core: &Core, account: &Account, link: &Link, keys: &Keys) -> Result<String, AuthenticatorError> {
    let (device, backend) = {
        let record = read(&account.record);
        (record.device_id.clone(), record.backend.clone())
    };
    let jkt = keys.pop.kid();
    let iat = account.clock.now_seconds();
    let claims = KeyRotationClaims {
        iss: device,
        aud: backend.clone(),
        iat,
        exp: iat + PROOF_LIFETIME,
        jti: dpop::fresh_id(core.random.as_ref()),
        pop_key: to_wire(&keys.pop.public_jwk())?,
        uv_key: to_wire(&keys.uv.public_jwk())?,
        pop_proof: enrolment::key_proof(keys.pop.as_ref(), &backend, jkt, iat).await?,
        uv_proof: enrolment::key_proof(&keys.uv, &backend, jkt, iat).await?,
        key_level: enrolment::level(keys),
        uv_method: UvMethod::Pin,
    };
    Ok(link.pop.sign(KEY_ROTATION_TYP, &serde_json::to_value(&claims)?).await?)
}

async fn send(core: &Core, link: &Link, statement: &str) -> Result<(), ApiError> {
    let mut sendings = 1;
    loop {
        match link.api.rotate_keys(statement.to_owned()).await {
            Err(error) if error.is_transient() && sendings < SENDINGS => {
                tokio::time::sleep(backoff::full_jitter(core, sendings)).await;
                sendings += 1;
            }
            result => return result,
        }
    }
}
