//! A collector of traces, as small as one can be: OTLP over HTTP with protobuf.

use std::{
    io::{BufRead, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
};

use opentelemetry_proto::tonic::{collector::trace::v1::ExportTraceServiceRequest, trace::v1::Span};
use prost::Message as _;

/// Takes traces on a port of its own, until the test ends.
pub struct Collector {
    address: SocketAddr,
    taken: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Collector {
    /// Begins to listen.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("it has an address");
        let taken = Arc::<Mutex<Vec<Vec<u8>>>>::default();
        let into = taken.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let into = into.clone();
                std::thread::spawn(move || serve(stream, &into));
            }
        });
        Self { address, taken }
    }

    /// Where traces are sent.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}/v1/traces", self.address)
    }

    /// Everything that came, as it came.
    #[must_use]
    pub fn raw(&self) -> Vec<Vec<u8>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Everything that came, decoded.
    #[must_use]
    pub fn requests(&self) -> Vec<ExportTraceServiceRequest> {
        let decode = |body: &Vec<u8>| ExportTraceServiceRequest::decode(&body[..]).expect("OTLP");
        self.raw().iter().map(decode).collect()
    }

    /// All spans that came.
    #[must_use]
    pub fn spans(&self) -> Vec<Span> {
        let resources = self.requests().into_iter().flat_map(|request| request.resource_spans);
        let scopes = resources.flat_map(|resource| resource.scope_spans);
        scopes.flat_map(|scope| scope.spans).collect()
    }
}

/// Takes one request after the other from a connection.
fn serve(stream: TcpStream, into: &Mutex<Vec<Vec<u8>>>) -> Option<()> {
    let mut to = stream.try_clone().ok()?;
    let mut from = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if from.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line.trim().is_empty() {
                break;
            }
            head.push(line.trim().to_ascii_lowercase());
        }
        let length = head.iter().find_map(|line| line.strip_prefix("content-length:"))?;
        let mut body = vec![0; length.trim().parse().ok()?];
        from.read_exact(&mut body).ok()?;
        let right = head.first()?.starts_with("post /v1/traces ")
            && head.iter().any(|line| line == "content-type: application/x-protobuf");
        let status = if right { "200 OK" } else { "400 Bad Request" };
        if right {
            into.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        }
        write!(
            to,
            "HTTP/1.1 {status}\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n"
        )
        .ok()?;
    }
}
