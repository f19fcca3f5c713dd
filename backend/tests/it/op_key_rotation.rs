//! Keys change under several nodes: everybody knows a key before it signs, and nobody signs with keys that may be gone.

use countersign::{
    domain::KeyPurpose,
    keys::{KeyRing, Rotation},
};
use countersign_jose::{Algorithm, b64, seal::SealingKey};
use serde_json::Value;

use crate::{
    device_actor::TestDevice,
    device_world,
    op_world::{ISSUER, START, World},
};

const PURPOSE: KeyPurpose = KeyPurpose::IdToken(Algorithm::Es256);
const ANNOUNCE: i64 = 600_000;

fn kids(ring: &KeyRing) -> Vec<String> {
    let keys = ring.snapshot().public(&[PURPOSE]);
    keys.iter().map(countersign_jose::Jwk::thumbprint).collect()
}

fn signer(ring: &KeyRing) -> String {
    ring.signer(PURPOSE).unwrap().kid().to_owned()
}

/// Proves V-040: old and new overlap.
#[tokio::test]
async fn a_key_signs_only_when_every_node_has_published_it() {
    let world = World::new().await;
    let here = &world.keys;
    let elsewhere = KeyRing::open(
        world.storage.clone(),
        world.clock.clone(),
        SealingKey::new([7; 32]),
        ISSUER.to_owned(),
    );
    let elsewhere = elsewhere.await.unwrap();
    assert_eq!(kids(here), kids(&elsewhere), "the first key is made once");
    let first = signer(here);

    let signs_from = START + ANNOUNCE;
    let published = here.rotate(PURPOSE, ANNOUNCE).await.unwrap();
    assert_eq!(published, Rotation::Published { signs_from });
    world.clock.advance(ANNOUNCE - 1);
    for ring in [here, &elsewhere] {
        let early = ring.rotate(PURPOSE, ANNOUNCE).await.unwrap();
        assert_eq!(early, Rotation::TooEarly { signs_from }, "and nothing changes");
        assert_eq!(signer(ring), first);
        assert_eq!(kids(ring).len(), 2, "the next key is published on every node");
    }
    world.clock.advance(1);
    assert_eq!(here.rotate(PURPOSE, ANNOUNCE).await.unwrap(), Rotation::Promoted);
    let second = signer(here);
    assert_ne!(second, first);
    assert!(
        kids(&elsewhere).contains(&second),
        "who has not read it yet knows the key that signs now"
    );
    assert_eq!(signer(&elsewhere), first, "and still signs with one that all know");
    elsewhere.refresh().await.unwrap();
    assert_eq!(signer(&elsewhere), second);
    assert!(
        kids(&elsewhere).contains(&first),
        "what the old one signed still verifies"
    );
}

/// Proves V-040, R-233: a private key is neither published nor readable on the disk.
#[tokio::test]
async fn private_keys_are_nowhere_to_be_read() {
    let world = World::new().await;
    world.keys.rotate(PURPOSE, ANNOUNCE).await.unwrap();
    let id = world.start(&[]).await;
    world.approve().await;
    let mut told = vec![world.poll(&id).await.body.into_bytes(), world.file()];
    for path in ["/jwks", "/.well-known/openid-configuration"] {
        told.push(world.get(path).await.body.into_bytes());
    }
    for purpose in [
        KeyPurpose::IdToken(Algorithm::Es256),
        KeyPurpose::IdToken(Algorithm::Rs256),
        KeyPurpose::RequestObject,
    ] {
        let key = world.keys.signer(purpose).unwrap();
        let der = key.to_pkcs8();
        // 16 bytes of what is private: the beginning of an EC key's number, the end of an RSA key's last one.
        let from = if purpose == KeyPurpose::IdToken(Algorithm::Rs256) {
            der.len() - 16
        } else {
            36
        };
        let private = &der[from..from + 16];
        let hex = private
            .iter()
            .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        for canary in [
            private.to_vec(),
            b64::encode(private).into_bytes(),
            hex.into_bytes(),
            b64::encode(der).into_bytes(),
        ] {
            let found = told
                .iter()
                .any(|text| text.windows(canary.len()).any(|window| window == canary));
            assert!(!found, "V-040: {purpose:?}");
        }
    }
}

#[tokio::test]
async fn many_rotations_at_once_are_one_step() {
    let world = World::new().await;
    let steps = futures_util::future::join_all((0..8).map(|_| world.keys.rotate(PURPOSE, ANNOUNCE))).await;
    assert!(steps.iter().all(Result::is_ok));
    assert_eq!(kids(&world.keys).len(), 2, "one next key");
}

#[tokio::test]
async fn a_node_that_cannot_read_the_keys_does_not_sign() {
    let world = World::new().await;
    let id = world.start(&[("requested_expiry", "600")]).await;
    world.approve().await;
    world.clock.advance(300_001);
    let before = world.stored();
    let answer = world.poll(&id).await;
    answer.refused(503, "temporarily_unavailable", "nothing is signed with old keys");
    assert!(answer.headers.contains_key("retry-after"));
    assert_eq!(world.stored(), before, "and the approval is not used up");
    world.keys.refresh().await.unwrap();
    let answer = world.poll(&id).await;
    assert_eq!(answer.status, 200, "{}", answer.body);
    let header = answer.json()["id_token"].as_str().unwrap().to_owned();
    let header = b64::decode(header.split('.').next().unwrap()).unwrap();
    let header: Value = serde_json::from_slice(&header).unwrap();
    assert_eq!(header["kid"], signer(&world.keys));
}

#[tokio::test]
async fn neither_does_it_sign_what_devices_show() {
    let world = device_world::World::new().await;
    let device = TestDevice::registered(&world, "anna").await;
    world.clock.advance(300_001);
    world.ask("anna", device_world::World::show("W4SCT")).await;
    let answer = device.call("GET", "/ad/v1/requests", None).await;
    answer.refused(503, "unavailable");
    world.keys.refresh().await.unwrap();
    assert_eq!(device.call("GET", "/ad/v1/requests", None).await.status, 200);
}
