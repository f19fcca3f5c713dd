use std::path::PathBuf;

use ipnet::IpNet;
use serde::Deserialize;

/// `[outbound]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutboundConfig {
    /// Destinations that are called although they are not public, over plain http too.
    pub allow: Vec<IpNet>,
    /// PEM certificates that are trusted beside the system's, or empty.
    pub ca_file: PathBuf,
}
