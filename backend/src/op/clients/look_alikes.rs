//! Whether people can tell two clients apart by their names.

use unicode_security::skeleton;

/// Whether `one` and `other` can be taken for each other: the same skeleton (Unicode Technical Standard 39, section 4), whatever the case and
/// the spaces.
#[must_use]
pub fn are_confusable(one: &str, other: &str) -> bool {
    let other = looks(other);
    looks(one).iter().any(|look| other.contains(look))
}

/// What a name looks like as it is written, in small letters and in capitals: an `I` passes for an `l`, an `i` does not.
fn looks(name: &str) -> [String; 3] {
    let name: String = name.chars().filter(|char| !char.is_whitespace()).collect();
    [name.clone(), name.to_lowercase(), name.to_uppercase()]
        .map(|written| skeleton(&written).collect::<String>().to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_look_alike_are_confusable() {
        for other in [
            "Demo Shop",
            "demo shop",
            "DEMO SHOP",
            "DemoShop",
            "Demo  Shop",
            "Demo Sh0p",
            "De\u{43c}\u{43e} Shop",                     // Cyrillic
            "Demo \u{405}hop",                           // Cyrillic
            "\u{ff24}\u{ff45}mo Shop",                   // full width
            "Demo\u{a0}Shop",                            // a space that does not break
            "\u{1d403}\u{1d41e}\u{1d426}\u{1d428} Shop", // mathematical bold
        ] {
            assert!(are_confusable("Demo Shop", other), "S-020: {other}");
            assert!(are_confusable(other, "Demo Shop"), "S-020: {other}, the other way");
        }
        for (one, other) in [("Bill", "BiII"), ("Paypal", "PaypaI"), ("modern", "modem")] {
            assert!(are_confusable(one, other), "S-020: {one} and {other}");
        }
    }

    #[test]
    fn names_that_differ_are_not() {
        for other in ["Demo Shops", "Demo Ship", "Terminal", "Shop Demo"] {
            assert!(!are_confusable("Demo Shop", other), "S-020: {other}");
        }
    }
}
