//! Stories over real HTTP between real processes.

mod backup;
mod device_life;
mod doctor;
mod failure_points;
mod interop;
mod log_lines;
mod logs;
mod metrics;
mod nodes;
mod nodes_restart;
mod operator;
mod poll;
mod power_cut;
mod race;
mod resume;
mod robot;
mod soak;
mod spine;
mod tables_app;
mod tables_decision;
mod tables_device;
mod tables_provider;
mod traces;
mod two_devices;
mod window;
