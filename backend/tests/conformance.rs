//! `docs/conformance.md` names a test for each row, or why there is none yet. Each test that it names exists and names the row.

#![expect(clippy::unwrap_used, reason = "a broken page fails the test")]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    ops::RangeInclusive,
    path::Path,
};

/// Rows about the protocols between client, provider and device.
const PROTOCOL: [RangeInclusive<u16>; 16] = [
    1..=7,
    10..=21,
    30..=35,
    40..=47,
    50..=69,
    75..=85,
    90..=104,
    110..=115,
    120..=134,
    140..=146,
    150..=196,
    200..=217,
    221..=224,
    230..=238,
    250..=257,
    260..=273,
];
/// What other systems do and ours has to do as well.
const SYSTEMS: [(char, &[u16]); 3] = [
    ('G', &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 16, 17, 18, 19]),
    ('C', &[1, 2, 8, 9]),
    ('B', &[1, 2, 5, 7, 9]),
];
/// Rows about the device's security.
const DEVICE: [RangeInclusive<u16>; 10] = [
    1..=5,
    7..=7,
    10..=10,
    13..=34,
    47..=47,
    51..=54,
    59..=61,
    89..=89,
    92..=92,
    95..=95,
];
/// Rows about attacks on a provider.
const ATTACKS: [RangeInclusive<u16>; 3] = [1..=23, 32..=41, 43..=45];
/// Rows of what is not built yet. A row leaves this list with its first test, and none comes to it.
const NOT_YET: [&str; 1] = ["S-059"];
const LEVELS: [&str; 6] = ["MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY", "-"];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/.."))
}

fn rows() -> BTreeSet<String> {
    let protocol = PROTOCOL.into_iter().flatten().map(|row| format!("R-{row:03}"));
    let systems = SYSTEMS
        .into_iter()
        .flat_map(|(letter, rows)| rows.iter().map(move |row| format!("{letter}-{row:02}")));
    protocol
        .chain(systems)
        .chain(DEVICE.into_iter().flatten().map(|row| format!("S-{row:03}")))
        .chain(ATTACKS.into_iter().flatten().map(|row| format!("V-{row:03}")))
        .collect()
}

/// The last cell of each row of the table.
fn table() -> BTreeMap<String, String> {
    let page = fs::read_to_string(root().join("docs/conformance.md")).unwrap();
    let mut table = BTreeMap::new();
    for line in page.lines().filter(|line| {
        ["R", "G", "C", "B", "S", "V"]
            .iter()
            .any(|letter| line.starts_with(&format!("| {letter}-")))
    }) {
        let cells: Vec<&str> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [row, level, _source, meaning, shown] = cells[..] else {
            panic!("five cells: {line}")
        };
        let level = level
            .trim_end_matches('*')
            .split(" (")
            .next()
            .unwrap_or_default()
            .to_uppercase();
        assert!(LEVELS.contains(&level.as_str()), "{row} has a level: {level}");
        assert!(!meaning.is_empty(), "{row} says what it means");
        let before = table.insert(row.to_owned(), shown.to_owned());
        assert!(before.is_none(), "{row} stands there once");
    }
    table
}

/// Whether every store is asked to keep the claim `name`.
fn is_claim(name: &str) -> bool {
    let list = fs::read_to_string(root().join("backend/tests/storage/main.rs")).unwrap();
    list.lines()
        .any(|line| line.trim().trim_end_matches([',', ';']) == name)
}

/// The text of the test `name`, with what is written above it.
fn test_of<'a>(source: &'a str, name: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> = source.lines().collect();
    let rust = format!("fn {name}(");
    let is_test = |line: &&str| {
        let line = line.trim_start();
        let script = ["test(", "it(", "it.each(SCENES)("];
        let script = script.into_iter().find_map(|call| line.strip_prefix(call));
        let quoted = script.and_then(|rest| rest.get(1..));
        line.trim_start_matches("pub ")
            .trim_start_matches("async ")
            .starts_with(&rust)
            || quoted.is_some_and(|rest| rest.starts_with(name))
    };
    let at = lines.iter().position(is_test)?;
    let (above, onward) = lines.split_at(at);
    let head = above.iter().rev().take_while(|line| {
        let line = line.trim_start();
        ["//", "/*", "#["].iter().any(|start| line.starts_with(start))
    });
    let head: Vec<&str> = head.copied().collect();
    let first = onward.first()?;
    assert!(
        !first.trim_start().contains("fn ") || head.iter().any(|line| line.contains("test")) || is_claim(name),
        "{name} is a test"
    );
    let indent = first.len() - first.trim_start().len();
    let ends = |line: &&&str| line.len() - line.trim_start().len() == indent && line.trim_start().starts_with('}');
    let body = onward.iter().take_while(|line| !ends(line));
    Some(head.into_iter().chain(body.copied()).collect())
}

#[test]
fn every_row_is_in_the_table() {
    let table: BTreeSet<String> = table().into_keys().collect();
    assert_eq!(table, rows(), "the rows of the table are the rows there are");
}

#[test]
fn every_row_has_a_test_that_names_it() {
    let mut wrong = Vec::new();
    for (row, shown) in table() {
        if NOT_YET.contains(&row.as_str()) {
            assert!(shown.starts_with("not yet: "), "{row} says why: {shown}");
            continue;
        }
        if let Some(why) = shown.strip_prefix("not ours: ") {
            assert!(why.len() > 20, "{row} says why: {shown}");
            continue;
        }
        for test in shown.split("<br>") {
            let named = test.trim_matches('`').split_once("::");
            let found = named.and_then(|(file, name)| {
                let source = fs::read_to_string(root().join(file)).ok()?;
                Some(test_of(&source, name)?.iter().any(|line| line.contains(&row)))
            });
            match found {
                Some(true) => {}
                Some(false) => wrong.push(format!("{row}: {test} does not name it")),
                None => wrong.push(format!("{row}: there is no {test}")),
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// each risk has an answer, and the rows that it names are shown.
#[test]
fn the_risk_assessment_names_what_is_done() {
    let page = fs::read_to_string(root().join("docs/consent-phishing.md")).unwrap();
    let table = table();
    let risks: Vec<&str> = page
        .lines()
        .filter(|line| line.starts_with("| ") && !line.starts_with("| risk"))
        .collect();
    assert!(risks.len() >= 8, "R-250: {} risks", risks.len());
    for risk in risks {
        let cells: Vec<&str> = risk.trim_matches('|').split('|').map(str::trim).collect();
        let [what, done, rows, _left] = cells[..] else {
            panic!("four cells: {risk}")
        };
        assert!(!done.is_empty(), "R-250: something is done about: {what}");
        for row in rows.split(", ") {
            assert!(table.contains_key(row), "R-250: {row} is in the table: {what}");
        }
    }
}
