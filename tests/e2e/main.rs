//! Stories over real HTTP between real processes.

mod device_life;
mod interop;
mod poll;
mod power_cut;
mod race;
mod spine;
mod window;
