//! Calls as Stripe wants them: forms with brackets, a pinned version, a key where a second call would make a second thing.

use providers::http::{self, Answer, CallError};
use reqwest::{Method, RequestBuilder, StatusCode};
use secrecy::ExposeSecret as _;
use serde::de::DeserializeOwned;

use super::record::{List, Named, Refusal, RefusalError};
use super::{Stripe, refused};

/// What every call says it is written for: an account's own default may be years older, or change.
const VERSION: &str = "2026-08-26.dahlia";
/// Bytes of an answer that are read: a page of a list has a hundred of them.
const MOST_BYTES: usize = 4 * 1024 * 1024;
/// How many of a list are asked for at once.
const PAGE: usize = 100;
/// Pages of a list that are read.
const MOST_PAGES: usize = 50;

/// What came of a call.
pub(super) enum Came<T> {
    /// What was asked for.
    Record(T),
    /// Refused for what was asked.
    Refused(RefusalError),
    /// Stripe has failed, and may have done it before or not. It says the same to a key for a day.
    Failed,
    /// No answer, or none that says anything.
    Nothing,
}

/// What came of looking through a list.
pub(super) enum Found<T> {
    This(T),
    /// The whole list was read.
    None,
    Unclear,
}

impl Stripe {
    pub(super) fn get(&self, path: &[&str]) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub(super) fn post(&self, path: &[&str]) -> RequestBuilder {
        self.request(Method::POST, path)
    }

    fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        let mut url = self.settings.api_base.clone();
        // An https or http URL always has a path.
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().push("v1").extend(path);
        }
        self.client
            .request(method, url)
            .bearer_auth(self.settings.secret_key.expose_secret())
            .header("stripe-version", VERSION)
    }

    pub(super) async fn call<T: DeserializeOwned>(&self, request: RequestBuilder) -> Came<T> {
        match Self::answer(request).await {
            Ok(came) => came,
            Err(error) => {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "the provider has not answered");
                Came::Nothing
            }
        }
    }

    async fn answer<T: DeserializeOwned>(request: RequestBuilder) -> Result<Came<T>, CallError> {
        let Answer { status, body } = http::send(request, MOST_BYTES).await?;
        match status {
            StatusCode::OK => Ok(Came::Record(serde_json::from_slice(&body)?)),
            StatusCode::BAD_REQUEST | StatusCode::PAYMENT_REQUIRED | StatusCode::NOT_FOUND => {
                Ok(Came::Refused(serde_json::from_slice::<Refusal>(&body)?.error))
            }
            // The key is not one, not of this account, or may not do this: for people to set right.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                tracing::error!(http.status = status.as_u16(), "the provider does not let us in");
                Ok(Came::Nothing)
            }
            status if status.is_server_error() => {
                tracing::warn!(http.status = status.as_u16(), "the provider has failed");
                Ok(Came::Failed)
            }
            // 409: the same is being done right now. 429: not now.
            _ => Err(CallError::Status(status)),
        }
    }

    /// Looks through a list, newest first, page by page.
    pub(super) async fn find<T: DeserializeOwned + Named>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        wanted: impl Fn(&T) -> bool,
    ) -> Found<T> {
        let mut after: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let Some(List { data, has_more }) = self.page::<T>(path, query, after.as_deref()).await else {
                return Found::Unclear;
            };
            let last = data.last().map(|one| one.id().to_owned());
            if let Some(found) = data.into_iter().find(&wanted) {
                return Found::This(found);
            }
            match last {
                Some(last) if has_more => after = Some(last),
                _ => return Found::None,
            }
        }
        tracing::error!(pages = MOST_PAGES, "a list of the provider is longer than is read");
        Found::Unclear
    }

    /// Reads a list, newest first, page by page; `None` where not all of it is answered, or it is longer than that.
    pub(super) async fn list<T: DeserializeOwned + Named>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        most: usize,
    ) -> Option<Vec<T>> {
        let mut all: Vec<T> = Vec::new();
        while all.len() < most {
            let List { data, has_more } = self.page(path, query, all.last().map(Named::id)).await?;
            let goes_on = has_more && !data.is_empty();
            all.extend(data);
            if !goes_on {
                return Some(all);
            }
        }
        tracing::error!(most, "a list of the provider is longer than is read");
        None
    }

    async fn page<T: DeserializeOwned>(
        &self,
        path: &[&str],
        query: &[(&str, String)],
        after: Option<&str>,
    ) -> Option<List<T>> {
        let mut request = self.get(path).query(query).query(&[("limit", PAGE)]);
        if let Some(after) = after {
            request = request.query(&[("starting_after", after)]);
        }
        match self.call(request).await {
            Came::Record(list) => Some(list),
            Came::Refused(refusal) => {
                refused(&path.join("/"), &refusal);
                None
            }
            Came::Failed | Came::Nothing => None,
        }
    }
}
