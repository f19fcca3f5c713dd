use countersign::{
    domain::{AuthRequestState, ConnectorId, Matching},
    storage::{Opened, Opening, Storage},
};
use countersign_protocol::{ClientId, Handle, PromptState};

use crate::sample::{
    DEADLINE, NOW, ada_and_the_shop, approve, ask_ada, deny, opening, person, prompt, receipt, redemption, request_id,
};

fn handles(prompts: &[countersign::domain::Prompt]) -> Vec<&str> {
    prompts.iter().map(|prompt| prompt.handle.as_str()).collect()
}

pub async fn a_prompt_reads_back_as_it_was_opened(store: &dyn Storage) {
    let mut bare = prompt("bare", "ada");
    bare.connector = ConnectorId("keycloak".to_owned());
    bare.external_ref = Some("their name for it".to_owned());
    bare.matching = Matching::Show { message: None };
    (bare.details, bare.acr_values, bare.context) = (None, None, None);
    let (bare_opening, full) = (
        Opening {
            prompt: bare.clone(),
            auth_request: None,
            ask: None,
            supersede: false,
        },
        opening("full", "ada"),
    );
    assert_eq!(
        store.open(bare_opening).await.unwrap(),
        Opened {
            seq: 1,
            superseded: vec![]
        }
    );
    assert_eq!(
        store.open(full).await.unwrap(),
        Opened {
            seq: 2,
            superseded: vec![]
        }
    );
    bare.seq = 1;
    assert_eq!(store.find_prompt(&Handle::from("bare")).await.unwrap(), Some(bare));
    let mut expected = prompt("full", "ada");
    expected.seq = 2;
    assert_eq!(store.find_prompt(&Handle::from("full")).await.unwrap(), Some(expected));
    assert_eq!(store.find_prompt(&Handle::from("none")).await.unwrap(), None);
    assert_eq!(store.find_receipt(&Handle::from("full")).await.unwrap(), None);
    let request = store.find_auth_request(request_id("full")).await.unwrap().unwrap();
    assert_eq!(
        (request.handle.as_str(), request.state),
        ("full", AuthRequestState::Pending)
    );
    assert_eq!(
        (request.created_at, request.expires_at, request.interval),
        (NOW, DEADLINE, 5)
    );
}

pub async fn every_change_takes_the_next_number_of_its_person(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    assert_eq!(store.last_seq(&person("ada")).await.unwrap(), 0);
    assert_eq!(ask_ada(store, "a").await.seq, 1);
    assert_eq!(ask_ada(store, "b").await.seq, 2);
    assert_eq!(
        store.open(opening("bobs", "bob")).await.unwrap().seq,
        1,
        "numbers are each person's own"
    );
    store.decide(approve("a", "j1")).await.unwrap();
    assert_eq!(store.last_seq(&person("ada")).await.unwrap(), 3);
    let since = async |seq, limit| store.prompts_since(&person("ada"), seq, limit).await.unwrap();
    assert_eq!(
        handles(&since(0, 10).await),
        ["b", "a"],
        "in order of their last change"
    );
    assert_eq!(handles(&since(2, 10).await), ["a"]);
    assert_eq!(handles(&since(0, 1).await), ["b"]);
    assert_eq!(handles(&since(3, 10).await), [""; 0]);
}

pub async fn what_waits_is_listed_oldest_first_without_what_is_over(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for (handle, created_at, expires_at) in [
        ("newer", NOW + 20, DEADLINE),
        ("older", NOW + 10, DEADLINE),
        ("over", NOW, NOW + 50),
        ("decided", NOW, DEADLINE),
    ] {
        let mut opening = opening(handle, "ada");
        (opening.prompt.created_at, opening.prompt.expires_at) = (created_at, expires_at);
        store.open(opening).await.unwrap();
    }
    store.open(opening("bobs", "bob")).await.unwrap();
    store.decide(deny("decided", "j")).await.unwrap();
    let pending = async |limit| store.pending_prompts(&person("ada"), NOW + 50, limit).await.unwrap();
    assert_eq!(handles(&pending(10).await), ["older", "newer"]);
    assert_eq!(handles(&pending(1).await), ["older"]);
}

pub async fn a_newer_request_of_the_same_client_supersedes_older_ones(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "first").await;
    ask_ada(store, "second").await;
    ask_ada(store, "decided").await;
    store.decide(approve("decided", "j")).await.unwrap();
    let mut of_the_bank = opening("of the bank", "ada");
    of_the_bank.prompt.client.id = ClientId::from("bank");
    store.open(of_the_bank).await.unwrap();
    store.open(opening("bobs", "bob")).await.unwrap();

    let newer = Opening {
        supersede: true,
        ..opening("newer", "ada")
    };
    let opened = store.open(newer).await.unwrap();
    assert_eq!(opened.superseded, [Handle::from("first"), Handle::from("second")]);
    assert_eq!(opened.seq, 8, "four opened, one decided, two superseded, and this one");
    for handle in ["first", "second"] {
        let prompt = store.find_prompt(&Handle::from(handle)).await.unwrap().unwrap();
        assert_eq!(prompt.view_at(NOW).state, PromptState::Superseded);
        let request = store.find_auth_request(request_id(handle)).await.unwrap().unwrap();
        assert_eq!(request.state, AuthRequestState::Denied);
    }
    let pending = store.pending_prompts(&person("ada"), NOW, 10).await.unwrap();
    assert_eq!(
        handles(&pending),
        ["of the bank", "newer"],
        "other clients do not give way"
    );
    assert_eq!(
        store.pending_prompts(&person("bob"), NOW, 10).await.unwrap().len(),
        1,
        "nor other people"
    );
}

pub async fn a_handle_is_opened_once_and_the_second_opening_leaves_nothing(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    ask_ada(store, "h").await;
    let again = Opening {
        supersede: true,
        ..opening("h", "ada")
    };
    assert!(store.open(again).await.is_err());
    let prompt = store.find_prompt(&Handle::from("h")).await.unwrap().unwrap();
    assert_eq!(
        (prompt.seq, prompt.settlement),
        (1, None),
        "it did not supersede itself"
    );
    assert_eq!(store.last_seq(&person("ada")).await.unwrap(), 1);
}

pub async fn history_has_the_proof_and_the_time_of_redemption(store: &dyn Storage) {
    ada_and_the_shop(store).await;
    for handle in ["approved", "denied", "expired", "waiting"] {
        let mut opening = opening(handle, "ada");
        if handle == "expired" {
            opening.prompt.expires_at = NOW + 50;
        }
        store.open(opening).await.unwrap();
    }
    store.expire_prompts(NOW + 60, 10).await.unwrap();
    store.decide(approve("approved", "yes")).await.unwrap();
    let mut denial = deny("denied", "no");
    denial.now = NOW + 1500;
    store.decide(denial).await.unwrap();
    store.redeem(redemption("approved", "1")).await.unwrap();

    let page = async |before, limit| {
        let entries = store.history(&person("ada"), before, limit).await.unwrap();
        let entries = entries
            .into_iter()
            .map(|(prompt, receipt, at)| (prompt.handle.to_string(), receipt, at));
        entries.collect::<Vec<_>>()
    };
    let denied = ("denied".to_owned(), Some(receipt("no")), None);
    let approved = ("approved".to_owned(), Some(receipt("yes")), Some(NOW + 2000));
    let expired = ("expired".to_owned(), None, None);
    assert_eq!(
        page(DEADLINE, 10).await,
        [denied.clone(), approved.clone(), expired.clone()],
        "newest first"
    );
    assert_eq!(page(DEADLINE, 1).await, [denied]);
    assert_eq!(page(NOW + 1500, 10).await, [approved, expired], "strictly before");
    assert_eq!(store.history(&person("bob"), DEADLINE, 10).await.unwrap().len(), 0);
}
