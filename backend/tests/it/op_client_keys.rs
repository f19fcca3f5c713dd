//! Keys of clients that are published elsewhere: found, kept, found again, and never by force.

use countersign::domain::{Client, ClientAuthMethod};
use countersign_clock::Clock as _;
use countersign_jose::{Algorithm, SigningKey};
use serde_json::{Value, json};

use crate::{
    op_receiver::eventually,
    op_world::{Answer, ISSUER, World, shop, unique},
    publisher::{ALLOW, Page, Publisher, jwks},
};

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A provider, a host of keys, and a client `keyed` whose keys are there at `/jwks`.
struct Published {
    world: World,
    host: Publisher,
    key: SigningKey,
}

impl Published {
    async fn new() -> Self {
        Self::with("").await
    }

    async fn with(op: &str) -> Self {
        let world = World::with(&format!("[op]\n{op}\n{ALLOW}")).await;
        let host = Publisher::start().await;
        let key = SigningKey::generate(Algorithm::Es256).unwrap();
        host.publish("/jwks", &[&key]);
        let published = Self { world, host, key };
        published.add("keyed", "/jwks").await;
        published
    }

    async fn add(&self, id: &str, path: &str) {
        let client = Client {
            auth_method: ClientAuthMethod::PrivateKeyJwt,
            secret_sha256: None,
            jwks_uri: Some(self.host.at(path)),
            ..shop(id)
        };
        self.world.add_client(client).await;
    }

    fn claims(&self, id: &str) -> Value {
        let now = self.world.clock.now_seconds();
        json!({"iss": id, "sub": id, "aud": ISSUER, "exp": now + 60, "iat": now, "jti": unique()})
    }

    async fn present(&self, id: &str, key: &SigningKey) -> Answer {
        let assertion = key.sign("JWT", &self.claims(id)).unwrap();
        present(&self.world, &assertion).await
    }
}

async fn present(world: &World, assertion: &str) -> Answer {
    let form = [
        ("token", "unknown"),
        ("client_assertion_type", ASSERTION_TYPE),
        ("client_assertion", assertion),
    ];
    world.form("/introspect", &[], &form).await
}

#[tokio::test]
async fn keys_are_fetched_once_and_kept() {
    let published = Published::new().await;
    for _ in 0..3 {
        assert_eq!(published.present("keyed", &published.key).await.status, 200, "R-101");
    }
    let asked = published.host.asked();
    assert_eq!(asked.len(), 1, "R-101: kept");
    assert_eq!((asked[0].method.as_str(), asked[0].path.as_str()), ("GET", "/jwks"));
    for secret in ["authorization", "cookie", "referer"] {
        assert!(
            asked[0].headers.get(secret).is_none(),
            "V-006: nothing of ours goes along: {secret}"
        );
    }
    published.world.clock.advance(300_000);
    assert_eq!(published.present("keyed", &published.key).await.status, 200);
    assert_eq!(published.host.count(), 2, "after five minutes they are looked at again");
}

#[tokio::test]
async fn a_new_key_is_found_by_its_name_and_an_old_one_forgotten() {
    let published = Published::new().await;
    assert_eq!(published.present("keyed", &published.key).await.status, 200);
    let new = SigningKey::generate(Algorithm::Ps256).unwrap();
    published.host.publish("/jwks", &[&new]);
    published
        .present("keyed", &new)
        .await
        .refused(401, "invalid_client", "V-040: they were fetched a moment ago");
    published.world.clock.advance(30_000);
    assert_eq!(
        published.present("keyed", &new).await.status,
        200,
        "R-101: fetched once more"
    );
    assert_eq!(published.host.count(), 2);
    published.present("keyed", &published.key).await.refused(
        401,
        "invalid_client",
        "V-040: a key that is gone from its place",
    );
}

/// V-040: whoever invents names of keys makes us ask once in 30 seconds, and nobody else waits for it.
#[tokio::test]
async fn invented_names_cause_no_flood() {
    let published = Published::new().await;
    assert_eq!(published.present("keyed", &published.key).await.status, 200);
    for round in 1..=3 {
        published.world.clock.advance(30_000);
        for _ in 0..50 {
            let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
            let answer = published.present("keyed", &stranger).await;
            answer.refused(401, "invalid_client", "V-040: another key");
        }
        assert_eq!(published.host.count(), 1 + round, "V-040: round {round}");
        assert_eq!(published.present("keyed", &published.key).await.status, 200, "V-040");
    }
    published.world.clock.advance(30_000);
    published.host.hold();
    let stranger = SigningKey::generate(Algorithm::Es256).unwrap();
    let (forged, good) = tokio::join!(published.present("keyed", &stranger), async {
        eventually("the fetch", || published.host.count() == 5).await;
        let good = published.present("keyed", &published.key).await;
        published.host.go_on();
        good
    });
    assert_eq!(good.status, 200, "V-040: a known key does not wait for a fetch");
    forged.refused(401, "invalid_client", "V-040");
}

#[tokio::test]
async fn who_comes_together_asks_once_and_who_leaves_changes_nothing() {
    let published = Published::new().await;
    published.host.hold();
    let leaves = async {
        let leaving = published.present("keyed", &published.key);
        tokio::select! {
            _ = leaving => panic!("the keys are not there yet"),
            () = eventually("the fetch", || published.host.count() == 1) => {}
        }
    };
    leaves.await;
    let together = futures_util::future::join_all((0..50).map(|_| published.present("keyed", &published.key)));
    let (answers, ()) = tokio::join!(together, async {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
        published.host.go_on();
    });
    assert!(answers.iter().all(|answer| answer.status == 200), "R-101");
    assert_eq!(published.host.count(), 1, "V-040: one fetch at a time, and one for all");
}

#[tokio::test]
async fn the_host_says_how_long_within_bounds() {
    for (cache_control, seconds) in [
        ("max-age=60", 60),
        ("public, max-age=120, must-revalidate", 120),
        ("no-store", 5),
        ("max-age=0", 5),
        ("max-age=86400", 3600),
    ] {
        let published = Published::new().await;
        let headers = vec![("cache-control", cache_control.to_owned())];
        let page = Page::With(headers, jwks(&[&published.key]));
        published.host.put("/jwks", page);
        for (advance, count) in [(0, 1), (seconds * 1000 - 1, 1), (1, 2)] {
            published.world.clock.advance(advance);
            assert_eq!(published.present("keyed", &published.key).await.status, 200);
            assert_eq!(
                published.host.count(),
                count,
                "V-040: {cache_control} after {advance} ms more"
            );
        }
    }
}

#[tokio::test]
async fn keys_outlive_their_host_for_a_while() {
    let published = Published::with("client_keys_stale_seconds = 600").await;
    assert_eq!(published.present("keyed", &published.key).await.status, 200);
    published
        .host
        .put("/jwks", Page::Raw(503, "text/plain", "later".to_owned()));
    published.world.clock.advance(300_000);
    for _ in 0..10 {
        assert_eq!(published.present("keyed", &published.key).await.status, 200);
    }
    assert_eq!(published.host.count(), 2, "V-040: a host that fails is left alone");
    published.world.clock.advance(600_000);
    published
        .present("keyed", &published.key)
        .await
        .refused(401, "invalid_client", "not for ever");
    published.host.publish("/jwks", &[&published.key]);
    published.world.clock.advance(30_000);
    assert_eq!(
        published.present("keyed", &published.key).await.status,
        200,
        "it came back"
    );
}

#[tokio::test]
async fn what_is_no_set_of_public_keys_is_none() {
    let published = Published::new().await;
    let mut with_secret = jwks(&[&published.key]);
    with_secret["keys"][0]["d"] = json!("AAAA");
    let pages = [
        ("nothing", None),
        ("no JSON", Some(Page::Raw(200, "application/json", "<html>".to_owned()))),
        (
            "another type",
            Some(Page::Raw(200, "text/html", jwks(&[&published.key]).to_string())),
        ),
        ("a list", Some(Page::Json(json!([])))),
        ("no keys", Some(Page::Json(json!({"keys": []})))),
        (
            "twice the same",
            Some(Page::Raw(
                200,
                "application/json",
                r#"{"keys":[],"keys":[]}"#.to_owned(),
            )),
        ),
        ("a secret key", Some(Page::Json(with_secret))),
        ("a redirect", Some(Page::Elsewhere(302, "/jwks"))),
        ("without end", Some(Page::Endless)),
    ];
    for (number, (what, page)) in pages.into_iter().enumerate() {
        let (id, path) = (format!("client-{number}"), format!("/{number}"));
        published.add(&id, &path).await;
        if let Some(page) = page {
            published.host.put(&path, page);
        }
        let before = published.host.count();
        let answer = published.present(&id, &published.key).await;
        answer.refused(401, "invalid_client", what);
        assert_eq!(
            published.host.count(),
            before + 1,
            "V-004: nothing else was asked for: {what}"
        );
    }
}

#[tokio::test]
async fn a_key_is_good_for_the_client_that_publishes_it() {
    let published = Published::new().await;
    let other = SigningKey::generate(Algorithm::Es256).unwrap();
    published.host.publish("/other", &[&other]);
    published.add("other", "/other").await;
    published
        .present("keyed", &other)
        .await
        .refused(401, "invalid_client", "R-101: another client's key");
    // The same name for another key.
    let borrowed = other.public_jwk().with_kid(published.key.kid());
    published.host.put("/other", Page::Json(json!({"keys": [borrowed]})));
    published.world.clock.advance(300_000);
    published.present("other", &published.key).await.refused(
        401,
        "invalid_client",
        "R-101: another client's name of a key",
    );
    let named = other.public_jwk().with_kid(other.kid());
    published.host.put("/other", Page::Json(json!({"keys": [named]})));
    published.world.clock.advance(300_000);
    assert_eq!(published.present("other", &other).await.status, 200, "its own is fine");
}

#[tokio::test]
async fn an_address_that_must_not_be_called_has_no_keys() {
    let world = World::new().await;
    let host = Publisher::start().await;
    let key = SigningKey::generate(Algorithm::Es256).unwrap();
    let client = Client {
        auth_method: ClientAuthMethod::PrivateKeyJwt,
        secret_sha256: None,
        jwks_uri: Some(host.publish("/jwks", &[&key])),
        ..shop("inside")
    };
    world.add_client(client).await;
    let now = world.clock.now_seconds();
    let claims = json!({"iss": "inside", "sub": "inside", "aud": ISSUER, "exp": now + 60, "jti": unique()});
    let answer = present(&world, &key.sign("JWT", &claims).unwrap()).await;
    answer.refused(401, "invalid_client", "V-003: loopback that nobody allowed");
    assert_eq!(host.count(), 0, "V-003: nobody was called");
}
