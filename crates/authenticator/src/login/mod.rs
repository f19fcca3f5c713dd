//! Signing in: authorization code with PKCE in the system browser (RFC 8252, RFC 9700), start to finish.

mod callback;
mod loopback;
mod page;
mod pkce;
mod provider;
mod tokens;

use countersign_protocol::{CountersignMetadata, Secret};
use tokio::sync::mpsc;
use url::Url;

use crate::{core::Core, error::AuthenticatorError, server_clock::ServerClock};
use callback::Awaited;
use loopback::Loopback;
use pkce::Attempt;
pub(crate) use provider::countersign;

/// Where a redirect arrives that does not come to a loopback address.
pub(crate) type Redirects = mpsc::Receiver<Url>;

/// What a sign-in proved.
pub(crate) struct SignedIn {
    pub(crate) id_token: Secret,
    pub(crate) subject: String,
}

/// Signs the person in at the provider that `backend` names, with `nonce` in the ID token.
///
/// `opened` is told the address once the device is ready for the answer.
pub(crate) async fn sign_in(
    core: &Core,
    backend: &CountersignMetadata,
    nonce: &str,
    redirects: &mut Redirects,
    opened: impl AsyncFnOnce(&Url),
    back: impl FnOnce(),
) -> Result<SignedIn, AuthenticatorError> {
    let clock = ServerClock::new(std::sync::Arc::clone(&core.clock));
    let provider = provider::discover(&core.http, &backend.issuer, &clock).await?;
    let attempt = Attempt::new(core.random.as_ref());
    // The listener stands before the browser opens: nobody else can take the port in between (RFC 8252 section 8.3).
    let (redirect_uri, listener) = if let Some(uri) = core.host.redirect_uri() {
        (uri, None)
    } else {
        let loopback = Loopback::bind().await?;
        (loopback.redirect_uri()?, Some(loopback))
    };
    let client = tokens::Client::new(&provider, backend, redirect_uri.clone());
    let url = client.authorization_url(&attempt, &backend.scope, nonce);
    let awaited = Awaited {
        redirect_uri,
        state: attempt.state.clone(),
        issuer: provider.issuer.clone(),
    };
    opened(&url).await;
    let answer = async {
        match listener {
            Some(listener) => listener.answer(&awaited, core.random.as_ref()).await,
            None => callback::from_shell(redirects, &awaited).await,
        }
    };
    let granted = tokio::time::timeout(core.options.timing.sign_in, answer)
        .await
        .map_err(|_| AuthenticatorError::TimedOut)??;
    back();
    let tokens = client.exchange(&core.http, granted, &attempt).await?;
    let keys = provider::keys(&core.http, &provider).await?;
    let subject = tokens::verify(
        &tokens,
        &keys,
        &provider.issuer,
        backend.client_id.as_str(),
        nonce,
        clock.now_seconds(),
    )?;
    Ok(SignedIn {
        id_token: tokens.id_token,
        subject,
    })
}
