use std::io::{self, BufRead as _};

use anyhow::{Context as _, ensure};
use countersign_protocol::Secret;

/// Asks twice for what nobody may see on the screen, or reads it from standard input where `option` says so.
pub(super) fn typed(what: &str, option: &str, from_stdin: bool) -> anyhow::Result<Secret> {
    if from_stdin {
        let mut line = String::new();
        io::stdin()
            .lock()
            .read_line(&mut line)
            .context("standard input cannot be read")?;
        return Ok(Secret::new(line.trim_end_matches(['\r', '\n'])));
    }
    let ask = |prompt: String| {
        rpassword::prompt_password(prompt).with_context(|| format!("there is no terminal to ask at: use {option}"))
    };
    let first = Secret::new(ask(format!("{what}: "))?);
    let again = Secret::new(ask("Again: ".to_owned())?);
    ensure!(first.expose() == again.expose(), "both differ");
    Ok(first)
}
