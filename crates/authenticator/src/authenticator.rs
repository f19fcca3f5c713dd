//! The device as its host uses it.

use std::sync::{Arc, Mutex};

use countersign_clock::{Clock, Millis, Random};
use countersign_protocol::{DeviceId, Handle, PushTarget};
use tokio::task::JoinSet;
use url::Url;

use crate::{
    account::{self, Account},
    activity,
    core::Core,
    decide, enrolment,
    error::AuthenticatorError,
    host::Host,
    options::Options,
    pairing::Pairing,
    rotation,
    sync::{held, read, write},
    tls, user_code,
    view::{
        AccountView, ApproveInput, DenyInput, DevicesView, HistoryView, InboxView, PairInput, RequestView, StatusView,
        UserCodeInput, UserCodeView,
    },
    wake,
};

/// The whole authentication device. Dropping it ends what it started.
pub struct Authenticator {
    core: Arc<Core>,
    pairing: Pairing,
    tasks: Mutex<JoinSet<()>>,
    // Accounts whose tasks run.
    listening: Mutex<Vec<String>>,
}

impl Authenticator {
    /// Reads the accounts that are kept. Nothing goes over the network before [`Self::start`].
    ///
    /// A key store that is locked or missing is no error: the device then has no accounts until [`Self::reload`].
    ///
    /// # Errors
    /// When the TLS client cannot be made, or what is kept cannot be read.
    pub async fn new(
        host: Arc<dyn Host>,
        clock: Arc<dyn Clock>,
        random: Arc<dyn Random>,
        options: Options,
    ) -> Result<Self, AuthenticatorError> {
        let http = tls::client(&host.app_version()).map_err(std::io::Error::other)?;
        let device = Self {
            core: Arc::new(Core::new(host, clock, random, http, options)),
            pairing: Pairing::default(),
            tasks: Mutex::default(),
            listening: Mutex::default(),
        };
        match device.load().await {
            Ok(()) | Err(AuthenticatorError::KeyStoreLocked | AuthenticatorError::NoKeyStore) => Ok(device),
            Err(error) => Err(error),
        }
    }

    /// Starts to listen for every account. Call it once, inside a Tokio runtime.
    pub fn start(&self) {
        for account in self.core.all() {
            self.listen(&account);
        }
        self.core.emit_status();
        self.core.emit_inbox();
    }

    /// Reads the accounts again, after the key store was chosen or unlocked, and listens for the new ones.
    ///
    /// # Errors
    /// When the key store still cannot be used.
    pub async fn reload(&self) -> Result<StatusView, AuthenticatorError> {
        self.load().await?;
        self.start();
        Ok(self.status())
    }

    /// Everything the window needs when it opens.
    #[must_use]
    pub fn status(&self) -> StatusView {
        self.core.status()
    }

    /// What waits, and what was settled a moment ago.
    #[must_use]
    pub fn inbox(&self) -> InboxView {
        self.core.inbox()
    }

    /// A push came, the machine woke up, the network changed: asks every backend, at most once in five seconds.
    pub fn refresh(&self) {
        for account in self.core.all() {
            account.hint.notify_one();
        }
    }

    /// Pairs this device with an account; steps are told as events. A pairing that still runs is cancelled.
    ///
    /// # Errors
    /// Where it stopped: address, browser, provider, PIN, key store, backend.
    pub async fn pair(&self, input: PairInput) -> Result<AccountView, AuthenticatorError> {
        let account = self.pairing.pair(&self.core, input).await?;
        self.listen(&account);
        Ok(account.view())
    }

    /// Cancels the pairing that runs, if the device is not being registered already.
    pub fn cancel_pairing(&self) {
        self.pairing.cancel();
    }

    /// Answers the pairing that asks where the person signs in ([`PairingView::ChooseProvider`](crate::view::PairingView)).
    ///
    /// # Errors
    /// `NotFound` when none asks, or this issuer is not among those offered.
    pub fn choose_provider(&self, issuer: &str) -> Result<(), AuthenticatorError> {
        self.pairing.choose(issuer)
    }

    /// Opens the browser again for the pairing that runs.
    ///
    /// # Errors
    /// `NotFound` when none waits for the browser.
    pub async fn reopen_browser(&self) -> Result<(), AuthenticatorError> {
        self.pairing.reopen(&self.core).await
    }

    /// Hands on an address with which the system opened the app. It can end the sign-in that waits for it and nothing else.
    pub fn redirected(&self, url: Url) {
        self.pairing.redirected(url);
    }

    /// One request as it is now.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn request(&self, account_id: &str, handle: &Handle) -> Result<RequestView, AuthenticatorError> {
        decide::request(&self.core, account_id, handle)
    }

    /// The request is in full view and has the focus: the time that guards approval starts. One request at a time is in view.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn present(&self, account_id: &str, handle: &Handle) -> Result<(), AuthenticatorError> {
        decide::present(&self.core, account_id, handle)
    }

    /// It is not any more.
    pub fn conceal(&self, account_id: &str, handle: &Handle) {
        decide::conceal(&self.core, account_id, handle);
    }

    /// Signs and sends an approval. A wrong number and a request that is settled already are answers, not errors.
    ///
    /// # Errors
    /// `NotPresented`, `MatchMalformed`, the PIN's errors, `CannotVerify`; `Offline` when the backend did not answer: then the request
    /// waits again, and approving it anew is a new confirmation.
    pub async fn approve(&self, input: ApproveInput) -> Result<RequestView, AuthenticatorError> {
        decide::approve(&self.core, input).await
    }

    /// Signs and sends a denial; it needs neither PIN nor presentation.
    ///
    /// # Errors
    /// `CannotVerify`; `Offline` when the backend did not answer.
    pub async fn deny(&self, input: DenyInput) -> Result<RequestView, AuthenticatorError> {
        decide::deny(&self.core, input).await
    }

    /// A page of settled requests.
    ///
    /// # Errors
    /// `NotFound`, `DeviceRemoved`, `Offline`.
    pub async fn history(&self, account_id: &str, before: Option<Millis>) -> Result<HistoryView, AuthenticatorError> {
        activity::history(&self.core, self.core.account(account_id)?.as_ref(), before).await
    }

    /// The receipt of a settled request as JSON text, to be saved.
    ///
    /// # Errors
    /// `NotFound` when there is none; `DeviceRemoved`, `Offline`.
    pub async fn receipt(&self, account_id: &str, handle: &Handle) -> Result<String, AuthenticatorError> {
        activity::receipt(&self.core, self.core.account(account_id)?.as_ref(), handle).await
    }

    /// The person's devices, this one first.
    ///
    /// # Errors
    /// `NotFound`, `DeviceRemoved`, `Offline`.
    pub async fn devices(&self, account_id: &str) -> Result<DevicesView, AuthenticatorError> {
        activity::devices(&self.core, self.core.account(account_id)?.as_ref()).await
    }

    /// Renames a device of the person; 1 to 64 characters.
    ///
    /// # Errors
    /// `NotFound`, `DeviceRemoved`, `Offline`, `Refused`.
    pub async fn rename_device(
        &self,
        account_id: &str,
        device: &DeviceId,
        name: &str,
    ) -> Result<(), AuthenticatorError> {
        activity::rename(&self.core, self.core.account(account_id)?.as_ref(), device, name).await
    }

    /// Revokes a device of the person. When it is this one, its keys are wiped.
    ///
    /// # Errors
    /// `NotFound`, `DeviceRemoved`, `Offline`, `Refused`.
    pub async fn revoke_device(&self, account_id: &str, device: &DeviceId) -> Result<(), AuthenticatorError> {
        activity::revoke(&self.core, self.core.account(account_id)?.as_ref(), device).await
    }

    /// Tells the backend how to wake this device from now on.
    ///
    /// # Errors
    /// `NotFound`, `DeviceRemoved`, `Offline`, `Refused`.
    pub async fn update_push(&self, account_id: &str, push: PushTarget) -> Result<(), AuthenticatorError> {
        enrolment::update_push(&self.core, self.core.account(account_id)?.as_ref(), push).await
    }

    /// Replaces both keys of an account; the PIN stays.
    ///
    /// # Errors
    /// The PIN's errors, `NotFound`, `DeviceRemoved`, `Offline`, `Refused`.
    pub async fn rotate_keys(&self, account_id: &str, pin: &str) -> Result<(), AuthenticatorError> {
        rotation::rotate(&self.core, self.core.account(account_id)?.as_ref(), pin).await
    }

    /// Whether clients may ask this person for a code, and whether there is one.
    ///
    /// # Errors
    /// `NotFound`, `DeviceRemoved`, `Offline`.
    pub async fn user_code(&self, account_id: &str) -> Result<UserCodeView, AuthenticatorError> {
        user_code::state(&self.core, self.core.account(account_id)?.as_ref()).await
    }

    /// Sets the code that the person gives to clients, or takes it away. Nothing of it is kept here.
    ///
    /// # Errors
    /// The PIN's errors, `UserCodeMalformed`, `UserCodeIsPassword`, `NotFound`, `DeviceRemoved`, `Offline`, `Refused`.
    pub async fn set_user_code(&self, input: UserCodeInput) -> Result<(), AuthenticatorError> {
        let account = self.core.account(&input.account_id)?;
        user_code::set(&self.core, account.as_ref(), &input.pin, input.user_code).await
    }

    /// Removes the account and its keys from this device, and the device from the account when the backend can be reached.
    ///
    /// # Errors
    /// `NotFound`, or when the key store could not forget.
    pub async fn sign_out(&self, account_id: &str) -> Result<StatusView, AuthenticatorError> {
        enrolment::sign_out(&self.core, &self.core.account(account_id)?).await?;
        Ok(self.status())
    }

    async fn load(&self) -> Result<(), AuthenticatorError> {
        let records = account::load_all(self.core.host.secrets().as_ref()).await?;
        for record in records {
            if read(&self.core.accounts).iter().any(|known| known.id == record.id) {
                continue;
            }
            let account = Arc::new(Account::wake(&self.core, record).await?);
            write(&self.core.accounts).push(account);
        }
        Ok(())
    }

    fn listen(&self, account: &Arc<Account>) {
        let mut listening = held(&self.listening);
        if account.is_removed() || listening.contains(&account.id) {
            return;
        }
        listening.push(account.id.clone());
        let mut tasks = held(&self.tasks);
        tasks.spawn(wake::listen(Arc::clone(&self.core), Arc::clone(account)));
        tasks.spawn(wake::answer_hints(Arc::clone(&self.core), Arc::clone(account)));
        tasks.spawn(wake::tend(Arc::clone(&self.core), Arc::clone(account)));
    }
}
