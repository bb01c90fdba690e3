//! `DiscardDeadLetter`.

use consumer::Whose;
use proto::Operation;
use proto::operations::v1::{DiscardDeadLetterRequest, DiscardDeadLetterResponse};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use crate::id::Id;
use crate::{Api, keyed, not_found, whose};

const MAX_REASON: usize = 64;

pub(crate) async fn call(
    api: &Api,
    request: Request<DiscardDeadLetterRequest>,
) -> Result<Response<DiscardDeadLetterResponse>, Error> {
    let caller = auth::caller(&request)?.clone();
    let whose = whose(&caller, request.get_ref().without_tenant)?;
    // What people write freely may name somebody; this goes into the log.
    let why = request.get_ref().reason.clone();
    let plain = why.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    if why.is_empty() || why.len() > MAX_REASON || !plain {
        return Err(Error::new(
            Code::InvalidArgument,
            reason::DEAD_LETTER_REASON_INVALID,
            "whoever discards an event says why",
        )
        .violation("reason", format!("must be 1 to {MAX_REASON} of A-Z, a-z, 0-9, '.', '_' and '-'")));
    }
    let id = Id::parse(&request.get_ref().id).ok_or_else(not_found)?;
    let (inboxes, outbox) = (api.inboxes.clone(), api.outbox.clone());
    let subject = caller.subject.clone();
    let work = async move || {
        let number = match (id, &whose) {
            (Id::Inbox(number), _) => number,
            (Id::Outbox(number), Whose::Tenant(tenant)) => {
                let letter = outbox.discard(tenant, number).await?.ok_or_else(not_found)?;
                tracing::warn!(
                    caller = %subject,
                    why,
                    lane = letter.lane,
                    destination = letter.destination,
                    event.id = %letter.event_id,
                    event.type = letter.type_,
                    reason = letter.reason,
                    "dead letter discarded"
                );
                return Ok(DiscardDeadLetterResponse {});
            }
            // What was appended says whose it is.
            (Id::Outbox(_), Whose::Nobody) => return Err(not_found()),
        };
        for letters in &*inboxes {
            let Some(letter) = letters.discard(&whose, number).await? else { continue };
            tracing::warn!(
                caller = %subject,
                why,
                group = &*letter.group,
                topic = letter.topic,
                partition = letter.partition,
                offset = letter.offset,
                event.id = letter.event_id.map(tracing::field::display),
                event.type = letter.type_,
                reason = letter.reason,
                "dead letter discarded"
            );
            return Ok(DiscardDeadLetterResponse {});
        }
        Err(not_found())
    };
    keyed::once(api, Operation::DeadLetterDiscardDeadLetter, &request, &caller, work).await
}
