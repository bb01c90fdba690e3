#![doc = include_str!("../README.md")]

mod decode;
mod discard;
mod id;
mod keyed;
mod list;
mod redrive;
mod show;

use std::sync::Arc;

use auth::Caller;
use clock::Clock;
use consumer::Whose;
use ids::Tenant;
use pg::Db;
use proto::operations::v1;
use proto::operations::v1::dead_letter_service_server::{DeadLetterService, DeadLetterServiceServer};
use rpc_error::{Code, Error, reason};
use tokio::sync::Semaphore;
use tonic::{Request, Response, Status};

pub use decode::Error as DescriptorError;

use decode::Messages;
use id::Id;

/// The service as a tonic server needs it.
#[derive(Clone, Debug)]
pub struct Api {
    db: Db,
    clock: Clock,
    inboxes: Arc<[consumer::DeadLetters]>,
    outbox: outbox::DeadLetters,
    messages: Messages,
    /// One redrive at a time: each holds a connection beside the one that it works on.
    turn: Arc<Semaphore>,
}

/// Serves what these consumers, and the relay, have parked in `db`.
///
/// # Errors
/// When the build's own descriptors cannot be read, which a test of `proto` excludes.
pub fn server(
    db: &Db,
    clock: &Clock,
    inboxes: Vec<consumer::DeadLetters>,
) -> Result<DeadLetterServiceServer<Api>, DescriptorError> {
    Ok(DeadLetterServiceServer::new(Api {
        db: db.clone(),
        clock: clock.clone(),
        inboxes: inboxes.into(),
        outbox: outbox::DeadLetters::new(db),
        messages: Messages::known()?,
        turn: Arc::new(Semaphore::new(1)),
    }))
}

#[tonic::async_trait]
impl DeadLetterService for Api {
    async fn list_dead_letters(
        &self,
        request: Request<v1::ListDeadLettersRequest>,
    ) -> Result<Response<v1::ListDeadLettersResponse>, Status> {
        Ok(list::call(self, request).await?)
    }

    async fn get_dead_letter(
        &self,
        request: Request<v1::GetDeadLetterRequest>,
    ) -> Result<Response<v1::GetDeadLetterResponse>, Status> {
        Ok(show::call(self, request).await?)
    }

    async fn redrive_dead_letters(
        &self,
        request: Request<v1::RedriveDeadLettersRequest>,
    ) -> Result<Response<v1::RedriveDeadLettersResponse>, Status> {
        Ok(redrive::call(self, request).await?)
    }

    async fn discard_dead_letter(
        &self,
        request: Request<v1::DiscardDeadLetterRequest>,
    ) -> Result<Response<v1::DiscardDeadLetterResponse>, Status> {
        Ok(discard::call(self, request).await?)
    }
}

/// Whose dead letters a call is about. Those of nobody could be anybody's: they are the platform's operators' alone.
fn whose(caller: &Caller, without_tenant: bool) -> Result<Whose, Error> {
    match (without_tenant, caller.service()) {
        (false, _) => Ok(Whose::Tenant(caller.tenant.clone())),
        (true, Some(_)) => Ok(Whose::Nobody),
        (true, None) => Err(Error::new(
            Code::PermissionDenied,
            reason::PERMISSION_DENIED,
            "dead letters without a tenant are not the tenant's",
        )
        .violation("without_tenant", "must be false")),
    }
}

/// A parked record in the contract's terms.
fn of_inbox(letter: &consumer::DeadLetter) -> v1::DeadLetter {
    v1::DeadLetter {
        id: Id::Inbox(letter.id).to_string(),
        source: v1::DeadLetterSource::Inbox.into(),
        group: letter.group.to_string(),
        topic: letter.topic.clone(),
        partition: letter.partition,
        offset: letter.offset,
        tenant: letter.tenant.as_ref().map(ToString::to_string).unwrap_or_default(),
        event_id: letter.event_id.map(|id| id.to_string()).unwrap_or_default(),
        r#type: letter.type_.clone().unwrap_or_default(),
        key: text(letter.key.as_deref()),
        reason: letter.reason.clone(),
        detail: letter.detail.clone().unwrap_or_default(),
        attempts: letter.attempts,
        payload_bytes: letter.payload_bytes.into(),
        parked_at: Some(timestamp(letter.parked_at)),
    }
}

/// A parked row of the outbox in the contract's terms.
fn of_outbox(letter: &outbox::DeadLetter, tenant: &Tenant) -> v1::DeadLetter {
    v1::DeadLetter {
        id: Id::Outbox(letter.id).to_string(),
        source: v1::DeadLetterSource::Outbox.into(),
        topic: letter.destination.clone(),
        tenant: tenant.to_string(),
        event_id: letter.event_id.to_string(),
        r#type: letter.type_.clone(),
        key: letter.key.clone(),
        reason: letter.reason.clone(),
        payload_bytes: letter.payload_bytes.into(),
        parked_at: Some(timestamp(letter.parked_at)),
        ..v1::DeadLetter::default()
    }
}

/// Bytes for people.
fn text(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn timestamp(at: time::OffsetDateTime) -> prost_types::Timestamp {
    let nanos = i32::try_from(at.nanosecond()).unwrap_or_default();
    prost_types::Timestamp { seconds: at.unix_timestamp(), nanos }
}

fn not_found() -> Error {
    Error::new(Code::NotFound, reason::DEAD_LETTER_NOT_FOUND, "there is no such dead letter")
}
