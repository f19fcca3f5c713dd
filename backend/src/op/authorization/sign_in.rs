//! The sign-in page's form: whose browser it is, whether the password is right, and the code that comes of it.

use std::{net::IpAddr, sync::Arc};

use countersign_clock::Millis;
use countersign_jose::{b64, digest, password};
use countersign_protocol::{OAuthErrorCode, Secret};
use serde::{Deserialize, Serialize};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{
    authorize::{Asked, SignInPage, SignInProblem},
    redirect_uri,
    throttle::Verdict,
};
use crate::{
    domain::{Account, Acr, Amr, AuthorizationCode, Client, GrantExtras, GrantFamily},
    op::{ACR_PASSWORD, OpError, Provider, Refusal, fresh},
};

const CONTEXT: &str = "op.sign_in";
const MAX_NAME_LEN: usize = 256;
/// Passwords hashed at the same time: each takes 19 MiB and a core.
const AT_ONCE: usize = 2;
/// Sign-ins that are hashed or wait for it, some seconds of work; who comes on top of them is asked to come back.
const IN_LINE: usize = 64;
/// Seconds after which they come back.
const COME_BACK: u32 = 5;

/// The one place where passwords are hashed, a few at a time.
pub(in crate::op) struct Passwords {
    hashing: Arc<Semaphore>,
    line: Arc<Semaphore>,
}

impl Default for Passwords {
    fn default() -> Self {
        Self {
            hashing: Arc::new(Semaphore::new(AT_ONCE)),
            line: Arc::new(Semaphore::new(IN_LINE)),
        }
    }
}

impl Passwords {
    /// A place in the line, unless it is too long.
    pub(in crate::op) fn line_up(&self) -> Option<OwnedSemaphorePermit> {
        self.line.clone().try_acquire_owned().ok()
    }

    /// Whether `password` belongs to `phc`. Runs to its end even when the browser goes away.
    pub(in crate::op) async fn verify(&self, password: Secret, phc: String) -> Result<bool, OpError> {
        let permit = self
            .hashing
            .clone()
            .acquire_owned()
            .await
            .map_err(|_| OpError::Stopped)?;
        let verified = tokio::task::spawn_blocking(move || {
            let _held = permit;
            password::verify(password.expose(), &phc)
        });
        Ok(verified.await.map_err(|_| OpError::Stopped)??)
    }
}

/// The authorization request on its way through the browser: sealed, so that nobody reads or alters it.
#[derive(Serialize, Deserialize)]
pub(in crate::op) struct Sealed {
    client_id: String,
    redirect_uri: String,
    scope: String,
    state: Option<String>,
    nonce: Option<String>,
    code_challenge: String,
    #[serde(default)]
    dpop_jkt: Option<String>,
    /// Digest of the cookie of the browser that it was made for.
    browser: String,
    expires_at: Millis,
}

impl Sealed {
    pub(in crate::op) fn new(provider: &Provider, asked: &Asked<'_>, cookie: &str) -> Self {
        let life = Millis::from(provider.parts.config.sign_in_seconds) * 1000;
        Self {
            client_id: asked.client.id.as_str().to_owned(),
            redirect_uri: asked.redirect_uri.to_owned(),
            scope: asked.scope.clone(),
            state: asked.state.map(str::to_owned),
            nonce: asked.nonce.map(str::to_owned),
            code_challenge: asked.code_challenge.to_owned(),
            dpop_jkt: asked.dpop_jkt.map(str::to_owned),
            browser: digest::sha256_b64(cookie),
            expires_at: provider.parts.clock.now() + life,
        }
    }
}

/// A form that came back.
pub struct SignInAttempt<'a> {
    /// The hidden field.
    pub request: Option<&'a str>,
    /// The cookie.
    pub cookie: Option<&'a str>,
    /// Sign-in name.
    pub username: &'a str,
    /// Password.
    pub password: Secret,
    /// Whether the person pressed Cancel.
    pub cancelled: bool,
    /// Where the browser is, when it is known.
    pub peer: Option<IpAddr>,
}

/// What the browser is answered.
pub enum SignIn {
    /// Back to the client, with a code or with `access_denied`.
    Redirect(String),
    /// The page again.
    Page(Box<SignInPage>),
    /// The page is over, or another browser's.
    Refused(Refusal),
}

impl Provider {
    /// Takes the form of the sign-in page.
    ///
    /// # Errors
    /// When the store or the hashing does not work.
    pub async fn sign_in(&self, attempt: SignInAttempt<'_>) -> Result<SignIn, OpError> {
        let over = || {
            SignIn::Refused(Refusal::invalid_request(
                "This page is over, or was opened in another browser. Please start again where you came from.",
            ))
        };
        let (Some(request), Some(cookie)) = (attempt.request, attempt.cookie) else {
            return Ok(over());
        };
        let Some(sealed) = self.unseal(request, cookie) else {
            return Ok(over());
        };
        // The client may have been removed in the meantime.
        let Some(client) = self.find_client(&sealed.client_id).await? else {
            return Ok(over());
        };
        if attempt.cancelled {
            let denied = Refusal::new(OAuthErrorCode::AccessDenied, "the person did not sign in");
            let to = self.error_redirect(&sealed.redirect_uri, sealed.state.as_deref(), &denied);
            return Ok(SignIn::Redirect(to));
        }
        let problem = match self.who(&attempt).await? {
            Ok(account) => return self.signed_in(&client, &account, sealed).await.map(SignIn::Redirect),
            Err(problem) => problem,
        };
        let page = self.page(
            &client,
            &sealed.scope,
            &sealed.redirect_uri,
            request.to_owned(),
            cookie.to_owned(),
        );
        Ok(SignIn::Page(Box::new(SignInPage {
            username: attempt.username.chars().take(MAX_NAME_LEN).collect(),
            problem: Some(problem),
            ..page
        })))
    }

    /// The cookie of this browser: the one it has, or a new one.
    pub(in crate::op) fn browser_cookie(&self, present: Option<&str>) -> String {
        let good = present.filter(|value| b64::decode(value).is_ok_and(|bytes| bytes.len() == 32));
        good.map_or_else(|| fresh::secret(&*self.parts.random), str::to_owned)
    }

    pub(in crate::op) fn seal(&self, sealed: &Sealed) -> Result<String, OpError> {
        let plain = serde_json::to_vec(sealed).map_err(|_| OpError::Jose(countersign_jose::JoseError::Seal))?;
        Ok(b64::encode(self.parts.keys.sealing().seal(CONTEXT, &plain)?))
    }

    fn unseal(&self, request: &str, cookie: &str) -> Option<Sealed> {
        let plain = self
            .parts
            .keys
            .sealing()
            .open(CONTEXT, &b64::decode(request).ok()?)
            .ok()?;
        let sealed: Sealed = serde_json::from_slice(&plain).ok()?;
        let own = digest::equal(sealed.browser.as_bytes(), digest::sha256_b64(cookie).as_bytes());
        (own && self.parts.clock.now() < sealed.expires_at).then_some(sealed)
    }

    /// Who signs in. Unknown and disabled people take as long as others and are answered like a wrong password.
    async fn who(&self, attempt: &SignInAttempt<'_>) -> Result<Result<Account, SignInProblem>, OpError> {
        // Before the attempt is counted: whoever is sent away has not guessed.
        let Some(_place) = self.passwords.line_up() else {
            return Ok(Err(SignInProblem::Wait(COME_BACK)));
        };
        let now = self.parts.clock.now();
        let name = attempt.username;
        let ticket = match self.throttle.attempt(name, attempt.peer, now) {
            Verdict::Go(ticket) => ticket,
            Verdict::Wait(seconds) => return Ok(Err(SignInProblem::Wait(seconds))),
        };
        let found = if name.len() <= MAX_NAME_LEN {
            self.parts.storage.find_account_by_username(name).await?
        } else {
            None
        };
        let phc = found
            .as_ref()
            .map_or_else(|| password::decoy().to_owned(), |account| account.password_hash.clone());
        let right = self.passwords.verify(attempt.password.clone(), phc).await?;
        let Some(account) = found.filter(|account| right && !account.disabled) else {
            tracing::info!("a sign-in failed");
            return Ok(Err(SignInProblem::Wrong));
        };
        self.throttle.succeeded(name, attempt.peer, ticket);
        Ok(Ok(account))
    }

    /// Issues the code. Returns where the browser goes.
    async fn signed_in(&self, client: &Client, account: &Account, sealed: Sealed) -> Result<String, OpError> {
        let now = self.parts.clock.now();
        let code = fresh::secret(&*self.parts.random);
        let stored = AuthorizationCode {
            hash: fresh::hash(&code),
            family: GrantFamily {
                id: fresh::secret(&*self.parts.random),
                client_id: client.id.clone(),
                sub: account.sub.clone(),
                scope: sealed.scope,
                auth_time: self.parts.clock.now_seconds(),
                amr: vec![Amr::Pwd],
                acr: Acr(ACR_PASSWORD.to_owned()),
                created_at: now,
                extras: GrantExtras::default(),
            },
            redirect_uri: sealed.redirect_uri.clone(),
            code_challenge: sealed.code_challenge,
            nonce: sealed.nonce,
            dpop_jkt: sealed.dpop_jkt,
            expires_at: now + Millis::from(self.parts.config.code_seconds) * 1000,
        };
        self.parts.storage.add_code(stored).await?;
        tracing::info!(client.id = %client.id, "somebody signed in");
        let mut parameters = vec![("code", code.as_str())];
        parameters.extend(sealed.state.as_deref().map(|state| ("state", state)));
        parameters.push(("iss", self.issuer()));
        Ok(redirect_uri::with_parameters(&sealed.redirect_uri, &parameters))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_of_passwords_is_bounded_and_who_leaves_makes_room() {
        let passwords = Passwords::default();
        let mut line: Vec<_> = std::iter::from_fn(|| passwords.line_up()).take(IN_LINE + 1).collect();
        assert_eq!(line.len(), IN_LINE, "nobody waits behind a line without end");
        line.pop();
        assert!(passwords.line_up().is_some(), "a place is free again");
    }
}
