//! What a client showed in the TLS handshake, for everybody who answers its requests on this connection.

use std::{
    io,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::http::Request;
use axum_server::accept::Accept;
use tokio_rustls::server::TlsStream;
use tower_service::Service;

use crate::op::{CertificateIssuers, ClientCertificate};

/// Puts [`ClientCertificate`] and [`CertificateIssuers`] beside each request on a connection whose client showed a certificate.
#[derive(Clone)]
pub(super) struct TellWhatWasShown<A> {
    /// Shakes hands.
    pub(super) inner: A,
}

impl<A, I, S, T> Accept<I, S> for TellWhatWasShown<A>
where
    A: Accept<I, S, Stream = TlsStream<T>>,
    A::Future: Send + 'static,
{
    type Stream = TlsStream<T>;
    type Service = Told<A::Service>;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepted = self.inner.accept(stream, service);
        Box::pin(async move {
            let (stream, inner) = accepted.await?;
            let mut chain = stream.get_ref().1.peer_certificates().unwrap_or_default().iter();
            let shown = chain.next().map(|own| {
                let issuers: Vec<Vec<u8>> = chain.map(|issuer| issuer.to_vec()).collect();
                (
                    ClientCertificate(Arc::from(own.as_ref())),
                    CertificateIssuers(issuers.into()),
                )
            });
            Ok((stream, Told { inner, shown }))
        })
    }
}

/// A service that is told of the certificate.
#[derive(Clone)]
pub(super) struct Told<S> {
    inner: S,
    shown: Option<(ClientCertificate, CertificateIssuers)>,
}

impl<S: Service<Request<B>>, B> Service<Request<B>> for Told<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> S::Future {
        if let Some((own, issuers)) = &self.shown {
            let extensions = request.extensions_mut();
            extensions.insert(own.clone());
            extensions.insert(issuers.clone());
        }
        self.inner.call(request)
    }
}
