use ids::Subject;
use proto::notification::v1::{UpsertRecipientRequest, UpsertRecipientResponse};
use rpc_error::{Code, Error, reason};
use tonic::{Request, Response};

use crate::domain::email::Email;
use crate::domain::locale::Locale;
use crate::{State, app};

pub(super) async fn call(
    state: &State,
    request: Request<UpsertRecipientRequest>,
) -> Result<Response<UpsertRecipientResponse>, Error> {
    let tenant = auth::caller(&request)?.tenant.clone();
    let (subject, email, locale) = parse(&request.into_inner())?;
    let id = app::upsert_recipient::upsert_recipient(state, &tenant, subject, email, locale).await?;
    Ok(Response::new(UpsertRecipientResponse { recipient_id: id.to_string() }))
}

/// Names every field that breaks its rule, not just the first.
fn parse(request: &UpsertRecipientRequest) -> Result<(Subject, Option<Email>, Option<Locale>), Error> {
    let subject = request.subject.parse::<Subject>();
    let email = some(&request.email).map(Email::parse).transpose();
    let locale = some(&request.locale).map(Locale::parse).transpose();
    let mut error =
        Error::new(Code::InvalidArgument, reason::RECIPIENT_INVALID, "the recipient's data cannot be used");
    if let Err(rule) = &subject {
        error = error.violation("subject", rule.to_string());
    }
    if let Err(rule) = &email {
        error = error.violation("email", rule.to_string());
    }
    if let Err(rule) = &locale {
        error = error.violation("locale", rule.to_string());
    }
    match (subject, email, locale) {
        (Ok(subject), Ok(email), Ok(locale)) => Ok((subject, email, locale)),
        _ => Err(error),
    }
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
