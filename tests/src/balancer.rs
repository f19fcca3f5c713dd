//! A load balancer as plain as they come: each connection goes to the next server in turn that takes it. It knows nobody again and repeats nothing.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
    task::AbortHandle,
};

/// Ends when it is dropped.
pub struct Balancer {
    /// Where everybody finds the servers.
    pub origin: String,
    accepting: AbortHandle,
    servers: Arc<Servers>,
}

#[derive(Default)]
struct Servers {
    /// Addresses with ports.
    addresses: std::sync::RwLock<Vec<String>>,
    turn: AtomicUsize,
}

impl Balancer {
    /// Takes an address; there are no servers yet.
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("a bound port");
        let servers = Arc::new(Servers::default());
        let accepting = tokio::spawn(accept(listener, servers.clone()));
        Self {
            origin: format!("http://{address}"),
            accepting: accepting.abort_handle(),
            servers,
        }
    }

    /// Connections go to these servers from now on.
    pub fn serve(&self, addresses: Vec<String>) {
        *self.servers.addresses.write().expect("nobody panicked") = addresses;
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

async fn accept(listener: TcpListener, servers: Arc<Servers>) {
    while let Ok((client, _)) = listener.accept().await {
        let servers = servers.clone();
        tokio::spawn(async move { servers.connect(client).await });
    }
}

impl Servers {
    async fn connect(&self, mut client: TcpStream) {
        let addresses = self.addresses.read().expect("nobody panicked").clone();
        let turn = self.turn.fetch_add(1, Ordering::Relaxed);
        for at in 0..addresses.len() {
            let address = &addresses[(turn + at) % addresses.len()];
            if let Ok(mut server) = TcpStream::connect(address).await {
                // Either side may hang up whenever it likes.
                copy_bidirectional(&mut client, &mut server).await.ok();
                return;
            }
        }
    }
}
