//! Receipts that the person keeps: plain JSON files, named after the day and the client.

use std::{
    io,
    path::{Path, PathBuf},
};

use countersign_authenticator::verify_receipt;
use countersign_protocol::Receipt;
use time::OffsetDateTime;

use crate::private_file;

/// More receipts of one client on one day than this are not expected; it ends the search for a free name.
const MOST_OF_A_DAY: u32 = 1_000;
const LONGEST_CLIENT: usize = 40;

/// Saves the text of a receipt in `folder` under a name of its own and returns where. One that does not verify is kept too, as evidence,
/// but under a name that says so, with the day of `now` (milliseconds).
///
/// # Errors
/// Whatever the file system says, or that the day has no free name left.
pub(crate) fn save(folder: &Path, now: i64, receipt: &str) -> io::Result<PathBuf> {
    let verified = serde_json::from_str::<Receipt>(receipt)
        .ok()
        .and_then(|receipt| verify_receipt(&receipt).ok());
    match verified {
        Some(verified) => keep(folder, verified.decision.iat, &verified.request.client.name, receipt),
        None => keep(folder, now.div_euclid(1_000), "unverified", receipt),
    }
}

fn keep(folder: &Path, seconds: i64, client: &str, receipt: &str) -> io::Result<PathBuf> {
    std::fs::create_dir_all(folder)?;
    let stem = format!("countersign-receipt-{}-{}", day(seconds), slug(client));
    for number in 1..=MOST_OF_A_DAY {
        let name = match number {
            1 => format!("{stem}.json"),
            _ => format!("{stem}-{number}.json"),
        };
        let path = folder.join(name);
        match private_file::write_new(&path, receipt.as_bytes()) {
            Ok(()) => return Ok(path),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// The day in UTC, so that the name does not depend on where the person travels.
fn day(seconds: i64) -> String {
    let moment = OffsetDateTime::from_unix_timestamp(seconds).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    format!(
        "{:04}-{:02}-{:02}",
        moment.year(),
        u8::from(moment.month()),
        moment.day()
    )
}

/// The client's name as a piece of a file name. Clients choose their names, so nothing but letters and digits of ASCII gets through.
fn slug(client: &str) -> String {
    let mut slug = String::new();
    for letter in client.chars().map(|letter| letter.to_ascii_lowercase()) {
        if letter.is_ascii_alphanumeric() {
            slug.push(letter);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
        if slug.len() == LONGEST_CLIENT {
            break;
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        "client".to_owned()
    } else {
        slug.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_receipt_never_overwrites_another() {
        let folder = tempfile::tempdir().unwrap();
        let mut names = Vec::new();
        for text in ["1", "2", "3"] {
            let path = keep(folder.path(), 1_767_225_600, "Example Bank", text).unwrap();
            assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
            names.push(path.file_name().unwrap().to_string_lossy().into_owned());
        }
        assert_eq!(
            names,
            [
                "countersign-receipt-2026-01-01-example-bank.json",
                "countersign-receipt-2026-01-01-example-bank-2.json",
                "countersign-receipt-2026-01-01-example-bank-3.json",
            ]
        );
    }

    #[test]
    fn what_does_not_verify_is_not_named_after_a_client() {
        let folder = tempfile::tempdir().unwrap();
        let path = save(folder.path(), 1_767_225_600_000, "{}").unwrap();
        assert!(
            path.ends_with("countersign-receipt-2026-01-01-unverified.json"),
            "{}",
            path.display()
        );
    }

    #[test]
    fn a_clients_name_cannot_leave_the_folder() {
        for (name, expected) in [
            ("../../.bashrc", "bashrc"),
            ("/etc/passwd", "etc-passwd"),
            ("C:\\Windows\\con", "c-windows-con"),
            ("\u{202e}gnp.exe\0", "gnp-exe"),
            ("銀行", "client"),
            ("", "client"),
        ] {
            assert_eq!(slug(name), expected, "{name:?}");
        }
        assert_eq!(slug(&"a".repeat(500)).len(), LONGEST_CLIENT);
    }
}
