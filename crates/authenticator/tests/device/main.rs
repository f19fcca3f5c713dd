//! The device against a backend in this process that misbehaves on demand: lost replies, silent streams, wrong clocks.

mod decisions;
mod fake;
mod fake_decision;
mod fake_sign_in;
mod kit;
mod pairing;
mod trust;
mod waking;
