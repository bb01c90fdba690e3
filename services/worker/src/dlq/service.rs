//! Events that a service has parked, by its `DeadLetterService`.

use std::io::Write;

use ::service::channel::{self, Channel, Target};
use auth::TokenSource;
use clock::Clock;
use ids::{JobId, Tenant};
use proto::operations::v1::dead_letter_service_client::DeadLetterServiceClient;
use proto::operations::v1::{
    DeadLetter, DeadLetterSource, DiscardDeadLetterRequest, GetDeadLetterRequest, GetDeadLetterResponse,
    ListDeadLettersRequest, RedriveDeadLettersRequest, RedriveDeadLettersResponse,
};
use rpc_error::Error as CallError;
use serde_json::json;
use time::OffsetDateTime;
use tonic::Request;

use super::{Command, Discard, Error, List, Redrive, Show, print};

/// Tenant under which the platform's operators call where the records have none: only their idempotency keys are kept
/// there.
const PLATFORM: &str = "platform";
/// Asked for, and redriven, at once.
const PAGE: i32 = 200;
const LIMIT: i32 = 1_000;

const NO_JOB: Error = Error::Usage("a job's id is for queues; use --id");

/// The operator's side of a service.
#[derive(Debug)]
pub struct Operations {
    client: DeadLetterServiceClient<Channel>,
    tokens: TokenSource,
    clock: Clock,
    /// `None`: records that do not say whose they are.
    whose: Option<Tenant>,
}

impl Operations {
    /// Calls the service at `target` as this service's client, for a tenant's dead letters or those of nobody.
    ///
    /// # Errors
    /// When the client for tokens cannot be made.
    pub fn new(
        target: &Target,
        auth: &auth::Settings,
        clock: Clock,
        whose: Option<Tenant>,
    ) -> Result<Self, auth::Error> {
        let client = DeadLetterServiceClient::new(channel::balanced(target));
        Ok(Self { client, tokens: TokenSource::new(auth, clock.clone())?, clock, whose })
    }

    pub(super) async fn run(self, command: Command, out: &mut impl Write) -> Result<(), Error> {
        match command {
            Command::List(List { place, key }) => self.list(key.unwrap_or_default(), place.json, out).await,
            Command::Show(Show { job: Some(_), .. }) | Command::Redrive(Redrive { job: Some(_), .. }) => {
                Err(NO_JOB)
            }
            Command::Show(Show { id: None, .. }) => Err(Error::Usage("show needs --id")),
            Command::Show(Show { place, id: Some(id), .. }) => self.show(id, place.json, out).await,
            Command::Redrive(Redrive { place, id, key, all, .. }) => {
                if id.is_empty() && key.is_none() && !all {
                    return Err(Error::Usage("redrive needs --id, --key or --all"));
                }
                let key = key.unwrap_or_default();
                let request = RedriveDeadLettersRequest { ids: id, key, all, ..Default::default() };
                self.redrive(request, place.json, out).await
            }
            Command::Discard(Discard { id, reason, .. }) => self.discard(id, reason, out).await,
        }
    }

    async fn list(&self, key: String, json: bool, out: &mut impl Write) -> Result<(), Error> {
        let mut letters = Vec::new();
        let mut request = ListDeadLettersRequest {
            page_size: PAGE,
            key,
            without_tenant: self.whose.is_none(),
            ..Default::default()
        };
        loop {
            let page = self.client.clone().list_dead_letters(self.request(request.clone()).await?).await;
            let page = page.map_err(CallError::from_status)?.into_inner();
            letters.extend(page.dead_letters);
            if page.next_page_token.is_empty() {
                break;
            }
            request.page_token = page.next_page_token;
        }
        if json {
            for letter in &letters {
                writeln!(out, "{}", of(letter))?;
            }
            return Ok(());
        }
        let rows: Vec<_> = letters.iter().map(row).collect();
        print::table(out, ["ID", "PARKED", "REASON", "TRIES", "TYPE", "KEY", "GROUP"], &rows)?;
        writeln!(out, "{} parked", letters.len())?;
        Ok(())
    }

    async fn show(&self, id: String, json: bool, out: &mut impl Write) -> Result<(), Error> {
        let request = self.request(GetDeadLetterRequest { id, without_tenant: self.whose.is_none() }).await?;
        let answer = self.client.clone().get_dead_letter(request).await;
        let shown = answer.map_err(CallError::from_status)?.into_inner();
        let letter = shown.dead_letter.as_ref().map(of).unwrap_or_default();
        if json {
            writeln!(out, "{}", whole(letter, &shown))?;
            return Ok(());
        }
        for (name, value) in letter.as_object().into_iter().flatten() {
            let text = value.as_str().map_or_else(|| value.to_string(), print::or_dash);
            writeln!(out, "{name:14} {text}")?;
        }
        writeln!(out, "headers")?;
        for header in &shown.headers {
            writeln!(out, "  {}: {}", header.name, header.value)?;
        }
        if shown.message_type.is_empty() {
            writeln!(out, "payload is no message of ours")?;
        } else {
            writeln!(out, "{} {}", shown.message_type, shown.message_json)?;
        }
        Ok(())
    }

    /// Goes on until nothing of the inbox is left, or nothing moves. The outbox's are given back to the relay once: those
    /// that it parks again meanwhile would be given back for ever.
    async fn redrive(
        &self,
        request: RedriveDeadLettersRequest,
        json: bool,
        out: &mut impl Write,
    ) -> Result<(), Error> {
        let request =
            RedriveDeadLettersRequest { limit: LIMIT, without_tenant: self.whose.is_none(), ..request };
        let of = async |source: DeadLetterSource| {
            let request = RedriveDeadLettersRequest { source: source.into(), ..request.clone() };
            let answer = self.client.clone().redrive_dead_letters(self.keyed(request).await?).await;
            Ok::<_, Error>(answer.map_err(CallError::from_status)?.into_inner())
        };
        let mut redriven = 0;
        let mut last: RedriveDeadLettersResponse = loop {
            let answer = of(DeadLetterSource::Inbox).await?;
            redriven += answer.redriven;
            if answer.left == 0 || answer.redriven == 0 {
                break answer;
            }
        };
        let outbox = of(DeadLetterSource::Outbox).await?;
        redriven += outbox.redriven;
        last.left += outbox.left;
        if json {
            let stopped: Vec<_> = last
                .stopped
                .iter()
                .map(|key| json!({"id": key.id, "key": key.key, "reason": key.reason, "detail": key.detail}))
                .collect();
            writeln!(out, "{}", json!({"redriven": redriven, "stopped": stopped, "left": last.left}))?;
            return Ok(());
        }
        let rows = last.stopped.iter();
        let rows: Vec<_> = rows
            .map(|key| {
                [key.id.clone(), print::or_dash(&key.key), key.reason.clone(), print::or_dash(&key.detail)]
            })
            .collect();
        print::table(out, ["STOPPED AT", "KEY", "REASON", "DETAIL"], &rows)?;
        writeln!(out, "{redriven} redriven, {} left", last.left)?;
        Ok(())
    }

    async fn discard(&self, id: String, reason: String, out: &mut impl Write) -> Result<(), Error> {
        let request =
            DiscardDeadLetterRequest { id: id.clone(), reason, without_tenant: self.whose.is_none() };
        let answer = self.client.clone().discard_dead_letter(self.keyed(request).await?).await;
        answer.map_err(CallError::from_status)?;
        writeln!(out, "{id} discarded")?;
        Ok(())
    }

    async fn request<T>(&self, message: T) -> Result<Request<T>, Error> {
        let tenant = match &self.whose {
            Some(tenant) => tenant.clone(),
            None => PLATFORM.parse().map_err(CallError::internal)?,
        };
        let mut request = Request::new(message);
        auth::client::authorize(&mut request, &self.tokens.token().await?, Some(&tenant));
        Ok(request)
    }

    /// A call of its own: whoever runs the command again means to do it again, and a redrive bears that.
    async fn keyed<T>(&self, message: T) -> Result<Request<T>, Error> {
        let mut request = self.request(message).await?;
        let key = JobId::mint(&self.clock).to_string().parse().map_err(CallError::internal)?;
        request.metadata_mut().insert("idempotency-key", key);
        Ok(request)
    }
}

fn row(letter: &DeadLetter) -> [String; 7] {
    [
        letter.id.clone(),
        parked_at(letter),
        letter.reason.clone(),
        letter.attempts.to_string(),
        print::or_dash(&letter.r#type),
        print::or_dash(&letter.key),
        if letter.source() == DeadLetterSource::Outbox {
            format!("to {}", letter.topic)
        } else {
            print::or_dash(&letter.group)
        },
    ]
}

fn of(letter: &DeadLetter) -> serde_json::Value {
    json!({
        "id": letter.id,
        "source": match letter.source() {
            DeadLetterSource::Unspecified => "unknown",
            DeadLetterSource::Inbox => "inbox",
            DeadLetterSource::Outbox => "outbox",
        },
        "group": letter.group,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "tenant": letter.tenant,
        "event_id": letter.event_id,
        "type": letter.r#type,
        "key": letter.key,
        "reason": letter.reason,
        "detail": letter.detail,
        "attempts": letter.attempts,
        "payload_bytes": letter.payload_bytes,
        "parked_at": parked_at(letter),
    })
}

fn whole(mut letter: serde_json::Value, shown: &GetDeadLetterResponse) -> serde_json::Value {
    let headers = shown.headers.iter().map(|header| json!({"name": header.name, "value": header.value}));
    letter["headers"] = headers.collect();
    letter["message_type"] = json!(shown.message_type);
    // Made by the service; what is none is shown as text.
    letter["message"] =
        serde_json::from_str(&shown.message_json).unwrap_or_else(|_| json!(shown.message_json));
    letter
}

fn parked_at(letter: &DeadLetter) -> String {
    let at = letter.parked_at.as_ref();
    print::at(at.and_then(|at| OffsetDateTime::from_unix_timestamp(at.seconds).ok()))
}
