//! `/kompass`: a provider that answers later.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::account::web_address;
use crate::check::Wanted;
use crate::error::Error;
use crate::files::{self, File};
use crate::id::CheckId;
use crate::names::Behaviour;
use crate::provider::{Kind, Provider};
use crate::view;

use super::Shared;
use super::extract::{self, Result, country, date, needed, parse, refusal, text};
use super::gate::Caller;
use super::make::{fingerprint, make};

/// What a digest begins with.
const SHA256: &str = "sha256:";

/// A refusal in its own shape.
pub(crate) struct Refused(Error);

impl<E: Into<Error>> From<E> for Refused {
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        refusal(&self.0, Some(Provider::Kompass))
    }
}

/// What is asked for. It is about a person, and is gone when the call is answered.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewVerification {
    kind: String,
    client_ref: String,
    subject: Subject,
    #[serde(default)]
    files: Vec<Evidence>,
    #[serde(default)]
    callback_url: Option<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Subject {
    given_names: String,
    family_name: String,
    #[serde(default)]
    born_on: Option<String>,
    #[serde(default)]
    residence: Option<Residence>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Residence {
    street: String,
    postcode: String,
    town: String,
    country: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Evidence {
    kind: String,
    issuer: String,
    digest: String,
    /// Signed anew for each try, so that it makes no other request.
    #[serde(skip_serializing)]
    href: String,
}

impl NewVerification {
    /// The kind of check, and its files.
    fn check(&self) -> Result<(Kind, Vec<File>)> {
        text("client_ref", &self.client_ref, 200)?;
        text("subject.given_names", &self.subject.given_names, 100)?;
        text("subject.family_name", &self.subject.family_name, 100)?;
        if let Some(day) = &self.subject.born_on {
            date("subject.born_on", day)?;
        }
        if let Some(residence) = &self.subject.residence {
            residence.check()?;
        }
        if let Some(url) = &self.callback_url {
            web_address("callback_url", url)?;
        }
        let kind = Provider::Kompass.kind(&self.kind).ok_or(Error::Kind)?;
        let mut all = Vec::new();
        match kind {
            Kind::Document => {
                files::count("files", self.files.len())?;
                for (at, file) in self.files.iter().enumerate() {
                    all.push(file.check(at)?);
                }
            }
            Kind::Identity | Kind::Watchlist => {
                needed("subject.born_on", self.subject.born_on.as_ref())?;
            }
            Kind::Address => {
                needed("subject.residence", self.subject.residence.as_ref())?;
            }
            Kind::Liveness => return Err(Error::Kind),
        }
        Ok((kind, all))
    }
}

impl Residence {
    fn check(&self) -> Result<()> {
        text("subject.residence.street", &self.street, 200)?;
        text("subject.residence.postcode", &self.postcode, 20)?;
        text("subject.residence.town", &self.town, 100)?;
        country("subject.residence.country", &self.country)
    }
}

impl Evidence {
    fn check(&self, at: usize) -> Result<File> {
        let field = |name: &str| format!("files[{at}].{name}");
        if !Provider::Kompass.documents().contains(&&*self.kind) {
            return Err(Error::field(field("kind"), "is no document that this provider knows"));
        }
        country(&field("issuer"), &self.issuer)?;
        if !Provider::Kompass.countries().contains(&&*self.issuer) {
            return Err(Error::Country);
        }
        let digest = self.digest.strip_prefix(SHA256);
        let digest = digest.ok_or_else(|| Error::field(field("digest"), "must begin with sha256:"))?;
        File::parse((field("digest"), digest), (field("href"), &self.href))
    }
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    body: Bytes,
) -> Result<Response, Refused> {
    let asked: NewVerification = parse(&body)?;
    let (kind, files) = asked.check()?;
    let delay_ms =
        app.store.read(|world, _| world.account(&account).map_or(0, |account| account.delay_ms))?;
    let wanted = Wanted {
        account,
        provider: Provider::Kompass,
        kind,
        fingerprint: fingerprint(&asked.client_ref, &asked)?,
        key: asked.client_ref.clone(),
        behaviour: Behaviour::of(&asked.subject.family_name),
        reference: asked.client_ref,
        files: None,
        callback_url: asked.callback_url,
        delay_ms,
    };
    let made = make(&app, wanted, &files).await?;
    let response = if made.is_new() {
        extract::answer(202, &view::kompass(&made.check, None))
    } else {
        extract::answer(200, &view::shown(&made.check))
    };
    Ok(made.answer(response))
}

pub(crate) async fn get(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>, Refused> {
    let found = app.store.read(|world, _| {
        let check = world.check(&CheckId::from(id)).ok().filter(|check| check.account == account);
        check.map(|check| Json(view::shown(check)))
    })?;
    Ok(found.ok_or(Error::NotFound("verification"))?)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfReference {
    client_ref: String,
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    uri: Uri,
) -> Result<Json<Value>, Refused> {
    let OfReference { client_ref } = extract::query(&uri)?;
    Ok(Json(app.store.read(|world, _| {
        json!({ "items": world.checks_of(&account, &client_ref).map(view::shown).collect::<Vec<_>>() })
    })?))
}

/// What it can check.
pub(crate) async fn coverage() -> Json<Value> {
    let of = Provider::Kompass;
    let kinds = of.kinds().iter().map(|(kind, name)| {
        let limits = match kind {
            Kind::Document => json!({ "files": of.documents(), "issuers": of.countries() }),
            Kind::Identity | Kind::Address | Kind::Liveness | Kind::Watchlist => json!({}),
        };
        ((*name).to_owned(), limits)
    });
    Json(json!({ "kinds": kinds.collect::<Map<_, _>>() }))
}
