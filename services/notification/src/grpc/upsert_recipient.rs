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
    let Parsed { subject, email, locale, person } = parse(&request.into_inner())?;
    let id = app::upsert_recipient::upsert_recipient(state, &tenant, subject, email, locale, person).await?;
    Ok(Response::new(UpsertRecipientResponse { recipient_id: id.to_string() }))
}

struct Parsed {
    subject: Subject,
    email: Option<Email>,
    locale: Option<Locale>,
    person: Option<Subject>,
}

/// Names every field that breaks its rule, not just the first.
fn parse(request: &UpsertRecipientRequest) -> Result<Parsed, Error> {
    let subject = request.subject.parse::<Subject>();
    let person = some(&request.person).map(person).transpose();
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
    if let Err(rule) = &person {
        error = error.violation("person", rule.to_string());
    }
    match (subject, email, locale, person) {
        (Ok(subject), Ok(email), Ok(locale), Ok(person)) => Ok(Parsed { subject, email, locale, person }),
        _ => Err(error),
    }
}

fn person(text: &str) -> Result<Subject, ids::Error> {
    Subject::of_person(text.strip_prefix("person:").ok_or(ids::Error::NotPersonRef)?)
}

fn some(text: &str) -> Option<&str> {
    (!text.is_empty()).then_some(text)
}
