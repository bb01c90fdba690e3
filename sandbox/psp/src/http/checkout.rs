//! The hosted checkout: what a payer sees and does.

use std::sync::LazyLock;

use axum::Form;
use axum::extract::{Path, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use minijinja::{Environment, context};
use serde::Deserialize;
use time::OffsetDateTime;

use crate::app::App;
use crate::cards::Card;
use crate::error::Error;
use crate::id::{EventId, PaymentId};
use crate::payment::{By, Payment, State as Stand, Step};

use super::Shared;
use super::extract::Result;
use super::idempotent::Told;
use super::payments::{is_unanswered, mark};

static PAGES: LazyLock<std::result::Result<Environment<'static>, minijinja::Error>> = LazyLock::new(|| {
    let mut pages = Environment::new();
    pages.add_template("frame.html", include_str!("checkout/frame.html"))?;
    pages.add_template("card.html", include_str!("checkout/card.html"))?;
    pages.add_template("challenge.html", include_str!("checkout/challenge.html"))?;
    pages.add_template("done.html", include_str!("checkout/done.html"))?;
    pages.add_template("missing.html", include_str!("checkout/missing.html"))?;
    Ok(pages)
});

/// The payment as it is after what a payer did.
pub(crate) struct Paid {
    pub(crate) payment: Payment,
    pub(crate) events: Vec<EventId>,
    /// The payer gets no answer.
    pub(crate) unanswered: bool,
}

/// The payer puts a card in.
pub(crate) fn pay(app: &App, id: &PaymentId, card: &str) -> Result<Paid, Error> {
    let card = Card::parse(card)?;
    act(app, id, |payment, now| payment.submit(card, now))
}

/// The payer answers the bank's question.
pub(crate) fn answer_challenge(app: &App, id: &PaymentId, approved: bool) -> Result<Paid, Error> {
    act(app, id, |payment, now| payment.answer_challenge(approved, now))
}

/// The payer gives up.
pub(crate) fn cancel(app: &App, id: &PaymentId) -> Result<Paid, Error> {
    act(app, id, |payment, _| match payment.state {
        // What the card was put in for is the account's to let go.
        Stand::Authorised { .. } => Err(Error::State { of: "payment", state: payment.state.name() }),
        _ => payment.cancel(By::Payer),
    })
}

pub(crate) fn act(
    app: &App,
    id: &PaymentId,
    step: impl FnOnce(Payment, OffsetDateTime) -> Step,
) -> Result<Paid, Error> {
    app.store.change(|draft| {
        let (payment, happened) = step(draft.payment(id)?, draft.now)?;
        let unanswered = is_unanswered(&payment, &happened);
        let payment = draft.keep((payment, happened));
        Ok(Paid { payment, events: draft.told(), unanswered })
    })
}

pub(crate) async fn show(State(app): State<Shared>, Path(id): Path<String>) -> Result<Response> {
    page(&app, &id.into(), None)
}

#[derive(Debug, Deserialize)]
pub(crate) struct Submitted {
    action: Action,
    #[serde(default)]
    card: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Action {
    Pay,
    Cancel,
    Approve,
    Refuse,
}

pub(crate) async fn submit(
    State(app): State<Shared>,
    Path(id): Path<String>,
    Form(form): Form<Submitted>,
) -> Result<Response> {
    let id = PaymentId::from(id);
    let done = match form.action {
        Action::Pay => pay(&app, &id, &form.card),
        Action::Cancel => cancel(&app, &id),
        Action::Approve => answer_challenge(&app, &id, true),
        Action::Refuse => answer_challenge(&app, &id, false),
    };
    match done {
        Ok(Paid { payment, events, unanswered }) => {
            let to = match payment.state {
                Stand::Challenged => format!("/checkout/{id}"),
                _ => payment.terms.return_url,
            };
            let mut response = Redirect::to(&to).into_response();
            response.extensions_mut().insert(Told { events, made: None });
            Ok(mark(response, unanswered))
        }
        Err(error @ (Error::Field { .. } | Error::CardUnknown)) => {
            page(&app, &id, Some(&form.card).zip(Some(&error)))
        }
        // Somebody pressed twice, or came back: the page says how it stands.
        Err(Error::State { .. }) => Ok(Redirect::to(&format!("/checkout/{id}")).into_response()),
        Err(Error::NotFound(_)) => page(&app, &id, None),
        Err(error) => Err(error.into()),
    }
}

/// How a payment stands for its payer; `wrong` is what was put in as a card, and why it is none.
fn page(app: &App, id: &PaymentId, wrong: Option<(&String, &Error)>) -> Result<Response> {
    let found = app.store.read(|world, _| {
        let payment = world.payment(id).ok()?;
        let name = world.account(&payment.account).map(|account| account.name.clone());
        Some((payment.clone(), name.unwrap_or_default()))
    })?;
    let Some((payment, name)) = found else {
        return Ok(render(StatusCode::NOT_FOUND, "missing.html", context! {}));
    };
    let terms = &payment.terms;
    let problem = wrong.map(|(_, error)| match error {
        Error::CardUnknown => "This sandbox does not know this card. Use one of the test cards.",
        _ => "Check the card number: it is not complete, or has a wrong digit.",
    });
    let (title, text) = outcome(&payment.state);
    let values = context! {
        id => id.to_string(),
        account => name,
        amount => terms.currency.show(terms.amount),
        description => terms.description,
        reference => terms.reference,
        return_url => terms.return_url,
        card => wrong.map(|(card, _)| card),
        problem,
        title,
        text,
    };
    let (status, template) = match payment.state {
        Stand::Created if problem.is_some() => (StatusCode::UNPROCESSABLE_ENTITY, "card.html"),
        Stand::Created => (StatusCode::OK, "card.html"),
        Stand::Challenged => (StatusCode::OK, "challenge.html"),
        _ => (StatusCode::OK, "done.html"),
    };
    Ok(render(status, template, values))
}

/// What a payer is told where there is nothing left to do.
fn outcome(state: &Stand) -> (&'static str, &'static str) {
    match state {
        Stand::Created | Stand::Challenged => ("", ""),
        Stand::Processing { .. } => {
            ("Payment in progress", "The bank has not answered yet. Do not pay again.")
        }
        Stand::Authorised { .. } | Stand::Captured { .. } => ("Payment received", "Nothing is left to do."),
        Stand::Failed { reason } => ("Payment failed", reason.message()),
        Stand::Cancelled { .. } => ("Payment cancelled", "Nothing was taken from your card."),
        Stand::Expired => ("Payment expired", "It took too long. Nothing was taken from your card."),
    }
}

fn render(status: StatusCode, template: &str, values: impl serde::Serialize) -> Response {
    let text = PAGES.as_ref().map_err(ToString::to_string).and_then(|pages| {
        let rendered = pages.get_template(template).and_then(|template| template.render(values));
        rendered.map_err(|error| error.to_string())
    });
    match text {
        Ok(text) => {
            let mut response = (status, Html(text)).into_response();
            let headers = response.headers_mut();
            headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            // `form-action` is left out: browsers hold the redirect back to the portal against it too.
            let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
            headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
            headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
            response
        }
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error).into_response(),
    }
}

pub(crate) async fn style() -> Response {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("checkout/style.css")).into_response()
}
