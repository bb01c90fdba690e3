//! Calling another service: one channel over all of its replicas.

use std::fmt;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use settings::Env;
use tokio::sync::watch;
use tonic::Status;
use tonic::body::Body;

use crate::BoxError;

mod answer;
mod backend;
mod body;
mod call;
mod replicas;
mod resolve;

use replicas::Replicas;

/// How long a call may take that no one has set a deadline for.
pub const DEFAULT_DEADLINE: Duration = Duration::from_secs(10);

/// Where a service is: `http://<host>:<port>`, the host being a name that resolves to all of its replicas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    uri: Uri,
    host: String,
    port: u16,
}

impl Target {
    /// Reads a variable such as `DOCUMENT__URL`; it must be there.
    #[must_use]
    pub fn load(env: &mut Env, name: &str) -> Option<Self> {
        env.var_with(name, |text| text.parse().map_err(|error: NotATarget| error.to_string())).required()
    }
}

/// Why a text is no [`Target`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be http://<host>:<port>")]
pub struct NotATarget;

impl std::str::FromStr for Target {
    type Err = NotATarget;

    fn from_str(text: &str) -> Result<Self, NotATarget> {
        let uri: Uri = text.parse().map_err(|_| NotATarget)?;
        let plain = uri.scheme_str() == Some("http")
            && matches!(uri.path(), "" | "/")
            && uri.query().is_none()
            && uri.host().is_some_and(|host| !host.is_empty())
            && !uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        let (Some(host), Some(port), true) = (uri.host(), uri.port_u16(), plain) else {
            return Err(NotATarget);
        };
        // An IPv6 address is bracketed in a URI and bare everywhere else.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        Ok(Self { host, port, uri })
    }
}

/// A channel to all replicas of a service; give it to a generated client. Cheap to clone; clones share connections.
///
/// - Names are resolved again every 5 seconds; each address has two connections, made when they are first used. The less
///   busy of two replicas is called.
/// - It is there before its target is: a call to nobody fails with `UNAVAILABLE`.
/// - A call that nobody can have looked at (a refused connection, a replica that is stopping) is sent to another replica;
///   any other failure of a connection is `UNAVAILABLE` and the caller's to repeat, under the same idempotency key.
/// - Every call ends by the sooner of `grpc-timeout` as set on the request and the deadline of the call being worked on
///   ([`crate::context`]), else after [`DEFAULT_DEADLINE`], with `DEADLINE_EXCEEDED`; the callee is told.
/// - Every call has a span, `traceparent` and `x-request-id`.
#[derive(Clone)]
pub struct Channel {
    replicas: Arc<Replicas>,
}

/// Makes a channel to `target`. Needs a running tokio.
#[must_use]
pub fn balanced(target: &Target) -> Channel {
    let (found, addresses) = watch::channel(Vec::new());
    tokio::spawn(resolve::keep(target.host.clone(), target.port, found));
    Channel::over(target, addresses)
}

impl Channel {
    /// A channel over addresses that somebody else finds: it follows what is in `addresses`.
    #[must_use]
    pub fn over(target: &Target, addresses: watch::Receiver<Vec<SocketAddr>>) -> Self {
        Self { replicas: Arc::new(Replicas::new(target.uri.clone(), addresses)) }
    }
}

impl tower::Service<http::Request<Body>> for Channel {
    type Response = http::Response<Body>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<http::Response<Body>, Status>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Replicas are looked at when there is something to send.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        Box::pin(call::send(self.replicas.clone(), request))
    }
}

impl fmt::Debug for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Channel").field("replicas", &self.replicas).finish()
    }
}

fn unavailable(source: impl Into<BoxError>) -> Status {
    rpc_error::Error::unavailable(source).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_is_scheme_host_and_port() {
        let target: Target = "http://document.guildhall.svc:8090".parse().unwrap();
        assert_eq!((&*target.host, target.port), ("document.guildhall.svc", 8090));
        let target: Target = "http://[::1]:8090/".parse().unwrap();
        assert_eq!((&*target.host, target.port), ("::1", 8090));
        for bad in [
            "",
            "document:8090",
            "http://document",
            "https://document:8090",
            "http://:8090",
            "http://document:8090/api",
            "http://document:8090/?a=b",
            "http://u:p@document:8090",
            "http://document:99999",
        ] {
            assert_eq!(bad.parse::<Target>(), Err(NotATarget), "{bad}");
        }
    }
}
