//! `requested_expiry`: a positive integer of seconds within the configured bounds (CIBA Core section 7.1).

use super::{Asked, Checked};
use crate::{config::OpConfig, op::refusal::Refusal};

pub(super) fn check(asked: &Asked<'_>, checked: &mut Checked) -> Result<(), Refusal> {
    checked.expires_in = granted(&asked.provider.parts.config, asked.params.get("requested_expiry"))?;
    Ok(())
}

fn granted(config: &OpConfig, requested: Option<&str>) -> Result<u32, Refusal> {
    let Some(requested) = requested else {
        return Ok(config.expires_in);
    };
    let digits = requested.bytes().all(|byte| byte.is_ascii_digit()) && !requested.starts_with('0');
    if !digits {
        return Err(Refusal::invalid_request("requested_expiry is not a positive integer"));
    }
    let bounds = config.min_expiry..=config.max_expiry;
    // What does not fit the type is too large, whatever the bounds.
    let seconds = requested.parse::<u32>().unwrap_or(u32::MAX);
    if bounds.contains(&seconds) {
        Ok(seconds)
    } else if config.clamp_expiry {
        Ok(seconds.clamp(config.min_expiry, config.max_expiry))
    } else {
        Err(Refusal::invalid_request(format!(
            "requested_expiry is not between {} and {} seconds",
            config.min_expiry, config.max_expiry
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn only_a_positive_integer_within_bounds_is_granted() {
        let config = Config::from_toml("").unwrap().op;
        assert_eq!(granted(&config, None).unwrap(), 120);
        for (requested, seconds) in [("5", 5), ("10", 10), ("300", 300), ("600", 600)] {
            assert_eq!(
                granted(&config, Some(requested)).unwrap(),
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
            assert!(granted(&config, Some(requested)).is_err(), "R-065: {requested}");
        }
    }

    #[test]
    fn bounds_can_be_kept_silently() {
        let config = Config::from_toml("[op]\nclamp_expiry = true").unwrap().op;
        assert_eq!(granted(&config, Some("1")).unwrap(), 5);
        assert_eq!(granted(&config, Some("99999999999999999999")).unwrap(), 600);
        assert!(granted(&config, Some("0")).is_err(), "R-065: zero is never an expiry");
    }
}
