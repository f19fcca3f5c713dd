use serde::{Deserialize, Serialize};

use super::ExactJson;

/// Authorization details on their way to a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailsShown {
    /// What the client asks for, as it wrote it.
    pub details: ExactJson,
    /// What the operator calls it: one entry a type that occurs.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub words: Vec<DetailsWords>,
}

/// A type of authorization details in the operator's words.
///
/// Members are named by JSON pointers (RFC 6901) into an element; in place of an index, `*` stands for every item of an array.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DetailsWords {
    /// `type` of the elements that these words are for.
    #[serde(rename = "type")]
    pub kind: String,
    /// What an element of this type is, for people.
    pub title: String,
    /// What members are called.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<MemberLabel>,
    /// Members to be shown before all others, in this order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<String>,
}

/// What a member is called.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberLabel {
    /// Its JSON pointer.
    pub at: String,
    /// Its name for people.
    pub text: String,
}

/// One step of a JSON pointer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step<'a> {
    Member(&'a str),
    Item(usize),
}

impl DetailsWords {
    /// What the member at `path` is called.
    pub(super) fn label(&self, path: &[Step<'_>]) -> Option<&str> {
        let label = self.labels.iter().find(|label| leads_to(&label.at, path));
        label.map(|label| label.text.as_str())
    }
}

/// Whether the JSON pointer `pattern` names the member at `path`.
pub(super) fn leads_to(pattern: &str, path: &[Step<'_>]) -> bool {
    let Some(pattern) = pattern.strip_prefix('/') else {
        return false;
    };
    let names: Vec<&str> = pattern.split('/').collect();
    let same = |(name, step): (&&str, &Step<'_>)| match step {
        Step::Member(member) => name.replace("~1", "/").replace("~0", "~") == *member,
        Step::Item(index) => *name == "*" || **name == index.to_string(),
    };
    names.len() == path.len() && names.iter().zip(path).all(same)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pointer_names_a_member_as_the_standard_says() {
        use Step::{Item, Member};
        for (pattern, path, expected) in [
            ("/a", &[Member("a")][..], true),
            ("/a/b", &[Member("a"), Member("b")], true),
            ("/a", &[Member("a"), Member("b")], false),
            ("/a/b", &[Member("a")], false),
            ("/a~1b", &[Member("a/b")], true),
            ("/a~0b", &[Member("a~b")], true),
            ("/a~01", &[Member("a~1")], true),
            ("/a/0", &[Member("a"), Item(0)], true),
            ("/a/*", &[Member("a"), Item(7)], true),
            ("/*", &[Member("a")], false),
            ("/*", &[Member("*")], true),
            ("/", &[Member("")], true),
            ("", &[], false),
            ("a", &[Member("a")], false),
        ] {
            assert_eq!(leads_to(pattern, path), expected, "{pattern} {path:?}");
        }
    }
}
