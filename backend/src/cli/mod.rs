//! Commands for operators.

pub mod verify;
