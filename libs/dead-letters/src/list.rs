//! `ListDeadLetters`.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use consumer::Whose;
use proto::operations::v1::{DeadLetterSource, ListDeadLettersRequest, ListDeadLettersResponse};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use crate::{Api, of_inbox, of_outbox, whose};

const DEFAULT_PAGE: i64 = 50;
const MAX_PAGE: i32 = 200;

pub(crate) async fn call(
    api: &Api,
    request: Request<ListDeadLettersRequest>,
) -> Result<Response<ListDeadLettersResponse>, Error> {
    let caller = auth::caller(&request)?.clone();
    let request = request.into_inner();
    let whose = whose(&caller, request.without_tenant)?;
    let limit = limit(request.page_size)?;
    let mut place = Place::parse(&request.page_token)?;
    let key = Some(request.key.clone().into_bytes()).filter(|key| !key.is_empty());
    let mut response = ListDeadLettersResponse::default();
    for list in usize::from(place.list)..=api.inboxes.len() {
        let left = limit - i64::try_from(response.dead_letters.len()).unwrap_or(limit);
        let (letters, last) = match (api.inboxes.get(list), &whose) {
            (Some(inbox), _) if of_group(&request, inbox.group()) => {
                let letters = inbox.list(&whose, key.clone(), place.after, left).await?;
                let last = letters.last().map(|letter| letter.id);
                (letters.iter().map(of_inbox).collect(), last)
            }
            (None, Whose::Tenant(tenant)) if of_outbox_too(&request) => {
                let key = Some(request.key.clone()).filter(|key| !key.is_empty());
                let letters = api.outbox.list(tenant, key, place.after, left).await?;
                let last = letters.last().map(|letter| letter.id);
                (letters.iter().map(|letter| of_outbox(letter, tenant)).collect(), last)
            }
            _ => (Vec::new(), None),
        };
        response.dead_letters.extend(letters);
        if let Some(after) = last.filter(|_| response.dead_letters.len() as i64 >= limit) {
            place.after = after;
            response.next_page_token = place.token();
            break;
        }
        place = Place { list: place.list.saturating_add(1), after: 0 };
    }
    Ok(Response::new(response))
}

fn of_group(request: &ListDeadLettersRequest, group: &str) -> bool {
    wants(request, DeadLetterSource::Inbox) && (request.group.is_empty() || request.group == group)
}

/// A group has no outbox.
fn of_outbox_too(request: &ListDeadLettersRequest) -> bool {
    wants(request, DeadLetterSource::Outbox) && request.group.is_empty()
}

fn wants(request: &ListDeadLettersRequest, source: DeadLetterSource) -> bool {
    let wanted = request.source();
    wanted == DeadLetterSource::Unspecified || wanted == source
}

fn limit(page_size: i32) -> Result<i64, Error> {
    match page_size {
        0 => Ok(DEFAULT_PAGE),
        1..=MAX_PAGE => Ok(page_size.into()),
        _ => {
            Err(Error::new(Code::InvalidArgument, reason::PAGE_SIZE_INVALID, "the page size is out of range")
                .violation("page_size", format!("must be 0 to {MAX_PAGE}")))
        }
    }
}

const VERSION: u8 = 1;

/// How far a list has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Place {
    /// Which of the service's lists, in their order; the outbox's is the last.
    list: u8,
    /// Number of the last one that was told.
    after: i64,
}

impl Place {
    fn parse(token: &str) -> Result<Self, Error> {
        if token.is_empty() {
            return Ok(Self::default());
        }
        let bytes = URL_SAFE_NO_PAD.decode(token).ok();
        let place = bytes.as_deref().and_then(|bytes| match bytes {
            [VERSION, list, after @ ..] => {
                Some(Self { list: *list, after: i64::from_be_bytes(after.try_into().ok()?) })
            }
            _ => None,
        });
        place.ok_or_else(|| {
            Error::new(Code::InvalidArgument, reason::PAGE_TOKEN_INVALID, "the page token is not one of ours")
                .violation("page_token", "must be a `next_page_token`, or empty")
        })
    }

    fn token(self) -> String {
        let mut bytes = vec![VERSION, self.list];
        bytes.extend_from_slice(&self.after.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Place;

    #[test]
    fn a_token_leads_back_to_its_place_and_foreign_ones_are_refused() {
        let place = Place { list: 1, after: 42 };
        assert_eq!(Place::parse(&place.token()).unwrap(), place);
        assert_eq!(Place::parse("").unwrap(), Place::default());
        for token in ["x", "AQ", "AQAAAAAAAAAAAAA", "../../etc", "AgAAAAAAAAAAKg"] {
            Place::parse(token).unwrap_err();
        }
    }
}
