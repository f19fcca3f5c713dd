//! What the person sees in the browser when it comes back.

use countersign_clock::Random;

use crate::dpop::fresh_id;

/// The pages there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Page {
    SignedIn,
    NotSignedIn,
    BadRequest,
    NotFound,
}

const STYLE: &str = ":root{color-scheme:light dark}body{margin:0;min-height:100vh;display:grid;place-items:center;\
font:1.125rem/1.5 system-ui,sans-serif;background:#f6f7f9;color:#16202e}main{max-width:26rem;padding:2rem;text-align:center}\
h1{font-size:1.5rem;margin:0 0 .5rem}p{margin:0;opacity:.8}\
@media(prefers-color-scheme:dark){body{background:#11161d;color:#eef2f7}}";

/// The whole HTTP answer: nothing is cached, referred to, framed, loaded or run.
pub(crate) fn response(page: Page, random: &dyn Random) -> String {
    let (status, title, text) = match page {
        Page::SignedIn => (
            "200 OK",
            "You are signed in",
            "Go on in Countersign. You can close this window.",
        ),
        Page::NotSignedIn => (
            "200 OK",
            "You are not signed in",
            "Countersign says what happened. You can close this window.",
        ),
        Page::BadRequest => (
            "400 Bad Request",
            "Nothing to see here",
            "This is not the answer Countersign waits for.",
        ),
        Page::NotFound => ("404 Not Found", "Nothing to see here", "There is no such page."),
    };
    let nonce = fresh_id(random);
    let body = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" \
         content=\"width=device-width\"><title>{title}</title><style nonce=\"{nonce}\">{STYLE}</style></head>\
         <body><main><h1>{title}</h1><p>{text}</p></main></body></html>"
    );
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nConnection: close\r\n\
         Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\
         Content-Security-Policy: default-src 'none'; style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'; \
         form-action 'none'\r\n\r\n{body}",
        body.len()
    )
}
