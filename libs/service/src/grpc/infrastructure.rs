//! Health and reflection, which every gRPC server has.

use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use tonic::Status;
use tonic::service::Routes;
use tonic_health::ServingStatus;

use super::Error;
use crate::{Shutdown, drain};

/// Adds both to the services of these names, and lists those and nothing else.
pub(super) async fn add(
    services: Routes,
    names: &[&'static str],
    shutdown: &Shutdown,
) -> Result<Routes, Error> {
    let (health, health_service) = tonic_health::server::health_reporter();
    for name in names {
        health.set_service_status(*name, ServingStatus::Serving).await;
    }
    let mut reflection = tonic_reflection::server::Builder::configure()
        .register_encoded_file_descriptor_set(proto::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
        .with_service_name("grpc.health.v1.Health")
        .with_service_name("grpc.reflection.v1.ServerReflection");
    for name in names {
        reflection = reflection.with_service_name(*name);
    }
    let own = Routes::default().add_service(health_service).add_service(reflection.build_v1()?);
    let own = own.into_axum_router().layer(from_fn_with_state(shutdown.clone(), end_streams));

    let (shutdown, names) = (shutdown.clone(), names.to_vec());
    tokio::spawn(async move {
        shutdown.requested().await;
        for name in names.into_iter().chain([""]) {
            health.set_service_status(name, ServingStatus::NotServing).await;
        }
    });
    Ok(Routes::from(services.into_axum_router().merge(own.reset_fallback())))
}

/// Watching health or talking to reflection can last for ever; it must not hold up the end.
async fn end_streams(State(shutdown): State<Shutdown>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    let stopping = Status::unavailable("the service is stopping").into_http::<()>();
    response.map(|body| drain::end_on_request(body, Some(stopping.headers().clone()), &shutdown))
}
