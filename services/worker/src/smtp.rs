//! Sending one e-mail.

use std::time::{Duration, SystemTime};

use lettre::message::header::{HeaderName, HeaderValue};
use lettre::message::{Mailbox, MultiPart};
use lettre::transport::smtp;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use proto::notification::v1::{ClaimDeliveryResponse, DeliveryOutcome};
use settings::{Env, ExposeSecret, Secret};
use time::OffsetDateTime;

/// How long each answer of the server may take.
const TIMEOUT: Duration = Duration::from_secs(20);

/// What is reported instead of a server's code.
const TIMED_OUT: &str = "TIMEOUT";
const TLS: &str = "TLS";
const NO_ANSWER: &str = "NO_ANSWER";

/// Settings `SMTP__*`.
#[derive(Clone, Debug)]
pub struct Settings {
    /// `SMTP__URL`: `smtp://host:25`, `smtp://user:password@host:587?tls=required`, or `smtps://user:password@host`.
    pub url: Secret,
    /// `SMTP__FROM`: the sender, for example `Riverton <noreply@riverton.example>`.
    pub from: Mailbox,
    /// `SMTP__MESSAGE_ID_DOMAIN`, default `guildhall.local`: what stands behind the `@` of every `Message-ID`.
    pub message_id_domain: String,
}

impl Settings {
    /// Reads the section; `None` where something is wrong with it, which `env` has then noted.
    pub fn load(env: &mut Env) -> Option<Self> {
        let url = env.var_with("SMTP__URL", url).required();
        let from = env.var_with("SMTP__FROM", |text| {
            text.parse()
                .map_err(|_| "must be an address, for example Riverton <noreply@riverton.example>".to_owned())
        });
        let from = from.required();
        let message_id_domain =
            env.var_with("SMTP__MESSAGE_ID_DOMAIN", domain).default("guildhall.local".to_owned());
        Some(Self { url: url?, from: from?, message_id_domain: message_id_domain? })
    }
}

fn url(text: &str) -> Result<Secret, String> {
    match AsyncSmtpTransport::<Tokio1Executor>::from_url(text) {
        Ok(_) => Ok(Secret::from(text)),
        Err(_) => {
            Err("must be smtp:// or smtps:// with a host, for example smtp://mail:587?tls=required"
                .to_owned())
        }
    }
}

fn domain(text: &str) -> Result<String, String> {
    let good = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-');
    if text.len() <= 253 && text.bytes().all(good) {
        Ok(text.to_owned())
    } else {
        Err("must be a domain".to_owned())
    }
}

/// A connection per e-mail, to one server.
#[derive(Clone, Debug)]
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    domain: String,
}

/// How sending went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    /// What to report.
    pub outcome: DeliveryOutcome,
    /// The server's code, for example `550`, or what kept us from getting one. Never the server's text: it may repeat
    /// the address.
    pub code: String,
}

impl Sent {
    fn new(outcome: DeliveryOutcome, code: impl Into<String>) -> Self {
        Self { outcome, code: code.into() }
    }

    /// Whether the server gave no answer at all: others will not get one either.
    #[must_use]
    pub fn is_outage(&self) -> bool {
        [TIMED_OUT, TLS, NO_ANSWER].contains(&&*self.code)
    }
}

impl Mailer {
    /// A mailer; connects to nothing yet.
    ///
    /// # Errors
    /// Never with settings that were loaded.
    pub fn new(settings: &Settings) -> Result<Self, smtp::Error> {
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(settings.url.expose_secret())?;
        let transport = builder.timeout(Some(TIMEOUT)).build();
        Ok(Self { transport, from: settings.from.clone(), domain: settings.message_id_domain.clone() })
    }

    /// Whether the server greets us, accepts our credentials, and answers.
    ///
    /// # Errors
    /// When it does not.
    pub async fn check(&self) -> Result<(), String> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the SMTP server refuses the connection".to_owned()),
            Err(error) => Err(format!("no SMTP server: {error}")),
        }
    }

    /// Writes and sends an e-mail. The same delivery has the same `Message-ID` each time.
    pub async fn send(&self, delivery: &ClaimDeliveryResponse, now: OffsetDateTime) -> Sent {
        let Some(message) = self.write(delivery, now) else {
            return Sent::new(DeliveryOutcome::PermanentFailure, "ADDRESS_INVALID");
        };
        match self.transport.send(message).await {
            Ok(response) => Sent::new(DeliveryOutcome::Sent, response.code().to_string()),
            Err(error) => refused(&error),
        }
    }

    fn write(&self, delivery: &ClaimDeliveryResponse, now: OffsetDateTime) -> Option<Message> {
        let to = Mailbox::new(None, delivery.to_address.parse().ok()?);
        // RFC 3834: vacation notices do not answer it.
        let automatic = HeaderName::new_from_ascii_str("Auto-Submitted");
        let text = delivery.text_body.clone();
        let builder = Message::builder()
            .from(self.from.clone())
            .to(to)
            .subject(delivery.subject.clone())
            .date(SystemTime::from(now))
            .message_id(Some(format!("<{}@{}>", delivery.delivery_id, self.domain)))
            .raw_header(HeaderValue::new(automatic, "auto-generated".to_owned()));
        let message = if delivery.html_body.is_empty() {
            builder.singlepart(lettre::message::SinglePart::plain(text))
        } else {
            builder.multipart(MultiPart::alternative_plain_html(text, delivery.html_body.clone()))
        };
        message.ok()
    }
}

/// 5xx is for good, 4xx and no answer at all are for now.
fn refused(error: &smtp::Error) -> Sent {
    if let Some(code) = error.status() {
        let outcome = if error.is_permanent() {
            DeliveryOutcome::PermanentFailure
        } else {
            DeliveryOutcome::TemporaryFailure
        };
        return Sent::new(outcome, code.to_string());
    }
    let code = if error.is_timeout() {
        TIMED_OUT
    } else if error.is_tls() {
        TLS
    } else {
        NO_ANSWER
    };
    Sent::new(DeliveryOutcome::TemporaryFailure, code)
}

#[cfg(test)]
mod tests {
    use time::macros::datetime;

    use super::*;

    fn load(pairs: &[(&str, &str)]) -> Result<Settings, settings::Error> {
        let mut env = Env::from_pairs("WORKER", pairs.iter().copied());
        let settings = Settings::load(&mut env);
        env.finish(settings)
    }

    fn mailer() -> Mailer {
        let settings = load(&[
            ("WORKER__SMTP__URL", "smtp://127.0.0.1:1"),
            ("WORKER__SMTP__FROM", "Rathaus Köln <noreply@guildhall.local>"),
        ]);
        Mailer::new(&settings.unwrap()).unwrap()
    }

    fn delivery() -> ClaimDeliveryResponse {
        ClaimDeliveryResponse {
            delivery_id: "01890a5d-ac96-774b-bcce-b302099a8057".to_owned(),
            to_address: "ada@example.org".to_owned(),
            subject: "Ihr Dokument ist geprüft\r\nBcc: eve@example.org".to_owned(),
            text_body: "Hallo".to_owned(),
            html_body: "<p>Hallo</p>".to_owned(),
            lease_expires_at: None,
        }
    }

    #[test]
    fn settings_are_checked_and_hide_the_password() {
        let error = load(&[
            ("WORKER__SMTP__URL", "http://mail"),
            ("WORKER__SMTP__FROM", "nobody"),
            ("WORKER__SMTP__MESSAGE_ID_DOMAIN", "a b"),
        ])
        .unwrap_err();
        assert_eq!(error.problems.len(), 3, "{error}");
        let good = load(&[
            ("WORKER__SMTP__URL", "smtps://user:s3cret@mail.example.org"),
            ("WORKER__SMTP__FROM", "a@example.org"),
        ]);
        assert!(!format!("{:?}", good.unwrap()).contains("s3cret"));
    }

    #[test]
    fn a_message_has_the_delivery_as_its_id_and_no_header_of_somebody_elses() {
        let now = datetime!(2030-01-02 03:04:05 UTC);
        let message = String::from_utf8(mailer().write(&delivery(), now).unwrap().formatted()).unwrap();
        let headers = message.split("\r\n\r\n").next().unwrap();
        let names: Vec<_> = headers.lines().filter(|l| !l.starts_with([' ', '\t'])).collect();
        assert!(
            names.contains(&"Message-ID: <01890a5d-ac96-774b-bcce-b302099a8057@guildhall.local>"),
            "{headers}"
        );
        assert!(names.contains(&"Date: Wed, 02 Jan 2030 03:04:05 +0000"), "{headers}");
        assert!(names.contains(&"Auto-Submitted: auto-generated"), "{headers}");
        assert!(!names.iter().any(|line| line.starts_with("Bcc")), "{headers}");
        assert!(message.contains("multipart/alternative") && message.contains("<p>Hallo</p>"), "{message}");
    }

    #[tokio::test]
    async fn no_address_is_for_good_and_no_server_for_now() {
        let now = datetime!(2030-01-02 03:04:05 UTC);
        let nowhere = ClaimDeliveryResponse { to_address: "ada".to_owned(), ..delivery() };
        let sent = mailer().send(&nowhere, now).await;
        assert_eq!(sent, Sent::new(DeliveryOutcome::PermanentFailure, "ADDRESS_INVALID"));
        assert!(!sent.is_outage());
        let sent = mailer().send(&delivery(), now).await;
        assert_eq!(sent, Sent::new(DeliveryOutcome::TemporaryFailure, "NO_ANSWER"));
        assert!(sent.is_outage());
        assert!(mailer().check().await.is_err());
    }
}
