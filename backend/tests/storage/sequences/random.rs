//! Which operations come how often.

use std::ops::{Range, RangeInclusive};

use proptest::{collection::vec, option::weighted, prelude::*, strategy::Union};

use super::operation::{
    Decide, Ends, Mismatch, Moment, Name, Open, Operation, Pick, Provider, Redeem, Register, Seal, Slip, Step,
};

pub fn steps(how_many: Range<usize>) -> impl Strategy<Value = Vec<Step>> {
    let step = (often(4, 0..=0, 1..=2), moment(), operation());
    let step = step.prop_map(|(wait, moment, operation)| Step {
        wait,
        moment,
        operation,
    });
    vec(step, how_many)
}

fn moment() -> impl Strategy<Value = Moment> {
    prop_oneof![10 => Just(Moment::Now), 1 => Just(Moment::Behind), 1 => Just(Moment::TooLate)]
}

fn operation() -> impl Strategy<Value = Operation> {
    Union::new_weighted(vec![
        (44, prompts().boxed()),
        (34, grants().boxed()),
        (14, devices().boxed()),
        (9, people_and_clients().boxed()),
        (10, keys_and_sightings().boxed()),
        (20, debts().boxed()),
        (6, user_codes().boxed()),
    ])
}

fn prompts() -> impl Strategy<Value = Operation> {
    let sweep = (0..=9_u8, 1..=3_u32);
    prop_oneof![
        8 => open().prop_map(Operation::Open),
        9 => decide().prop_map(Operation::Decide),
        6 => mismatch().prop_map(Operation::Mismatch),
        2 => (1..=4_u32).prop_map(|limit| Operation::Expire { limit }),
        1 => sweep.prop_map(|(older, limit)| Operation::SweepPrompts { older, limit }),
    ]
}

fn open() -> impl Strategy<Value = Open> {
    let who = (name(), often(2, 0..=0, 1..=2), often(2, 0..=0, 1..=2), provider());
    let how = (once_in(4), 1..=12_u8, 0..=4_u8, once_in(3), once_in(2));
    (who, how).prop_map(
        |((handle, person, client, provider), (shown, lasts, grace, supersede, called))| Open {
            handle,
            person,
            client,
            provider,
            shown,
            lasts,
            grace,
            supersede,
            called,
        },
    )
}

fn provider() -> impl Strategy<Value = Provider> {
    prop_oneof![24 => Just(Provider::Embedded), 1 => Just(Provider::WithoutRequest), 4 => Just(Provider::Other)]
}

fn decide() -> impl Strategy<Value = Decide> {
    let answer = (0..=2_u8, weighted(0.3, 0..=2_u8));
    (pick(), 0..=1_u8, answer, slip()).prop_map(|(prompt, device, (jti, deny), slip)| Decide {
        prompt,
        device,
        jti,
        deny,
        slip,
    })
}

fn mismatch() -> impl Strategy<Value = Mismatch> {
    let max_tries = often(7, 2..=4, 1..=1);
    (pick(), often(2, 0..=0, 1..=1), 0..=4_u8, max_tries, slip()).prop_map(
        |(prompt, device, decision, max_tries, slip)| Mismatch {
            prompt,
            device,
            decision,
            max_tries,
            slip,
        },
    )
}

fn grants() -> impl Strategy<Value = Operation> {
    let redeem = (pick(), name(), name(), proptest::bool::weighted(0.8), once_in(10));
    let redeem = redeem.prop_map(|(prompt, family, token, refresh, slip)| Redeem {
        prompt,
        family,
        token,
        refresh,
        slip,
    });
    let add_code = (0..=1_u8, 0..=1_u8, name(), name());
    let bring = (pick(), name(), proptest::bool::weighted(0.8), slip());
    let rotate = (pick(), name(), once_in(10));
    let revoke = (pick(), any::<bool>(), once_in(3));
    prop_oneof![
        9 => redeem.prop_map(Operation::Redeem),
        3 => add_code.prop_map(|(client, person, code, family)| Operation::AddCode { client, person, code, family }),
        5 => bring.prop_map(|(code, token, refresh, slip)| Operation::RedeemCode { code, token, refresh, slip }),
        8 => rotate.prop_map(|(token, next, slip)| Operation::RotateRefresh { token, next, slip }),
        3 => revoke.prop_map(|(token, refresh, slip)| Operation::RevokeToken { token, refresh, slip }),
        2 => (1..=3_u32).prop_map(|limit| Operation::SweepGrants { limit }),
    ]
}

fn debts() -> impl Strategy<Value = Operation> {
    let debt = || prop_oneof![6 => often(2, 0..=0, 1..=2).prop_map(Pick::Apt), 1 => (0..=5_u8).prop_map(Pick::Any)];
    let seal = (debt(), name(), name(), proptest::bool::weighted(0.8), once_in(9));
    let seal = seal.prop_map(|(debt, family, token, tokens, slip)| Seal {
        debt,
        family,
        token,
        tokens,
        slip,
    });
    let ends = prop_oneof![2 => Just(Ends::Paid), 2 => Just(Ends::Refused), 2 => (0..=2_u8).prop_map(Ends::Later)];
    let settle = (debt(), ends, once_in(9));
    prop_oneof![
        4 => (1..=5_u8).prop_map(|lasts| Operation::ClaimDebts { lasts }),
        8 => seal.prop_map(Operation::Seal),
        5 => settle.prop_map(|(debt, ends, slip)| Operation::SettleDebt { debt, ends, slip }),
        3 => debt().prop_map(|debt| Operation::ResendDebt { debt }),
        1 => (0..=9_u8, 1..=3_u32).prop_map(|(older, limit)| Operation::SweepDebts { older, limit }),
    ]
}

fn user_codes() -> impl Strategy<Value = Operation> {
    let person = || often(3, 0..=0, 1..=3);
    prop_oneof![
        3 => (person(), weighted(0.8, 0..=1_u8)).prop_map(|(person, code)| Operation::SetUserCode { person, code }),
        8 => (person(), 1..=2_u8).prop_map(|(person, tries)| Operation::TryUserCode { person, tries }),
        1 => person().prop_map(|person| Operation::UserCodeWasRight { person }),
    ]
}

fn devices() -> impl Strategy<Value = Operation> {
    let device = || often(2, 0..=2, 0..=9);
    let with = (
        weighted(0.6, [0..=47_u8, 0..=47_u8]),
        often(1, 1..=1, 0..=3),
        name(),
        once_in(3),
    );
    let register = (device(), often(9, 0..=1, 0..=3), with);
    let register = register.prop_map(|(device, person, (keys, push, session, again))| Register {
        device,
        person,
        keys,
        push,
        session,
        again,
    });
    let rotate = (device(), [0..=47_u8, 0..=47_u8], once_in(4));
    prop_oneof![
        9 => register.prop_map(Operation::Register),
        2 => (device(), once_in(4)).prop_map(|(device, slip)| Operation::Rename { device, slip }),
        3 => (device(), once_in(6)).prop_map(|(device, slip)| Operation::Revoke { device, slip }),
        1 => (device(), 0..=3_u8).prop_map(|(device, push)| Operation::SetPush { device, push }),
        2 => rotate.prop_map(|(device, keys, slip)| Operation::RotateKeys { device, keys, slip }),
        3 => device().prop_map(|device| Operation::Touch { device }),
    ]
}

fn people_and_clients() -> impl Strategy<Value = Operation> {
    let add = (often(1, 3..=3, 0..=2), 0..=3_u8);
    prop_oneof![
        2 => add.prop_map(|(person, email_of)| Operation::AddAccount { person, email_of }),
        7 => (0..=2_u8, once_in(4)).prop_map(|(person, disabled)| Operation::Disable { person, disabled }),
        6 => (0..=2_u8).prop_map(|client| Operation::AddClient { client }),
        3 => (0..=2_u8).prop_map(|client| Operation::RemoveClient { client }),
        4 => (0..=2_u8, once_in(3), once_in(6))
            .prop_map(|(client, disabled, slip)| Operation::ReplaceClient { client, disabled, slip }),
        3 => (0..=2_u8, weighted(0.7, 0..=1_u8), 0..=3_u8)
            .prop_map(|(client, invitation, most)| Operation::RegisterClient { client, invitation, most }),
        2 => (0..=1_u8, 1..=2_u8, 1..=12_u8)
            .prop_map(|(invitation, uses, lasts)| Operation::Invite { invitation, uses, lasts }),
        1 => (0..=1_u8).prop_map(|invitation| Operation::TakeBack { invitation }),
    ]
}

fn keys_and_sightings() -> impl Strategy<Value = Operation> {
    let purpose = || often(4, 1..=1, 0..=2);
    let remember = (0..=1_u8, often(3, 0..=0, 1..=1), 0..=1_u8, 0..=3_u8);
    prop_oneof![
        4 => (purpose(), name()).prop_map(|(purpose, kid)| Operation::AddKey { purpose, kid }),
        3 => (purpose(), 0..=1_u8).prop_map(|(purpose, older)| Operation::PromoteKey { purpose, older }),
        3 => (0..=1_u8).prop_map(|older| Operation::DropRetiredKeys { older }),
        4 => remember.prop_map(|(kind, owner, id, lasts)| Operation::Remember { kind, owner, id, lasts }),
        1 => (1..=3_u32).prop_map(|limit| Operation::SweepReplay { limit }),
    ]
}

fn name() -> impl Strategy<Value = Name> {
    prop_oneof![20 => Just(Name::Fresh), 1 => (0..=3_u8).prop_map(Name::Old)]
}

fn pick() -> impl Strategy<Value = Pick> {
    prop_oneof![3 => often(2, 0..=0, 1..=2).prop_map(Pick::Apt), 2 => (0..=5_u8).prop_map(Pick::Any)]
}

fn slip() -> impl Strategy<Value = Slip> {
    prop_oneof![
        20 => Just(Slip::Nothing),
        1 => Just(Slip::Somebody),
        1 => (0..=9_u8).prop_map(Slip::Device),
        1 => any::<bool>().prop_map(Slip::Proof),
    ]
}

fn once_in(times: u32) -> impl Strategy<Value = bool> {
    prop_oneof![times - 1 => Just(false), 1 => Just(true)]
}

/// Out of `usual`, `times` as likely as out of `other`.
fn often(times: u32, usual: RangeInclusive<u8>, other: RangeInclusive<u8>) -> impl Strategy<Value = u8> {
    prop_oneof![times => usual, 1 => other]
}
