//! A citizen at a browser.

use std::collections::HashMap;
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use http::{Method, header};
use rand::Rng;
use reqwest::{Client, RequestBuilder, Response};
use serde_json::{Value, json};
use url::Url;

use crate::files::{File, sha256};
use crate::jar::Jar;
use crate::live::Live;

/// Redirects of one sign-in.
const MAX_REDIRECTS: usize = 10;

/// A signed-in browser.
#[derive(Debug, Clone)]
pub struct Citizen {
    http: Client,
    base: Url,
    jar: Jar,
    csrf: String,
    /// Every request of this citizen belongs to this trace.
    pub trace_id: String,
}

/// A document as the API gave it.
#[derive(Debug, Clone)]
pub struct Document(pub Value);

impl Document {
    /// Its id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.0["id"].as_str().unwrap_or_default()
    }

    /// Its status.
    #[must_use]
    pub fn status(&self) -> &str {
        self.0["status"].as_str().unwrap_or_default()
    }
}

/// A fresh idempotency key.
#[must_use]
pub fn key() -> String {
    format!("{:032x}", rand::rng().random::<u128>())
}

impl Citizen {
    /// Signs in through the provider's own form, as a person does.
    ///
    /// # Errors
    ///
    /// When a page is not what it should be.
    pub async fn sign_in(base: &Url, user: &str, password: &str) -> Result<Self> {
        let http = Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(20))
            .build()?;
        let trace_id = key();
        let mut citizen =
            Self { http, base: base.clone(), jar: Jar::default(), csrf: String::new(), trace_id };
        let (page, url) = citizen.follow(base.join("auth/login?return_to=/v1/me")?).await?;
        let html = page.text().await?;
        let action = form_action(&html).with_context(|| format!("no sign-in form at {url}"))?;
        let action = url.join(&action)?;
        let form = [("username", user), ("password", password), ("credentialId", "")];
        let request = citizen.http.post(action.clone()).form(&form);
        let answer = citizen.send(&action, request).await?;
        let next = location(&action, &answer)
            .with_context(|| format!("the provider refused {user}: {}", answer.status()))?;
        let (me, _) = citizen.follow(next).await?;
        ensure!(me.status().is_success(), "after the sign-in: {}", me.status());
        let me: Value = me.json().await?;
        citizen.csrf = me["csrf_token"].as_str().context("no csrf token")?.to_owned();
        Ok(citizen)
    }

    async fn follow(&mut self, mut url: Url) -> Result<(Response, Url)> {
        for _ in 0..MAX_REDIRECTS {
            let answer = self.send(&url, self.http.get(url.clone())).await?;
            match location(&url, &answer) {
                Some(next) => url = next,
                None => return Ok((answer, url)),
            }
        }
        bail!("more than {MAX_REDIRECTS} redirects, the last to {url}")
    }

    async fn send(&mut self, url: &Url, request: RequestBuilder) -> Result<Response> {
        let request =
            request.header(header::COOKIE, self.jar.header(url)).header("traceparent", self.traceparent());
        let answer = request.send().await?;
        self.jar.keep(url, answer.headers());
        Ok(answer)
    }

    fn traceparent(&self) -> String {
        let span = rand::rng().random::<u64>().max(1);
        format!("00-{}-{span:016x}-01", self.trace_id)
    }

    /// Calls the API as the page does, whatever the answer is.
    ///
    /// # Errors
    ///
    /// When there is no answer.
    pub async fn call(
        &mut self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Result<Response> {
        let url = self.base.join(path.trim_start_matches('/'))?;
        let mut request = self.http.request(method, url.clone()).header("x-csrf-token", &self.csrf);
        if let Some(key) = key {
            request = request.header("idempotency-key", key);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        self.send(&url, request).await
    }

    /// Calls the API and reads the answer, which must be a success.
    ///
    /// # Errors
    ///
    /// When it is none, with what it says.
    pub async fn expect(
        &mut self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<Value>,
    ) -> Result<Value> {
        let answer = self.call(method.clone(), path, key, body).await?;
        let status = answer.status();
        let text = answer.text().await?;
        ensure!(status.is_success(), "{method} {path}: {status} {text}");
        Ok(serde_json::from_str(&text)?)
    }

    /// `GET` that must succeed.
    ///
    /// # Errors
    ///
    /// When it does not.
    pub async fn get(&mut self, path: &str) -> Result<Value> {
        self.expect(Method::GET, path, None, None).await
    }

    /// Declares an upload.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn initiate(&mut self, file: &File, key: &str) -> Result<Document> {
        let body = json!({
            "purpose": file.purpose,
            "file_name": file.name,
            "content_type": file.content_type,
            "size_bytes": file.bytes.len(),
            "sha256": file.sha256(),
        });
        Ok(Document(self.expect(Method::POST, "/v1/documents", Some(key), Some(body)).await?))
    }

    /// Declares a corrected file as the next version of a document.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn correct(&mut self, id: &str, file: &File, key: &str) -> Result<Document> {
        let body = json!({
            "file_name": file.name,
            "content_type": file.content_type,
            "size_bytes": file.bytes.len(),
            "sha256": file.sha256(),
        });
        let path = format!("/v1/documents/{id}/versions");
        Ok(Document(self.expect(Method::POST, &path, Some(key), Some(body)).await?))
    }

    /// Puts bytes where the upload says, with exactly its headers.
    ///
    /// # Errors
    ///
    /// When the store does not answer; a refusal is an answer.
    pub async fn put(&self, document: &Document, bytes: Vec<u8>) -> Result<Response> {
        self.put_to(&document.0["upload"], bytes).await
    }

    async fn put_to(&self, upload: &Value, bytes: Vec<u8>) -> Result<Response> {
        let mut request = self.http.put(upload["url"].as_str().context("no upload url")?);
        for (name, value) in upload["headers"].as_object().context("no upload headers")? {
            if !name.eq_ignore_ascii_case("content-length") && !name.eq_ignore_ascii_case("host") {
                request = request.header(name, value.as_str().unwrap_or_default());
            }
        }
        Ok(request.body(bytes).send().await?)
    }

    /// Sends those parts of a declared file that have not arrived, `most` of them at the most.
    ///
    /// # Errors
    ///
    /// When one is refused.
    pub async fn send_parts(&mut self, document: &Document, bytes: &[u8], most: usize) -> Result<()> {
        let path = document.0["_links"]["parts"].as_str().context("no link to the parts")?;
        let size = usize::try_from(document.0["parts"]["size_bytes"].as_u64().context("no size of a part")?)?;
        let there = self.get(path).await?;
        let there = there["arrived"].as_array().context("no list of parts")?;
        let sent: HashMap<u64, &str> = there
            .iter()
            .filter_map(|part| Some((part["number"].as_u64()?, part["sha256"].as_str()?)))
            .collect();
        let parts = (1..).zip(bytes.chunks(size)).map(|(number, part)| (number, part, sha256(part)));
        let missing = parts.filter(|(number, _, digest)| sent.get(number) != Some(&digest.as_str()));
        for (number, part, digest) in missing.take(most) {
            let body = json!({ "parts": [{ "number": number, "sha256": digest }] });
            let signed = self.expect(Method::POST, path, None, Some(body)).await?;
            let answer = self.put_to(&signed["parts"][0]["upload"], part.to_vec()).await?;
            ensure!(answer.status().is_success(), "part {number}: {}", answer.status());
        }
        Ok(())
    }

    /// Says that the bytes were sent.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn confirm(&mut self, id: &str, key: &str) -> Result<Document> {
        Ok(Document(
            self.expect(Method::POST, &format!("/v1/documents/{id}/confirm"), Some(key), None).await?,
        ))
    }

    /// Initiate, put, confirm.
    ///
    /// # Errors
    ///
    /// When any step is refused.
    pub async fn hand_in(&mut self, file: &File) -> Result<Document> {
        let document = self.initiate(file, &key()).await?;
        let answer = self.put(&document, file.bytes.clone()).await?;
        ensure!(answer.status().is_success(), "the store refused {}: {}", file.name, answer.status());
        self.confirm(document.id(), &key()).await
    }

    /// Downloads a ready document.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn download(&mut self, id: &str) -> Result<Vec<u8>> {
        self.fetch(&format!("/v1/documents/{id}/download")).await
    }

    /// Has a read signed and reads what it is of.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub async fn fetch(&mut self, path: &str) -> Result<Vec<u8>> {
        let signed = self.get(path).await?;
        self.read(&signed["url"]).await
    }

    /// Reads what a signed URL is of.
    ///
    /// # Errors
    ///
    /// When the store refuses it.
    pub async fn read(&self, url: &Value) -> Result<Vec<u8>> {
        let answer = self.http.get(url.as_str().context("no url")?).send().await?;
        Ok(answer.error_for_status()?.bytes().await?.to_vec())
    }

    /// Highest number of the feed now.
    ///
    /// # Errors
    ///
    /// When the feed cannot be read.
    pub async fn head(&mut self) -> Result<i64> {
        let answer = self.get("/v1/notifications?page_size=1").await?;
        answer["head"].as_i64().context("no head")
    }

    /// Follows the feed above `after` over a WebSocket.
    ///
    /// # Errors
    ///
    /// When the upgrade is refused.
    pub async fn live(&self, after: i64) -> Result<Live> {
        let origin = self.base.origin().ascii_serialization();
        Live::connect(&self.base, &self.jar.header(&self.base), &origin, after).await
    }

    /// Follows the feed as a page of another origin would.
    ///
    /// # Errors
    ///
    /// The status, when the upgrade is refused.
    pub async fn live_from(&self, origin: &str) -> Result<Live> {
        Live::connect(&self.base, &self.jar.header(&self.base), origin, 0).await
    }

    /// The numbers of the next `count` server-sent events above `after`.
    ///
    /// # Errors
    ///
    /// When they do not come in time.
    pub async fn events(&mut self, after: i64, count: usize, within: Duration) -> Result<Vec<i64>> {
        let url = self.base.join("v1/events")?;
        let request = self.http.get(url.clone()).header("last-event-id", after.to_string());
        let mut answer = self.send(&url, request).await?.error_for_status()?;
        let mut text = String::new();
        let ids = |text: &str| -> Vec<i64> {
            let lines = text.lines().filter_map(|line| line.strip_prefix("id:"));
            lines.filter_map(|id| id.trim().parse().ok()).collect()
        };
        let read = async {
            while ids(&text).len() < count {
                let chunk = answer.chunk().await?.context("the stream ended")?;
                text.push_str(&String::from_utf8_lossy(&chunk));
            }
            anyhow::Ok(())
        };
        tokio::time::timeout(within, read).await.context("the events did not come in time")??;
        let mut found = ids(&text);
        found.truncate(count);
        Ok(found)
    }

    /// Forgets the CSRF token, as a stranger's page would not have it.
    pub fn forget_csrf(&mut self) {
        self.csrf.clear();
    }
}

fn location(url: &Url, answer: &Response) -> Option<Url> {
    let location = answer.headers().get(header::LOCATION)?.to_str().ok()?;
    answer.status().is_redirection().then(|| url.join(location).ok()).flatten()
}

/// The action of the page's form.
fn form_action(html: &str) -> Option<String> {
    let form = html.split("<form").nth(1)?;
    let action = form.split("action=\"").nth(1)?.split('"').next()?;
    Some(action.replace("&amp;", "&"))
}
