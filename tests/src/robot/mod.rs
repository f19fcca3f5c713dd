//! The robot: many paired authentication devices in one process, for automation that must not click and must not skip anything.
//!
//! Each device is the real one: its person signs in with the password, its keys are registered, it holds a stream, verifies every request
//! object and signs every decision. Only times and the price of a guess at the PIN are other than in the app. A control port on loopback
//! says what to decide.

mod arguments;
mod board;
mod control;
mod device;
mod fleet;
mod process;

pub use arguments::Arguments;
pub use control::routes;
pub use device::{Action, Verdict};
pub use fleet::{Fleet, Target};
pub use process::Robot;
