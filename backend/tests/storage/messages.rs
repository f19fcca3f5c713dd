//! Messages in which providers outside hand over.

use countersign::{
    domain::{ConnectorId, DebtId, DebtKind, NewDebt},
    storage::{Intake, MessageId, Storage, TakenIn},
};
use countersign_protocol::Handle;
use futures_util::future::join_all;

use crate::sample::{DEADLINE, NOW, hash, prompt};

fn intake(connector: &str, handle: &str, message: &str) -> Intake {
    let mut prompt = prompt(handle, "ada");
    prompt.connector = ConnectorId(connector.to_owned());
    prompt.external_ref = Some(format!("{handle} at {connector}"));
    Intake {
        prompt,
        digest: hash(handle),
        message: Some(MessageId {
            id: message.to_owned(),
            until: DEADLINE,
        }),
        owed: NewDebt {
            id: DebtId {
                reference: handle.to_owned(),
                kind: DebtKind::Complete,
            },
            creditor: connector.to_owned(),
            payload: b"sealed".to_vec(),
            not_before: NOW,
            deadline: DEADLINE,
        },
        supersede: false,
    }
}

async fn is_stored(store: &dyn Storage, handle: &str) -> bool {
    let found = store.find_prompt(&Handle::from(handle)).await;
    found.unwrap().is_some()
}

pub async fn a_message_holds_one_question(store: &dyn Storage) {
    let take = |connector, handle, message| store.take_in(intake(connector, handle, message));
    assert!(matches!(take("acme", "one", "m").await, Ok(TakenIn::New(_))));
    assert!(matches!(take("acme", "one", "m").await, Ok(TakenIn::Again(_))), "V-013");
    assert!(
        matches!(take("acme", "one", "other").await, Ok(TakenIn::Again(_))),
        "V-013"
    );
    let other = take("acme", "two", "m").await;
    assert_eq!(other.unwrap(), TakenIn::Other, "S-092");
    assert!(!is_stored(store, "two").await, "S-092: nothing of it is stored");
    assert!(
        matches!(take("beta", "three", "m").await, Ok(TakenIn::New(_))),
        "another provider's"
    );
    assert!(
        matches!(take("acme", "two", "other").await, Ok(TakenIn::New(_))),
        "the same again needs no message"
    );
    assert_eq!(store.sweep_replay(DEADLINE, 10).await.unwrap(), 3);
    assert!(
        matches!(take("acme", "four", "m").await, Ok(TakenIn::New(_))),
        "forgotten when its time is over"
    );
}

pub async fn of_many_questions_in_one_message_at_once_one_is_taken(store: &dyn Storage) {
    let handles: Vec<String> = (0..30).map(|number| format!("handle-{number}")).collect();
    let taken = join_all(handles.iter().map(|handle| store.take_in(intake("acme", handle, "m")))).await;
    let new = taken.iter().filter(|taken| matches!(taken, Ok(TakenIn::New(_))));
    assert_eq!(new.count(), 1, "S-092");
    let others = taken.iter().filter(|taken| matches!(taken, Ok(TakenIn::Other)));
    assert_eq!(others.count(), 29, "S-092: {taken:?}");
}
