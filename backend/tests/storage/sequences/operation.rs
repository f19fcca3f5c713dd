//! What can happen to a store, told by small numbers, so that sequences collide and shrink.
//!
//! None has a condition on what was before: a store answers whatever it is asked, and any part of a sequence is a sequence.

use proptest::{collection::vec, prelude::*, strategy::Union};

/// One call and when it comes.
#[derive(Debug, Clone)]
pub struct Step {
    /// Ticks since the step before.
    pub wait: u8,
    /// Whether it comes from a node whose clock is a tick behind.
    pub behind: bool,
    pub operation: Operation,
}

/// An id that the caller makes up.
#[derive(Debug, Clone, Copy)]
pub enum Name {
    Fresh,
    /// Counted back from the newest one.
    Old(u8),
}

/// What is wrong about who comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slip {
    Nothing,
    /// Another person, or another client.
    Somebody,
    /// Any device, whosever it is.
    Device(u8),
    /// A key that is not the device's; a code's redirect URI or challenge.
    Proof(bool),
}

/// Prompts, codes and tokens are counted back from the newest one; people, clients, devices and keys have numbers.
#[derive(Debug, Clone)]
pub enum Operation {
    AddAccount {
        person: u8,
        email_of: u8,
    },
    Disable {
        person: u8,
        disabled: bool,
    },
    AddClient {
        client: u8,
    },
    RemoveClient {
        client: u8,
    },
    Register {
        device: u8,
        person: u8,
        keys: Option<[u8; 2]>,
        push: u8,
        session: Name,
    },
    Rename {
        device: u8,
        person: u8,
    },
    Revoke {
        device: u8,
        person: u8,
    },
    SetPush {
        device: u8,
        push: u8,
    },
    RotateKeys {
        device: u8,
        keys: [u8; 2],
        slip: bool,
    },
    Touch {
        device: u8,
    },
    Open(Open),
    Decide {
        prompt: u8,
        device: u8,
        jti: u8,
        answer: u8,
        slip: Slip,
    },
    Mismatch {
        prompt: u8,
        device: u8,
        decision: u8,
        max_tries: u32,
        slip: Slip,
    },
    Expire {
        limit: u32,
    },
    SweepPrompts {
        older: u8,
        limit: u32,
    },
    Redeem {
        prompt: u8,
        family: Name,
        token: Name,
        refresh: bool,
        slip: bool,
    },
    AddCode {
        client: u8,
        person: u8,
        code: Name,
        family: Name,
    },
    RedeemCode {
        code: u8,
        token: Name,
        refresh: bool,
        slip: Slip,
    },
    RotateRefresh {
        token: u8,
        next: Name,
        slip: bool,
    },
    RevokeToken {
        token: u8,
        refresh: bool,
        slip: bool,
    },
    SweepGrants {
        limit: u32,
    },
    AddKey {
        purpose: u8,
        kid: Name,
    },
    PromoteKey {
        purpose: u8,
    },
    DropRetiredKeys {
        older: u8,
    },
    Remember {
        kind: u8,
        owner: u8,
        id: u8,
        lasts: u8,
    },
    SweepReplay {
        limit: u32,
    },
}

/// A question to open.
#[derive(Debug, Clone)]
pub struct Open {
    pub handle: Name,
    pub person: u8,
    pub client: u8,
    /// Of another provider.
    pub foreign: bool,
    /// Nothing has to be typed.
    pub shown: bool,
    /// Ticks until the deadline.
    pub lasts: u8,
    /// Ticks from the deadline until it is unreadable.
    pub grace: u8,
    pub supersede: bool,
    /// An embedded provider's prompt that lost its request.
    pub bare: bool,
}

pub fn steps(how_many: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let step = (often(0..=0, 1..=2, 4), rarely(12), operation());
    vec(
        step.prop_map(|(wait, behind, operation)| Step {
            wait,
            behind,
            operation,
        }),
        how_many,
    )
}

fn operation() -> impl Strategy<Value = Operation> {
    Union::new_weighted(vec![
        (34, prompts().boxed()),
        (24, redemptions().boxed()),
        (8, devices().boxed()),
        (4, people_and_clients().boxed()),
        (5, keys_and_sightings().boxed()),
    ])
}

fn prompts() -> impl Strategy<Value = Operation> {
    let open = (
        (
            name(),
            often(0..=1, 0..=2, 9),
            often(0..=1, 0..=2, 9),
            rarely(7),
            rarely(4),
        ),
        (1..=12_u8, 0..=4_u8, rarely(4), rarely(30)),
    );
    let open = open.prop_map(
        |((handle, person, client, foreign, shown), (lasts, grace, supersede, bare))| {
            Operation::Open(Open {
                handle,
                person,
                client,
                foreign,
                shown,
                lasts,
                grace,
                supersede,
                bare,
            })
        },
    );
    let which = || often(0..=1, 0..=5, 3);
    let decide = (which(), 0..=1_u8, 0..=2_u8, 0..=6_u8, slip());
    let mismatch = (which(), 0..=1_u8, 0..=3_u8, often(2..=3, 1..=1, 7), slip());
    prop_oneof![
           8 => open,
           10 => decide.prop_map(|(prompt, device, jti, answer, slip)| Operation::Decide { prompt, device, jti, answer, slip }),
           5 => mismatch.prop_map(|(prompt, device, decision, max_tries, slip)| {
    let max_tries = u32::from(max_tries);
               Operation::Mismatch { prompt, device, decision, max_tries, slip }
           }),
           2 => (1..=4_u32).prop_map(|limit| Operation::Expire { limit }),
           1 => (0..=4_u8, 1..=3_u32).prop_map(|(older, limit)| Operation::SweepPrompts { older, limit }),
       ]
}

fn redemptions() -> impl Strategy<Value = Operation> {
    let which = || often(0..=1, 0..=7, 3);
    let redeem = (which(), name(), name(), any::<bool>(), rarely(8));
    let add_code = (0..=1_u8, 0..=1_u8, name(), name());
    let redeem_code = (often(0..=1, 0..=3, 3), name(), any::<bool>(), slip());
    prop_oneof![
        9 => redeem.prop_map(|(prompt, family, token, refresh, slip)| {
            Operation::Redeem { prompt, family, token, refresh, slip }
        }),
        2 => add_code.prop_map(|(client, person, code, family)| Operation::AddCode { client, person, code, family }),
        4 => redeem_code.prop_map(|(code, token, refresh, slip)| Operation::RedeemCode { code, token, refresh, slip }),
        5 => (which(), name(), rarely(8)).prop_map(|(token, next, slip)| Operation::RotateRefresh { token, next, slip }),
        2 => (which(), any::<bool>(), rarely(8))
            .prop_map(|(token, refresh, slip)| Operation::RevokeToken { token, refresh, slip }),
        1 => (1..=3_u32).prop_map(|limit| Operation::SweepGrants { limit }),
    ]
}

fn devices() -> impl Strategy<Value = Operation> {
    let device = || 0..=6_u8;
    let keys = || [0..=15_u8, 0..=15_u8];
    let person = || often(0..=1, 0..=2, 9);
    let owner = often(0..=1, 0..=3, 9);
    let register = (
        device(),
        owner,
        proptest::option::weighted(0.8, keys()),
        0..=3_u8,
        name(),
    );
    prop_oneof![
        4 => register.prop_map(|(device, person, keys, push, session)| {
            Operation::Register { device, person, keys, push, session }
        }),
        1 => (device(), person()).prop_map(|(device, person)| Operation::Rename { device, person }),
        1 => (device(), person()).prop_map(|(device, person)| Operation::Revoke { device, person }),
        1 => (device(), 0..=3_u8).prop_map(|(device, push)| Operation::SetPush { device, push }),
        2 => (device(), keys(), rarely(4)).prop_map(|(device, keys, slip)| Operation::RotateKeys { device, keys, slip }),
        2 => device().prop_map(|device| Operation::Touch { device }),
    ]
}

fn people_and_clients() -> impl Strategy<Value = Operation> {
    let add = (0..=3_u8, 0..=3_u8);
    prop_oneof![
        1 => add.prop_map(|(person, email_of)| Operation::AddAccount { person, email_of }),
        4 => (0..=2_u8, rarely(4)).prop_map(|(person, disabled)| Operation::Disable { person, disabled }),
        3 => (0..=2_u8).prop_map(|client| Operation::AddClient { client }),
        1 => (0..=2_u8).prop_map(|client| Operation::RemoveClient { client }),
    ]
}

fn keys_and_sightings() -> impl Strategy<Value = Operation> {
    let remember = (0..=1_u8, 0..=1_u8, 0..=2_u8, 0..=3_u8);
    prop_oneof![
        3 => (0..=2_u8, name()).prop_map(|(purpose, kid)| Operation::AddKey { purpose, kid }),
        2 => (0..=2_u8).prop_map(|purpose| Operation::PromoteKey { purpose }),
        1 => (0..=4_u8).prop_map(|older| Operation::DropRetiredKeys { older }),
        4 => remember.prop_map(|(kind, owner, id, lasts)| Operation::Remember { kind, owner, id, lasts }),
        1 => (1..=3_u32).prop_map(|limit| Operation::SweepReplay { limit }),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![20 => Just(Name::Fresh), 1 => (0..=3_u8).prop_map(Name::Old)]
}

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        20 => Just(Slip::Nothing),
        1 => Just(Slip::Somebody),
        1 => (0..=6_u8).prop_map(Slip::Device),
        1 => any::<bool>().prop_map(Slip::Proof),
    ]
}

/// True once in so many.
fn rarely(once_in: u32) -> impl Strategy<Value = bool> {
    prop_oneof![once_in - 1 => Just(false), 1 => Just(true)]
}

/// Out of `usual`, `often` times as likely as out of `any`.
fn often(
    usual: std::ops::RangeInclusive<u8>,
    any: std::ops::RangeInclusive<u8>,
    often: u32,
) -> impl Strategy<Value = u8> {
    prop_oneof![often => usual, 1 => any]
}
