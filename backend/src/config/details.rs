use std::{
    collections::BTreeMap,
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use countersign_protocol::{DetailsWords, MemberLabel};
use jsonschema::{Draft, PatternOptions, Validator};
use serde::Deserialize;
use serde_json::Value;

/// Characters of a title or a label.
const MAX_WORDS: usize = 80;

/// `[op.authorization_details.TYPE]`: a type of authorization details (RFC 9396 section 2) that clients can be given.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "Written")]
pub struct DetailsType {
    /// What an element of this type is, for people.
    pub title: String,
    /// What an element has to be.
    pub schema: Schema,
    /// What members are called, by JSON pointer.
    pub labels: BTreeMap<String, String>,
    /// JSON pointers of the members that are shown first.
    pub first: Vec<String>,
}

impl DetailsType {
    /// What devices are told of the type, whose name is `kind`.
    #[must_use]
    pub fn words(&self, kind: &str) -> DetailsWords {
        let label = |(at, text): (&String, &String)| MemberLabel {
            at: at.clone(),
            text: text.clone(),
        };
        DetailsWords {
            kind: kind.to_owned(),
            title: self.title.clone(),
            labels: self.labels.iter().map(label).collect(),
            first: self.first.clone(),
        }
    }
}

/// What devices are told of the type `kind`: the words of the operator, or its name where there are none.
#[must_use]
pub fn words_for(types: &BTreeMap<String, DetailsType>, kind: &str) -> DetailsWords {
    let nameless = || DetailsWords {
        kind: kind.to_owned(),
        title: kind.to_owned(),
        labels: Vec::new(),
        first: Vec::new(),
    };
    types.get(kind).map_or_else(nameless, |declared| declared.words(kind))
}

/// A JSON Schema that can be held against a value. It reads nothing from elsewhere.
#[derive(Clone)]
pub struct Schema(Arc<Validator>);

impl Schema {
    /// Where `value` breaks the schema: a JSON pointer into the schema, which the operator wrote; nothing of `value` is in it.
    #[must_use]
    pub fn broken_at(&self, value: &Value) -> Option<String> {
        let error = self.0.validate(value).err()?;
        Some(error.schema_path().to_string())
    }
}

impl fmt::Debug for Schema {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Schema(..)")
    }
}

/// As it stands in the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    title: String,
    schema: Option<Value>,
    schema_file: Option<PathBuf>,
    #[serde(default)]
    labels: BTreeMap<String, String>,
    #[serde(default)]
    first: Vec<String>,
}

/// Why a type of authorization details cannot be used. It ends in the error of the whole configuration, which is one line: so does the cause.
#[derive(Debug, thiserror::Error)]
enum DetailsTypeError {
    #[error("either schema or schema_file has to be there, not both")]
    OneSchema,
    #[error("schema_file {} cannot be read: {reason}", path.display())]
    Unreadable { path: PathBuf, reason: io::Error },
    #[error("the schema is not JSON: {0}")]
    NotJson(serde_json::Error),
    #[error(
        "the schema is not a JSON Schema (draft 2020-12) for objects with regular expressions without look-around, or refers to another file: {0}"
    )]
    NotASchema(String),
    #[error("a title or label is empty, longer than {MAX_WORDS} characters, or has line breaks")]
    Words,
    #[error("{0:?} in labels or first is not a JSON pointer such as \"/instructedAmount/amount\"")]
    Pointer(String),
}

impl TryFrom<Written> for DetailsType {
    type Error = DetailsTypeError;

    fn try_from(written: Written) -> Result<Self, DetailsTypeError> {
        let schema = match (written.schema, written.schema_file) {
            (Some(Value::String(json)), None) => parse(&json)?,
            (Some(schema), None) => schema,
            (None, Some(path)) => parse(&read(&path)?)?,
            _ => return Err(DetailsTypeError::OneSchema),
        };
        let words = std::iter::once(&written.title).chain(written.labels.values());
        for words in words {
            if words.trim().is_empty() || words.chars().count() > MAX_WORDS || words.contains(char::is_control) {
                return Err(DetailsTypeError::Words);
            }
        }
        if let Some(bad) = written
            .labels
            .keys()
            .chain(&written.first)
            .find(|pointer| !pointer.starts_with('/'))
        {
            return Err(DetailsTypeError::Pointer(bad.clone()));
        }
        Ok(Self {
            title: written.title,
            schema: compile(&schema)?,
            labels: written.labels,
            first: written.first,
        })
    }
}

fn read(path: &Path) -> Result<String, DetailsTypeError> {
    fs::read_to_string(path).map_err(|reason| DetailsTypeError::Unreadable {
        path: path.to_owned(),
        reason,
    })
}

fn parse(json: &str) -> Result<Value, DetailsTypeError> {
    serde_json::from_str(json).map_err(DetailsTypeError::NotJson)
}

fn compile(schema: &Value) -> Result<Schema, DetailsTypeError> {
    if !schema.is_object() {
        return Err(DetailsTypeError::NotASchema("it is not an object".to_owned()));
    }
    // Regular expressions that take time in proportion to the text, whoever wrote the text.
    let validator = jsonschema::options()
        .with_draft(Draft::Draft202012)
        .with_pattern_options(PatternOptions::regex())
        .should_validate_formats(true)
        .offline()
        .build(schema)
        .map_err(|error| DetailsTypeError::NotASchema(error.to_string()))?;
    Ok(Schema(Arc::new(validator)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::config::Config;

    fn config(written: &str) -> Result<Config, String> {
        Config::from_toml(&format!("[op.authorization_details.t]\n{written}")).map_err(|error| error.to_string())
    }

    #[test]
    fn a_schema_is_a_table_or_json_or_a_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("t.json");
        std::fs::write(&file, r#"{"required": ["a"]}"#).unwrap();
        for written in [
            "schema = { required = [\"a\"] }".to_owned(),
            r#"schema = '{"required": ["a"]}'"#.to_owned(),
            format!("schema_file = {file:?}"),
        ] {
            let config = config(&format!("title = \"A thing\"\n{written}")).unwrap();
            let schema = &config.op.authorization_details["t"].schema;
            assert_eq!(schema.broken_at(&json!({"a": 1})), None, "R-268: {written}");
            let broken = schema.broken_at(&json!({"b": 1}));
            assert_eq!(broken.as_deref(), Some("/required"), "R-268: {written}");
        }
    }

    #[test]
    fn the_documented_example_and_the_one_of_the_demo_work() {
        let documented = crate::config::DEFAULTS;
        let start = documented
            .find("# [op.authorization_details.payment_initiation]")
            .unwrap();
        let end = documented.find("# }'''").unwrap() + "# }'''".len();
        let uncommented = documented[start..end].lines().map(|line| line.trim_start_matches("# "));
        let documented = uncommented.collect::<Vec<_>>().join("\n");
        let demo = include_str!("../../../demo/payment_initiation.toml");
        let payment = json!({
            "type": "payment_initiation",
            "instructedAmount": {"currency": "EUR", "amount": "42.00"},
            "creditorName": "Demo Shop",
        });
        for (toml, missing) in [(documented.as_str(), Some("/required")), (demo, None)] {
            let config = Config::from_toml(toml).unwrap();
            let schema = &config.op.authorization_details["payment_initiation"].schema;
            assert_eq!(schema.broken_at(&payment).as_deref(), missing, "R-268: {toml}");
            let mut other = payment.clone();
            other["creditorAccount"] = json!({"iban": "DE02120300000000202051"});
            let unknown = missing.map_or(Some("/additionalProperties"), |_| None);
            assert_eq!(schema.broken_at(&other).as_deref(), unknown, "R-268: {toml}");
            other["instructedAmount"]["amount"] = json!("42.0");
            assert!(schema.broken_at(&other).is_some(), "R-268: {toml}");
        }
    }

    #[test]
    fn what_cannot_work_is_said_at_the_start() {
        for (written, says) in [
            ("schema = {}", "title"),
            ("title = \"\"\nschema = {}", "title or label"),
            ("title = \"a\\nb\"\nschema = {}", "title or label"),
            ("title = \"T\"", "schema_file"),
            ("title = \"T\"\nschema = {}\nschema_file = \"x\"", "not both"),
            ("title = \"T\"\nschema_file = \"/nowhere/t.json\"", "/nowhere/t.json"),
            ("title = \"T\"\nschema = \"{\"", "not JSON"),
            ("title = \"T\"\nschema = 7", "not an object"),
            ("title = \"T\"\nschema = { type = \"thing\" }", "not a JSON Schema"),
            ("title = \"T\"\nschema = { pattern = \"(?=a)\" }", "not a JSON Schema"),
            (
                "title = \"T\"\nschema = { \"$ref\" = \"https://elsewhere.example/s.json\" }",
                "not a JSON Schema",
            ),
            (
                "title = \"T\"\nschema = { \"$ref\" = \"file:///etc/passwd\" }",
                "not a JSON Schema",
            ),
            ("title = \"T\"\nschema = {}\nlabels = { a = \"A\" }", "JSON pointer"),
            (
                "title = \"T\"\nschema = {}\nlabels = { \"/a\" = \"\" }",
                "title or label",
            ),
            ("title = \"T\"\nschema = {}\nfirst = [\"a\"]", "JSON pointer"),
            ("title = \"T\"\nschema = {}\ncolour = 1", "colour"),
        ] {
            let error = config(written).unwrap_err();
            assert!(error.contains(says), "R-268: {written}: {error}");
            assert!(error.contains("authorization_details"), "the key is named: {error}");
        }
    }
}
