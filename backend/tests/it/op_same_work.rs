//! Whoever watches the clock learns no more of people and clients than whoever reads the answers: what is answered alike is the same work.
//!
//! Work is what is looked up, what is written, and passwords that are hashed; everything else is small beside it. Looking up and writing is counted,
//! hashing is measured from below.

use std::time::Instant;

use countersign::{
    domain::{Client, ClientAuthMethod, KeyPurpose},
    storage::Accounts as _,
};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey, password};
use serde_json::json;

use crate::{
    op_browser::open,
    op_world::{Answer, ISSUER, PASSWORD, SECRET, World, basic, shop, unique},
};

/// Asks for each of `kinds`: the answers are the same to the byte, and the store did the same for each.
async fn are_alike<K>(world: &World, kinds: &[(K, &str)], ask: impl AsyncFn(&K) -> Answer) {
    let mut seen = Vec::new();
    for (kind, why) in kinds {
        let before = (world.storage.reads(), world.storage.commits());
        let answer = ask(kind).await;
        let work = (world.storage.reads() - before.0, world.storage.commits() - before.1);
        assert!(work.0 > 0, "V-033: {why}: somebody is looked for");
        seen.push((*why, answer.status, answer.body, work));
    }
    let alike = seen
        .windows(2)
        .all(|two| (two[0].1, &two[0].2, two[0].3) == (two[1].1, &two[1].2, two[1].3));
    assert!(alike, "V-033: answer and work (reads, commits): {seen:#?}");
}

/// Proves V-033.
#[tokio::test]
async fn nobody_is_looked_for_like_somebody_who_is_disabled() {
    let world = World::with("[op]\nunknown_hints = 0").await;
    world.add_person("dora").await;
    world.storage.set_account_disabled("dora", true).await.unwrap();
    let named = |iss: &str, sub: &str| json!({"iss": iss, "sub": sub}).to_string();
    let signer = world.keys.signer(KeyPurpose::IdToken(Algorithm::Es256)).unwrap();
    let now = world.clock.now_seconds();
    let id_token = |sub: &str| {
        let claims = json!({"iss": ISSUER, "aud": "shop", "sub": sub, "exp": now + 60, "iat": now, "auth_time": now});
        signer.sign("JWT", &claims).unwrap()
    };
    let kinds = [
        (("login_hint", "nobody".to_owned()), "nobody"),
        (("login_hint", "sub-dora".to_owned()), "disabled, by the subject"),
        (
            ("login_hint", "dora@mail.example".to_owned()),
            "disabled, by an attribute",
        ),
        (
            ("login_hint", named(ISSUER, "sub-nobody")),
            "nobody by issuer and subject",
        ),
        (
            ("login_hint", named(ISSUER, "sub-dora")),
            "disabled, by issuer and subject",
        ),
        (
            ("login_hint", named("https://other.example", "sub-anna")),
            "somebody elsewhere",
        ),
        (("login_hint", "{".to_owned()), "what names nobody at all"),
        (("id_token_hint", id_token("sub-nobody")), "gone since the ID token"),
        (("id_token_hint", id_token("sub-dora")), "disabled since the ID token"),
    ];
    are_alike(&world, &kinds, async |(name, hint)| {
        let answer = world.post("/bc-authorize", &[("scope", "openid"), (*name, hint)]).await;
        assert_eq!(answer.error(), "unknown_user_id", "{hint}");
        answer
    })
    .await;
}

/// Proves V-033.
#[tokio::test]
async fn a_client_that_is_not_there_is_refused_like_one_with_another_secret() {
    let world = World::new().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let keyed = Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        secret_sha256: None,
        jwks: Some(json!({"keys": [key.public_jwk()]})),
        ..shop("keyed")
    };
    let off = Client {
        disabled: true,
        ..shop("off")
    };
    for client in [keyed, off] {
        world.add_client(client).await;
    }
    let by_secret = [
        (("shop", "wrong"), "another secret"),
        (("nobody", SECRET), "not there"),
        (("off", SECRET), "disabled"),
        (("off", "wrong"), "disabled, another secret"),
        (("keyed", SECRET), "one that has no secret"),
    ];
    for path in ["/introspect", "/token", "/bc-authorize", "/par"] {
        are_alike(&world, &by_secret, async |(id, secret)| {
            let header = basic(id, secret);
            let answer = world.form(path, &[("authorization", &header)], &[("token", "x")]).await;
            assert_eq!(answer.error(), "invalid_client", "{id} at {path}");
            answer
        })
        .await;
    }
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let by_key = [
        ("keyed", "another key"),
        ("nobody", "not there"),
        ("shop", "one that has no key"),
        ("off", "disabled"),
    ];
    are_alike(&world, &by_key, async |id| {
        let now = world.clock.now_seconds();
        let claims = json!({"iss": id, "sub": id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": unique()});
        let assertion = stranger.sign("JWT", &claims).unwrap();
        let kind = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
        let form = [
            ("token", "x"),
            ("client_assertion", &*assertion),
            ("client_assertion_type", kind),
        ];
        let answer = world.form("/introspect", &[], &form).await;
        assert_eq!(answer.error(), "invalid_client", "{id}");
        answer
    })
    .await;
}

/// Proves V-033 for the page where people sign in.
#[tokio::test]
async fn whoever_cannot_sign_in_is_looked_for_once() {
    let world = World::new().await;
    world.add_person("dora").await;
    world.storage.set_account_disabled("dora", true).await.unwrap();
    let page = open(&world, &[]).await;
    let kinds = [
        (("anna", "wrong"), "another password"),
        (("nobody", PASSWORD), "nobody"),
        (("dora", PASSWORD), "disabled"),
        (("dora", "wrong"), "disabled, another password"),
    ];
    are_alike(&world, &kinds, async |(username, password)| {
        let mut answer = page.submit(&world, username, password).await;
        assert_eq!(answer.status, 403, "{username}");
        answer.body = answer.body.replace(username, "");
        answer
    })
    .await;
}

/// Proves V-033: a hash is computed whoever signs in. An answer without one would take a tenth of it.
#[tokio::test]
async fn a_password_is_hashed_for_nobody_too() {
    let world = World::new().await;
    world.add_person("dora").await;
    world.storage.set_account_disabled("dora", true).await.unwrap();
    let fastest = (0..8).map(|_| {
        let before = Instant::now();
        assert!(!password::verify("wrong", password::decoy()).unwrap());
        before.elapsed()
    });
    let hash = fastest.min().unwrap();
    let page = open(&world, &[]).await;
    for (username, password) in [
        ("anna", "wrong"),
        ("nobody", PASSWORD),
        ("dora", PASSWORD),
        ("dora", "wrong"),
        ("", PASSWORD),
        (&"n".repeat(200), PASSWORD),
    ] {
        let before = Instant::now();
        let answer = page.submit(&world, username, password).await;
        assert_eq!(answer.status, 403, "{username}");
        assert!(before.elapsed() * 4 > hash, "V-033: {username}");
    }
}
