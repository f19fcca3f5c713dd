//! The way through the browser: the authorization endpoint and the sign-in page.

mod authorize;
mod brought;
mod pushed;
mod redirect_uri;
mod request_object;
mod sign_in;
mod throttle;

pub use authorize::{Authorize, SignInPage, SignInProblem};
pub use pushed::Pushed;
pub use redirect_uri::is_registrable;
pub(super) use request_object::ALGORITHMS as REQUEST_OBJECT_ALGORITHMS;
pub(super) use sign_in::Passwords;
pub use sign_in::{SignIn, SignInAttempt};
pub(super) use throttle::Throttle;
