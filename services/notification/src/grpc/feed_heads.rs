use ids::RecipientId;
use proto::notification::v1::{FeedHead, FeedHeadsRequest, FeedHeadsResponse};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use crate::{State, app};

const MAX_RECIPIENTS: usize = 1_000;

pub(super) async fn call(
    state: &State,
    request: Request<FeedHeadsRequest>,
) -> Result<Response<FeedHeadsResponse>, Error> {
    let tenant = auth::caller(&request)?.tenant.clone();
    let recipients = parse(&request.into_inner().recipient_ids)?;
    let heads = app::feed_heads::feed_heads(state, &tenant, recipients).await?;
    let heads = heads.into_iter().map(|(id, seq)| FeedHead { recipient_id: id.to_string(), seq }).collect();
    Ok(Response::new(FeedHeadsResponse { heads }))
}

fn parse(ids: &[String]) -> Result<Vec<RecipientId>, Error> {
    let invalid = |rule: String| {
        Error::new(Code::InvalidArgument, reason::RECIPIENTS_INVALID, "the recipients cannot be looked up")
            .violation("recipient_ids", rule)
    };
    if ids.is_empty() || ids.len() > MAX_RECIPIENTS {
        return Err(invalid(format!("must be 1 to {MAX_RECIPIENTS}")));
    }
    ids.iter().map(|id| id.parse().map_err(|rule: ids::Error| invalid(rule.to_string()))).collect()
}
