//! What is fed, by name.

mod browser;
mod devices;
mod provider;
mod tokens;

/// Reads one input; panics when something is wrong.
pub type Target = fn(&[u8]);

/// The targets there are: each has its seeds in `tests/fuzz/corpus`.
pub const NAMES: [&str; 14] = [
    "assertion",
    "authorization",
    "authorize",
    "binding_message",
    "claims",
    "decision",
    "device_proof",
    "form",
    "hints",
    "jwk",
    "metadata",
    "signed_request",
    "token",
    "userinfo",
];

/// The target of that name.
pub fn named(name: &str) -> Option<Target> {
    let target = match name {
        "assertion" => provider::assertion,
        "authorization" => provider::authorization,
        "authorize" => browser::authorize,
        "binding_message" => provider::binding_message,
        "claims" => tokens::claims,
        "decision" => devices::decision,
        "device_proof" => devices::proof,
        "form" => provider::form,
        "hints" => provider::hints,
        "jwk" => tokens::jwk,
        "metadata" => provider::metadata,
        "signed_request" => provider::signed_request,
        "token" => tokens::token,
        "userinfo" => provider::userinfo,
        _ => return None,
    };
    Some(target)
}
