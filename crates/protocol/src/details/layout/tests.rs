use super::*;
use crate::MemberLabel;

fn laid(details: &str, words: &[DetailsWords]) -> Vec<DetailShown> {
    lay_out(&ExactJson::new(details).unwrap(), words).unwrap()
}

/// One line as `depth path key "label" = value`.
fn lines(rows: &[DetailRow]) -> Vec<String> {
    let value = |row: &DetailRow| match &row.value {
        DetailValue::Text { text } => format!("\"{text}\""),
        DetailValue::Number { text } | DetailValue::Word { text } => text.clone(),
        DetailValue::Sum { amount, currency } => format!("{amount} {currency}"),
        DetailValue::Members { count } => format!("{{{count}}}"),
        DetailValue::Items { count } => format!("[{count}]"),
    };
    let line = |row: &DetailRow| {
        let name = row.label.as_deref().or(row.key.as_deref()).unwrap_or("-");
        format!("{} {} {name} = {}", row.depth, row.path, value(row))
    };
    rows.iter().map(line).collect()
}

fn words(first: &[&str], labels: &[(&str, &str)]) -> DetailsWords {
    DetailsWords {
        kind: "t".to_owned(),
        title: "A thing".to_owned(),
        labels: labels
            .iter()
            .map(|(at, text)| MemberLabel {
                at: (*at).to_owned(),
                text: (*text).to_owned(),
            })
            .collect(),
        first: first.iter().map(|at| (*at).to_owned()).collect(),
    }
}

#[test]
fn every_member_of_a_type_that_nobody_knows_has_a_line() {
    let details = r#"[{"type":"odd","deep":{"a":[1,{"b":false}],"empty":{},"none":null},"n":12345678901234567890.10}]"#;
    let shown = laid(details, &[words(&[], &[])]);
    assert_eq!(shown.len(), 1);
    assert_eq!((shown[0].title.as_deref(), &shown[0].first[..]), (None, &[][..]));
    let expected = [
        "0 /type type = \"odd\"",
        "0 /deep deep = {3}",
        "1 /deep/a a = [2]",
        "2 /deep/a/0 1 = 1",
        "2 /deep/a/1 2 = {1}",
        "3 /deep/a/1/b b = false",
        "1 /deep/empty empty = {0}",
        "1 /deep/none none = null",
        "0 /n n = 12345678901234567890.10",
    ];
    assert_eq!(lines(&shown[0].rest), expected, "S-016: nothing hides");
}

#[test]
fn what_the_operator_puts_first_stands_there_and_nowhere_else() {
    let words = words(
        &["/to/name", "/sum", "/missing", "/to", "/steps/*/run", "/to/name"],
        &[
            ("/sum", "Amount"),
            ("/to/name", "Payee"),
            ("/steps/*", "Step"),
            ("/type", "Kind"),
        ],
    );
    let details = r#"[{"type":"t","sum":{"currency":"EUR","amount":12.10},"to":{"name":"Blue","bic":"X"},
        "steps":[{"run":"a","undo":true},{"run":"b"}]}]"#;
    let shown = laid(details, &[words]);
    assert_eq!(shown[0].title.as_deref(), Some("A thing"));
    let first = [
        "0 /to/name Payee = \"Blue\"",
        "0 /sum Amount = 12.10 EUR",
        "0 /steps/0/run run = \"a\"",
        "0 /steps/1/run run = \"b\"",
    ];
    assert_eq!(lines(&shown[0].first), first, "S-016");
    let rest = [
        "0 /type Kind = \"t\"",
        "0 /to to = {1}",
        "1 /to/bic bic = \"X\"",
        "0 /steps steps = [1]",
        "1 /steps/0 Step = {1}",
        "2 /steps/0/undo undo = true",
    ];
    assert_eq!(lines(&shown[0].rest), rest, "S-016: each member once");
}

#[test]
fn a_payment_has_its_order_without_words() {
    let details = r#"[{"type":"payment_initiation","remittanceInformationUnstructured":"4711","creditorAccount":{"iban":"DE02"},
        "creditorName":"Blue","instructedAmount":{"currency":"EUR","amount":"10.00"}}]"#;
    let shown = laid(details, &[]);
    let first = [
        "0 /instructedAmount instructedAmount = 10.00 EUR",
        "0 /creditorName creditorName = \"Blue\"",
        "0 /creditorAccount/iban iban = \"DE02\"",
        "0 /remittanceInformationUnstructured remittanceInformationUnstructured = \"4711\"",
    ];
    assert_eq!(lines(&shown[0].first), first);
    assert_eq!(lines(&shown[0].rest), ["0 /type type = \"payment_initiation\""]);
}

#[test]
fn only_a_sum_and_nothing_else_is_shown_as_a_sum() {
    for sum in [
        r#"{"amount":"10.00","currency":"EUR","surcharge":"99.00"}"#,
        r#"{"amount":"10.00","currency":"eur"}"#,
        r#"{"amount":"10.00","currency":"EURO"}"#,
        r#"{"amount":"","currency":"EUR"}"#,
        r#"{"amount":["10.00"],"currency":"EUR"}"#,
        r#"{"amount":"10.00"}"#,
    ] {
        let shown = laid(&format!(r#"[{{"instructedAmount":{sum}}}]"#), &[]);
        assert!(shown[0].first.is_empty(), "S-016: {sum}");
        let whole = matches!(shown[0].rest[0].value, DetailValue::Members { .. });
        assert!(whole, "S-016: {sum} is shown member by member");
    }
}

#[test]
fn what_is_empty_or_no_object_is_shown_too() {
    assert!(laid("[]", &[]).is_empty());
    for (details, line) in [
        ("[{}]", "0  - = {0}"),
        ("{}", "0  - = {0}"),
        ("[[]]", "0  - = [0]"),
        ("[7.0]", "0  - = 7.0"),
        ("null", "0  - = null"),
    ] {
        assert_eq!(lines(&laid(details, &[])[0].rest), [line], "S-016: {details}");
    }
}
