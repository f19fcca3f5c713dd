//! Many at once: one of them wins.

use std::collections::HashSet;

use countersign_e2e::{RawDevice, Stage};
use countersign_protocol::{DecisionRequest, PromptState, Verdict};
use reqwest::{Method, StatusCode};
use tokio::task::JoinSet;

const CROWD: usize = 100;

/// S-028: whoever comes second learns what became of the request, and changes nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_parallel_decisions_from_two_devices_one_has_an_effect() {
    let stage = Stage::set().await;
    let laptop = RawDevice::register(&stage.backend, &stage.person, "Anna's laptop").await;
    for round in 0..3 {
        let started = stage.ask(&[]).await;
        let on_phone = stage.waiting().await;
        let on_laptop = laptop.pending().await.remove(0);
        let handle = on_phone.handle.clone();
        assert_eq!(handle, on_laptop.handle, "both devices are asked the same");
        let decisions: Vec<DecisionRequest> = (0..CROWD)
            .map(|index| {
                let verdict = if index % 2 == 0 {
                    Verdict::Approve
                } else {
                    Verdict::Deny
                };
                let (device, pending) = if index % 4 < 2 {
                    (&stage.phone, &on_phone)
                } else {
                    (&laptop, &on_laptop)
                };
                device.decision(pending, verdict, None)
            })
            .collect();
        let url = format!("{}/ad/v1/requests/{handle}/decision", stage.backend.origin);
        let mut race = JoinSet::new();
        for (index, decision) in decisions.into_iter().enumerate() {
            let request = countersign_e2e::http().post(&url).json(&decision);
            race.spawn(async move { (index, countersign_e2e::raw_device::answered(request).await) });
        }
        let answers = race.join_all().await;
        let taken: Vec<_> = answers
            .iter()
            .filter(|(_, (status, _))| *status == StatusCode::OK)
            .collect();
        assert_eq!(
            taken.len(),
            1,
            "S-028, R-143: the first decision wins, and nobody else (round {round})"
        );
        let (winner, (_, settled)) = taken[0];
        let expected = if winner % 2 == 0 {
            PromptState::Approved
        } else {
            PromptState::Denied
        };
        let expected = serde_json::to_value(expected).expect("a state is JSON");
        assert_eq!(
            settled["state"], expected,
            "S-028: the winner's decision is the one recorded"
        );
        for (_, (status, body)) in answers.iter().filter(|(index, _)| index != winner) {
            assert_eq!(*status, StatusCode::CONFLICT, "S-028: the others are told: {body}");
            assert_eq!(body["settled"]["state"], expected, "S-028: what it came to");
            assert_eq!(
                body["settled"]["decided_by"], settled["decided_by"],
                "S-028: and who did it"
            );
        }
        let refused = stage.refused(&started).await;
        let end = if winner % 2 == 0 { "tokens" } else { "access_denied" };
        assert_eq!(refused, end, "S-028: one completion, and it is the winner's");
        let (_, history) = stage.phone.call(Method::GET, "/ad/v1/history", None).await;
        let entries = history["entries"].as_array().expect("there is a history");
        assert_eq!(entries.len(), round + 1, "S-028: one entry for each request");
    }
}

/// V-010, R-167: parallel redemptions of one approval bring one set of tokens.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_a_hundred_parallel_redemptions_one_brings_tokens() {
    let stage = Stage::set().await;
    for _ in 0..3 {
        let started = stage.ask(&[]).await;
        stage.decide(Verdict::Approve, None).await;
        let mut race = JoinSet::new();
        for _ in 0..CROWD {
            let (shop, id) = (stage.shop.clone(), started.auth_req_id.clone());
            let form = [
                ("grant_type", countersign_protocol::CIBA_GRANT.to_owned()),
                ("auth_req_id", id),
            ];
            race.spawn(async move {
                let form: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
                shop.post("token_endpoint", &form).await
            });
        }
        let answers = race.join_all().await;
        let granted = answers.iter().filter(|(status, _)| *status == StatusCode::OK).count();
        assert_eq!(granted, 1, "V-010, R-167: exactly one redemption succeeds");
        let errors: HashSet<&str> = answers.iter().filter_map(|(_, body)| body["error"].as_str()).collect();
        assert_eq!(
            errors,
            HashSet::from(["invalid_grant"]),
            "R-167: the others come too late"
        );
    }
}

/// The same signed decision, sent many times over, is one decision with one answer.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_decision_sent_a_hundred_times_is_taken_once_and_answered_the_same() {
    let stage = Stage::set().await;
    let started = stage.ask(&[]).await;
    let pending = stage.waiting().await;
    let decision = stage.phone.decision(&pending, Verdict::Approve, None);
    let url = format!("{}/ad/v1/requests/{}/decision", stage.backend.origin, pending.handle);
    let mut race = JoinSet::new();
    for _ in 0..CROWD {
        let request = countersign_e2e::http().post(&url).json(&decision);
        race.spawn(countersign_e2e::raw_device::answered(request));
    }
    for (status, body) in race.join_all().await {
        assert_eq!(
            status,
            StatusCode::OK,
            "S-026: a repetition gets the first answer: {body}"
        );
        assert_eq!(body["state"], "approved");
    }
    assert_eq!(stage.refused(&started).await, "tokens");
    assert_eq!(
        stage.refused(&started).await,
        "invalid_grant",
        "R-167: and redeemed once"
    );
}
