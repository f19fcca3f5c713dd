use countersign_protocol::{DecisionClaims, KeyLevel, UvMethod};

use crate::domain::{Acr, Amr, Approval, DeviceKeys};

/// What a verified approval proves about the person: never more than the keys and the policy that were really used.
pub fn of(claims: &DecisionClaims, keys: &DeviceKeys) -> Approval {
    let mut amr = vec![match keys.level {
        KeyLevel::Software => Amr::Swk,
        KeyLevel::Hardware => Amr::Hwk,
    }];
    let method = claims.uv.as_ref().map(|uv| match uv.method {
        UvMethod::Pin => Amr::Pin,
        UvMethod::Bio => Amr::User,
    });
    amr.extend(method);
    let acr = if method.is_some() {
        Acr::DEVICE_VERIFIED
    } else {
        Acr::DEVICE
    };
    Approval {
        auth_time: claims.uv.as_ref().map_or(claims.iat, |uv| uv.time),
        amr,
        acr: Acr(acr.to_owned()),
        device_id: Some(claims.iss.clone()),
    }
}
