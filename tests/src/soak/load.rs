//! What people and clients do while the server is killed: they approve, deny, forget and disagree, poll, race and repeat.

use std::{sync::Arc, time::Duration};

use countersign_clock::SeededRandom;
use countersign_protocol::Verdict;
use futures_util::future::join_all;
use tokio::{
    sync::{Semaphore, watch},
    time::sleep,
};

use super::{
    calls::{Client, Deciding, Question, World},
    history::{At, RedeemAnswer, RequestHistory},
};
use crate::{Backend, Person, RawDevice, RelyingParty, raw_device::random_text};

const PEOPLE: usize = 4;
const CLIENTS: usize = 3;
/// A guess every so often leaves the machine to the others.
const BETWEEN_GUESSES: Duration = Duration::from_millis(5);

/// Seeded luck.
pub struct Chance(pub(super) SeededRandom);

/// A person with two devices.
pub struct Human {
    /// Sign-in name.
    pub name: String,
    /// The devices.
    pub devices: [RawDevice; 2],
}

/// Everybody.
pub struct Cast {
    /// People.
    pub people: Vec<Human>,
    /// Clients.
    pub clients: Vec<Client>,
    storm: usize,
    /// One storm at a time is enough.
    storms: Semaphore,
}

/// What became of guessing ids.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guesses {
    /// Answered guesses.
    pub made: usize,
    /// Guesses that were answered otherwise than with `invalid_grant`.
    pub right: usize,
}

impl Cast {
    /// Brings everybody in. Some clients ask for `storm` tokens at once.
    pub async fn gather(backend: &Backend, storm: usize) -> Self {
        let mut people = Vec::new();
        for number in 0..PEOPLE {
            let name = format!("person{number}");
            let person = Person::add(backend, &name);
            let devices = [
                RawDevice::register(backend, &person, "Phone").await,
                RawDevice::register(backend, &person, "Laptop").await,
            ];
            people.push(Human { name, devices });
        }
        let mut clients = Vec::new();
        for number in 0..CLIENTS {
            let id = format!("client{number}");
            let party = if number == 0 {
                RelyingParty::add_with_key(backend, &id).await
            } else {
                RelyingParty::add(backend, &id, &[]).await
            };
            let keys = party.keys().await;
            clients.push(Client { party, keys });
        }
        Self {
            people,
            clients,
            storm,
            storms: Semaphore::new(1),
        }
    }

    fn person(&self, chance: &Chance) -> &Human {
        &self.people[pick(chance, PEOPLE)]
    }

    /// Two clients that are not the same.
    fn clients(&self, chance: &Chance) -> (&Client, &Client) {
        let first = pick(chance, CLIENTS);
        (&self.clients[first], &self.clients[(first + 1) % CLIENTS])
    }
}

fn pick(chance: &Chance, below: usize) -> usize {
    usize::try_from(chance.draw(below as u64)).expect("a small number")
}

/// One request after the other, until the run is over; returns what became of those that were acknowledged.
pub async fn visit(
    world: Arc<World>,
    cast: Arc<Cast>,
    chance: Chance,
    running: watch::Receiver<bool>,
) -> Vec<RequestHistory> {
    let mut histories = Vec::new();
    while *running.borrow() {
        histories.extend(one_request(&world, &cast, &chance).await);
    }
    histories
}

/// Tries ids that nobody was given (V-009).
pub async fn guess(world: Arc<World>, cast: Arc<Cast>, running: watch::Receiver<bool>) -> Guesses {
    let mut guesses = Guesses::default();
    while *running.borrow() {
        let (_, answer, _) = world.ask(&random_text(), &cast.clients[1]).await;
        if answer != RedeemAnswer::Unknown {
            guesses.made += 1;
            guesses.right += usize::from(answer != RedeemAnswer::Invalid);
        }
        sleep(BETWEEN_GUESSES).await;
    }
    guesses
}

async fn one_request(world: &World, cast: &Cast, chance: &Chance) -> Option<RequestHistory> {
    let luck = chance.draw(100);
    let forgets = (60..68).contains(&luck);
    let late = (68..76).contains(&luck);
    let (person, (client, thief)) = (cast.person(chance), cast.clients(chance));
    let seconds = if forgets || late { 3 } else { 15 };
    let question = world.open(client, &person.name, seconds).await?;
    let [phone, laptop] = &person.devices;
    if chance.draw(8) == 0 {
        world.redeem(&question, client).await;
    }
    let steals = chance.draw(8) == 0;
    if !forgets && let Some(pending) = world.look(phone, &question).await {
        let verdict = any_verdict(chance);
        let how = |verdict| Deciding {
            verdict,
            not_before: if late { around(question.deadline(), chance) } else { 0 },
            perseveres: !(90..97).contains(&luck),
        };
        let on_phone = |verdict| world.decide(&question, phone, &pending, how(verdict));
        let steal = async {
            if steals {
                world.steal(&question, thief).await;
            }
        };
        match luck {
            // Both devices at once.
            76..90 => {
                let other = any_verdict(chance);
                let on_laptop = async {
                    if let Some(pending) = world.look(laptop, &question).await {
                        world.decide(&question, laptop, &pending, how(other)).await;
                    }
                };
                tokio::join!(on_laptop, on_phone(verdict), steal);
            }
            // The client does not wait for the answer, and the device does not ask for it again.
            90..97 => {
                let polls = poll_to_the_end(world, &question, client);
                tokio::join!(on_phone(verdict), polls, steal);
            }
            97.. => {
                on_phone(Verdict::Approve).await;
                steal.await;
                let alone = cast.storms.try_acquire();
                let storm = if alone.is_ok() { cast.storm } else { 0 };
                join_all((0..storm).map(|_| world.redeem(&question, client))).await;
            }
            // The decision arrives when the time is over, or nearly, and the client asks right then.
            _ if late => {
                let polls = async {
                    sleep(Duration::from_micros(
                        around(question.deadline(), chance).saturating_sub(world.now()),
                    ))
                    .await;
                    poll_to_the_end(world, &question, client).await;
                };
                tokio::join!(on_phone(verdict), polls, steal);
            }
            _ => {
                on_phone(verdict).await;
                steal.await;
            }
        }
    }
    let pollers = 1 + chance.draw(3);
    join_all((0..pollers).map(|_| poll_to_the_end(world, &question, client))).await;
    Some(question.history())
}

fn any_verdict(chance: &Chance) -> Verdict {
    match chance.draw(3) {
        0 => Verdict::Deny,
        _ => Verdict::Approve,
    }
}

/// Shortly before `deadline`, or just after.
fn around(deadline: At, chance: &Chance) -> At {
    (deadline + chance.draw(150_000)).saturating_sub(50_000)
}

/// Polls as it was told, until the answer is final.
async fn poll_to_the_end(world: &World, question: &Question, client: &Client) {
    let mut interval = Duration::from_millis(1_050);
    loop {
        match world.redeem(question, client).await {
            (RedeemAnswer::Unknown, _) => sleep(BETWEEN_GUESSES).await,
            (RedeemAnswer::Pending, slower) => {
                interval += Duration::from_secs(if slower { 5 } else { 0 });
                sleep(interval).await;
            }
            _ => return,
        }
    }
}
