use countersign::{
    domain::{Device, DeviceKeys, NewDevice, TokenHash},
    storage::{Registered, RotateKeys, Storage},
};
use countersign_protocol::{DeviceId, PushTarget, Secret};

use crate::sample::{NOW, ada_and_the_shop, ask_ada, hash, keys, mistype, new_device, person, register};

async fn found(store: &dyn Storage, id: &str) -> Device {
    store.find_device(&DeviceId::from(id)).await.unwrap().unwrap()
}

fn keyless(id: &str, sub: &str) -> NewDevice {
    NewDevice {
        keys: None,
        ..new_device(id, sub)
    }
}

pub async fn a_device_reads_back_as_it_was_registered(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let mut streaming = new_device("desk", "ada");
    (streaming.push, streaming.now) = (PushTarget::Stream, NOW + 1);
    register(store, streaming).await;
    let phone = found(store, "phone").await;
    assert_eq!((phone.account, phone.keys), (person("ada"), Some(keys("phone"))));
    assert_eq!(phone.push, PushTarget::Fcm(Secret::new("fcm-phone")));
    assert_eq!(
        (phone.name.as_str(), phone.created_at, phone.last_seen_at),
        ("ada's phone", NOW, NOW)
    );
    assert_eq!((phone.revoked_at, phone.mismatches), (None, 0));
    let by_session = store
        .find_device_by_session(keys("desk").session)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((by_session.id.as_str(), by_session.push), ("desk", PushTarget::Stream));
    assert!(
        store
            .find_device_by_session(TokenHash([0; 32]))
            .await
            .unwrap()
            .is_none()
    );
    let listed = store.list_devices(&person("ada")).await.unwrap();
    assert_eq!(
        listed.iter().map(|device| device.id.as_str()).collect::<Vec<_>>(),
        ["phone", "desk"],
        "oldest first"
    );
}

pub async fn the_same_key_again_renews_the_device(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    store.mismatch(mistype("h", "1")).await.unwrap();
    let again = NewDevice {
        id: DeviceId::from("proposed"),
        name: "Phone, again".to_owned(),
        keys: Some(DeviceKeys {
            app_version: "2.0.0".to_owned(),
            session: TokenHash(hash("new session")),
            ..keys("phone")
        }),
        push: PushTarget::Apns(Secret::new("apns")),
        now: NOW + 50,
        ..new_device("phone", "ada")
    };
    let Registered::Renewed(device) = store.register_device(again).await.unwrap() else {
        panic!("not renewed");
    };
    assert_eq!(
        (device.id.as_str(), device.name.as_str()),
        ("phone", "Phone, again"),
        "the id stays"
    );
    assert_eq!(
        (device.created_at, device.last_seen_at, device.mismatches),
        (NOW, NOW + 50, 1),
        "S-007: nothing is forgotten"
    );
    assert_eq!(device.push, PushTarget::Apns(Secret::new("apns")));
    assert_eq!(device.keys.unwrap().app_version, "2.0.0");
    assert!(
        store
            .find_device_by_session(keys("phone").session)
            .await
            .unwrap()
            .is_none(),
        "the old session is over"
    );
    let by_session = store
        .find_device_by_session(TokenHash(hash("new session")))
        .await
        .unwrap();
    assert_eq!(by_session.unwrap().id.as_str(), "phone");
    assert_eq!(store.list_devices(&person("ada")).await.unwrap().len(), 1);
}

pub async fn a_key_of_somebody_else_or_of_a_revoked_device_is_refused(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let refused = async |new: NewDevice| {
        let answer = store.register_device(new).await.unwrap();
        assert!(matches!(answer, Registered::KeyInUse), "{answer:?}");
    };
    refused(new_device("phone", "bob")).await;
    let stolen_uv = DeviceKeys {
        uv_thumbprint: "phone-uv".to_owned(),
        ..keys("bobs")
    };
    refused(NewDevice {
        keys: Some(stolen_uv),
        ..new_device("bobs", "bob")
    })
    .await;
    let crossed = DeviceKeys {
        uv_thumbprint: "phone-pop".to_owned(),
        ..keys("bobs")
    };
    refused(NewDevice {
        keys: Some(crossed),
        ..new_device("bobs", "bob")
    })
    .await;
    store
        .revoke_device(&person("ada"), &DeviceId::from("phone"), NOW)
        .await
        .unwrap();
    refused(new_device("phone", "ada")).await;
    assert_eq!(store.list_devices(&person("bob")).await.unwrap().len(), 0);
}

pub async fn a_device_without_keys_is_renewed_by_its_push_target(store: &dyn Storage) {
    register(store, keyless("one", "ada")).await;
    let again = NewDevice {
        id: DeviceId::from("two"),
        name: "Renamed".to_owned(),
        ..keyless("one", "ada")
    };
    let Registered::Renewed(device) = store.register_device(again).await.unwrap() else {
        panic!("not renewed");
    };
    assert_eq!(
        (device.id.as_str(), device.name.as_str(), device.keys),
        ("one", "Renamed", None)
    );
    register(store, keyless("three", "ada")).await;
    let of_bob = NewDevice {
        account: person("bob"),
        id: DeviceId::from("four"),
        ..keyless("one", "bob")
    };
    register(store, of_bob).await;
    let with_keys = NewDevice {
        id: DeviceId::from("five"),
        ..new_device("one", "ada")
    };
    register(store, with_keys).await;
    assert_eq!(store.list_devices(&person("ada")).await.unwrap().len(), 3);
}

pub async fn only_its_owner_changes_a_device(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let id = DeviceId::from("phone");
    assert!(!store.rename_device(&person("bob"), &id, "mine").await.unwrap());
    assert!(!store.revoke_device(&person("bob"), &id, NOW).await.unwrap());
    assert!(store.rename_device(&person("ada"), &id, "Old phone").await.unwrap());
    let phone = found(store, "phone").await;
    assert_eq!((phone.name.as_str(), phone.revoked_at), ("Old phone", None));
}

pub async fn a_revoked_device_is_found_but_not_listed(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let id = DeviceId::from("phone");
    assert!(store.revoke_device(&person("ada"), &id, NOW + 9).await.unwrap());
    assert!(
        !store.revoke_device(&person("ada"), &id, NOW + 10).await.unwrap(),
        "once"
    );
    assert!(!store.rename_device(&person("ada"), &id, "again").await.unwrap());
    assert_eq!(found(store, "phone").await.revoked_at, Some(NOW + 9));
    let by_session = store
        .find_device_by_session(keys("phone").session)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        by_session.revoked_at,
        Some(NOW + 9),
        "so that it is told that it was removed"
    );
    assert_eq!(store.list_devices(&person("ada")).await.unwrap().len(), 0);
}

pub async fn keys_are_rotated_by_who_holds_the_present_one(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let rotation = |old: &str, new: &str| RotateKeys {
        device_id: DeviceId::from("phone"),
        old_thumbprint: old.to_owned(),
        keys: keys(new),
    };
    assert!(!store.rotate_device_keys(rotation("phone-uv", "new")).await.unwrap());
    assert!(store.rotate_device_keys(rotation("phone-pop", "new")).await.unwrap());
    assert!(
        !store.rotate_device_keys(rotation("phone-pop", "newer")).await.unwrap(),
        "not the present one any more"
    );
    let expected = DeviceKeys {
        session: keys("phone").session,
        ..keys("new")
    };
    assert_eq!(found(store, "phone").await.keys, Some(expected), "the session stays");
    store
        .revoke_device(&person("ada"), &DeviceId::from("phone"), NOW)
        .await
        .unwrap();
    assert!(!store.rotate_device_keys(rotation("new-pop", "newer")).await.unwrap());
}

pub async fn keys_of_another_device_are_not_taken_over(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    register(store, new_device("bobs", "bob")).await;
    let rotation = RotateKeys {
        device_id: DeviceId::from("bobs"),
        old_thumbprint: "bobs-pop".to_owned(),
        keys: DeviceKeys {
            uv_thumbprint: "phone-uv".to_owned(),
            ..keys("new")
        },
    };
    assert!(!store.rotate_device_keys(rotation).await.unwrap());
    assert_eq!(found(store, "bobs").await.keys, Some(keys("bobs")));
}

pub async fn a_push_target_is_replaced_on_active_devices_alone(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let (id, target) = (DeviceId::from("phone"), PushTarget::WebPush(Secret::new("{}")));
    assert!(store.set_push_target(&id, target.clone()).await.unwrap());
    assert_eq!(found(store, "phone").await.push, target);
    store.revoke_device(&person("ada"), &id, NOW).await.unwrap();
    assert!(!store.set_push_target(&id, PushTarget::Stream).await.unwrap());
    assert!(
        !store
            .set_push_target(&DeviceId::from("none"), PushTarget::Stream)
            .await
            .unwrap()
    );
}

pub async fn a_touch_shows_at_once_and_never_goes_back(store: &dyn Storage) {
    register(store, new_device("phone", "ada")).await;
    let id = DeviceId::from("phone");
    store.touch_device(&id, NOW + 70).await.unwrap();
    store.touch_device(&id, NOW + 60).await.unwrap();
    assert_eq!(found(store, "phone").await.last_seen_at, NOW + 70);
    store.rename_device(&person("ada"), &id, "renamed").await.unwrap();
    store.touch_device(&id, NOW + 50).await.unwrap();
    assert_eq!(
        found(store, "phone").await.last_seen_at,
        NOW + 70,
        "written with the next change"
    );
    store.touch_device(&DeviceId::from("none"), NOW).await.unwrap();
}
