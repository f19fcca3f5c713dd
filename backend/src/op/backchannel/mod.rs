//! The backchannel authentication endpoint (CIBA Core section 7): the client, then its signed request where there is one, then a table of
//! checks of parameters, one rule and one file each, then the person, then what the operator's rules say, then the person's code, then the
//! acknowledgement. The first failure answers, and nobody is asked.

mod acknowledge;
mod acr_values;
mod authorization_details;
mod binding_message;
mod entitled;
mod expiry;
mod hints;
mod metadata;
mod notification_token;
mod pairwise;
mod policy;
mod profile;
mod reported;
mod request_context;
mod requested_scope;
mod resource;
mod signed;
mod user_code;

use countersign_protocol::{BackchannelAuthenticationResponse, DetailsShown, Secret};
use serde_json::{Map, Value};

pub use self::signed::AUTHENTICATION_PARAMETERS;
pub(super) use self::{hints::UnknownHints, metadata::BackchannelMetadata};

use self::binding_message::Binding;
use super::{
    ClientRequest, OpError, Params, Provider, Refusal,
    clients::{Authenticated, PublicClients},
};
use crate::{domain::Client, steps::STEPS};

/// What a check may look at.
struct Asked<'a> {
    provider: &'a Provider,
    client: &'a Client,
    /// The claims of the signed request where there is one, else the form.
    params: &'a Params,
}

/// What the checks found. A request that passed all of them has everything.
#[derive(Default)]
struct Checked {
    scope: String,
    details: Option<DetailsShown>,
    resources: Vec<String>,
    acr_values: Option<String>,
    expires_in: u32,
    notification_token: Option<Secret>,
    binding: Binding,
    context: Option<Map<String, Value>>,
    needs_user_verification: bool,
}

/// One rule: it reads what was asked and writes down what it found.
type Check = fn(&Asked<'_>, &mut Checked) -> Result<(), Refusal>;

/// All rules about parameters, in the order in which they answer.
const CHECKS: [(&str, Check); 9] = [
    ("scope", requested_scope::check),
    ("authorization_details", authorization_details::check),
    ("resource", resource::check),
    ("profile", profile::check),
    ("client_notification_token", notification_token::check),
    ("acr_values", acr_values::check),
    ("requested_expiry", expiry::check),
    ("binding_message", binding_message::check),
    ("request_context", request_context::check),
];

impl Provider {
    /// Takes an authentication request: finds the person, asks them, and says how to get the result.
    ///
    /// # Errors
    /// The codes of CIBA Core section 13, or that the store does not answer.
    #[tracing::instrument(target = STEPS, level = "trace", name = "bc-authorize", skip_all)]
    pub async fn backchannel_authentication(
        &self,
        request: ClientRequest<'_>,
    ) -> Result<BackchannelAuthenticationResponse, OpError> {
        let Authenticated { client, proven } = self.authenticate(request, PublicClients::Refused).await?;
        self.entitled(&client)?;
        let signed = self
            .signed_request(&client, request.params)
            .await
            .inspect_err(|error| {
                note(&client, "request", error);
            })?;
        pairwise::proven_enough(&client, proven, signed.is_some())?;
        let asked = Asked {
            provider: self,
            client: &client,
            params: signed.as_ref().unwrap_or(request.params),
        };
        let mut checked = Checked::default();
        for (name, check) in CHECKS {
            check(&asked, &mut checked)
                .map_err(OpError::from)
                .inspect_err(|error| note(&client, name, error))?;
        }
        let hinted = match self.hinted(&asked).await {
            Ok(hinted) => hinted,
            Err(error) => {
                note(&client, "hint", &error);
                return Err(self.as_slow_as_a_person(&asked, error).await);
            }
        };
        policy::check(&asked, &mut checked)
            .map_err(OpError::from)
            .inspect_err(|error| note(&client, "policy", error))?;
        self.check_user_code(&asked, hinted.account())
            .await
            .inspect_err(|error| note(&client, "user_code", error))?;
        let account = self.spend(hinted).await?;
        self.check_not_reported(&client, &account)
            .await
            .inspect_err(|error| note(&client, "reported", error))?;
        self.acknowledge(&client, &account, checked).await
    }
}

/// Tells the operator which rule answered. What was asked is not in it.
fn note(client: &Client, rule: &'static str, error: &OpError) {
    if let OpError::Refused(refusal) = error {
        tracing::info!(client.id = %client.id, check = rule, error = ?refusal.code, "an authentication request was refused");
    }
}
