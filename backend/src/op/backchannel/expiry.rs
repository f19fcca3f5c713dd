//! `requested_expiry`: a positive integer of seconds within the configured bounds, everybody's and the client's (CIBA Core section 7.1).

use super::{Asked, Checked};
use crate::{config::OpConfig, domain::RequestRules, op::refusal::Refusal};

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    let config = &asked.provider.parts.config;
    let requested = asked.params.get("requested_expiry");
    checked.expires_in = granted(config, &asked.client.requests, requested)?;
    Ok(())
}

fn granted(config: &OpConfig, rules: &RequestRules, requested: Option<&str>) -> Result<u32, Refusal> {
    let max = rules
        .max_expiry
        .unwrap_or(u32::MAX)
        .clamp(config.min_expiry, config.max_expiry);
    let Some(requested) = requested else {
        let usual = rules.expires_in.unwrap_or(config.expires_in);
        return Ok(usual.clamp(config.min_expiry, max));
    };
    let digits = requested.bytes().all(|byte| byte.is_ascii_digit()) && !requested.starts_with('0');
    if !digits {
        return Err(Refusal::invalid_request("requested_expiry is not a positive integer"));
    }
    let bounds = config.min_expiry..=max;
    // What does not fit the type is too large, whatever the bounds.
    let seconds = requested.parse::<u32>().unwrap_or(u32::MAX);
    if bounds.contains(&seconds) {
        Ok(seconds)
    } else if config.clamp_expiry {
        Ok(seconds.clamp(config.min_expiry, max))
    } else {
        Err(Refusal::invalid_request(format!(
            "requested_expiry is not between {} and {} seconds",
            config.min_expiry, max
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    const RULES: RequestRules = RequestRules {
        signing_alg: None,
        signed: false,
        user_code: false,
        expires_in: None,
        max_expiry: None,
        default_acr_values: Vec::new(),
        required_acr: None,
        details_types: Vec::new(),
        resources: Vec::new(),
    };

    #[test]
    fn only_a_positive_integer_within_bounds_is_granted() {
        let config = Config::from_toml("").unwrap().op;
        assert_eq!(granted(&config, &RULES, None).unwrap(), 120);
        for (requested, seconds) in [("5", 5), ("10", 10), ("300", 300), ("600", 600)] {
            assert_eq!(
                granted(&config, &RULES, Some(requested)).unwrap(),
                seconds,
                "R-066: {requested}"
            );
        }
        for requested in [
            "0",
            "-1",
            "+10",
            " 10",
            "10 ",
            "1.5",
            "1e2",
            "0x10",
            "010",
            "ten",
            "4",
            "601",
            "٣٠",
            "99999999999999999999",
        ] {
            assert!(granted(&config, &RULES, Some(requested)).is_err(), "R-065: {requested}");
        }
    }

    #[test]
    fn bounds_can_be_kept_silently() {
        let config = Config::from_toml("[op]\nclamp_expiry = true").unwrap().op;
        assert_eq!(granted(&config, &RULES, Some("1")).unwrap(), 5);
        assert_eq!(granted(&config, &RULES, Some("99999999999999999999")).unwrap(), 600);
        assert!(
            granted(&config, &RULES, Some("0")).is_err(),
            "R-065: zero is never an expiry"
        );
    }

    #[test]
    fn a_client_may_have_bounds_of_its_own() {
        let config = Config::from_toml("").unwrap().op;
        let rules = |expires_in, max_expiry| RequestRules {
            expires_in,
            max_expiry,
            ..RULES
        };
        for (rules, requested, expected) in [
            (rules(Some(30), None), None, Some(30)),
            (rules(Some(30), None), Some("120"), Some(120)),
            (rules(None, Some(60)), None, Some(60)),
            (rules(None, Some(60)), Some("60"), Some(60)),
            (rules(None, Some(60)), Some("61"), None),
            (rules(Some(9000), None), None, Some(600)),
            (rules(None, Some(9000)), Some("601"), None),
            (rules(Some(1), Some(1)), None, Some(5)),
        ] {
            let got = granted(&config, &rules, requested).ok();
            assert_eq!(got, expected, "R-066: {rules:?} with {requested:?}");
        }
    }
}
