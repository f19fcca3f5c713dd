//! What came in, by stream, poll or hint: verified, then put into the inbox.

use countersign_clock::Millis;
use countersign_protocol::{Handle, Pending, PendingList, ProblemCode, SettledView, StreamEvent};

use crate::{
    account::Account,
    api::ApiError,
    core::Core,
    error::AuthenticatorError,
    sync::{held, read},
    verify::{self, Pinned, VerifiedRequest, VerifyError},
};

/// Unknown keys make the device ask for announcements, but not in a loop.
const ASK_KEYS_EVERY: Millis = 30_000;

/// Fetches what waits; many fetches at once are one after another.
pub(crate) async fn fetch(core: &Core, account: &Account) -> Result<(), AuthenticatorError> {
    let _one_at_a_time = account.fetching.lock().await;
    let link = account.link()?;
    let list = core.heeded(account, link.api.requests().await).await?;
    sync(core, account, list).await;
    Ok(())
}

/// Takes in an event of the stream.
pub(crate) async fn take(core: &Core, account: &Account, event: StreamEvent) {
    match event {
        StreamEvent::Sync(list) => {
            account.clock.measured(list.server_time, account.clock.local_now());
            sync(core, account, list).await;
        }
        StreamEvent::Request(arrived) => {
            if look(core, account, std::slice::from_ref(&arrived.pending)).await {
                core.emit_inbox();
            }
        }
        StreamEvent::Settled(settled) => {
            if settle(core, account, &settled.handle, &settled.settled) {
                core.emit_inbox();
            }
        }
        StreamEvent::Removed => core.removed(account).await,
    }
    account.changed.notify_one();
}

/// Makes the inbox what the list says; of what is no longer listed it asks what became of it.
async fn sync(core: &Core, account: &Account, list: PendingList) {
    let mut changed = look(core, account, &list.requests).await;
    let listed: Vec<&Handle> = list.requests.iter().map(|pending| &pending.handle).collect();
    let missing = held(&account.inbox).missing(&listed);
    for handle in missing {
        changed |= became(core, account, &handle).await;
    }
    changed |= held(&account.inbox).set_loaded();
    if changed {
        core.emit_inbox();
    }
    account.changed.notify_one();
}

async fn became(core: &Core, account: &Account, handle: &Handle) -> bool {
    let Ok(link) = account.link() else { return false };
    match link.api.request(handle).await {
        Ok(status) => settle(core, account, handle, &status.settled),
        Err(error) if error.code() == Some(ProblemCode::NotFound) => {
            held(&account.inbox).drop_unknown(handle);
            true
        }
        Err(error) => {
            core.heed(account, &error).await;
            false
        }
    }
}

fn settle(core: &Core, account: &Account, handle: &Handle, settled: &SettledView) -> bool {
    let own = read(&account.record).device_id.clone();
    held(&account.inbox).settle(handle, settled, &own, core.clock.now())
}

/// Verifies what is not known yet and puts it into the inbox. Returns whether there was news.
async fn look(core: &Core, account: &Account, requests: &[Pending]) -> bool {
    let mut changed = false;
    for pending in requests {
        if held(&account.inbox).knows(&pending.handle) {
            continue;
        }
        let mut verdict = verified(account, pending);
        if verdict == Err(VerifyError::UnknownKey) && learn_keys(core, account).await {
            verdict = verified(account, pending);
        }
        if verdict == Err(VerifyError::Expired) {
            continue;
        }
        if let Err(error) = &verdict {
            tracing::warn!(account.id, request.handle = %pending.handle, %error, "a request object is not shown");
        }
        let first_time = verdict
            .as_ref()
            .is_ok_and(|verified| !account.has_seen(&verified.claims.client.id));
        if let Some(title) = verdict
            .as_ref()
            .ok()
            .and_then(|verified| verified.claims.op_title.as_ref())
        {
            rename_provider(core, account, title).await;
        }
        let now = core.clock.now();
        changed |= held(&account.inbox).take_in(&pending.handle, &pending.request, verdict.ok(), first_time, now);
    }
    changed
}

/// Takes over what the backend signs people call the provider. Which provider it is was pinned when the account was paired.
async fn rename_provider(core: &Core, account: &Account, title: &str) {
    if read(&account.record).title.as_deref() == Some(title) {
        return;
    }
    let renamed = account.update(core, |record| record.title = Some(title.to_owned()));
    if let Err(error) = renamed.await {
        tracing::warn!(account.id, %error, "what people call the provider could not be kept");
    }
    core.emit_status();
}

fn verified(account: &Account, pending: &Pending) -> Result<VerifiedRequest, VerifyError> {
    let record = read(&account.record);
    let pinned = Pinned {
        backend: &record.backend,
        issuer: &record.issuer,
        subject: &record.subject,
        device: &record.device_id,
        keys: record
            .credentials
            .as_ref()
            .map_or(&[], |credentials| &credentials.request_keys),
    };
    verify::request_object(&pending.request, &pending.handle, &pinned, account.clock.now_seconds())
}

/// Asks for announcements of request keys and pins those that pinned keys announce. Returns whether there were new ones.
async fn learn_keys(core: &Core, account: &Account) -> bool {
    let now = core.clock.now();
    {
        let mut asked = held(&account.keys_asked);
        if asked.is_some_and(|asked| (0..ASK_KEYS_EVERY).contains(&(now - asked))) {
            return false;
        }
        *asked = Some(now);
    }
    match announced(core, account).await {
        Ok(news) => news,
        Err(error) => {
            tracing::warn!(account.id, %error, "announced request keys could not be taken over");
            false
        }
    }
}

async fn announced(core: &Core, account: &Account) -> Result<bool, AuthenticatorError> {
    let link = account.link()?;
    let answer: Result<_, ApiError> = link.api.key_announcements().await;
    let statements = core.heeded(account, answer).await?;
    let new = {
        let record = read(&account.record);
        let pinned = record
            .credentials
            .as_ref()
            .map_or(&[][..], |credentials| &credentials.request_keys);
        verify::announced(&statements, &record.backend, pinned)
    };
    let Some(keys) = new else { return Ok(false) };
    let pin = |record: &mut crate::account::Record| {
        if let Some(credentials) = &mut record.credentials {
            credentials.request_keys = keys;
        }
    };
    account.update(core, pin).await?;
    Ok(true)
}
