use std::net::{IpAddr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request},
    http::HeaderMap,
    middleware::Next,
    response::Response,
};

/// Takes the caller's address from a proxy on this machine, whose own address would stand for everybody: then one guesser makes all people
/// wait. The proxy appends what it saw itself, so only the last address of `X-Forwarded-For` counts.
pub async fn behind_proxy(mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let by_proxy = peer.is_some_and(|ConnectInfo(peer)| peer.ip().to_canonical().is_loopback());
    if by_proxy && let Some(caller) = last_address(request.headers()) {
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(caller, 0)));
    }
    next.run(request).await
}

fn last_address(headers: &HeaderMap) -> Option<IpAddr> {
    let value = headers.get_all("x-forwarded-for").iter().next_back()?;
    value.to_str().ok()?.rsplit(',').next()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware, routing::get};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;

    async fn caller(peer: &str, forwarded: &[&str]) -> String {
        let router = Router::new()
            .route(
                "/",
                get(async |ConnectInfo(peer): ConnectInfo<SocketAddr>| peer.ip().to_string()),
            )
            .layer(middleware::from_fn(behind_proxy));
        let peer: SocketAddr = peer.parse().unwrap();
        let mut request = Request::get("/").extension(ConnectInfo(peer));
        for value in forwarded {
            request = request.header("x-forwarded-for", *value);
        }
        let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        String::from_utf8(body.to_vec()).unwrap()
    }

    #[tokio::test]
    async fn only_what_the_proxy_on_this_machine_saw_counts() {
        for (peer, forwarded, expected) in [
            ("127.0.0.1:4711", &["192.0.2.1"][..], "192.0.2.1"),
            ("[::1]:4711", &["2001:db8::1"], "2001:db8::1"),
            ("127.0.0.1:4711", &["203.0.113.9, 192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1:4711", &["203.0.113.9", "192.0.2.1"], "192.0.2.1"),
            ("127.0.0.1:4711", &["192.0.2.1, nonsense"], "127.0.0.1"),
            ("127.0.0.1:4711", &[], "127.0.0.1"),
            ("198.51.100.7:4711", &["192.0.2.1"], "198.51.100.7"),
        ] {
            assert_eq!(caller(peer, forwarded).await, expected, "{peer} with {forwarded:?}");
        }
    }
}
