use std::{fs, path::Path};

use rustls::pki_types::{PrivateKeyDer, pem::PemObject as _};

use super::{Verdict, ill, ok, skipped, store::open_to_others};
use crate::config::UpstreamConfig;

/// Whether what we show to a provider that we ask is there, is one, and is nobody else's to read.
pub(super) fn credential(upstream: &UpstreamConfig) -> Verdict {
    match (&upstream.client_secret_file, &upstream.private_key_file) {
        (Some(file), _) => look(file, || match fs::read_to_string(file) {
            Ok(text) if text.trim().is_empty() => Err("it is empty".to_owned()),
            Ok(_) => Ok("a secret"),
            Err(error) => Err(error.to_string()),
        }),
        (None, Some(file)) => look(file, || match PrivateKeyDer::from_pem_file(file) {
            Ok(_) => Ok("a key"),
            Err(error) => Err(error.to_string()),
        }),
        (None, None) => skipped("there is none"),
    }
}

fn look(file: &Path, read: impl FnOnce() -> Result<&'static str, String>) -> Verdict {
    let name = file.display();
    let what = match read() {
        Ok(what) => what,
        Err(problem) => {
            return ill(
                format!("{name} cannot be used: {problem}"),
                "put there what the provider knows our client by, readable by the user of the server",
            );
        }
    };
    if let Some(mode) = open_to_others(file, 0o007) {
        return ill(
            format!("{name} can be read by others (mode {mode:o})"),
            format!("chmod 600 {name}; if strangers could read it, register another one at the provider"),
        );
    }
    ok(format!("{name} holds {what}"))
}
