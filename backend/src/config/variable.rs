use countersign_protocol::Secret;

/// A secret in the environment variable `name`, which the operator names; none when it is not set or not text.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "this module reads the environment")]
pub fn secret_variable(name: &str) -> Option<Secret> {
    std::env::var(name).ok().map(Secret::new)
}
