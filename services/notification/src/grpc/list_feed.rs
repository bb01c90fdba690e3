use auth::Caller;
use ids::RecipientId;
use proto::notification::v1::{FeedItem, ListFeedRequest, ListFeedResponse};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use super::timestamp;
use crate::app::list_feed::Whose;
use crate::db::feed::Row;
use crate::templates::FeedText;
use crate::{State, app};

const DEFAULT_PAGE: i64 = 50;
const MAX_PAGE: i32 = 200;

pub(super) async fn call(
    state: &State,
    request: Request<ListFeedRequest>,
) -> Result<Response<ListFeedResponse>, Error> {
    let caller = auth::caller(&request)?.clone();
    let request = request.into_inner();
    let whose = whose(&caller, &request.recipient_id)?;
    let limit = limit(request.page_size)?;
    if request.after_seq < 0 {
        return Err(Error::new(
            Code::InvalidArgument,
            reason::SEQUENCE_INVALID,
            "the sequence number is negative",
        )
        .violation("after_seq", "must be 0 or more"));
    }
    let feed = app::list_feed::list_feed(state, &caller.tenant, whose, request.after_seq, limit).await?;
    let items = feed.rows.into_iter().map(|(row, text)| item(row, text)).collect();
    Ok(Response::new(ListFeedResponse { items, head_seq: feed.head }))
}

/// People read their own feed, whether they name it or not; a service has none and must name one.
fn whose(caller: &Caller, recipient_id: &str) -> Result<Whose, Error> {
    let person = caller.service().is_none().then(|| caller.subject.clone());
    if let (true, Some(subject)) = (recipient_id.is_empty(), &person) {
        return Ok(Whose::Own(subject.clone()));
    }
    // What is no id is nobody's.
    let id = recipient_id.parse::<RecipientId>().map_err(|_| crate::error::Error::RecipientNotFound)?;
    Ok(Whose::Recipient(id, person))
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

fn item(row: Row, text: FeedText) -> FeedItem {
    FeedItem {
        seq: row.seq,
        notification_id: row.notification_id.to_string(),
        category: row.category,
        status: row.status,
        code: row.code,
        subject_type: row.subject_type,
        subject_id: row.subject_id.to_string(),
        title: text.title,
        body: text.body,
        created_at: Some(timestamp(row.created_at)),
        read: row.read_at.is_some(),
    }
}
