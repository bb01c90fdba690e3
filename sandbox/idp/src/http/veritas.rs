//! `/veritas`: a provider that answers at once.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::check::Wanted;
use crate::error::Error;
use crate::files::{self, File};
use crate::id::CheckId;
use crate::names::Behaviour;
use crate::provider::{Kind, Provider};
use crate::view;

use super::Shared;
use super::extract::{self, Result, country, date, needed, parse, text};
use super::gate::{Caller, KEY};
use super::make::{fingerprint, make};

/// Checks of a reference that are listed.
const MOST: usize = 200;

/// What is asked for. It is about a person, and is gone when the call is answered.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct NewCheck {
    r#type: String,
    reference: String,
    applicant: Applicant,
    #[serde(default)]
    documents: Vec<Document>,
    #[serde(default)]
    selfie: Option<Selfie>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Applicant {
    first_name: String,
    last_name: String,
    #[serde(default)]
    birth_date: Option<String>,
    #[serde(default)]
    address: Option<Address>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Address {
    line1: String,
    #[serde(default)]
    line2: Option<String>,
    city: String,
    postal_code: String,
    country: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    kind: String,
    country: String,
    sha256: String,
    /// Signed anew for each try, so that it makes no other request.
    #[serde(skip_serializing)]
    url: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Selfie {
    sha256: String,
    #[serde(skip_serializing)]
    url: String,
}

impl NewCheck {
    /// The kind of check, and its files.
    fn check(&self) -> Result<(Kind, Vec<File>)> {
        text("reference", &self.reference, 200)?;
        text("applicant.first_name", &self.applicant.first_name, 100)?;
        text("applicant.last_name", &self.applicant.last_name, 100)?;
        if let Some(day) = &self.applicant.birth_date {
            date("applicant.birth_date", day)?;
        }
        if let Some(address) = &self.applicant.address {
            address.check()?;
        }
        let kind = Provider::Veritas.kind(&self.r#type).ok_or(Error::Kind)?;
        let mut all = Vec::new();
        match kind {
            Kind::Document => {
                files::count("documents", self.documents.len())?;
                for (at, document) in self.documents.iter().enumerate() {
                    all.push(document.check(at)?);
                }
            }
            Kind::Identity | Kind::Watchlist => {
                needed("applicant.birth_date", self.applicant.birth_date.as_ref())?;
            }
            Kind::Address => {
                needed("applicant.address", self.applicant.address.as_ref())?;
            }
            Kind::Liveness => {
                let selfie = needed("selfie", self.selfie.as_ref())?;
                let digest = ("selfie.sha256".to_owned(), &*selfie.sha256);
                all.push(File::parse(digest, ("selfie.url".to_owned(), &selfie.url))?);
            }
        }
        Ok((kind, all))
    }
}

impl Address {
    fn check(&self) -> Result<()> {
        text("applicant.address.line1", &self.line1, 200)?;
        if let Some(line) = &self.line2 {
            text("applicant.address.line2", line, 200)?;
        }
        text("applicant.address.city", &self.city, 100)?;
        text("applicant.address.postal_code", &self.postal_code, 20)?;
        country("applicant.address.country", &self.country)
    }
}

impl Document {
    fn check(&self, at: usize) -> Result<File> {
        let field = |name: &str| format!("documents[{at}].{name}");
        if !Provider::Veritas.documents().contains(&&*self.kind) {
            return Err(Error::field(field("kind"), "is no document that this provider knows"));
        }
        country(&field("country"), &self.country)?;
        if !Provider::Veritas.countries().contains(&&*self.country) {
            return Err(Error::Country);
        }
        File::parse((field("sha256"), &self.sha256), (field("url"), &self.url))
    }
}

pub(crate) async fn create(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Response> {
    let key = key(&headers)?;
    let asked: NewCheck = parse(&body)?;
    let (kind, files) = asked.check()?;
    let wanted = Wanted {
        account,
        provider: Provider::Veritas,
        kind,
        fingerprint: fingerprint(&key, &asked)?,
        key,
        behaviour: Behaviour::of(&asked.applicant.last_name),
        reference: asked.reference,
        files: None,
        callback_url: None,
        delay_ms: 0,
    };
    let made = make(&app, wanted, &files).await?;
    // What was answered first is answered whenever the call is repeated.
    let response = extract::answer(201, &view::veritas(&made.check, made.check.answers.first()));
    Ok(made.answer(response))
}

fn key(headers: &HeaderMap) -> Result<String> {
    let key = headers.get(KEY).ok_or(Error::KeyMissing)?.to_str().map_err(|_| Error::KeyInvalid)?;
    if (1..=255).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_graphic()) {
        Ok(key.to_owned())
    } else {
        Err(Error::KeyInvalid)
    }
}

pub(crate) async fn get(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    Path(id): Path<String>,
) -> Result<Json<Value>> {
    app.store.read(|world, _| {
        let check = world.check(&CheckId::from(id)).ok().filter(|check| check.account == account);
        check.map(|check| Json(view::shown(check))).ok_or(Error::NotFound("check"))
    })?
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OfReference {
    reference: String,
}

pub(crate) async fn list(
    State(app): State<Shared>,
    Extension(Caller(account)): Extension<Caller>,
    uri: Uri,
) -> Result<Json<Value>> {
    let OfReference { reference } = extract::query(&uri)?;
    Ok(Json(app.store.read(|world, _| {
        let all: Vec<Value> = world.checks_of(&account, &reference).take(MOST + 1).map(view::shown).collect();
        json!({ "data": all.iter().take(MOST).collect::<Vec<_>>(), "has_more": all.len() > MOST })
    })?))
}

/// What it can check.
pub(crate) async fn capabilities() -> Json<Value> {
    let of = Provider::Veritas;
    let types = of.kinds().iter().map(|(kind, name)| match kind {
        Kind::Document => {
            json!({ "type": name, "document_kinds": of.documents(), "document_countries": of.countries() })
        }
        Kind::Identity | Kind::Address | Kind::Liveness | Kind::Watchlist => json!({ "type": name }),
    });
    Json(json!({ "check_types": types.collect::<Vec<_>>() }))
}
