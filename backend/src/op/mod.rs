//! The embedded OpenID Provider.

mod trigger;

pub use trigger::{AuthenticationDeviceTrigger, Triggered};
