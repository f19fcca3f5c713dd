use ipnet::IpNet;
use url::{Host, Url};

use super::address::{is_listed, may_be_called};

/// Why an address that somebody gave is not called.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EndpointProblem {
    /// Neither https nor http to a listed address.
    #[error("it is not https")]
    Scheme,
    /// A user name or password in it would be sent along.
    #[error("it has a user name or a password in it")]
    Credentials,
    /// A fragment is never sent.
    #[error("it has a fragment")]
    Fragment,
    /// The host is this machine, this network or no host at all.
    #[error("its host is not a public one")]
    NotPublic,
}

/// Whether `url` is an endpoint that may be called: https, and a host that is public as far as it can be told from its name. `allowed`
/// addresses may be private and spoken to over http; for http they have to be written as addresses.
///
/// # Errors
/// With the first rule that does not hold.
pub fn check_endpoint(url: &Url, allowed: &[IpNet]) -> Result<(), EndpointProblem> {
    if !url.username().is_empty() || url.password().is_some() {
        return Err(EndpointProblem::Credentials);
    }
    if url.fragment().is_some() {
        return Err(EndpointProblem::Fragment);
    }
    // Names of this machine are addresses in disguise (RFC 6761 section 6.3).
    let literal = match url.host() {
        Some(Host::Ipv4(address)) => Some(address.into()),
        Some(Host::Ipv6(address)) => Some(address.into()),
        Some(Host::Domain(name)) if is_this_machine(name) => Some(std::net::Ipv4Addr::LOCALHOST.into()),
        Some(Host::Domain(_)) => None,
        None => return Err(EndpointProblem::NotPublic),
    };
    let listed = literal.is_some_and(|address| is_listed(address, allowed));
    if url.scheme() != "https" && !(url.scheme() == "http" && listed) {
        return Err(EndpointProblem::Scheme);
    }
    if literal.is_some_and(|address| !may_be_called(address, allowed)) {
        return Err(EndpointProblem::NotPublic);
    }
    Ok(())
}

fn is_this_machine(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(url: &str, allowed: &[&str]) -> Result<(), EndpointProblem> {
        let allowed: Vec<IpNet> = allowed.iter().map(|network| network.parse().unwrap()).collect();
        check_endpoint(&Url::parse(url).unwrap(), &allowed)
    }

    #[test]
    fn a_listed_address_may_be_spoken_to_plainly() {
        use EndpointProblem::{NotPublic, Scheme};
        for (url, verdict) in [
            ("http://127.0.0.1:8080/cb", Ok(())),
            ("https://127.0.0.1:8080/cb", Ok(())),
            ("https://localhost:8080/cb", Ok(())),
            ("http://127.0.0.2/cb", Err(Scheme)),
            ("https://127.0.0.2/cb", Err(NotPublic)),
            ("http://shop.example/cb", Err(Scheme)),
        ] {
            assert_eq!(check(url, &["127.0.0.1/32"]), verdict, "{url}");
        }
    }
}
