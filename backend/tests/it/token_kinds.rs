//! One token of each kind that we issue or read, all of the same person, the same client and the same device, all good at the same time.

use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use countersign_protocol::KEY_ROTATION_TYP;
use serde_json::{Value, json};

use crate::{
    device_actor::fresh,
    device_upkeep::rotation,
    device_world::ORIGIN,
    op_world::SECRET,
    token_stage::{HINTS, KEYED, PERSON, READER, STORE, Stage, Waiting, authorization, text},
};

/// What is issued or read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    IdToken,
    AppIdToken,
    AccessToken,
    SignedAccessToken,
    RefreshToken,
    Code,
    AuthReqId,
    Handle,
    ClientAssertion,
    ClientSecret,
    SignedRequest,
    AuthorizationRequest,
    RequestUri,
    LoginHintToken,
    TokenProof,
    ResourceProof,
    DeviceProof,
    DeviceRequest,
    Decision,
    KeyProof,
    KeyRotation,
    DeviceAccess,
    DeviceSession,
    SignInState,
    SignInCookie,
    NotificationToken,
    RegistrationToken,
}

pub const KINDS: [Kind; 27] = [
    Kind::IdToken,
    Kind::AppIdToken,
    Kind::AccessToken,
    Kind::SignedAccessToken,
    Kind::RefreshToken,
    Kind::Code,
    Kind::AuthReqId,
    Kind::Handle,
    Kind::ClientAssertion,
    Kind::ClientSecret,
    Kind::SignedRequest,
    Kind::AuthorizationRequest,
    Kind::RequestUri,
    Kind::LoginHintToken,
    Kind::TokenProof,
    Kind::ResourceProof,
    Kind::DeviceProof,
    Kind::DeviceRequest,
    Kind::Decision,
    Kind::KeyProof,
    Kind::KeyRotation,
    Kind::DeviceAccess,
    Kind::DeviceSession,
    Kind::SignInState,
    Kind::SignInCookie,
    Kind::NotificationToken,
    Kind::RegistrationToken,
];

impl Stage {
    /// A fresh, good token of `kind`. Those about a request are about `waiting`.
    pub async fn make(&self, kind: Kind, waiting: &Waiting) -> String {
        let now = self.world.clock.now_seconds();
        let common = json!({"iss": KEYED, "aud": ORIGIN, "iat": now, "nbf": now, "exp": now + 60, "jti": fresh()});
        let with = |more: Value| {
            let mut claims = common.clone();
            claims
                .as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            claims
        };
        match kind {
            Kind::IdToken => self.token(STORE, "id_token").await,
            Kind::AppIdToken => text(&self.newcomer.registration(PERSON)["id_token_hint"]),
            Kind::AccessToken => self.token(STORE, "access_token").await,
            Kind::SignedAccessToken => self.token(READER, "access_token").await,
            Kind::RefreshToken => self.token(STORE, "refresh_token").await,
            Kind::Code => {
                let (state, cookie) = self.page().await;
                let back = self.sign_in(&state, &cookie).await;
                crate::op_browser::parameter(&back.location, "code").unwrap()
            }
            Kind::AuthReqId => self.approved(STORE).await,
            Kind::Handle => waiting.handle.to_string(),
            Kind::ClientAssertion => self.key.sign("JWT", &with(json!({"sub": KEYED}))).unwrap(),
            Kind::ClientSecret => SECRET.to_owned(),
            Kind::SignedRequest => {
                let claims = with(json!({"iss": STORE, "scope": "openid", "login_hint": PERSON}));
                self.key.sign("JWT", &claims).unwrap()
            }
            Kind::AuthorizationRequest => {
                let mut claims = with(json!({"iss": STORE}));
                for (name, value) in authorization() {
                    claims[name] = value.into();
                }
                self.key.sign("oauth-authz-req+jwt", &claims).unwrap()
            }
            Kind::RequestUri => {
                let form = authorization();
                let form: Vec<_> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
                text(&self.as_store("/par", &form).await.json()["request_uri"])
            }
            Kind::LoginHintToken => {
                let names = json!({"format": "iss_sub", "iss": ORIGIN, "sub": format!("sub-{PERSON}")});
                let claims = with(json!({"iss": HINTS, "sub_id": names}));
                self.key.sign("JWT", &claims).unwrap()
            }
            Kind::TokenProof => self.proof("/token", None),
            Kind::ResourceProof => self.proof("/userinfo", Some(&self.bound)),
            Kind::DeviceProof => {
                let claims = self
                    .device
                    .proof_claims("GET", "/ad/v1/requests", Some(&self.device.token));
                self.device.prove(&claims)
            }
            Kind::DeviceRequest => self.request(waiting).await,
            Kind::Decision => self.decision(waiting, &self.request(waiting).await),
            Kind::KeyProof => self.newcomer.key_proof(&self.newcomer.uv),
            Kind::KeyRotation => {
                let new = [(); 2].map(|()| SigningKey::generate(Algorithm::Es256).unwrap());
                let statement = rotation(&self.device, &new[0], &new[1]);
                self.device.pop.sign(KEY_ROTATION_TYP, &statement).unwrap()
            }
            Kind::DeviceAccess => self.device.token.clone(),
            Kind::DeviceSession => self.device.session.clone(),
            Kind::SignInState => self.page().await.0,
            Kind::SignInCookie => self.page().await.1.split_once('=').unwrap().1.to_owned(),
            Kind::NotificationToken => fresh(),
            Kind::RegistrationToken => text(&self.registered["registration_access_token"]),
        }
    }
}
