//! Long polling: an undecided poll waits for its person, and nothing else changes.

use std::{
    pin::{Pin, pin},
    time::Duration,
};

use tokio::time::timeout;

use crate::op_world::{Answer, World};

/// Longest wait for something that has to come.
const PATIENCE: Duration = Duration::from_secs(20);
const HELD: &str = "[op]\nlong_poll_seconds = 30";

async fn is_held(poll: &mut Pin<&mut impl Future<Output = Answer>>) -> bool {
    timeout(Duration::from_millis(100), poll).await.is_err()
}

async fn answered(poll: impl Future<Output = Answer>) -> Answer {
    timeout(PATIENCE, poll).await.expect("an answer in time")
}

/// Proves: the person's decision ends the wait, and the answers are those of plain polling.
#[tokio::test]
async fn a_held_poll_is_answered_when_the_person_decides() {
    let world = World::with(HELD).await;
    let approved = world.start(&[]).await;
    let mut poll = pin!(world.poll(&approved));
    assert!(is_held(&mut poll).await, "R-159");
    world.approve().await;
    let answer = answered(poll).await;
    assert_eq!(answer.status, 200, "R-165: {}", answer.body);
    assert!(answer.json()["id_token"].is_string(), "R-165");
    answered(world.poll(&approved))
        .await
        .refused(400, "invalid_grant", "R-165: once, as without holding");

    let denied = world.start(&[]).await;
    let mut poll = pin!(world.poll(&denied));
    assert!(is_held(&mut poll).await, "R-159");
    world.deny().await;
    answered(poll).await.refused(400, "access_denied", "R-165");
    answered(world.poll(&denied))
        .await
        .refused(400, "access_denied", "R-165");
}

/// Proves: the wait has an end, which is the one of plain polling.
#[tokio::test]
async fn a_poll_is_held_no_longer_than_it_may() {
    let world = World::with("[op]\nlong_poll_seconds = 1").await;
    let id = world.start(&[]).await;
    answered(world.poll(&id))
        .await
        .refused(400, "authorization_pending", "R-159, R-160");
    world.clock.advance(5_000);
    world.approve().await;
    assert_eq!(answered(world.poll(&id)).await.status, 200, "R-165");
}

/// Proves R-165: a deadline that passes while a poll is held is told as it is to others.
#[tokio::test]
async fn a_held_poll_ends_with_its_request() {
    let world = World::with("[op]\nlong_poll_seconds = 30\nmin_expiry = 1").await;
    let id = world.start(&[("requested_expiry", "1")]).await;
    let mut poll = pin!(world.poll(&id));
    assert!(is_held(&mut poll).await);
    world.clock.advance(1_000);
    answered(poll).await.refused(400, "expired_token", "R-165");
}

/// Proves: pace is measured from sending to sending, so who was held longer than the interval may come back at once.
#[tokio::test]
async fn being_held_is_not_polling_too_fast() {
    let world = World::with("[op]\nlong_poll_seconds = 1").await;
    let id = world.start(&[]).await;
    let mut poll = pin!(world.poll(&id));
    assert!(is_held(&mut poll).await);
    world.clock.advance(5_000);
    answered(poll).await.refused(400, "authorization_pending", "R-159");
    let mut again = pin!(world.poll(&id));
    assert!(is_held(&mut again).await, "R-161: at once, and held again");
    world.clock.advance(1_000);
    answered(world.poll(&id))
        .await
        .refused(400, "slow_down", "R-173: two at once are one too many, and not held");
    world.approve().await;
    assert_eq!(answered(again).await.status, 200, "R-165");
}

/// Proves R-165: a client that hangs up loses nothing.
#[tokio::test]
async fn who_hangs_up_while_being_held_finds_its_tokens_later() {
    let world = World::with("[op]\nlong_poll_seconds = 30\nmax_long_polls = 1").await;
    let id = world.start(&[]).await;
    {
        let mut poll = pin!(world.poll(&id));
        assert!(is_held(&mut poll).await);
    }
    assert!(world.wakes.listened().is_empty(), "nobody waits any more");
    let before = world.stored();
    world.clock.advance(5_000);
    let mut poll = pin!(world.poll(&id));
    assert!(is_held(&mut poll).await, "the place is free again");
    assert_eq!(world.stored(), before, "R-165: holding writes nothing");
    world.approve().await;
    assert_eq!(answered(poll).await.status, 200, "R-165");
}

/// Proves V-045: the number of held polls is bounded.
#[tokio::test]
async fn who_finds_no_place_is_answered_at_once() {
    let world = World::with("[op]\nlong_poll_seconds = 30\nmax_long_polls = 1").await;
    let first = world.start(&[]).await;
    let mut held = pin!(world.poll(&first));
    assert!(is_held(&mut held).await);
    let second = world.start(&[]).await;
    answered(world.poll(&second))
        .await
        .refused(400, "authorization_pending", "V-045: no place is left");
    assert!(is_held(&mut held).await, "the first keeps its own");
}

#[tokio::test]
async fn a_server_that_stops_lets_its_polls_go() {
    let world = World::with(HELD).await;
    let id = world.start(&[]).await;
    let mut poll = pin!(world.poll(&id));
    assert!(is_held(&mut poll).await);
    world.wakes.close();
    answered(poll)
        .await
        .refused(400, "authorization_pending", "R-165: another node holds the next one");
    world.clock.advance(5_000);
    answered(world.poll(&id))
        .await
        .refused(400, "authorization_pending", "nobody is held any more");
}
