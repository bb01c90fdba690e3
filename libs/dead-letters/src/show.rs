//! `GetDeadLetter`.

use consumer::Whose;
use ids::Tenant;
use proto::operations::v1::{DeadLetterHeader, GetDeadLetterRequest, GetDeadLetterResponse};
use rpc_error::Error;
use tonic::{Request, Response};

use crate::id::Id;
use crate::{Api, not_found, of_inbox, of_outbox, text, whose};

pub(crate) async fn call(
    api: &Api,
    request: Request<GetDeadLetterRequest>,
) -> Result<Response<GetDeadLetterResponse>, Error> {
    let caller = auth::caller(&request)?.clone();
    let request = request.into_inner();
    let whose = whose(&caller, request.without_tenant)?;
    let number = match (Id::parse(&request.id).ok_or_else(not_found)?, &whose) {
        (Id::Inbox(number), _) => number,
        (Id::Outbox(number), Whose::Tenant(tenant)) => return outbox(api, tenant, number).await,
        // What was appended says whose it is.
        (Id::Outbox(_), Whose::Nobody) => return Err(not_found()),
    };
    for inbox in &*api.inboxes {
        let Some((letter, record)) = inbox.show(&whose, number).await? else { continue };
        let schema = record.header("ce_dataschema").unwrap_or_default();
        let payload = record.payload.as_deref().unwrap_or_default();
        let (message_type, message_json) = api.messages.json(schema, payload).unwrap_or_default();
        let headers = record.headers.iter();
        let headers = headers
            .map(|(name, value)| DeadLetterHeader { name: name.clone(), value: text(value.as_deref()) })
            .collect();
        let dead_letter = Some(of_inbox(&letter));
        return Ok(Response::new(GetDeadLetterResponse { dead_letter, headers, message_type, message_json }));
    }
    Err(not_found())
}

async fn outbox(api: &Api, tenant: &Tenant, number: i64) -> Result<Response<GetDeadLetterResponse>, Error> {
    let (letter, contents) = api.outbox.show(tenant, number).await?.ok_or_else(not_found)?;
    let json = api.messages.json(&letter.dataschema, &contents.payload);
    let (message_type, message_json) = json.unwrap_or_default();
    let headers =
        contents.headers.into_iter().map(|(name, value)| DeadLetterHeader { name, value }).collect();
    let dead_letter = Some(of_outbox(&letter, tenant));
    Ok(Response::new(GetDeadLetterResponse { dead_letter, headers, message_type, message_json }))
}
