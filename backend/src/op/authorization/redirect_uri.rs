//! Redirect URIs: exact comparison (RFC 9700 section 2.1), the port of a loopback address excepted (RFC 8252 section 7.3).

use url::Url;

use crate::domain::Client;

/// Where a literal loopback redirect may vary: between these prefixes and the path.
const LOOPBACK: [&str; 2] = ["http://127.0.0.1", "http://[::1]"];

/// Whether `presented` is the `registered` redirect URI.
pub(in crate::op) fn matches(registered: &str, presented: &str) -> bool {
    if registered == presented {
        return true;
    }
    LOOPBACK.iter().any(|prefix| {
        let rests = registered.strip_prefix(prefix).and_then(without_port);
        let presented = presented.strip_prefix(prefix).and_then(without_port);
        rests.is_some() && rests == presented
    })
}

/// Whether `client` registered `presented`.
pub(in crate::op) fn is_registered(client: &Client, presented: &str) -> bool {
    client
        .redirect_uris
        .iter()
        .any(|registered| matches(registered, presented))
}

/// What follows an optional port; none when the host goes on (`http://127.0.0.1.evil.example`).
fn without_port(rest: &str) -> Option<&str> {
    let Some(after_colon) = rest.strip_prefix(':') else {
        return (rest.is_empty() || rest.starts_with('/')).then_some(rest);
    };
    let path = after_colon.trim_start_matches(|c: char| c.is_ascii_digit());
    let port = after_colon.strip_suffix(path)?;
    let port_is_one = port.len() <= 5 && port.parse::<u16>().is_ok_and(|port| port != 0);
    (port_is_one && (path.is_empty() || path.starts_with('/'))).then_some(path)
}

/// Whether a client can be registered with this redirect URI: absolute, no fragment, no user information, and https, a literal loopback
/// address, or a private scheme in reverse domain form (RFC 8252 sections 7 and 8.3).
#[must_use]
pub fn is_registrable(uri: &str) -> bool {
    let printable = uri.bytes().all(|byte| byte.is_ascii_graphic());
    let Ok(url) = Url::parse(uri) else { return false };
    let plain = url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    let safe = match url.scheme() {
        "https" => true,
        "http" => LOOPBACK
            .iter()
            .any(|prefix| uri.strip_prefix(prefix).and_then(without_port).is_some()),
        scheme => scheme.contains('.'),
    };
    printable && plain && !uri.contains('#') && safe
}

/// `uri` with `parameters` in its query (RFC 6749 section 4.1.2).
pub(in crate::op) fn with_parameters(uri: &str, parameters: &[(&str, &str)]) -> String {
    let query = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(parameters)
        .finish();
    let joint = if uri.contains('?') { '&' } else { '?' };
    format!("{uri}{joint}{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_port_of_a_loopback_address_may_vary() {
        let app = "http://127.0.0.1/callback";
        for same in [app, "http://127.0.0.1:1/callback", "http://127.0.0.1:65535/callback"] {
            assert!(matches(app, same), "R-270: {same}");
        }
        for other in [
            "http://127.0.0.1:0/callback",
            "http://127.0.0.1:65536/callback",
            "http://127.0.0.1:/callback",
            "http://127.0.0.1:80@evil.example/callback",
            "http://127.0.0.1@evil.example/callback",
            "http://127.0.0.1.evil.example/callback",
            "http://127.0.0.1:80:80/callback",
            "http://127.0.0.1:80/callback/",
            "http://127.0.0.1:80/callback?x=1",
            "http://127.0.0.1:80/callback#x",
            "http://127.0.0.1:80/Callback",
            "http://127.0.0.1:80/x/../callback",
            "http://127.0.0.1:80\\callback",
            "HTTP://127.0.0.1:80/callback",
            "https://127.0.0.1:80/callback",
            "http://127.1:80/callback",
            "http://localhost:80/callback",
            "http://[::1]:80/callback",
            " http://127.0.0.1:80/callback",
        ] {
            assert!(!matches(app, other), "V-022, R-270: {other}");
        }
        assert!(matches("http://[::1]/callback", "http://[::1]:4711/callback"), "R-270");
        assert!(
            !matches("https://rp.example/cb", "https://rp.example:8443/cb"),
            "R-270: other hosts have no exception"
        );
    }

    #[test]
    fn what_a_browser_could_be_led_astray_by_is_not_registered() {
        for good in [
            "https://rp.example/cb",
            "https://rp.example/cb?a=1",
            "http://127.0.0.1/callback",
            "http://[::1]:80/cb",
            "com.example.app:/cb",
        ] {
            assert!(is_registrable(good), "{good}");
        }
        for bad in [
            "http://rp.example/cb",
            "http://localhost/cb",
            "javascript:alert(1)",
            "JavaScript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "https://rp.example/cb#f",
            "https://a@rp.example/cb",
            "https://rp.example/ cb",
            "/cb",
            "",
        ] {
            assert!(!is_registrable(bad), "V-022: {bad}");
        }
    }

    #[test]
    fn parameters_are_added_to_a_query_that_is_there() {
        assert_eq!(
            with_parameters("https://rp.example/cb?a=1", &[("code", "x&y"), ("state", "é")]),
            "https://rp.example/cb?a=1&code=x%26y&state=%C3%A9"
        );
    }
}
