//! The whole authentication device, without a window.
