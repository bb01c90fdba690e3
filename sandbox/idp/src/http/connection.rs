//! Connections, which a fault may end instead of an answer.

use std::io;
use std::pin::pin;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tower::ServiceExt as _;

/// Connections at a time; more wait.
const MOST: usize = 1_024;
/// How long to wait when there is no descriptor left for a connection.
const PAUSE: Duration = Duration::from_millis(100);
/// How long calls that are being answered have when it stops. Those that hang end then.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Of a response that is not sent: the connection ends instead.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("cut off")]
pub(crate) struct Cut;

impl Cut {
    pub(crate) fn response() -> Response {
        let mut response = ().into_response();
        response.extensions_mut().insert(Self);
        response
    }
}

/// Serves until told to stop, or dropped, which ends every connection.
pub(crate) async fn serve(listener: TcpListener, router: Router, stop: impl Future<Output = ()>) {
    let graceful = GracefulShutdown::new();
    let mut connections = JoinSet::new();
    let mut stop = pin!(stop);
    loop {
        tokio::select! {
            accepted = listener.accept(), if connections.len() < MOST => match accepted {
                Ok((stream, _)) => {
                    let router = router.clone();
                    let service = service_fn(move |request| answer(router.clone(), request));
                    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
                    connections.spawn(graceful.watch(connection));
                }
                Err(error) if is_the_clients(&error) => {}
                Err(_) => tokio::time::sleep(PAUSE).await,
            },
            // Whoever hung up, or was hung up on, is not there to be told.
            Some(_) = connections.join_next() => {}
            () = &mut stop => break,
        }
    }
    drop(listener);
    let _ = tokio::time::timeout(LAST_WORDS, graceful.shutdown()).await;
}

async fn answer(router: Router, request: Request<Incoming>) -> Result<Response, Cut> {
    let Ok(response) = router.oneshot(request).await;
    if response.extensions().get::<Cut>().is_some() { Err(Cut) } else { Ok(response) }
}

fn is_the_clients(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionRefused | io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset
    )
}
