//! An operation with everything filled in, and what a store says to it.

use std::fmt::Debug;

use countersign::{
    domain::{
        AccountKey, AuthorizationCode, Client, DebtId, Invitation, KeyPurpose, Lease, NewAccount, NewDevice, Payment,
        StoredKey, TokenHash, UserCodeLimit,
    },
    storage::{
        Claim, CodeRedemption, Decide, Intake, Mismatch, Opening, Redemption, Replacement, RotateKeys, Rotation,
        Sealing, SelfRegistration, Storage, StorageError, Telling,
    },
};
use countersign_clock::Millis;
use countersign_protocol::{ClientId, DeviceId, PushTarget, Subject};

pub enum Call {
    AddAccount(NewAccount),
    Disable(String, bool),
    AddClient(Box<Client>),
    RemoveClient(ClientId, Millis),
    ReplaceClient(Box<Replacement>),
    RegisterClient(Box<SelfRegistration>),
    Invite(Invitation),
    TakeBack(String),
    Register(Box<NewDevice>),
    Rename(AccountKey, DeviceId, String),
    Revoke(AccountKey, DeviceId, Millis),
    SetPush(DeviceId, PushTarget),
    RotateKeys(Box<RotateKeys>),
    Touch(DeviceId, Millis),
    Open(Box<Opening>),
    TakeIn(Box<Intake>),
    Decide(Box<Decide>),
    Mismatch(Mismatch),
    /// Again and again until nothing is left, because which are first is the store's choice.
    SweepPrompts(Millis, Millis, u32),
    Redeem(Box<Redemption>),
    AddCode(Box<AuthorizationCode>),
    RedeemCode(Box<CodeRedemption>),
    RotateRefresh(Box<Rotation>),
    RevokeToken(TokenHash, ClientId, Millis),
    /// As [`Call::SweepPrompts`].
    SweepGrants(Millis, u32),
    /// All that is due: which are first is the store's choice, and so is their order.
    ClaimDebts(Claim),
    Seal(Box<Sealing>),
    MarkTelling(DebtId, Lease),
    SettleTelling(Box<Telling>),
    SettleDebt(DebtId, Lease, Payment, Millis),
    ResendDebt(DebtId, Millis),
    /// As [`Call::SweepPrompts`].
    SweepDebts(Millis, Millis, u32),
    SetUserCode(Subject, Option<String>),
    TryUserCode(Subject, UserCodeLimit, Millis),
    UserCodeWasRight(Subject),
    AddKey(StoredKey),
    PromoteKey(KeyPurpose, Millis, Millis),
    DropRetiredKeys(Millis),
    Remember([String; 3], Millis),
    /// As [`Call::SweepPrompts`].
    SweepReplay(Millis, u32),
}

impl Call {
    /// Moves a decision, a wrong number or a redemption to another time.
    pub fn come_at(&mut self, now: Millis) {
        match self {
            Self::Decide(decide) => decide.now = now,
            Self::Mismatch(mismatch) => mismatch.now = now,
            Self::Redeem(redemption) => redemption.now = now,
            _ => {}
        }
    }

    /// What the store says. Of errors it is told only which kind they are: their text is each store's own.
    pub async fn verdict_of(&self, store: &dyn Storage) -> String {
        match self {
            Self::AddAccount(new) => told(&store.add_account(new.clone()).await),
            Self::Disable(username, disabled) => told(&store.set_account_disabled(username, *disabled).await),
            Self::AddClient(client) => told(&store.add_client(Client::clone(client)).await),
            Self::RemoveClient(id, now) => told(&store.remove_client(id, *now).await),
            Self::ReplaceClient(replacement) => told(&store.replace_client(Replacement::clone(replacement)).await),
            Self::RegisterClient(new) => told(&store.register_client(SelfRegistration::clone(new)).await),
            Self::Invite(invitation) => told(&store.add_invitation(invitation.clone()).await),
            Self::TakeBack(name) => told(&store.remove_invitation(name).await),
            Self::Register(new) => told(&store.register_device(NewDevice::clone(new)).await),
            Self::Rename(account, id, name) => told(&store.rename_device(account, id, name).await),
            Self::Revoke(account, id, now) => told(&store.revoke_device(account, id, *now).await),
            Self::SetPush(id, push) => told(&store.set_push_target(id, push.clone()).await),
            Self::RotateKeys(rotation) => told(&store.rotate_device_keys(RotateKeys::clone(rotation)).await),
            Self::Touch(id, now) => told(&store.touch_device(id, *now).await),
            Self::TakeIn(intake) => told(&store.take_in(Intake::clone(intake)).await),
            Self::Open(opening) => told(&store.open(Opening::clone(opening)).await),
            Self::Decide(decide) => told(&store.decide(Decide::clone(decide)).await),
            Self::Mismatch(mismatch) => told(&store.mismatch(mismatch.clone()).await),
            Self::SweepPrompts(before, now, limit) => {
                told(&until_nothing_is_left(async || store.sweep_prompts(*before, *now, *limit).await).await)
            }
            Self::Redeem(redemption) => told(&store.redeem(Redemption::clone(redemption)).await),
            Self::AddCode(code) => told(&store.add_code(AuthorizationCode::clone(code)).await),
            Self::RedeemCode(redemption) => told(&store.redeem_code(CodeRedemption::clone(redemption)).await),
            Self::RotateRefresh(rotation) => told(&store.rotate_refresh(Rotation::clone(rotation)).await),
            Self::RevokeToken(token, client, now) => told(&store.revoke_token(*token, client, *now).await),
            Self::SweepGrants(now, limit) => {
                told(&until_nothing_is_left(async || store.sweep_grants(*now, *limit).await).await)
            }
            Self::ClaimDebts(claim) => {
                let mut claimed = store.claim_debts(claim.clone()).await;
                if let Ok(debts) = &mut claimed {
                    debts.sort_by(|one, other| one.id.reference.cmp(&other.id.reference));
                }
                told(&claimed)
            }
            Self::MarkTelling(id, lease) => told(&store.mark_telling(id, lease).await),
            Self::SettleTelling(telling) => told(&store.settle_telling(Telling::clone(telling)).await),
            Self::Seal(sealing) => told(&store.seal_result(Sealing::clone(sealing)).await),
            Self::SettleDebt(id, lease, payment, now) => {
                told(&store.settle_debt(id, lease, payment.clone(), *now).await)
            }
            Self::ResendDebt(id, now) => told(&store.resend_debt(id, *now).await),
            Self::SweepDebts(before, now, limit) => {
                told(&until_nothing_is_left(async || store.sweep_debts(*before, *now, *limit).await).await)
            }
            Self::SetUserCode(sub, hash) => told(&store.set_user_code(sub, hash.clone()).await),
            Self::TryUserCode(sub, limit, now) => told(&store.take_user_code_try(sub, *limit, *now).await),
            Self::UserCodeWasRight(sub) => told(&store.user_code_was_right(sub).await),
            Self::AddKey(key) => told(&store.add_key(key.clone()).await),
            Self::PromoteKey(purpose, published_by, now) => {
                told(&store.promote_key(*purpose, *published_by, *now).await)
            }
            Self::DropRetiredKeys(before) => told(&store.drop_retired_keys(*before).await),
            Self::Remember([kind, owner, id], until) => told(&store.remember_once(kind, owner, id, *until).await),
            Self::SweepReplay(now, limit) => {
                told(&until_nothing_is_left(async || store.sweep_replay(*now, *limit).await).await)
            }
        }
    }
}

async fn until_nothing_is_left(sweep: impl AsyncFn() -> Result<u64, StorageError>) -> Result<u64, StorageError> {
    let mut swept = 0;
    loop {
        match sweep().await? {
            0 => return Ok(swept),
            more => swept += more,
        }
    }
}

fn told<T: Debug>(verdict: &Result<T, StorageError>) -> String {
    match verdict {
        Ok(verdict) => format!("{verdict:?}"),
        Err(StorageError::Unavailable(_)) => "Unavailable".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}
