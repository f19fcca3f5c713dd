//! The whole authentication device, without a window.

pub mod view;
