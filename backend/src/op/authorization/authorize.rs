//! The authorization endpoint (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2, RFC 7636, RFC 9207): code with PKCE S256 alone.

use countersign_protocol::{DetailsShown, OAuthErrorCode, ScopeShown};

use super::{redirect_uri, sign_in::Sealed};
use crate::{
    domain::{Client, GrantExtras, GrantType},
    op::{OpError, Params, Provider, Refusal, details},
};

const MAX_STATE_LEN: usize = 2048;
const MAX_NONCE_LEN: usize = 512;

/// What the browser is answered.
pub enum Authorize {
    /// The sign-in page.
    Page(Box<SignInPage>),
    /// The client asked for something it cannot have: back to it.
    Redirect(String),
    /// It is not known where back is.
    Refused(Refusal),
}

/// What the sign-in page shows and carries.
pub struct SignInPage {
    /// Who wants the person to sign in.
    pub client_name: String,
    /// Its home page.
    pub client_uri: Option<String>,
    /// Whether it is the app.
    pub is_app: bool,
    /// What it will get to know or do.
    pub scopes: Vec<ScopeShown>,
    /// For what exactly.
    pub details: Option<DetailsShown>,
    /// Sealed; comes back in the hidden field `request`.
    pub request: String,
    /// Binds the page to the browser.
    pub cookie: String,
    /// Seconds that the page is good for.
    pub seconds: u32,
    /// Where the browser goes after the form; it has to be allowed to.
    pub redirect_uri: String,
    /// Already filled in.
    pub username: String,
    /// Why the person sees the page again.
    pub problem: Option<SignInProblem>,
}

/// Why a sign-in did not succeed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInProblem {
    /// Name or password are wrong, or the person is disabled: not told apart.
    Wrong,
    /// Too many wrong ones; try again in so many seconds.
    Wait(u32),
}

/// An authorization request that can be granted.
pub(in crate::op) struct Asked<'a> {
    pub(in crate::op) client: Client,
    pub(in crate::op) redirect_uri: &'a str,
    pub(in crate::op) scope: String,
    pub(in crate::op) extras: GrantExtras,
    pub(in crate::op) state: Option<&'a str>,
    pub(in crate::op) nonce: Option<&'a str>,
    pub(in crate::op) code_challenge: &'a str,
    pub(in crate::op) dpop_jkt: Option<&'a str>,
}

impl Provider {
    /// Answers an authorization request. `cookie` is the value of the sign-in cookie, where the browser has one.
    ///
    /// # Errors
    /// When the store or the sealing does not work.
    pub async fn authorize(&self, params: &Params, cookie: Option<&str>) -> Result<Authorize, OpError> {
        let brought = match self.brought(params).await {
            Ok(brought) => brought,
            Err(OpError::Refused(refusal)) => return self.refuse_as_brought(params, refusal).await,
            Err(error) => return Err(error),
        };
        let params = &*brought;
        let (client, redirect_uri) = match self.whereto(params).await? {
            Ok(known) => known,
            Err(refusal) => return Ok(Authorize::Refused(refusal)),
        };
        let state = params.get("state");
        match self.asked(client, redirect_uri, params) {
            Ok(asked) => {
                let cookie = self.browser_cookie(cookie);
                let request = self.seal(&Sealed::new(self, &asked, &cookie))?;
                let username = params
                    .get("login_hint")
                    .filter(|hint| hint.len() <= 128)
                    .unwrap_or_default();
                let page = self.page(
                    &asked.client,
                    &asked.scope,
                    &asked.extras,
                    asked.redirect_uri,
                    request,
                    cookie,
                );
                Ok(Authorize::Page(Box::new(SignInPage {
                    username: username.to_owned(),
                    ..page
                })))
            }
            Err(refusal) => {
                let state = state.filter(|state| state.len() <= MAX_STATE_LEN);
                Ok(Authorize::Redirect(self.error_redirect(redirect_uri, state, &refusal)))
            }
        }
    }

    /// Answers a request that could not be read: at the address beside it, where that is one of the client's.
    async fn refuse_as_brought(&self, params: &Params, refusal: Refusal) -> Result<Authorize, OpError> {
        let Ok((_, redirect_uri)) = self.whereto(params).await? else {
            return Ok(Authorize::Refused(refusal));
        };
        let state = params.get("state").filter(|state| state.len() <= MAX_STATE_LEN);
        Ok(Authorize::Redirect(self.error_redirect(redirect_uri, state, &refusal)))
    }

    /// The client and where it wants the answer. Until both are known, nobody is redirected anywhere (RFC 9700 section 4.11.2).
    async fn whereto<'a>(&self, params: &'a Params) -> Result<Result<(Client, &'a str), Refusal>, OpError> {
        let named = params
            .required("client_id", 256)
            .and_then(|id| Ok((id, params.required("redirect_uri", 2048)?)));
        let (id, presented) = match named {
            Ok(named) => named,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let Some(client) = self.find_client(id).await? else {
            return Ok(Err(Refusal::invalid_request("client_id is not known here")));
        };
        if !redirect_uri::is_registered(&client, presented) {
            return Ok(Err(Refusal::invalid_request(
                "redirect_uri is not one that the client registered",
            )));
        }
        Ok(Ok((client, presented)))
    }

    pub(super) fn asked<'a>(
        &self,
        client: Client,
        redirect_uri: &'a str,
        params: &'a Params,
    ) -> Result<Asked<'a>, Refusal> {
        let refuse = |code, description| Err(Refusal::new(code, description));
        let state = params.bounded("state", MAX_STATE_LEN)?;
        if params.required("response_type", 64)? != "code" {
            return refuse(OAuthErrorCode::UnsupportedResponseType, "response_type has to be code");
        }
        if params.get("response_mode").is_some_and(|mode| mode != "query") {
            return refuse(OAuthErrorCode::InvalidRequest, "response_mode has to be query");
        }
        if !client.grant_types.contains(&GrantType::AuthorizationCode) {
            return refuse(
                OAuthErrorCode::UnauthorizedClient,
                "the client is not registered for the authorization code grant",
            );
        }
        let scope = params
            .get("scope")
            .ok_or_else(|| Refusal::invalid_request("scope is missing"))?;
        let scope = self.checked_scope(&client, scope)?;
        let details = self.asked_details(&client, params.get("authorization_details"))?;
        let extras = GrantExtras {
            authorization_details: details.map(|details| details.details.text().to_owned()),
            resources: self.asked_resources(&client, params)?,
        };
        let code_challenge = params.required("code_challenge", 128)?;
        if params.get("code_challenge_method") != Some("S256") {
            return refuse(OAuthErrorCode::InvalidRequest, "code_challenge_method has to be S256");
        }
        if !is_sha256(code_challenge) {
            return refuse(
                OAuthErrorCode::InvalidRequest,
                "code_challenge is not a SHA-256 digest in base64url",
            );
        }
        let nonce = params.bounded("nonce", MAX_NONCE_LEN)?;
        let dpop_jkt = params.get("dpop_jkt");
        if !dpop_jkt.is_none_or(is_sha256) {
            return refuse(
                OAuthErrorCode::InvalidRequest,
                "dpop_jkt is not a SHA-256 digest in base64url",
            );
        }
        check_prompt(params)?;
        Ok(Asked {
            client,
            redirect_uri,
            scope,
            extras,
            state,
            nonce,
            code_challenge,
            dpop_jkt,
        })
    }

    pub(in crate::op) fn page(
        &self,
        client: &Client,
        scope: &str,
        extras: &GrantExtras,
        redirect_uri: &str,
        request: String,
        cookie: String,
    ) -> SignInPage {
        SignInPage {
            client_name: client.name.clone(),
            client_uri: client.uri.clone(),
            is_app: client.id == self.app_client.id,
            scopes: self.shown_scopes(scope),
            details: details::of_grant(extras).map(|exact| self.shown_details(&exact)),
            request,
            cookie,
            seconds: self.parts.config.sign_in_seconds,
            redirect_uri: redirect_uri.to_owned(),
            username: String::new(),
            problem: None,
        }
    }

    /// An authorization error response (RFC 6749 section 4.1.2.1), with `iss` (RFC 9207 section 2).
    pub(in crate::op) fn error_redirect(&self, redirect_uri: &str, state: Option<&str>, refusal: &Refusal) -> String {
        let code = serde_json::to_value(refusal.code).ok();
        let code = code
            .as_ref()
            .and_then(serde_json::Value::as_str)
            .unwrap_or("server_error");
        let mut parameters = vec![("error", code), ("error_description", refusal.description.as_ref())];
        parameters.extend(state.map(|state| ("state", state)));
        parameters.push(("iss", self.issuer()));
        redirect_uri::with_parameters(redirect_uri, &parameters)
    }
}

fn is_sha256(text: &str) -> bool {
    countersign_jose::b64::decode(text).is_ok_and(|bytes| bytes.len() == 32)
}

/// Everybody signs in every time, so every `prompt` but `none` and every `max_age` is met (OpenID Connect Core section 3.1.2.1).
fn check_prompt(params: &Params) -> Result<(), Refusal> {
    if params.get("max_age").is_some_and(|age| age.parse::<u32>().is_err()) {
        return Err(Refusal::invalid_request("max_age is not a number of seconds"));
    }
    let prompts: Vec<&str> = params.get("prompt").unwrap_or_default().split(' ').collect();
    match (prompts.contains(&"none"), prompts.len()) {
        (false, _) => Ok(()),
        (true, 1) => Err(Refusal::new(OAuthErrorCode::LoginRequired, "nobody is signed in here")),
        (true, _) => Err(Refusal::invalid_request("prompt=none stands alone")),
    }
}
