//! The steps of a grant, as spans: what a trace shows of it.
//!
//! Spans of this target are made only while traces are exported, or by a log filter that asks for all of them. Their attributes are ids.

/// The target of these spans.
pub const STEPS: &str = "countersign_steps";
