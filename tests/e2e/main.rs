//! Stories over real HTTP between real processes.
