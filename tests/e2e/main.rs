//! Stories over real HTTP between real processes.

mod spine;
