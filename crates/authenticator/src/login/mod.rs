//! Signing in: authorization code with PKCE in the system browser (RFC 8252, RFC 9700), start to finish.

mod callback;
mod loopback;
mod offers;
mod page;
mod pkce;
mod provider;
mod token_endpoint;
mod tokens;

use std::sync::Arc;

use countersign_protocol::Secret;
use tokio::sync::mpsc;
use url::Url;

use crate::{core::Core, error::AuthenticatorError, server_clock::ServerClock, signer::Signer};
use callback::Awaited;
use loopback::Loopback;
pub(crate) use offers::{Offer, offered, place};
use pkce::Attempt;
pub(crate) use provider::countersign;
use token_endpoint::Prover;

/// Where a redirect arrives that does not come to a loopback address.
pub(crate) type Redirects = mpsc::Receiver<Url>;

/// What a sign-in proved.
pub(crate) struct SignedIn {
    pub(crate) id_token: Secret,
    pub(crate) subject: String,
}

/// What ties the sign-in to the device's keys.
pub(crate) struct Binding<'a> {
    /// Goes into the ID token.
    pub(crate) nonce: &'a str,
    /// The proof-of-possession key.
    pub(crate) signer: Arc<dyn Signer>,
}

/// Signs the person in at the provider of `offer`.
///
/// `state`, verifier, redirect and issuer belong to this one attempt, and an answer that does not say whose it is (`iss`, RFC 9207) is none:
/// whoever sends the browser on to another provider gets nothing by it.
///
/// `opened` is told the address once the device is ready for the answer.
pub(crate) async fn sign_in(
    core: &Core,
    offer: &Offer,
    binding: &Binding<'_>,
    redirects: &mut Redirects,
    opened: impl AsyncFnOnce(&Url),
    back: impl FnOnce(),
) -> Result<SignedIn, AuthenticatorError> {
    let clock = Arc::new(ServerClock::new(Arc::clone(&core.clock)));
    let provider = provider::discover(&core.http, &offer.issuer, &clock).await?;
    let attempt = Attempt::new(core.random.as_ref());
    // The listener stands before the browser opens: nobody else can take the port in between (RFC 8252 section 8.3).
    let (redirect_uri, listener) = if let Some(uri) = core.host.redirect_uri() {
        (uri, None)
    } else {
        let loopback = Loopback::bind().await?;
        (loopback.redirect_uri()?, Some(loopback))
    };
    let prover = provider.takes_proofs.then(|| Prover {
        signer: Arc::clone(&binding.signer),
        random: Arc::clone(&core.random),
        clock: Arc::clone(&clock),
    });
    let client = tokens::Client::new(&provider, offer, redirect_uri.clone());
    let jkt = prover.as_ref().map(|prover| prover.signer.kid());
    let url = client.authorization_url(&attempt, &offer.scope, binding.nonce, jkt);
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
    let tokens = client.exchange(&core.http, granted, &attempt, prover.as_ref()).await?;
    let keys = provider::keys(&core.http, &provider).await?;
    let subject = tokens::verify(
        &tokens,
        &keys,
        &provider.issuer,
        offer.client_id.as_str(),
        binding.nonce,
        clock.now_seconds(),
    )?;
    Ok(SignedIn {
        id_token: tokens.id_token,
        subject,
    })
}
