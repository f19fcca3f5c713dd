//! The code that the person gives to clients (CIBA Core section 7.1.2): set and taken away here, kept by the backend alone.

use countersign_protocol::{Secret, USER_CODE_TYP, UserCodeClaims};

use crate::{
    account::Account, core::Core, dpop, enrolment::PROOF_LIFETIME, error::AuthenticatorError, sync::read,
    view::UserCodeView,
};

/// Whether clients may ask this person for a code, and whether there is one.
pub(crate) async fn state(core: &Core, account: &Account) -> Result<UserCodeView, AuthenticatorError> {
    let link = account.link()?;
    let state = core.heeded(account, link.api.user_code().await).await?;
    Ok(UserCodeView {
        offered: state.offered,
        set: state.set,
    })
}

/// Sets the code, or takes it away, signed by the key that the PIN opens (protocol page, section 4).
pub(crate) async fn set(
    core: &Core,
    account: &Account,
    pin: &str,
    user_code: Option<Secret>,
) -> Result<(), AuthenticatorError> {
    let link = account.link()?;
    let store = core.host.secrets();
    // Asked for each time: who finds the device unlocked changes no code.
    let key = account.gate.unlock(store.as_ref(), pin, core.clock.now()).await?;
    let iat = account.clock.now_seconds();
    let claims = {
        let record = read(&account.record);
        UserCodeClaims {
            iss: record.device_id.clone(),
            aud: record.backend.clone(),
            iat,
            exp: iat + PROOF_LIFETIME,
            jti: dpop::fresh_id(core.random.as_ref()),
            user_code,
        }
    };
    let statement = key.signer.sign(USER_CODE_TYP, &serde_json::to_value(&claims)?).await?;
    core.heeded(account, link.api.set_user_code(Secret::new(statement)).await)
        .await
}
