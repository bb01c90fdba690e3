//! The payment service, as far as a workflow asks for it: the first step has it wait for long, the second settles.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use anyhow::Result;
use futures::future::BoxFuture;
use proto::payment::v1::{AdvancePaymentRequest, AdvancePaymentResponse};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService, UnaryService};
use tonic::transport::server::{Server, TcpIncoming};
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;

/// How long a payment waits after its first step unless it is wanted: longer than any run.
const WAIT_MS: i64 = 3_600_000;

/// Every payment, and how often it was advanced. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Owner(Arc<Mutex<HashMap<String, Payment>>>);

#[derive(Default)]
struct Payment {
    steps: u32,
    first: Option<oneshot::Sender<()>>,
}

impl Owner {
    /// Serves it on a port of its own for as long as this process lives; gives its address.
    pub(crate) async fn serve() -> Result<(Self, String)> {
        let owner = Self::default();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?.to_string();
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        tokio::spawn(Server::builder().add_service(owner.clone()).serve_with_incoming(incoming));
        Ok((owner, address))
    }

    /// Knows a payment from now on, and says when its first step was asked for.
    pub(crate) fn know(&self, payment_id: &str) -> oneshot::Receiver<()> {
        let (first, asked) = oneshot::channel();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.insert(payment_id.to_owned(), Payment { steps: 0, first: Some(first) });
        asked
    }

    /// How often a payment was advanced. It is forgotten.
    pub(crate) fn steps(&self, payment_id: &str) -> u32 {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.remove(payment_id).map_or(0, |payment| payment.steps)
    }
}

impl UnaryService<AdvancePaymentRequest> for Owner {
    type Response = AdvancePaymentResponse;
    type Future = Ready<Result<Response<AdvancePaymentResponse>, Status>>;

    fn call(&mut self, request: Request<AdvancePaymentRequest>) -> Self::Future {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(payment) = all.get_mut(&request.get_ref().payment_id) else {
            return ready(Err(Status::not_found("no payment of this bench")));
        };
        payment.steps += 1;
        ready(Ok(Response::new(match payment.first.take() {
            Some(first) => {
                let _ = first.send(());
                AdvancePaymentResponse { settled: false, wait_ms: WAIT_MS }
            }
            None => AdvancePaymentResponse { settled: true, wait_ms: 0 },
        })))
    }
}

impl NamedService for Owner {
    const NAME: &'static str = "guildhall.payment.v1.PaymentService";
}

/// One method, whatever is called: nothing else of the service is asked for.
impl tower::Service<http::Request<Body>> for Owner {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = BoxFuture<'static, Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let owner = self.clone();
        Box::pin(async move { Ok(Grpc::new(ProstCodec::default()).unary(owner, request).await) })
    }
}
