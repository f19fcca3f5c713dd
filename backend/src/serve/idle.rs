use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum_server::accept::Accept;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Instant, Interval, interval_at},
};

/// Hangs up on connections over which nothing moves. HTTP's own time limits begin only when its version is known, so whoever connects and
/// says nothing would stay for ever.
#[derive(Clone)]
pub struct HangUpWhenIdle<A> {
    /// What comes after it.
    pub inner: A,
    /// How long nothing may move.
    pub after: Duration,
}

impl<A: Accept<Watched, S>, S> Accept<TcpStream, S> for HangUpWhenIdle<A> {
    type Stream = A::Stream;
    type Service = A::Service;
    type Future = A::Future;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        // An event of a stream leaves at once and does not wait until the one before it is acknowledged. A socket that refuses is merely slower.
        let _ = stream.set_nodelay(true);
        let watched = Watched {
            stream,
            limit: interval_at(Instant::now() + self.after, self.after),
        };
        self.inner.accept(watched, service)
    }
}

/// A connection whose time runs while nothing moves.
pub struct Watched {
    stream: TcpStream,
    limit: Interval,
}

impl Watched {
    fn watch<T>(&mut self, cx: &mut Context<'_>, moved: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if moved.is_ready() {
            self.limit.reset();
            return moved;
        }
        self.limit.poll_tick(cx).map(|_| {
            Err(io::Error::new(
                io::ErrorKind::TimedOut,
                "nothing moves on the connection",
            ))
        })
    }
}

impl AsyncRead for Watched {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let moved = Pin::new(&mut self.stream).poll_read(cx, buf);
        self.watch(cx, moved)
    }
}

impl AsyncWrite for Watched {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.watch(cx, moved)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let moved = Pin::new(&mut self.stream).poll_write_vectored(cx, bytes);
        self.watch(cx, moved)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
