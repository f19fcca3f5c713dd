//! The way through the browser: the authorization endpoint and the sign-in page.

mod authorize;
mod redirect_uri;
mod sign_in;
mod throttle;

pub use authorize::{Authorize, SignInPage, SignInProblem};
pub use redirect_uri::is_registrable;
pub(super) use sign_in::Passwords;
pub use sign_in::{SignIn, SignInAttempt};
pub(super) use throttle::Throttle;
