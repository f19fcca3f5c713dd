//! Stories over real HTTP between real processes.

mod device_life;
mod interop;
mod logs;
mod operator;
mod ping;
mod poll;
mod power_cut;
mod race;
mod resume;
mod spine;
mod tables_app;
mod tables_decision;
mod tables_device;
mod tables_provider;
mod two_devices;
mod window;
