//! The network between a backend and everybody else: it can be cut, and it can be one that lets no stream pass.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
    task::JoinHandle,
};

/// What the network does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Weather {
    /// Everything passes.
    Fair,
    /// Requests pass, streams are dropped.
    NoStreams,
    /// Nothing passes, open connections are gone.
    Cut,
}

/// A port of 127.0.0.1 that leads to the backend, if the weather allows.
pub struct Wire {
    /// Its address as an origin: the backend's public one.
    pub origin: String,
    weather: watch::Sender<Weather>,
    backend: Arc<Mutex<Option<SocketAddr>>>,
    listening: JoinHandle<()>,
}

impl Wire {
    /// Takes a free port. It leads nowhere yet.
    pub async fn lay() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("it has an address");
        let (weather, forecast) = watch::channel(Weather::Fair);
        let backend = Arc::new(Mutex::new(None));
        let leads_to = Arc::clone(&backend);
        let listening = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                let leads_to = *leads_to.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(backend) = leads_to {
                    tokio::spawn(carry(near, backend, forecast.clone()));
                }
            }
        });
        Self {
            origin: format!("http://{address}"),
            weather,
            backend,
            listening,
        }
    }

    /// Leads to `backend` from now on.
    pub fn connect(&self, backend: SocketAddr) {
        *self.backend.lock().unwrap_or_else(PoisonError::into_inner) = Some(backend);
    }

    /// Changes the weather.
    pub fn set(&self, weather: Weather) {
        self.weather.send_replace(weather);
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Carries one connection until either end or the weather ends it.
async fn carry(near: TcpStream, backend: SocketAddr, mut weather: watch::Receiver<Weather>) {
    if *weather.borrow() == Weather::Cut {
        return;
    }
    let Ok(far) = TcpStream::connect(backend).await else {
        return;
    };
    let (mut near_in, mut near_out) = near.into_split();
    let (mut far_in, mut far_out) = far.into_split();
    let passing = weather.clone();
    let requests = async {
        let mut bytes = vec![0; 16 * 1024];
        while let Ok(count @ 1..) = near_in.read(&mut bytes).await {
            let is_stream = bytes.starts_with(b"GET /ad/v1/stream");
            if (is_stream && *passing.borrow() == Weather::NoStreams)
                || far_out.write_all(&bytes[..count]).await.is_err()
            {
                return;
            }
        }
    };
    let answers = async { tokio::io::copy(&mut far_in, &mut near_out).await };
    tokio::select! {
        () = requests => {}
        _ = answers => {}
        _ = weather.wait_for(|weather| *weather == Weather::Cut) => {}
    }
}
