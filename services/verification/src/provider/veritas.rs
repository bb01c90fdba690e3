//! A provider that answers at once: `sandbox/idp`'s README has the whole API.

use std::time::Duration;

use providers::http::{self, Answer, CallError};
use reqwest::{Client, Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::{Value, json};

use super::accounts::Settings;
use super::{Question, Said, parsed};
use crate::domain::{Address, Applicant, CheckKind, DocumentKind, Outcome, Reason, Seen};

const DEADLINE: Duration = Duration::from_secs(10);
/// Bytes of an answer that are read.
const MOST_BYTES: usize = 128 * 1024;

/// An account there.
#[derive(Clone, Debug)]
pub struct Veritas {
    client: Client,
    settings: Settings,
}

#[derive(Debug, Deserialize)]
struct Check {
    id: String,
    reference: String,
    result: String,
    reasons: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Refusal {
    error: RefusalError,
}

#[derive(Debug, Deserialize)]
struct RefusalError {
    code: String,
}

impl Veritas {
    /// The account with these settings.
    ///
    /// # Errors
    /// When no client can be made.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        Ok(Self { client: http::client(DEADLINE)?, settings })
    }

    pub(super) async fn ask(&self, question: &Question) -> Said {
        let request = match &question.provider_id {
            Some(id) => self.request(Method::GET, &["checks", id]),
            None => {
                let request = self.request(Method::POST, &["checks"]);
                request.header("idempotency-key", &question.reference).json(&body(question))
            }
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

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.settings.url.clone();
        // A base URL without a path to extend is refused where it is called.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        self.client.request(method, url).bearer_auth(self.settings.api_key.expose_secret())
    }
}

fn body(question: &Question) -> Value {
    let documents: Vec<_> = question
        .documents
        .iter()
        .filter(|(document, _)| document.kind.is_issued())
        .map(|(document, url)| {
            json!({
                "kind": kind(document.kind), "country": document.country.map(|country| country.to_string()),
                "sha256": hex::encode(&document.sha256), "url": url,
            })
        })
        .collect();
    let selfie = question.documents.iter().find(|(document, _)| document.kind == DocumentKind::Selfie);
    let mut body = json!({
        "type": check_type(question.kind), "reference": question.reference, "applicant": applicant(&question.applicant),
    });
    if question.kind == CheckKind::Document {
        body["documents"] = documents.into();
    }
    if let (CheckKind::Liveness, Some((selfie, url))) = (question.kind, selfie) {
        body["selfie"] = json!({ "sha256": hex::encode(&selfie.sha256), "url": url });
    }
    body
}

fn applicant(applicant: &Applicant) -> Value {
    let mut said = json!({ "first_name": applicant.given_names, "last_name": applicant.family_name });
    if let Some(birth_date) = applicant.birth_date {
        said["birth_date"] = birth_date.to_string().into();
    }
    if let Some(Address { line1, line2, city, postal_code, country }) = &applicant.address {
        said["address"] =
            json!({ "line1": line1, "city": city, "postal_code": postal_code, "country": country.as_str() });
        if !line2.is_empty() {
            said["address"]["line2"] = line2.as_str().into();
        }
    }
    said
}

fn check_type(kind: CheckKind) -> &'static str {
    match kind {
        CheckKind::Document => "document",
        CheckKind::Identity => "identity",
        CheckKind::Address => "address",
        CheckKind::Liveness => "liveness",
        CheckKind::Watchlist => "watchlist",
    }
}

fn kind(kind: DocumentKind) -> &'static str {
    match kind {
        DocumentKind::Passport => "passport",
        DocumentKind::IdentityCard => "id_card",
        DocumentKind::DrivingLicence => "driving_licence",
        DocumentKind::ResidencePermit => "residence_permit",
        DocumentKind::ProofOfAddress | DocumentKind::Selfie => "other",
    }
}

fn read(question: &Question, Answer { status, body }: Answer) -> Said {
    let seen = match status {
        StatusCode::OK | StatusCode::CREATED => match parsed::<Check>(&body) {
            Some(check) if check.reference == question.reference && (1..=255).contains(&check.id.len()) => {
                meant(check)
            }
            Some(_) => {
                tracing::error!(reference = question.reference, "the provider shows another check");
                return Said::nothing();
            }
            None => return unread(question, &CallError::Status(status)),
        },
        StatusCode::UNPROCESSABLE_ENTITY => {
            match parsed::<Refusal>(&body).map(|refusal| refusal.error.code) {
                Some(code)
                    if matches!(&*code, "type_unsupported" | "country_unsupported" | "field_invalid") =>
                {
                    if code == "field_invalid" {
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

fn meant(check: Check) -> Seen {
    let Check { id: provider_id, result, reasons, .. } = check;
    if reasons.iter().any(|reason| reason == "source_unavailable") {
        return Seen::SourceAway { provider_id };
    }
    let why = || reasons.iter().map(|name| reason(name)).next().unwrap_or(Reason::UnknownAnswer);
    let outcome = match &*result {
        "clear" => Outcome::Passed,
        "consider" => match why() {
            // A no that nobody can explain is for a person to look at.
            Reason::UnknownAnswer => Outcome::Inconclusive(Reason::UnknownAnswer),
            why => Outcome::Failed(why),
        },
        "unidentified" => Outcome::Inconclusive(why()),
        _ => {
            tracing::warn!(result, "the provider says something that its vocabulary does not have");
            Outcome::Inconclusive(Reason::UnknownAnswer)
        }
    };
    Seen::Answer { provider_id, outcome }
}

fn reason(name: &str) -> Reason {
    match name {
        "document_expired" => Reason::DocumentExpired,
        "image_blurred" => Reason::ImageUnreadable,
        "document_forged" => Reason::DocumentForged,
        "file_altered" | "file_unavailable" => Reason::FileUnusable,
        "name_mismatch" => Reason::NameMismatch,
        "birth_date_mismatch" => Reason::BirthDateMismatch,
        "no_record" => Reason::NoRecord,
        "address_mismatch" => Reason::AddressMismatch,
        "address_unknown" => Reason::AddressUnknown,
        "face_mismatch" => Reason::FaceMismatch,
        "spoof_suspected" => Reason::SpoofSuspected,
        "watchlist_hit" => Reason::WatchlistHit,
        "politically_exposed" => Reason::PoliticallyExposed,
        "insufficient_data" => Reason::InsufficientData,
        _ => {
            tracing::warn!(reason = name, "the provider gives a reason that its vocabulary does not have");
            Reason::UnknownAnswer
        }
    }
}
