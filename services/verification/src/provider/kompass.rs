//! A provider that answers later, and calls: `sandbox/idp`'s README has the whole API. What a callback says is not believed: it has the
//! provider asked.

use std::time::Duration;

use providers::http::{self, Answer, CallError};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::accounts::Settings;
use super::{Question, Said, parsed};
use crate::domain::{Address, Applicant, CheckKind, DocumentKind, Outcome, Reason, Seen};

const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MOST_BYTES: usize = 128 * 1024;

/// What it does: no liveness.
pub(super) const CHECKS: [CheckKind; 4] =
    [CheckKind::Document, CheckKind::Identity, CheckKind::Address, CheckKind::Watchlist];

/// An account there.
#[derive(Clone, Debug)]
pub struct Kompass {
    client: Client,
    settings: Settings,
    callback_url: Option<Url>,
}

#[derive(Debug, Deserialize)]
struct Verification {
    id: String,
    client_ref: String,
    state: String,
    outcome: Option<String>,
    #[serde(default)]
    codes: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    fault: Fault,
}

#[derive(Debug, Deserialize)]
struct Fault {
    code: String,
}

impl Kompass {
    /// The account with these settings; without a callback URL the one that is set at the provider is called.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(settings: Settings, callback_url: Option<Url>) -> Result<Self, reqwest::Error> {
        Ok(Self { client: http::client(DEADLINE)?, settings, callback_url })
    }

    pub(super) async fn ask(&self, question: &Question) -> Said {
        let mut issued = question.documents.iter().filter(|(document, _)| document.kind.is_issued());
        if question.kind == CheckKind::Document
            && issued.any(|(document, _)| file_kind(document.kind).is_none())
        {
            return Said { seen: Seen::Refused, raw: None };
        }
        let request = match &question.provider_id {
            Some(id) => self.request(Method::GET, &["verifications", id]),
            None => self.request(Method::POST, &["verifications"]).json(&self.body(question)),
        };
        match http::send(request, MOST_BYTES).await {
            Ok(answer) => read(question, answer),
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, reference = question.reference, "the provider has not answered");
                Said::nothing()
            }
        }
    }

    fn body(&self, question: &Question) -> Value {
        let files: Vec<_> = question
            .documents
            .iter()
            .filter(|(document, _)| document.kind.is_issued())
            .map(|(document, url)| {
                json!({
                    "kind": file_kind(document.kind), "issuer": document.country.map(|country| country.to_string()),
                    "digest": format!("sha256:{}", hex::encode(&document.sha256)), "href": url,
                })
            })
            .collect();
        let mut body = json!({
            "kind": kind(question.kind), "client_ref": question.reference, "subject": subject(&question.applicant),
        });
        if question.kind == CheckKind::Document {
            body["files"] = files.into();
        }
        if let Some(url) = &self.callback_url {
            body["callback_url"] = url.as_str().into();
        }
        body
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.settings.url.clone();
        // A base URL without a path to extend is refused where it is called.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("api").extend(path);
        }
        self.client.request(method, url).header("x-api-key", self.settings.api_key.expose_secret())
    }
}

fn subject(applicant: &Applicant) -> Value {
    let mut said = json!({ "given_names": applicant.given_names, "family_name": applicant.family_name });
    if let Some(birth_date) = applicant.birth_date {
        said["born_on"] = birth_date.to_string().into();
    }
    if let Some(Address { line1, line2, city, postal_code, country }) = &applicant.address {
        let street = if line2.is_empty() { line1.clone() } else { format!("{line1}, {line2}") };
        said["residence"] =
            json!({ "street": street, "postcode": postal_code, "town": city, "country": country.as_str() });
    }
    said
}

fn kind(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Document => "DOC_AUTH",
        CheckKind::Identity => "PERSON_MATCH",
        CheckKind::Address => "ADDRESS_MATCH",
        CheckKind::Liveness => "LIVENESS",
        CheckKind::Watchlist => "SANCTIONS",
    }
}

/// What it calls a document; nothing where it does not know such.
fn file_kind(kind: DocumentKind) -> Option<&'static str> {
    match kind {
        DocumentKind::Passport => Some("PASSPORT"),
        DocumentKind::IdentityCard => Some("IDENTITY_CARD"),
        DocumentKind::ResidencePermit => Some("RESIDENCE_TITLE"),
        DocumentKind::DrivingLicence | DocumentKind::ProofOfAddress | DocumentKind::Selfie => None,
    }
}

fn read(question: &Question, Answer { status, body }: Answer) -> Said {
    let seen = match status {
        StatusCode::OK | StatusCode::ACCEPTED => match parsed::<Verification>(&body) {
            Some(it) if it.client_ref == question.reference && (1..=255).contains(&it.id.len()) => meant(it),
            Some(_) => {
                tracing::error!(reference = question.reference, "the provider shows another verification");
                return Said::nothing();
            }
            None => return unread(question, &CallError::Status(status)),
        },
        StatusCode::UNPROCESSABLE_ENTITY => {
            match parsed::<Refusal>(&body).map(|refusal| refusal.fault.code) {
                Some(code) if matches!(&*code, "E9002" | "E9011" | "E9012") => {
                    if code == "E9002" {
                        tracing::error!(
                            reference = question.reference,
                            "the provider refuses what it should take"
                        );
                    }
                    Seen::Refused
                }
                _ => return unread(question, &CallError::Status(status)),
            }
        }
        _ => return unread(question, &CallError::Status(status)),
    };
    Said { seen, raw: Some(body) }
}

fn unread(question: &Question, error: &CallError) -> Said {
    tracing::warn!(%error, reference = question.reference, "the provider's answer says nothing");
    Said::nothing()
}

fn meant(it: Verification) -> Seen {
    let Verification { id: provider_id, state, outcome, codes, .. } = it;
    match (&*state, outcome.as_deref()) {
        ("ACCEPTED", _) => Seen::Accepted { provider_id },
        ("DONE", Some("ERROR")) => Seen::SourceAway { provider_id },
        ("DONE", Some(outcome)) => Seen::Answer { outcome: said(outcome, &codes), provider_id },
        _ => Seen::NoAnswer,
    }
}

fn said(outcome: &str, codes: &[String]) -> Outcome {
    let why = codes.iter().map(|code| reason(code)).next().unwrap_or(Reason::UnknownAnswer);
    match outcome {
        "MATCH" => Outcome::Passed,
        // A no that nobody can explain is for a person to look at.
        "NO_MATCH" if why == Reason::UnknownAnswer => Outcome::Inconclusive(why),
        "NO_MATCH" => Outcome::Failed(why),
        "MANUAL" => Outcome::Inconclusive(why),
        _ => {
            tracing::warn!(outcome, "the provider says something that its vocabulary does not have");
            Outcome::Inconclusive(Reason::UnknownAnswer)
        }
    }
}

fn reason(code: &str) -> Reason {
    match code {
        "E1101" => Reason::DocumentExpired,
        "E1102" => Reason::ImageUnreadable,
        "E1103" => Reason::DocumentForged,
        "E1104" | "E1105" => Reason::FileUnusable,
        "E1201" => Reason::NameMismatch,
        "E1202" => Reason::BirthDateMismatch,
        "E1203" => Reason::NoRecord,
        "E1301" => Reason::AddressMismatch,
        "E1302" => Reason::AddressUnknown,
        "E1501" => Reason::WatchlistHit,
        "E1502" => Reason::PoliticallyExposed,
        "E1900" => Reason::InsufficientData,
        _ => {
            tracing::warn!(code, "the provider gives a code that its vocabulary does not have");
            Reason::UnknownAnswer
        }
    }
}

/// What a callback is about; `None` where it is no callback.
pub(super) fn about(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Body {
        verification: Named,
    }
    #[derive(Deserialize)]
    struct Named {
        id: String,
    }
    parsed::<Body>(body).map(|body| body.verification.id)
}
