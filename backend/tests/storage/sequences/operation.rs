//! What can happen to a store, told by small numbers, so that sequences collide and shrink.
//!
//! None has a condition on what was before: a store answers whatever it is asked, and any part of a sequence is a sequence.
//! People, clients, devices and keys have numbers; what is made on the way is counted back from the newest one.

/// One call and when it comes.
#[derive(Debug, Clone)]
pub struct Step {
    /// Ticks since the step before.
    pub wait: u8,
    pub moment: Moment,
    pub operation: Operation,
}

/// What time it is for who calls.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Moment {
    Now,
    /// On a node whose clock is a tick behind.
    Behind,
    /// For what has a deadline, the very millisecond that is too late; time goes on to it.
    TooLate,
}

/// An id that the caller makes up.
#[derive(Debug, Clone, Copy)]
pub enum Name {
    Fresh,
    /// Counted back from the newest one.
    Old(u8),
}

/// Which of those that there are, counted back from the newest one.
#[derive(Debug, Clone, Copy)]
pub enum Pick {
    /// Among those for which the operation is meant, where there are any: what waits to be decided, what is approved, what was issued.
    Apt(u8),
    /// Among all.
    Any(u8),
}

/// What is wrong about who comes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Slip {
    Nothing,
    /// Another person, or another client.
    Somebody,
    /// Any device, whosever it is.
    Device(u8),
    /// A key that is not the device's; a code's redirect URI (true) or challenge.
    Proof(bool),
}

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
    /// With a slip, by somebody who saw it before another change.
    ReplaceClient {
        client: u8,
        disabled: bool,
        slip: bool,
    },
    RegisterClient {
        client: u8,
        invitation: Option<u8>,
        most: u8,
    },
    Invite {
        invitation: u8,
        uses: u8,
        lasts: u8,
    },
    TakeBack {
        invitation: u8,
    },
    Register(Register),
    Rename {
        device: u8,
        slip: bool,
    },
    Revoke {
        device: u8,
        slip: bool,
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
    Decide(Decide),
    Mismatch(Mismatch),
    Expire {
        limit: u32,
    },
    SweepPrompts {
        older: u8,
        limit: u32,
    },
    Redeem(Redeem),
    AddCode {
        client: u8,
        person: u8,
        code: Name,
        family: Name,
    },
    RedeemCode {
        code: Pick,
        token: Name,
        refresh: bool,
        slip: Slip,
    },
    RotateRefresh {
        token: Pick,
        next: Name,
        slip: bool,
    },
    RevokeToken {
        token: Pick,
        refresh: bool,
        slip: bool,
    },
    SweepGrants {
        limit: u32,
    },
    ClaimDebts {
        /// Ticks that the lease lasts.
        lasts: u8,
    },
    Seal(Seal),
    SettleDebt {
        debt: Pick,
        /// Paid, given up on, or to be tried again so many ticks later.
        ends: Ends,
        slip: bool,
    },
    ResendDebt {
        debt: Pick,
    },
    SweepDebts {
        older: u8,
        limit: u32,
    },
    SetUserCode {
        person: u8,
        code: Option<u8>,
    },
    TryUserCode {
        person: u8,
        tries: u8,
    },
    UserCodeWasRight {
        person: u8,
    },
    AddKey {
        purpose: u8,
        kid: Name,
    },
    PromoteKey {
        purpose: u8,
        older: u8,
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

#[derive(Debug, Clone)]
pub struct Register {
    pub device: u8,
    pub person: u8,
    pub keys: Option<[u8; 2]>,
    pub push: u8,
    pub session: Name,
    /// With the person and the keys that the device has, where there is one.
    pub again: bool,
}

#[derive(Debug, Clone)]
pub struct Open {
    pub handle: Name,
    pub person: u8,
    pub client: u8,
    pub provider: Provider,
    /// Nothing has to be typed.
    pub shown: bool,
    /// Ticks until the deadline.
    pub lasts: u8,
    /// Ticks from the deadline until it is unreadable.
    pub grace: u8,
    pub supersede: bool,
    /// The client is to be called with the result.
    pub called: bool,
}

/// Whose question it is.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Provider {
    Embedded,
    /// The embedded one, but its request is missing.
    WithoutRequest,
    Other,
}

#[derive(Debug, Clone)]
pub struct Decide {
    pub prompt: Pick,
    pub device: u8,
    pub jti: u8,
    /// None approves.
    pub deny: Option<u8>,
    pub slip: Slip,
}

#[derive(Debug, Clone)]
pub struct Mismatch {
    pub prompt: Pick,
    pub device: u8,
    pub decision: u8,
    pub max_tries: u8,
    pub slip: Slip,
}

#[derive(Debug, Clone)]
pub struct Redeem {
    pub prompt: Pick,
    pub family: Name,
    pub token: Name,
    pub refresh: bool,
    pub slip: bool,
}

/// A worker has a result to deliver.
#[derive(Debug, Clone)]
pub struct Seal {
    pub debt: Pick,
    pub family: Name,
    pub token: Name,
    /// There is a key to sign with.
    pub tokens: bool,
    /// With a lease that it never had.
    pub slip: bool,
}

/// How a try to pay ends.
#[derive(Debug, Clone, Copy)]
pub enum Ends {
    Paid,
    Refused,
    Later(u8),
}
