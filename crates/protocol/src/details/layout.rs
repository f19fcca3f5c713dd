use serde::{Deserialize, Serialize};

use super::{
    DetailsWords, ExactError, ExactJson, ExactValue,
    words::{Step, leads_to},
};

/// Members of a payment that stand first where nobody said otherwise: those of the example of RFC 9396 section 2.
const PAYMENT: [&str; 6] = [
    "/instructedAmount",
    "/creditorName",
    "/creditorAccount",
    "/creditorAccount/iban",
    "/debtorAccount/iban",
    "/remittanceInformationUnstructured",
];

/// One element of authorization details, laid out. Every member is in exactly one row of `first` and `rest`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct DetailShown {
    /// What it is, in the operator's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub title: Option<String>,
    /// What matters most.
    pub first: Vec<DetailRow>,
    /// Everything else, as it was sent.
    pub rest: Vec<DetailRow>,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub struct DetailRow {
    /// JSON pointer of the member within its element.
    pub path: String,
    /// How far below the element or the first line of its group it is: 0 at the top.
    pub depth: u32,
    /// Name of the member, or number of the item beginning with 1; absent when the element is no object or array.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub key: Option<String>,
    /// What the operator calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "ts", ts(optional))]
    pub label: Option<String>,
    /// What it is.
    pub value: DetailValue,
}

/// What stands on a line: a value, or how much is below it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[cfg_attr(feature = "ts", derive(ts_rs::TS), ts(export))]
pub enum DetailValue {
    /// A string.
    Text {
        /// As it was sent.
        text: String,
    },
    /// A number.
    Number {
        /// Digit by digit.
        text: String,
    },
    /// `true`, `false` or `null`.
    Word {
        /// Which.
        text: String,
    },
    /// An object that is a sum of money: `amount` and `currency` (three capital letters), nothing else.
    Sum {
        /// As it was sent.
        amount: String,
        /// ISO 4217.
        currency: String,
    },
    /// An object; its members follow.
    Members {
        /// How many of them follow.
        count: u32,
    },
    /// An array; its items follow.
    Items {
        /// How many of them follow.
        count: u32,
    },
}

/// Lays `details` out: one element after the other, with the operator's words for its type. What is not an array is one element.
///
/// # Errors
/// When the text cannot be read so that everybody reads the same; then nothing of it can be shown.
pub fn lay_out(details: &ExactJson, words: &[DetailsWords]) -> Result<Vec<DetailShown>, ExactError> {
    let elements = match details.read()? {
        ExactValue::Items(elements) => elements,
        other => vec![other],
    };
    Ok(elements.iter().map(|element| shown(element, words)).collect())
}

fn shown(element: &ExactValue, words: &[DetailsWords]) -> DetailShown {
    let kind = element.member("type").and_then(ExactValue::text);
    let words = words.iter().find(|words| Some(words.kind.as_str()) == kind);
    let named = words.map_or(&[][..], |words| &words.first);
    let pays = named.is_empty()
        && element
            .member("instructedAmount")
            .is_some_and(|sum| as_sum(sum).is_some());
    let patterns: Vec<&str> = if pays {
        PAYMENT.to_vec()
    } else {
        named.iter().map(String::as_str).collect()
    };
    let mut lines = Lines {
        words,
        laid: Vec::new(),
        taken: Vec::new(),
    };
    for pattern in patterns {
        lines.lay_first(element, pattern);
    }
    let first = std::mem::take(&mut lines.laid);
    lines.lay_below(element, &mut Vec::new(), 0);
    if first.is_empty() && lines.laid.is_empty() {
        lines.lay(element, &mut Vec::new(), 0);
    }
    DetailShown {
        title: words.map(|words| words.title.clone()),
        first,
        rest: lines.laid,
    }
}

/// Lines that are being laid.
struct Lines<'a> {
    words: Option<&'a DetailsWords>,
    laid: Vec<DetailRow>,
    /// Pointers of what already has its line.
    taken: Vec<String>,
}

impl Lines<'_> {
    /// Lays the members of `element` that `pattern` names.
    fn lay_first(&mut self, element: &ExactValue, pattern: &str) {
        let mut found = Vec::new();
        find(element, pattern, &mut Vec::new(), &mut found);
        for (path, value) in found {
            // A group of more than one value is easier to read with its own headings, among the rest.
            let single = !matches!(value, ExactValue::Items(_) | ExactValue::Members(_)) || as_sum(value).is_some();
            let pointer = pointer(&path);
            if single && !self.taken.contains(&pointer) {
                self.lay(value, &mut path.clone(), 0);
                self.taken.push(pointer);
            }
        }
    }

    fn lay<'v>(&mut self, value: &'v ExactValue, path: &mut Vec<Step<'v>>, depth: u32) {
        let pointer = pointer(path);
        let left = self.left_below(value, path);
        if self.taken.contains(&pointer) || left == Some(0) {
            return;
        }
        let count = left.unwrap_or(0);
        let sum = as_sum(value);
        let is_sum = sum.is_some();
        let value_shown = sum.unwrap_or_else(|| match value {
            ExactValue::Text(text) => DetailValue::Text { text: text.clone() },
            ExactValue::Number(text) => DetailValue::Number { text: text.clone() },
            ExactValue::Null => word("null"),
            ExactValue::Bool(true) => word("true"),
            ExactValue::Bool(false) => word("false"),
            ExactValue::Items(_) => DetailValue::Items { count },
            ExactValue::Members(_) => DetailValue::Members { count },
        });
        self.laid.push(DetailRow {
            path: pointer,
            depth,
            key: path.last().map(|step| match step {
                Step::Member(name) => (*name).to_owned(),
                Step::Item(index) => (index + 1).to_string(),
            }),
            label: self.words.and_then(|words| words.label(path)).map(str::to_owned),
            value: value_shown,
        });
        if !is_sum {
            self.lay_below(value, path, depth + 1);
        }
    }

    fn lay_below<'v>(&mut self, value: &'v ExactValue, path: &mut Vec<Step<'v>>, depth: u32) {
        each_below(value, path, &mut |below, path| self.lay(below, path, depth));
    }

    /// How many members or items still need a line: none for a value that has no members, or that never had any.
    fn left_below<'v>(&self, value: &'v ExactValue, path: &mut Vec<Step<'v>>) -> Option<u32> {
        let (mut all, mut left) = (0, 0);
        each_below(value, path, &mut |below, path| {
            all += 1;
            let gone = self.taken.contains(&pointer(path)) || self.left_below(below, path) == Some(0);
            left += u32::from(!gone);
        });
        (all > 0).then_some(left)
    }
}

/// Calls `visit` with each member or item of `value` and its path.
fn each_below<'v>(
    value: &'v ExactValue,
    path: &mut Vec<Step<'v>>,
    visit: &mut dyn FnMut(&'v ExactValue, &mut Vec<Step<'v>>),
) {
    let mut step = |step, below| {
        path.push(step);
        visit(below, path);
        path.pop();
    };
    match value {
        ExactValue::Members(members) => members.iter().for_each(|(name, below)| step(Step::Member(name), below)),
        ExactValue::Items(items) => items
            .iter()
            .enumerate()
            .for_each(|(index, below)| step(Step::Item(index), below)),
        ExactValue::Null | ExactValue::Bool(_) | ExactValue::Number(_) | ExactValue::Text(_) => {}
    }
}

fn find<'v>(
    value: &'v ExactValue,
    pattern: &str,
    path: &mut Vec<Step<'v>>,
    found: &mut Vec<(Vec<Step<'v>>, &'v ExactValue)>,
) {
    each_below(value, path, &mut |below, path| {
        if leads_to(pattern, path) {
            found.push((path.clone(), below));
        }
        find(below, pattern, path, found);
    });
}

fn word(text: &str) -> DetailValue {
    DetailValue::Word { text: text.to_owned() }
}

fn as_sum(value: &ExactValue) -> Option<DetailValue> {
    let ExactValue::Members(members) = value else {
        return None;
    };
    let (Some(ExactValue::Text(amount) | ExactValue::Number(amount)), Some(ExactValue::Text(currency))) =
        (value.member("amount"), value.member("currency"))
    else {
        return None;
    };
    let is_code = currency.len() == 3 && currency.bytes().all(|byte| byte.is_ascii_uppercase());
    (members.len() == 2 && is_code && !amount.is_empty()).then(|| DetailValue::Sum {
        amount: amount.clone(),
        currency: currency.clone(),
    })
}

fn pointer(path: &[Step<'_>]) -> String {
    let mut pointer = String::new();
    for step in path {
        pointer.push('/');
        match step {
            Step::Member(name) => pointer.push_str(&name.replace('~', "~0").replace('/', "~1")),
            Step::Item(index) => pointer.push_str(&index.to_string()),
        }
    }
    pointer
}

#[cfg(test)]
mod tests;
