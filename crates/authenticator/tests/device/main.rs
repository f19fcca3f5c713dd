//! The device against a backend in this process that misbehaves on demand: lost replies, silent streams, wrong clocks.

#[cfg(test)]
mod decisions;
#[cfg(test)]
mod fake;
#[cfg(test)]
mod fake_decision;
#[cfg(test)]
mod fake_provider;
#[cfg(test)]
mod fake_sign_in;
#[cfg(test)]
mod fake_user_code;
#[cfg(test)]
mod kit;
#[cfg(test)]
mod pairing;
#[cfg(test)]
mod providers;
#[cfg(test)]
mod slow_store;
#[cfg(test)]
mod telling;
#[cfg(test)]
mod trust;
#[cfg(test)]
mod user_code;
#[cfg(test)]
mod waking;
