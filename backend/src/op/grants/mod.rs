//! One file a grant.

mod authorization_code;
mod ciba;
mod held_polls;
mod mint;
mod poll_pace;
mod refresh_token;

pub(super) use held_polls::HeldPolls;
pub(super) use mint::Wanted;
pub(super) use poll_pace::PollPace;
