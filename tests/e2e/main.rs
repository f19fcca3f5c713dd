//! Stories over real HTTP between real processes.

mod device_life;
mod failure_points;
mod interop;
mod logs;
mod nodes;
mod nodes_restart;
mod operator;
mod poll;
mod power_cut;
mod race;
mod resume;
mod soak;
mod spine;
mod tables_app;
mod tables_decision;
mod tables_device;
mod tables_provider;
mod two_devices;
mod window;
