//! The tower layer in front of a gRPC server.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use http::{HeaderMap, Request, Response, header};
use proto::Operation;
use rpc_error::{Code, reason};

use crate::caller::Caller;
use crate::error::{Error, Invalid};
use crate::verifier::Verifier;
use crate::{metadata, permission};

/// Reflection and health are for everybody who reaches the port.
const ANONYMOUS: [&str; 2] = ["/grpc.health.v1.Health/", "/grpc.reflection.v1.ServerReflection/"];

/// Verifies the token of each call, applies the permission table, and puts [`Caller`] and [`Operation`] into the
/// request's extensions. Records the tenant in the current span's field `tenant`.
#[derive(Clone, Debug)]
pub struct Layer {
    verifier: Verifier,
}

impl Layer {
    /// Makes the layer.
    #[must_use]
    pub fn new(verifier: Verifier) -> Self {
        Self { verifier }
    }
}

impl<S> tower::Layer<S> for Layer {
    type Service = Service<S>;

    fn layer(&self, inner: S) -> Service<S> {
        Service { inner, verifier: self.verifier.clone() }
    }
}

/// What [`Layer`] makes of a service.
#[derive(Clone, Debug)]
pub struct Service<S> {
    inner: S,
    verifier: Verifier,
}

impl<S, B, A> tower::Service<Request<B>> for Service<S>
where
    S: tower::Service<Request<B>, Response = Response<A>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    A: Default,
{
    type Response = Response<A>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<A>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let path = request.uri().path();
        if ANONYMOUS.iter().any(|prefix| path.starts_with(prefix)) {
            return Box::pin(self.inner.call(request));
        }
        let Some(operation) = Operation::from_path(path) else {
            // Nothing without a row in the table is reached, whatever a server has registered.
            let unknown = unknown_method();
            return Box::pin(async move { Ok(unknown.into_http()) });
        };
        let ready = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, ready);
        let verifier = self.verifier.clone();
        Box::pin(async move {
            match admit(&verifier, request.headers(), operation).await {
                Ok(caller) => {
                    if let Some(caller) = caller {
                        tracing::Span::current().record("tenant", caller.tenant.as_str());
                        request.extensions_mut().insert(caller);
                    }
                    request.extensions_mut().insert(operation);
                    inner.call(request).await
                }
                Err(error) => Ok(tonic::Status::from(error).into_http()),
            }
        })
    }
}

/// The caller, or `None` where the operation finds the tenant itself.
async fn admit(
    verifier: &Verifier,
    headers: &HeaderMap,
    operation: Operation,
) -> Result<Option<Caller>, Error> {
    let identity = verifier.verify(bearer(headers)?).await?;
    if permission::finds_tenant(operation) {
        permission::check_service(operation, identity.service())?;
        return Ok(None);
    }
    let mut caller = identity.into_caller(text(headers, metadata::TENANT))?;
    permission::check(operation, &caller)?;
    if caller.service().is_some() {
        caller.on_behalf_of = text(headers, metadata::ON_BEHALF_OF).and_then(|subject| subject.parse().ok());
    }
    Ok(Some(caller))
}

/// The token of `authorization: Bearer <token>`; the scheme's case is free (RFC 9110).
fn bearer(headers: &HeaderMap) -> Result<&str, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let value = values.next().ok_or(Error::TokenMissing)?;
    // Two tokens could be read differently here and elsewhere.
    if values.next().is_some() {
        return Err(Invalid::Malformed.into());
    }
    let value = value.to_str().map_err(|_| Invalid::Malformed)?;
    let (scheme, token) = value.split_once(' ').ok_or(Error::TokenMissing)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(Error::TokenMissing);
    }
    Ok(token)
}

/// A header's text, `None` where it is absent, sent twice or not ASCII.
fn text<'h>(headers: &'h HeaderMap, name: &str) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

fn unknown_method() -> tonic::Status {
    rpc_error::Error::new(Code::MethodNotAllowed, reason::METHOD_NOT_ALLOWED, "there is no such method")
        .into()
}

/// The verified caller of a request that has passed the layer.
///
/// # Errors
/// `INTERNAL` when the server runs without the layer, or the operation finds the tenant itself: defects both.
pub fn caller<T>(request: &tonic::Request<T>) -> Result<&Caller, rpc_error::Error> {
    request.extensions().get().ok_or_else(|| {
        rpc_error::Error::new(Code::Internal, reason::INTERNAL, "the server runs without its auth layer")
    })
}
