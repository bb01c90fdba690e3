//! How the tenant's identity providers are, and taking one out.

use auth::Caller;
use grounds::Grounds;
use idempotency::{KEEP, Key, Outcome};
use ids::CircuitId;
use proto::Operation;
use proto::verification::v1;

use crate::domain::{AccountName, Circuit, Force};
use crate::grpc::providers::{force, shown};
use crate::provider::Account;
use crate::{Error, State, db, events};

/// Lists the tenant's accounts, in the order in which they are asked.
pub async fn list_providers(state: &State, caller: &Caller) -> Result<Vec<v1::Provider>, Error> {
    let accounts: Vec<&Account> = state.accounts.of_tenant(&caller.tenant).collect();
    let names: Vec<AccountName> = accounts.iter().map(|account| account.name.clone()).collect();
    let tenant = caller.tenant.clone();
    let circuits = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { Ok::<_, Error>(db::circuits::of(tx, &tenant, &names).await?) })
    });
    let (circuits, now) = (circuits.await?, state.clock.now());
    Ok(accounts.iter().zip(circuits).map(|(account, (_, circuit))| shown(account, &circuit, now)).collect())
}

/// Takes a provider out, in, or leaves it to its circuit.
pub async fn force_provider(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::ForceProviderRequest,
) -> Result<Outcome<v1::Provider>, Error> {
    let reason: Grounds = request.reason.parse()?;
    let force: Option<Force> = force(request.force());
    let name: AccountName = request.name.parse().map_err(|_| Error::AccountNotFound)?;
    let account = state.accounts.find_of(&caller.tenant, &name).ok_or(Error::AccountNotFound)?.clone();
    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::ProviderForceProvider, key);
    idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            let now = clock.now();
            let (id, circuit) = db::circuits::lock(tx, &tenant, &name, CircuitId::mint(&clock)).await?;
            let circuit = Circuit { force, ..circuit };
            db::circuits::update(tx, &tenant, id, &circuit).await?;
            let act = (CircuitId::mint(&clock).into(), &name, force);
            db::circuits::insert_act(tx, &tenant, act, (&by, now, reason.as_str())).await?;
            events::append_forced(tx, &clock, (id, &name), force, &by).await?;
            tracing::warn!(provider = %name, force = ?force, "somebody has decided about a provider");
            Ok::<_, Error>(shown(&account, &circuit, now))
        })
    })
    .await
}
