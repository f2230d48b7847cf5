// SPDX-License-Identifier: GPL-2.0

//! Giving the numbers to Prometheus, by HTTP.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::spawn_local;
use tokio::time::sleep;

use crate::service::Service;

const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How long nobody is let in after the kernel could not.
const PAUSE: Duration = Duration::from_millis(100);

/// Opens the port.
///
/// # Errors
/// Those of the kernel: somebody else has it, or may have it only.
pub(crate) async fn open(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Answers all who ask.
pub(crate) async fn serve(listener: TcpListener, service: Rc<Service>) -> Infallible {
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            // Of files there may be too many now.
            sleep(PAUSE).await;
            continue;
        };
        let service = service.clone();
        spawn_local(async move {
            let answer = service_fn(move |request| {
                let answer = answer(&request, &service);
                async move { Ok::<_, Infallible>(answer) }
            });
            // Whoever goes in the middle does not get it.
            let _ = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), answer)
                .await;
        });
    }
}

fn answer(request: &Request<Incoming>, service: &Service) -> Response<Full<Bytes>> {
    let (status, text) = match (request.method(), request.uri().path()) {
        (&Method::GET | &Method::HEAD, "/metrics") => match service.metrics_text() {
            Ok(text) => (StatusCode::OK, text),
            Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        },
        (_, "/metrics") => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".into()),
        _ => (StatusCode::NOT_FOUND, "see /metrics\n".into()),
    };
    let kind = match status {
        StatusCode::OK => TEXT,
        _ => "text/plain; charset=utf-8",
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    if let Ok(kind) = kind.parse() {
        response.headers_mut().insert(CONTENT_TYPE, kind);
    }
    response
}
