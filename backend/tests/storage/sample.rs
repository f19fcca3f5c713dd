//! Values to fill a store with.

use countersign::{
    domain::{
        AccessToken, Account, AccountKey, Acr, Amr, Approval, AuthRequestId, BindingMode, CertificateSubject, Client,
        ClientAuthMethod, Confirmation, ConnectorId, Decision, DeviceKeys, GrantFamily, GrantType, Matching,
        NewAccount, NewAuthRequest, NewDevice, Prompt, RefreshToken, RequestExtras, RequestRules, SignedReceipt,
        TokenHash,
    },
    storage::{
        AddAccount, AddClient, Decide, Mismatch, Opened, Opening, Redemption, Registered, Role, SqliteStorage, Storage,
    },
};
use countersign_clock::Millis;
use countersign_protocol::{
    ClientId, ClientShown, DeliveryMode, DenyReason, DetailsShown, DetailsWords, DeviceId, ExactJson, Handle, KeyLevel,
    MemberLabel, Platform, Policy, PublicJwk, PushTarget, ScopeShown, Secret, Subject, UserVerificationPolicy,
    UvMethod,
};
use serde_json::json;
use tempfile::TempDir;

pub const NOW: Millis = 1_800_000_000_000;
pub const DEADLINE: Millis = NOW + 120_000;
pub const READABLE_UNTIL: Millis = DEADLINE + 60_000;
pub const ISSUER: &str = "https://op.example";

pub fn sqlite(directory: &TempDir) -> SqliteStorage {
    SqliteStorage::open(&directory.path().join("countersign.db"), Role::Server).unwrap()
}

/// 32 bytes that differ by what they are of.
pub fn hash(of: &str) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (position, byte) in of.bytes().enumerate() {
        bytes[position % 32] ^= byte.rotate_left(u32::try_from(position / 32).unwrap());
    }
    bytes
}

pub fn person(sub: &str) -> AccountKey {
    AccountKey {
        iss: ISSUER.to_owned(),
        sub: Subject::from(sub),
    }
}

pub fn account(sub: &str) -> Account {
    Account {
        sub: Subject::from(sub),
        username: format!("{sub}-login"),
        name: format!("{sub} Example"),
        attributes: [("email".to_owned(), format!("{sub}@example.org"))].into(),
        password_hash: "$argon2id$not-a-real-one".to_owned(),
        disabled: false,
        created_at: NOW,
    }
}

pub fn client(id: &str) -> Client {
    Client {
        uri: Some(format!("https://{id}.example")),
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        jwks: Some(json!({"keys": []})),
        redirect_uris: vec![format!("https://{id}.example/cb")],
        grant_types: vec![GrantType::Ciba, GrantType::RefreshToken],
        scopes: vec!["openid".to_owned()],
        delivery_mode: Some(DeliveryMode::Poll),
        binding_mode: BindingMode::Type,
        requests: RequestRules {
            max_expiry: Some(300),
            ..RequestRules::default()
        },
        certificate_subject: Some(CertificateSubject::SanDns(format!("{id}.example"))),
        ..Client::new(id, format!("The {id}"), NOW)
    }
}

/// Details with numbers that no machine reads and writes again as they were.
pub fn details() -> DetailsShown {
    DetailsShown {
        details: ExactJson::new(r#"[{"type":"payment", "amount":12.10,"n":12345678901234567890.0}]"#).unwrap(),
        words: vec![DetailsWords {
            kind: "payment".to_owned(),
            title: "Pay".to_owned(),
            labels: vec![MemberLabel {
                at: "/amount".to_owned(),
                text: "Amount".to_owned(),
            }],
            first: vec!["/amount".to_owned()],
        }],
    }
}

/// Extras with something in every member.
pub fn extras() -> RequestExtras {
    RequestExtras {
        authorization_details: Some(r#"[{"type":"payment","amount":12.00}]"#.to_owned()),
        resources: vec!["https://api.example/".to_owned()],
    }
}

pub fn keys(of: &str) -> DeviceKeys {
    DeviceKeys {
        pop: PublicJwk(json!({"kty": "EC", "x": format!("{of}-pop")})),
        pop_thumbprint: format!("{of}-pop"),
        uv: PublicJwk(json!({"kty": "EC", "x": format!("{of}-uv")})),
        uv_thumbprint: format!("{of}-uv"),
        level: KeyLevel::Hardware,
        uv_method: UvMethod::Bio,
        platform: Platform::Android,
        app_version: "1.2.3".to_owned(),
        session: TokenHash(hash(&format!("session of {of}"))),
    }
}

pub fn new_device(id: &str, sub: &str) -> NewDevice {
    NewDevice {
        id: DeviceId::from(id),
        account: person(sub),
        name: format!("{sub}'s {id}"),
        keys: Some(keys(id)),
        push: PushTarget::Fcm(Secret::new(format!("fcm-{id}"))),
        now: NOW,
    }
}

pub fn prompt(handle: &str, sub: &str) -> Prompt {
    Prompt {
        handle: Handle::from(handle),
        connector: ConnectorId::embedded(),
        external_ref: None,
        account: person(sub),
        client: ClientShown {
            id: ClientId::from("shop"),
            name: "The shop".to_owned(),
            uri: Some("https://shop.example".to_owned()),
        },
        scopes: vec![ScopeShown {
            name: "openid".to_owned(),
            text: "Know who you are".to_owned(),
        }],
        details: Some(details()),
        matching: Matching::Type { code: "042".to_owned() },
        acr_values: Some("urn:example:uv".to_owned()),
        context: Some(json!({"reported": {"ip": "192.0.2.1"}})),
        policy: Policy {
            uv: UserVerificationPolicy::Required,
            uv_max_age: 60,
        },
        created_at: NOW,
        expires_at: DEADLINE,
        seq: 0,
        settlement: None,
    }
}

/// A prompt of the embedded provider's `shop`, with its request.
pub fn opening(handle: &str, sub: &str) -> Opening {
    Opening {
        prompt: prompt(handle, sub),
        auth_request: Some(NewAuthRequest {
            id: request_id(handle),
            client_id: ClientId::from("shop"),
            sub: Subject::from(sub),
            scope: "openid profile".to_owned(),
            created_at: NOW,
            expires_at: DEADLINE,
            readable_until: READABLE_UNTIL,
            interval: 5,
            extras: extras(),
            owed: None,
        }),
        ask: None,
        supersede: false,
    }
}

pub fn request_id(handle: &str) -> AuthRequestId {
    AuthRequestId(hash(&format!("auth_req_id of {handle}")))
}

pub fn approval() -> Approval {
    Approval {
        auth_time: NOW / 1000,
        amr: vec![Amr::Hwk, Amr::User],
        acr: Acr("urn:example:uv".to_owned()),
        device_id: Some(DeviceId::from("phone")),
    }
}

pub fn receipt(jti: &str) -> SignedReceipt {
    SignedReceipt {
        request: format!("request for {jti}"),
        decision: format!("decision {jti}"),
        device_key: r#"{"kty":"EC","x":"device"}"#.to_owned(),
        request_key: r#"{"kty":"EC","x":"backend"}"#.to_owned(),
        at: NOW + 1000,
    }
}

/// Ada approves on her phone.
pub fn approve(handle: &str, jti: &str) -> Decide {
    Decide {
        handle: Handle::from(handle),
        account: person("ada"),
        device_id: DeviceId::from("phone"),
        key_thumbprint: "phone-uv".to_owned(),
        jti: jti.to_owned(),
        decision: Decision::Approve(approval()),
        receipt: receipt(jti),
        now: NOW + 1000,
    }
}

/// Ada denies on her phone.
pub fn deny(handle: &str, jti: &str) -> Decide {
    Decide {
        key_thumbprint: "phone-pop".to_owned(),
        decision: Decision::Deny(DenyReason::NotMe),
        ..approve(handle, jti)
    }
}

/// Ada types a wrong number on her phone.
pub fn mistype(handle: &str, decision: &str) -> Mismatch {
    Mismatch {
        handle: Handle::from(handle),
        account: person("ada"),
        device_id: DeviceId::from("phone"),
        decision: decision.to_owned(),
        max_tries: 2,
        now: NOW + 500,
    }
}

pub fn access(of: &str) -> AccessToken {
    AccessToken {
        hash: TokenHash(hash(&format!("access {of}"))),
        confirmation: Some(Confirmation::Jkt(format!("key of {of}"))),
        resources: vec![format!("https://{of}.example/")],
        expires_at: NOW + 600_000,
    }
}

pub fn refresh(of: &str) -> RefreshToken {
    RefreshToken {
        hash: TokenHash(hash(&format!("refresh {of}"))),
        confirmation: Some(Confirmation::X5tS256(format!("certificate of {of}"))),
        expires_at: NOW + 6_000_000,
    }
}

/// The shop comes for its tokens; `of` tells this coming from others.
pub fn redemption(handle: &str, of: &str) -> Redemption {
    Redemption {
        id: request_id(handle),
        client_id: ClientId::from("shop"),
        family_id: format!("family {of}"),
        access: access(of),
        refresh: Some(refresh(of)),
        now: NOW + 2000,
    }
}

pub fn family(id: &str) -> GrantFamily {
    GrantFamily {
        id: id.to_owned(),
        client_id: ClientId::from("shop"),
        sub: Subject::from("ada"),
        scope: "openid".to_owned(),
        auth_time: NOW / 1000,
        amr: vec![Amr::Pwd],
        acr: Acr("0".to_owned()),
        created_at: NOW,
        extras: extras(),
    }
}

pub async fn add_account(store: &dyn Storage, account: Account) {
    assert_eq!(
        store.add_account(NewAccount { account }).await.unwrap(),
        AddAccount::Added
    );
}

pub async fn register(store: &dyn Storage, device: NewDevice) {
    let registered = store.register_device(device).await.unwrap();
    assert!(matches!(registered, Registered::New(_)), "{registered:?}");
}

/// Ada with her phone, and the shop.
pub async fn ada_and_the_shop(store: &dyn Storage) {
    add_account(store, account("ada")).await;
    assert_eq!(store.add_client(client("shop")).await.unwrap(), AddClient::Added);
    register(store, new_device("phone", "ada")).await;
}

/// The shop asks Ada.
pub async fn ask_ada(store: &dyn Storage, handle: &str) -> Opened {
    store.open(opening(handle, "ada")).await.unwrap()
}
