//! A store and the model, asked the same.

use countersign::storage::{AuthRequests as _, Prompts as _, Storage};
use countersign_clock::Millis;
use countersign_protocol::Handle;
use proptest::{prop_assert, prop_assert_eq, test_runner::TestCaseError};

use super::{
    call::Call,
    names::{CLIENTS, Names, PEOPLE, STRANGER},
    observation::observe,
    operation::{Moment, Name, Operation, Register, Step},
};
use crate::{
    model::Model,
    sample::{NOW, account, client, request_id},
};

pub const TICK: Millis = 1000;
/// Steps between two looks at everything.
const LOOK_EVERY: usize = 20;

pub struct World<'a> {
    store: &'a dyn Storage,
    pub(super) model: Model,
    pub(super) names: Names,
    pub(super) clock: Millis,
    /// Each operation with its verdict.
    heard: Vec<(String, String)>,
}

/// Takes the steps on `store` and on the model, and returns what was said to each. Fails where they differ.
pub async fn follow(store: &dyn Storage, steps: &[Step]) -> Result<Vec<(String, String)>, TestCaseError> {
    let mut world = World {
        store,
        model: Model::default(),
        names: Names::default(),
        clock: NOW,
        heard: Vec::new(),
    };
    world.furnish().await?;
    for (number, step) in steps.iter().enumerate() {
        world.take(step).await?;
        if number % LOOK_EVERY == LOOK_EVERY - 1 {
            world.look().await?;
        }
    }
    world.look().await?;
    world.tell_the_end().await;
    Ok(world.heard)
}

impl World<'_> {
    /// Three people, three clients, two devices of the first person, one of the second, and one of the stranger.
    async fn furnish(&mut self) -> Result<(), TestCaseError> {
        for number in 0..3_u8 {
            let account = account(PEOPLE[usize::from(number)]);
            self.ask(
                "Furnish",
                &Call::AddAccount(countersign::domain::NewAccount { account }),
            )
            .await?;
            let client = client(CLIENTS[usize::from(number)]);
            self.ask("Furnish", &Call::AddClient(Box::new(client))).await?;
        }
        for (device, person) in [(0, 0), (1, 0), (2, 1), (3, STRANGER)] {
            let register = Operation::Register(Register {
                device,
                person,
                keys: Some([2 * device, 2 * device + 1]),
                push: 1,
                session: Name::Fresh,
                again: false,
            });
            let call = self.call(&register, NOW).await;
            self.ask("Furnish", &call).await?;
        }
        Ok(())
    }

    async fn take(&mut self, step: &Step) -> Result<(), TestCaseError> {
        self.clock += Millis::from(step.wait) * TICK;
        let now = self.clock - Millis::from(step.moment == Moment::Behind) * TICK;
        if let Operation::Expire { limit } = step.operation {
            return self.expire(now, limit).await;
        }
        let mut call = self.call(&step.operation, now).await;
        let mut name = format!("{:?}", step.operation);
        name.truncate(name.find(|letter: char| !letter.is_alphanumeric()).unwrap());
        if step.moment == Moment::TooLate
            && let Some(end) = self.end(&call).await
        {
            self.clock = self.clock.max(end);
            call.come_at(end);
            name.push_str(" too late");
        }
        self.ask(&name, &call).await
    }

    async fn ask(&mut self, name: &str, call: &Call) -> Result<(), TestCaseError> {
        let expected = call.verdict_of(&self.model).await;
        let verdict = call.verdict_of(self.store).await;
        prop_assert_eq!(&verdict, &expected, "{} at {}", name, self.clock - NOW);
        self.heard.push((name.to_owned(), verdict));
        Ok(())
    }

    /// Which prompts are first when there are too many is the store's choice: the model follows a choice that is allowed.
    async fn expire(&mut self, now: Millis, limit: u32) -> Result<(), TestCaseError> {
        let swept = self.store.expire_prompts(now, limit).await;
        let swept = swept.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        let allowed = self.model.expire_these(now, limit, &swept);
        prop_assert!(allowed, "expired at {}: {swept:?}", now - NOW);
        self.heard.push(("Expire".to_owned(), format!("{swept:?}")));
        Ok(())
    }

    async fn look(&self) -> Result<(), TestCaseError> {
        let expected = observe(&self.model, &self.names, self.clock).await.unwrap();
        let seen = observe(self.store, &self.names, self.clock).await;
        let seen = seen.map_err(|error| TestCaseError::fail(format!("at {}: {error:?}", self.clock - NOW)))?;
        prop_assert_eq!(seen.len(), expected.len());
        for (seen, expected) in seen.iter().zip(&expected) {
            prop_assert!(
                seen == expected,
                "at {}\nread:  {seen:?}\nmodel: {expected:?}",
                self.clock - NOW
            );
        }
        Ok(())
    }

    /// Adds to what was heard how each prompt ended.
    async fn tell_the_end(&mut self) {
        for handle in self.names.handles() {
            let prompt = self.model.find_prompt(&Handle::from(handle)).await.unwrap();
            let view = prompt.map(|prompt| prompt.view_at(self.clock));
            let told = view.map(|view| format!("{:?} {:?}", view.state, view.reason));
            self.heard.push(("In the end".to_owned(), told.unwrap_or_default()));
        }
    }

    /// The deadline that the call has to come before, where there is one.
    async fn end(&self, call: &Call) -> Option<Millis> {
        let deadline = async |handle: &Handle| self.model.find_prompt(handle).await.unwrap();
        match call {
            Call::Decide(decide) => Some(deadline(&decide.handle).await?.expires_at),
            Call::Mismatch(mismatch) => Some(deadline(&mismatch.handle).await?.expires_at),
            Call::Redeem(redemption) => {
                let request = self.model.find_auth_request(redemption.id).await.unwrap();
                Some(request?.readable_until)
            }
            _ => None,
        }
    }

    /// The embedded provider's request of a prompt.
    pub(super) async fn request_of(&self, handle: &str) -> Option<countersign::domain::AuthRequest> {
        self.model.find_auth_request(request_id(handle)).await.unwrap()
    }
}
