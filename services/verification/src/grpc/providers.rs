//! `ProviderService`: reads requests, calls the use case, writes answers. Decides nothing.

use proto::verification::v1;
use proto::verification::v1::provider_service_server::ProviderService;
use time::OffsetDateTime;
use tonic::{Request, Response, Status};

use super::cases::check_kind;
use super::{Api, key, timestamp};
use crate::app;
use crate::domain::{Circuit, CircuitState, Force};
use crate::provider::Account;

#[tonic::async_trait]
impl ProviderService for Api {
    async fn list_providers(
        &self,
        request: Request<v1::ListProvidersRequest>,
    ) -> Result<Response<v1::ListProvidersResponse>, Status> {
        let caller = auth::caller(&request)?;
        let providers = app::list_providers(&self.state, caller).await?;
        Ok(Response::new(v1::ListProvidersResponse { providers }))
    }

    async fn force_provider(
        &self,
        request: Request<v1::ForceProviderRequest>,
    ) -> Result<Response<v1::ForceProviderResponse>, Status> {
        let (caller, key) = (auth::caller(&request)?, key(&request)?);
        let forced = app::force_provider(&self.state, caller, key, request.get_ref()).await?;
        Ok(forced.map(|provider| v1::ForceProviderResponse { provider: Some(provider) }).into_response())
    }
}

/// How an account is now.
pub(crate) fn shown(account: &Account, circuit: &Circuit, now: OffsetDateTime) -> v1::Provider {
    let state = match circuit.state(now) {
        CircuitState::Closed => v1::CircuitState::Closed,
        CircuitState::Open => v1::CircuitState::Open,
        CircuitState::HalfOpen => v1::CircuitState::HalfOpen,
    };
    v1::Provider {
        name: account.name.to_string(),
        protocol: account.provider.protocol().to_owned(),
        checks: account.checks.iter().map(|kind| check_kind(*kind).into()).collect(),
        state: state.into(),
        force: told_force(circuit.force).into(),
        failures: circuit.failures,
        opened_at: circuit.open.map(|open| timestamp(open.since)),
        retry_at: circuit.open.map(|open| timestamp(open.retry_at)),
    }
}

pub(crate) fn force(force: v1::ProviderForce) -> Option<Force> {
    match force {
        v1::ProviderForce::Unspecified => None,
        v1::ProviderForce::Out => Some(Force::Out),
        v1::ProviderForce::In => Some(Force::In),
    }
}

pub(crate) fn told_force(force: Option<Force>) -> v1::ProviderForce {
    match force {
        None => v1::ProviderForce::Unspecified,
        Some(Force::Out) => v1::ProviderForce::Out,
        Some(Force::In) => v1::ProviderForce::In,
    }
}
