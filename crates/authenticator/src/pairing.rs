//! Pairing: from an address the person typed to an account on this device. One at a time, and it can be cancelled.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, mpsc, oneshot};
use url::Url;

use crate::{
    account::{self, Account, Record},
    address,
    core::Core,
    enrolment::{self, Destination, Keys},
    error::AuthenticatorError,
    host::AppEvent,
    login::{self, Binding, Offer},
    pin::Pin,
    server_clock::ServerClock,
    signer::Signer,
    sync::{held, write},
    view::{PairInput, PairingView},
};

/// The pairing that runs, if one does.
#[derive(Default)]
pub(crate) struct Pairing {
    running: Mutex<Option<Running>>,
    // The second waits until the first, cancelled, is gone.
    turn: tokio::sync::Mutex<()>,
}

struct Running {
    cancel: Arc<Notify>,
    url: Option<Url>,
    redirects: mpsc::Sender<Url>,
    choice: Option<Choice>,
}

/// A question that waits for the person: at which of these they sign in.
struct Choice {
    issuers: Vec<String>,
    answer: oneshot::Sender<String>,
}

impl Pairing {
    /// Pairs; an older attempt is cancelled.
    pub(crate) async fn pair(&self, core: &Core, input: PairInput) -> Result<Arc<Account>, AuthenticatorError> {
        self.cancel();
        let _turn = self.turn.lock().await;
        let cancel = Arc::new(Notify::new());
        let (redirects, mut receiver) = mpsc::channel(4);
        *held(&self.running) = Some(Running {
            cancel: Arc::clone(&cancel),
            url: None,
            redirects,
            choice: None,
        });
        let result = self.run(core, input, &cancel, &mut receiver).await;
        *held(&self.running) = None;
        let step = match &result {
            Ok(account) => PairingView::Done {
                account: account.view(),
            },
            Err(error) => PairingView::Failed { error: error.view() },
        };
        core.host.emit(AppEvent::Pairing(step));
        result
    }

    /// Cancels the pairing that runs, unless it is already registering.
    pub(crate) fn cancel(&self) {
        if let Some(running) = held(&self.running).as_ref() {
            running.cancel.notify_one();
        }
    }

    /// Goes on with the provider of `issuer`, when the pairing that runs has asked and offered it.
    pub(crate) fn choose(&self, issuer: &str) -> Result<(), AuthenticatorError> {
        let mut running = held(&self.running);
        let choice = running.as_mut().and_then(|running| {
            let offered = |choice: &mut Choice| choice.issuers.iter().any(|one| one == issuer);
            running.choice.take_if(offered)
        });
        let choice = choice.ok_or(AuthenticatorError::NotFound)?;
        choice
            .answer
            .send(issuer.to_owned())
            .map_err(|_| AuthenticatorError::NotFound)
    }

    /// Opens the browser again at the same address.
    pub(crate) async fn reopen(&self, core: &Core) -> Result<(), AuthenticatorError> {
        let url = held(&self.running).as_ref().and_then(|running| running.url.clone());
        let url = url.ok_or(AuthenticatorError::NotFound)?;
        if let Err(error) = core.host.open_browser(&url).await {
            tracing::warn!(%error, "the person has to copy the address");
        }
        Ok(())
    }

    /// Hands on a redirect that came by link. Without a pairing that waits for it, nothing happens.
    pub(crate) fn redirected(&self, url: Url) {
        if let Some(running) = held(&self.running).as_ref() {
            drop(running.redirects.try_send(url));
        }
    }

    async fn run(
        &self,
        core: &Core,
        input: PairInput,
        cancel: &Notify,
        redirects: &mut login::Redirects,
    ) -> Result<Arc<Account>, AuthenticatorError> {
        let say = |step| core.host.emit(AppEvent::Pairing(step));
        say(PairingView::Resolving);
        let pin = zeroize::Zeroizing::new(input.pin);
        let pin = Pin::choose(&pin)?;
        let origin = address::typed(&input.backend).map_err(|_| AuthenticatorError::AddressRefused)?;
        let name = device_name(core, &input.device_name);
        // A store that cannot be used is found out before the person is sent to the browser.
        account::load_all(core.host.secrets().as_ref()).await?;
        let clock = Arc::new(ServerClock::new(Arc::clone(&core.clock)));
        let keys = Keys::generate(core)?;
        let nonce = keys.nonce();
        let sign_in = async {
            let metadata = login::countersign(&core.http, &origin, &clock).await?;
            let (backend, registration_endpoint) = (metadata.backend.clone(), metadata.registration_endpoint.clone());
            let offer = self.chosen(core, login::offered(metadata)?, input.issuer).await?;
            let issuer = offer.issuer.clone();
            let opened = async |url: &Url| {
                if let Some(running) = held(&self.running).as_mut() {
                    running.url = Some(url.clone());
                }
                say(PairingView::WaitingForBrowser {
                    issuer,
                    url: url.to_string(),
                });
                if let Err(error) = core.host.open_browser(url).await {
                    tracing::warn!(%error, "the person has to copy the address");
                }
            };
            let binding = Binding {
                nonce: &nonce,
                signer: Arc::clone(&keys.pop) as Arc<dyn Signer>,
            };
            let signed_in = login::sign_in(core, &offer, &binding, redirects, opened, || {
                say(PairingView::Verifying);
            })
            .await?;
            let destination = Destination {
                backend,
                registration_endpoint,
                offer,
            };
            Ok::<_, AuthenticatorError>((destination, signed_in))
        };
        let (destination, signed_in) = tokio::select! {
            biased;
            () = cancel.notified() => return Err(AuthenticatorError::Cancelled),
            result = sign_in => result?,
        };
        if core
            .all()
            .iter()
            .any(|account| is_same(account, &destination, &signed_in.subject))
        {
            return Err(AuthenticatorError::AlreadyPaired);
        }
        // From here on it is not cancelled: a device that is registered has to be known here as well.
        say(PairingView::Registering);
        let record = enrolment::register(core, &destination, signed_in, keys, &name, pin, &clock).await?;
        add(core, record).await
    }

    /// The offer of `wanted`; without that the only one, or the one that the person chooses.
    async fn chosen(
        &self,
        core: &Core,
        offers: Vec<Offer>,
        wanted: Option<String>,
    ) -> Result<Offer, AuthenticatorError> {
        let several = offers.len() > 1;
        let issuer = match wanted {
            Some(issuer) => Some(issuer),
            None if several => Some(self.ask(core, &offers).await?),
            None => None,
        };
        let is_it = |offer: &Offer| issuer.as_ref().is_none_or(|issuer| offer.issuer == *issuer);
        offers.into_iter().find(is_it).ok_or(AuthenticatorError::NotFound)
    }

    /// Asks the person, for as long as they like.
    async fn ask(&self, core: &Core, offers: &[Offer]) -> Result<String, AuthenticatorError> {
        let (answer, chosen) = oneshot::channel();
        if let Some(running) = held(&self.running).as_mut() {
            running.choice = Some(Choice {
                issuers: offers.iter().map(|offer| offer.issuer.clone()).collect(),
                answer,
            });
        }
        let providers = offers.iter().map(Offer::view).collect();
        core.host
            .emit(AppEvent::Pairing(PairingView::ChooseProvider { providers }));
        chosen.await.map_err(|_| AuthenticatorError::Cancelled)
    }
}

/// Brings a new account to life, in place of the notice that an older device of the same person was removed.
async fn add(core: &Core, record: Record) -> Result<Arc<Account>, AuthenticatorError> {
    let account = Arc::new(Account::wake(core, record.clone()).await?);
    let old = core.all().into_iter().find(|old| {
        let old = crate::sync::read(&old.record);
        old.credentials.is_none()
            && old.issuer == record.issuer
            && old.backend == record.backend
            && old.subject == record.subject
    });
    let ids: Vec<String> = {
        let mut accounts = write(&core.accounts);
        accounts.retain(|one| old.as_ref().is_none_or(|old| old.id != one.id));
        accounts.push(Arc::clone(&account));
        accounts.iter().map(|one| one.id.clone()).collect()
    };
    account::save_index(core.host.secrets().as_ref(), &ids).await?;
    if let Some(old) = old {
        old.forget(core).await?;
    }
    core.accounts_changed.notify_one();
    core.emit_status();
    Ok(account)
}

fn is_same(account: &Account, at: &Destination, subject: &str) -> bool {
    let record = crate::sync::read(&account.record);
    record.credentials.is_some()
        && record.issuer == at.offer.issuer
        && record.backend == at.backend
        && record.subject.as_str() == subject
}

/// 1 to 64 characters; without any, what the machine is called.
fn device_name(core: &Core, typed: &str) -> String {
    let typed = typed.trim();
    let name = if typed.is_empty() {
        core.host.suggested_device_name()
    } else {
        typed.to_owned()
    };
    name.chars().take(64).collect()
}
