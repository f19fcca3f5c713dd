//! Stories over real HTTP between real processes.

mod device_life;
mod poll;
mod spine;
