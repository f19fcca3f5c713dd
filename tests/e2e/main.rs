//! Stories over real HTTP between real processes.

mod device_life;
mod interop;
mod poll;
mod power_cut;
mod race;
mod resume;
mod spine;
mod two_devices;
mod window;
