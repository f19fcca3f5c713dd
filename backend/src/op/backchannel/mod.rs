//! The backchannel authentication endpoint (CIBA Core section 7): a table of checks, one rule and one file each, then the hint, then the
//! acknowledgement. The first failure answers, and changes nothing.

mod acknowledge;
mod acr_values;
mod authorization_details;
mod binding_message;
mod expiry;
mod hints;
mod notification_token;
mod pairwise;
mod request_object;
mod requested_scope;
mod resource;

use countersign_protocol::{BackchannelAuthenticationResponse, OAuthErrorCode, Secret};

pub(super) use binding_message::is_plain_text;

use self::{binding_message::Binding, hints::Hint};
use super::{
    ClientRequest, OpError, Params, Provider, Refusal,
    clients::{Authenticated, PublicClients},
    details::AskedDetails,
};
use crate::{
    domain::{Client, GrantType},
    steps::STEPS,
};

/// What a check may look at.
struct Asked<'a> {
    provider: &'a Provider,
    client: &'a Client,
    params: &'a Params,
}

/// What the checks found. A request that passed all of them has everything.
#[derive(Default)]
struct Checked {
    scope: String,
    details: Option<AskedDetails>,
    resources: Vec<String>,
    acr_values: Option<String>,
    expires_in: u32,
    notification_token: Option<Secret>,
    binding: Binding,
    hint: Hint,
}

/// One rule: it reads what was asked and writes down what it found.
type Check = fn(&Asked<'_>, &mut Checked) -> Result<(), Refusal>;

/// All rules, in the order in which they answer.
const CHECKS: [(&str, Check); 9] = [
    ("request_object", request_object::check),
    ("scope", requested_scope::check),
    ("authorization_details", authorization_details::check),
    ("resource", resource::check),
    ("client_notification_token", notification_token::check),
    ("acr_values", acr_values::check),
    ("requested_expiry", expiry::check),
    ("binding_message", binding_message::check),
    ("hints", hints::check),
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
        if !client.grant_types.contains(&GrantType::Ciba) {
            let unauthorized = OAuthErrorCode::UnauthorizedClient;
            return Err(Refusal::new(unauthorized, "the client is not registered for CIBA").into());
        }
        if client
            .delivery_mode
            .is_some_and(|mode| !self.parts.config.delivery_modes.contains(&mode))
        {
            let unauthorized = OAuthErrorCode::UnauthorizedClient;
            return Err(Refusal::new(unauthorized, "the client's delivery mode is not offered any more").into());
        }
        // No request is signed: request_object refuses them.
        pairwise::proven_enough(&client, proven, false)?;
        let asked = Asked {
            provider: self,
            client: &client,
            params: request.params,
        };
        let mut checked = Checked::default();
        for (name, check) in CHECKS {
            check(&asked, &mut checked).inspect_err(|refusal| {
                tracing::info!(client.id = %client.id, check = name, error = ?refusal.code, "an authentication request was refused");
            })?;
        }
        let account = self.hinted(&client, &checked.hint).await?;
        self.acknowledge(&client, &account, checked).await
    }
}
