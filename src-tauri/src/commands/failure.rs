//! Errors on their way to the window: recorded once with their causes, shown as a code.

use countersign_authenticator::{
    AuthenticatorError, SecretStoreError, VaultError,
    view::{ErrorCode, ErrorView},
};

use crate::{host::KeyStoreError, log::Chain};

/// What a command answers.
pub(super) type Answer<T> = Result<T, ErrorView>;

/// Records why `command` failed and says it to the window.
pub(super) fn of_device(command: &'static str) -> impl Fn(AuthenticatorError) -> ErrorView {
    move |error| {
        let view = error.view();
        record(command, view.code, &error);
        view
    }
}

/// Records why `command` could not use a key store and says it to the window.
pub(super) fn of_key_store(command: &'static str) -> impl Fn(KeyStoreError) -> ErrorView {
    move |error| {
        let code = match &error {
            KeyStoreError::Store(SecretStoreError::Locked) | KeyStoreError::Vault(VaultError::WrongPassphrase) => {
                ErrorCode::KeyStoreLocked
            }
            KeyStoreError::Store(SecretStoreError::Missing) => ErrorCode::NoKeyStore,
            KeyStoreError::PassphraseTooShort
            | KeyStoreError::AlreadyChosen
            | KeyStoreError::Store(SecretStoreError::Failed(_))
            | KeyStoreError::Vault(_)
            | KeyStoreError::Choice(_)
            | KeyStoreError::BrokeOff(_) => ErrorCode::Internal,
        };
        record(command, code, &error);
        view(code, format!("could not {error}"))
    }
}

/// Records a fault of this app and says so to the window.
pub(super) fn of_app<E: std::error::Error + 'static>(command: &'static str) -> impl Fn(E) -> ErrorView {
    move |error| {
        record(command, ErrorCode::Internal, &error);
        view(ErrorCode::Internal, "could not finish".to_owned())
    }
}

/// An error without a cause.
pub(super) fn view(code: ErrorCode, message: String) -> ErrorView {
    ErrorView {
        code,
        message,
        retry_at: None,
    }
}

fn record(command: &'static str, code: ErrorCode, error: &(dyn std::error::Error + 'static)) {
    tracing::warn!(command, ?code, error = %Chain(error), "a command failed");
}
