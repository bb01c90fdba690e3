//! `RedriveDeadLetters`.

use std::time::Duration;

use consumer::{Bounds, Stopped, Whose};
use proto::Operation;
use proto::operations::v1::{
    DeadLetterSource, RedriveDeadLettersRequest, RedriveDeadLettersResponse, StoppedKey,
};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use crate::id::Id;
use crate::{Api, keyed, text, whose};

const MAX_IDS: usize = 100;
const DEFAULT_LIMIT: usize = 100;
const MAX_LIMIT: i32 = 1_000;
/// Below the deadline of a call whose caller names none, and the time that a transaction may be idle.
const TIME: Duration = Duration::from_secs(5);

pub(crate) async fn call(
    api: &Api,
    request: Request<RedriveDeadLettersRequest>,
) -> Result<Response<RedriveDeadLettersResponse>, Error> {
    let caller = auth::caller(&request)?.clone();
    let whose = whose(&caller, request.get_ref().without_tenant)?;
    let selection = selection(request.get_ref())?;
    let limit = limit(request.get_ref().limit)?;
    let source = request.get_ref().source();
    let (inboxes, outbox) = (api.inboxes.clone(), api.outbox.clone());
    let subject = caller.subject.clone();
    let work = async move || {
        let mut answer = RedriveDeadLettersResponse::default();
        let ends = tokio::time::Instant::now() + TIME;
        let mut records = limit;
        for letters in inboxes.iter().filter(|_| source != DeadLetterSource::Outbox) {
            let time = ends.saturating_duration_since(tokio::time::Instant::now());
            let redriven = letters.redrive(&whose, selection.inbox(), Bounds { records, time }).await?;
            records -= redriven.applied;
            answer.redriven += i32::try_from(redriven.applied).unwrap_or(i32::MAX);
            answer.stopped.extend(redriven.stopped.into_iter().map(stopped));
            answer.left += redriven.left;
        }
        if let Whose::Tenant(tenant) = &whose
            && source != DeadLetterSource::Inbox
        {
            let keys = i64::try_from(records).unwrap_or(i64::MAX);
            let redriven = outbox.redrive(tenant, selection.outbox(), keys).await?;
            answer.redriven += i32::try_from(redriven.rows).unwrap_or(i32::MAX);
            answer.left += redriven.left;
        }
        tracing::info!(
            caller = %subject,
            redriven = answer.redriven,
            stopped = answer.stopped.len(),
            left = answer.left,
            "dead letters redriven"
        );
        Ok(answer)
    };
    keyed::once(api, Operation::DeadLetterRedriveDeadLetters, &request, &caller, work).await
}

fn stopped(stopped: Stopped) -> StoppedKey {
    StoppedKey {
        id: Id::Inbox(stopped.id).to_string(),
        key: text(stopped.key.as_deref()),
        reason: stopped.reason,
        detail: stopped.detail.unwrap_or_default(),
    }
}

/// Which dead letters, on both sides.
enum Selection {
    /// These of the inbox, these of the outbox, and what is parked with their keys.
    Ids(Vec<i64>, Vec<i64>),
    Key(String),
    All,
}

impl Selection {
    fn inbox(&self) -> consumer::Selection {
        match self {
            Self::Ids(inbox, _) => consumer::Selection::Ids(inbox.clone()),
            Self::Key(key) => consumer::Selection::Key(key.clone().into_bytes()),
            Self::All => consumer::Selection::All,
        }
    }

    fn outbox(&self) -> outbox::Selection {
        match self {
            Self::Ids(_, outbox) => outbox::Selection::Ids(outbox.clone()),
            Self::Key(key) => outbox::Selection::Key(key.clone()),
            Self::All => outbox::Selection::All,
        }
    }
}

/// Exactly one of the three.
fn selection(request: &RedriveDeadLettersRequest) -> Result<Selection, Error> {
    match (request.ids.as_slice(), request.key.as_str(), request.all) {
        ([], "", true) => Ok(Selection::All),
        ([], key, false) if !key.is_empty() => Ok(Selection::Key(key.into())),
        (ids, "", false) if (1..=MAX_IDS).contains(&ids.len()) => {
            let (mut inbox, mut outbox) = (Vec::new(), Vec::new());
            // What is no id is nobody's.
            for id in ids.iter().filter_map(|id| Id::parse(id)) {
                match id {
                    Id::Inbox(number) => inbox.push(number),
                    Id::Outbox(number) => outbox.push(number),
                }
            }
            Ok(Selection::Ids(inbox, outbox))
        }
        (ids, "", false) if !ids.is_empty() => Err(invalid("ids", format!("must be 1 to {MAX_IDS}"))),
        _ => Err(invalid("all", "must be true, or else one of ids and key be given".to_owned())),
    }
}

fn limit(limit: i32) -> Result<usize, Error> {
    match limit {
        0 => Ok(DEFAULT_LIMIT),
        1..=MAX_LIMIT => Ok(usize::try_from(limit).unwrap_or(DEFAULT_LIMIT)),
        _ => Err(invalid("limit", format!("must be 0 to {MAX_LIMIT}"))),
    }
}

fn invalid(field: &str, rule: String) -> Error {
    Error::new(
        Code::InvalidArgument,
        reason::DEAD_LETTER_SELECTION_INVALID,
        "nothing can be selected by this",
    )
    .violation(field, rule)
}
