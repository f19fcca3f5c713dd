use countersign_clock::Millis;

/// What is owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DebtKind {
    /// A client is told that its request has a result (CIBA Core section 10.2).
    Ping,
    /// A client is told the result itself (CIBA Core section 10.3).
    Push,
    /// The provider that asked is told how its request ended.
    Complete,
    /// Another provider is asked, and asked again until it knows what the person said.
    Ask,
}

impl DebtKind {
    /// All kinds.
    pub const ALL: [Self; 4] = [Self::Ping, Self::Push, Self::Complete, Self::Ask];

    /// The word for it, in the store and on the command line.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Ping => "ping",
            Self::Push => "push",
            Self::Complete => "complete",
            Self::Ask => "ask",
        }
    }

    /// What a word stands for.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

/// Names a debt: nothing is owed twice for the same reason.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct DebtId {
    /// Why it is owed: the handle of a prompt.
    pub reference: String,
    /// What is owed.
    pub kind: DebtKind,
}

/// Something that will be owed to somebody outside as soon as a request is settled. It is stored with the request and becomes due in
/// the commit that settles it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDebt {
    /// Its name.
    pub id: DebtId,
    /// To whom: a `client_id`, or the name of a connector.
    pub creditor: String,
    /// What paying needs, sealed: it holds secrets. Erased when the debt is paid or its time is over.
    pub payload: Vec<u8>,
    /// Not paid before, however early the request is settled.
    pub not_before: Millis,
    /// Paid before, or never.
    pub deadline: Millis,
}

/// A debt that one worker has taken on, until its lease is over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDebt {
    /// Its name.
    pub id: DebtId,
    /// To whom.
    pub creditor: String,
    /// Sealed, see [`NewDebt::payload`].
    pub payload: Vec<u8>,
    /// Paid before, or never.
    pub deadline: Millis,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Whether an earlier try may have reached the other side without anybody knowing: it was marked and never said how it ended.
    pub interrupted: bool,
    /// Shows that it was this worker who took it on.
    pub lease: Lease,
}

/// Proof of having claimed a debt: random, and replaced when another worker claims it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease(pub String);

/// How a try to pay ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Payment {
    /// It is paid.
    Done,
    /// It is owed still.
    Retry {
        /// Not before.
        due_at: Millis,
        /// What went wrong, for the operator: no secrets, nothing that was received.
        error: String,
    },
    /// A provider was told, but nobody knows whether it heard, and it must not be told twice. Given up on, unless an operator knows better.
    Unclear {
        /// As in [`Payment::Retry`].
        error: String,
    },
    /// It is given up on, and tokens that were to be delivered are revoked; an operator can have anything else tried again before its deadline.
    Dead {
        /// As in [`Payment::Retry`].
        error: String,
    },
}

/// A debt that was given up on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadDebt {
    /// Its name.
    pub id: DebtId,
    /// To whom.
    pub creditor: String,
    /// How often it was tried.
    pub attempts: u32,
    /// Since when it is dead.
    pub died_at: Millis,
    /// After this it cannot be tried again.
    pub deadline: Millis,
    /// What went wrong last.
    pub error: String,
}

/// How much is owed now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Arrears {
    /// Debts that are due, taken on or not.
    pub debts: u32,
    /// Since when the oldest of them is owed.
    pub oldest: Option<Millis>,
    /// Debts that were given up on.
    pub dead: u32,
}
