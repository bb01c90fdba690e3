//! What people read: versioned, localised templates inside the binary.
//!
//! `templates/<status>/<locale>/v<N>.feed.j2` is a feed row, its title on the first line and its body below;
//! `v<N>.subject.j2`, `.txt.j2` and `.html.j2` are the e-mail of a status that is mailed. A published version never
//! changes (a test holds their digests): another text is another version, and each stored row says which one it had.
//!
//! A locale is looked for from the specific to the general (`de-AT`, `de`, `en`); English always exists.

use std::collections::BTreeMap;

use include_dir::{Dir, include_dir};
use minijinja::{Environment, UndefinedBehavior, context};

use crate::domain::locale::{self, Locale};
use crate::domain::status::FeedStatus;

static FILES: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/templates");

/// All templates, parsed.
#[derive(Debug)]
pub struct Templates {
    environment: Environment<'static>,
    current: BTreeMap<&'static str, i16>,
}

/// A feed row as its recipient reads it. Plain text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedText {
    /// Headline, one line.
    pub title: String,
    /// Text.
    pub body: String,
}

/// An e-mail as its recipient reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct MailText {
    /// Subject, one line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// HTML, with everything that was put in escaped.
    pub html: String,
}

/// What a mail says of a document; read from its owner when the mail is written, and not kept.
#[derive(Clone, serde::Serialize)]
pub struct DocumentFacts {
    /// Name of the file as the citizen gave it.
    pub file_name: String,
    /// Purpose it was handed in for.
    pub purpose: String,
}

/// Why the templates cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file is not a template.
    #[error("template `{name}` cannot be parsed")]
    Parse {
        /// Its path below `templates/`.
        name: String,
        /// What is wrong with it.
        #[source]
        source: minijinja::Error,
    },
    /// A template is missing in every language.
    #[error("template `{kind}` of `{status}`, version {version}, does not exist")]
    Missing {
        /// Whose template.
        status: &'static str,
        /// Which version.
        version: i16,
        /// `feed`, `subject`, `txt` or `html`.
        kind: &'static str,
    },
    /// A template names what it was not given.
    #[error("template `{name}` cannot be rendered")]
    Render {
        /// Its path below `templates/`.
        name: String,
        /// What is wrong with it.
        #[source]
        source: minijinja::Error,
    },
}

impl Templates {
    /// Parses the templates of this binary.
    ///
    /// # Errors
    /// When a file cannot be parsed, or a status has no template in English.
    pub fn embedded() -> Result<Self, Error> {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        let mut current = BTreeMap::new();
        for (name, source) in files(&FILES) {
            let parsed = environment.add_template(name, source);
            parsed.map_err(|source| Error::Parse { name: name.to_owned(), source })?;
        }
        for status in FeedStatus::ALL {
            let status_name = status.as_str();
            let exists =
                |version: i16| environment.get_template(&path(status_name, locale::DEFAULT, version, "feed"));
            let newest = (1..).take_while(|version| exists(*version).is_ok()).last();
            let newest = newest.ok_or(Error::Missing { status: status_name, version: 1, kind: "feed" })?;
            current.insert(status_name, newest);
        }
        Ok(Self { environment, current })
    }

    /// Newest version of a status's templates, which new rows get.
    #[must_use]
    pub fn current(&self, status: FeedStatus) -> i16 {
        self.current.get(status.as_str()).copied().unwrap_or(1)
    }

    /// Renders a feed row. `code` refines the status and may be empty.
    ///
    /// # Errors
    /// When the version does not exist, or names what it was not given.
    pub fn feed(
        &self,
        status: FeedStatus,
        version: i16,
        locale: &Locale,
        code: &str,
    ) -> Result<FeedText, Error> {
        let text = self.render(status, version, locale, "feed", &context! { code })?;
        let (title, body) = text.split_once('\n').unwrap_or((&text, ""));
        Ok(FeedText { title: title.trim().to_owned(), body: body.trim().to_owned() })
    }

    /// Renders an e-mail. `code` refines the status and may be empty; `document` is there where the status names it.
    ///
    /// # Errors
    /// When the version does not exist, or names what it was not given.
    pub fn mail(
        &self,
        status: FeedStatus,
        version: i16,
        locale: &Locale,
        code: &str,
        document: Option<&DocumentFacts>,
    ) -> Result<MailText, Error> {
        let values = context! { code, document };
        let subject = self.render(status, version, locale, "subject", &values)?;
        Ok(MailText {
            // A line break in a subject would start another header.
            subject: subject.split_whitespace().collect::<Vec<_>>().join(" "),
            text: self.render(status, version, locale, "txt", &values)?,
            html: self.render(status, version, locale, "html", &values)?,
        })
    }

    fn render(
        &self,
        status: FeedStatus,
        version: i16,
        locale: &Locale,
        kind: &'static str,
        values: &minijinja::Value,
    ) -> Result<String, Error> {
        let status = status.as_str();
        for candidate in locale.candidates() {
            let name = path(status, &candidate, version, kind);
            if let Ok(template) = self.environment.get_template(&name) {
                return template.render(values).map_err(|source| Error::Render { name, source });
            }
        }
        Err(Error::Missing { status, version, kind })
    }
}

fn path(status: &str, locale: &str, version: i16, kind: &str) -> String {
    format!("{status}/{locale}/v{version}.{kind}.j2")
}

/// Every file below a folder, by its path from the top.
fn files(dir: &'static Dir<'static>) -> Vec<(&'static str, &'static str)> {
    let mut found: Vec<_> =
        dir.files().filter_map(|file| Some((file.path().to_str()?, file.contents_utf8()?))).collect();
    found.extend(dir.dirs().flat_map(files));
    found
}

#[cfg(test)]
mod tests {
    use sha2::{Digest as _, Sha256};

    use super::*;

    fn locale(tag: &str) -> Locale {
        Locale::parse(tag).unwrap()
    }

    fn facts() -> DocumentFacts {
        DocumentFacts { file_name: "Ausweis <Ada> & \"Co\".pdf".to_owned(), purpose: "identity".to_owned() }
    }

    fn code(status: FeedStatus, of_rejection: &'static str) -> &'static str {
        match status {
            FeedStatus::DocumentRejected => of_rejection,
            FeedStatus::PaymentFailed => "DECLINED",
            _ => "",
        }
    }

    #[test]
    fn every_status_can_be_read_in_every_language() {
        let templates = Templates::embedded().unwrap();
        let mut shown = String::new();
        for tag in ["en", "de"] {
            for status in FeedStatus::ALL {
                let version = templates.current(status);
                let code = code(status, "INFECTED");
                let FeedText { title, body } = templates.feed(status, version, &locale(tag), code).unwrap();
                shown.push_str(&format!("{tag} {}\n  {title}\n  {body}\n", status.as_str()));
            }
        }
        insta::assert_snapshot!(shown);
    }

    #[test]
    fn mails_read_well_and_escape_what_is_put_in() {
        let templates = Templates::embedded().unwrap();
        for tag in ["en", "de"] {
            for status in FeedStatus::ALL.into_iter().filter(|status| status.is_mailed()) {
                let code = code(status, "TYPE_MISMATCH");
                let facts = status.names_document().then(facts);
                let mail = templates
                    .mail(status, templates.current(status), &locale(tag), code, facts.as_ref())
                    .unwrap();
                let MailText { subject, text, html } = mail;
                assert_eq!(html.contains("&lt;Ada&gt;"), status.names_document(), "{html}");
                assert!(!html.contains("<Ada>"), "{html}");
                insta::assert_snapshot!(
                    format!("mail-{}-{tag}", status.as_str()),
                    format!("Subject: {subject}\n\n{text}\n\n--- html\n{html}")
                );
            }
        }
    }

    #[test]
    fn every_reason_for_a_rejection_has_its_own_sentence() {
        let templates = Templates::embedded().unwrap();
        for tag in ["en", "de"] {
            let codes =
                ["INFECTED", "TYPE_MISMATCH", "SIZE_MISMATCH", "CHECKSUM_MISMATCH", "UNSCANNABLE", "NEW_ONE"];
            let body =
                |code| templates.feed(FeedStatus::DocumentRejected, 1, &locale(tag), code).unwrap().body;
            let sentences: std::collections::BTreeSet<_> = codes.into_iter().map(body).collect();
            assert_eq!(sentences.len(), codes.len(), "{sentences:#?}");
        }
    }

    #[test]
    fn an_unknown_language_reads_the_next_best_one() {
        let templates = Templates::embedded().unwrap();
        let title = |tag| templates.feed(FeedStatus::DocumentReady, 1, &locale(tag), "").unwrap().title;
        assert_eq!(title("de-AT"), title("de"));
        assert_eq!(title("pt-BR"), title("en"));
        assert_ne!(title("de"), title("en"));
    }

    #[test]
    fn a_version_that_does_not_exist_is_an_error() {
        let templates = Templates::embedded().unwrap();
        let error = templates.feed(FeedStatus::DocumentReady, 99, &locale("en"), "").unwrap_err();
        assert!(matches!(error, Error::Missing { version: 99, .. }), "{error}");
    }

    #[test]
    fn languages_have_the_same_files() {
        let of = |tag: &str| {
            let marker = format!("/{tag}/");
            let names = files(&FILES).into_iter().map(|(name, _)| name);
            names
                .filter(|name| name.contains(&marker))
                .map(|name| name.replace(&marker, "/"))
                .collect::<Vec<_>>()
        };
        assert_eq!(of("de"), of("en"));
        assert_eq!(of("de").len() * 2, files(&FILES).len());
    }

    #[test]
    fn a_published_version_never_changes() {
        let mut files = files(&FILES);
        files.sort_unstable();
        let digest = |text: &str| hex::encode(Sha256::digest(text.as_bytes()));
        let lines: Vec<_> =
            files.iter().map(|(name, text)| format!("{name} {}", &digest(text)[..16])).collect();
        // A line that changes is a text that people were sent: add another version instead.
        insta::assert_snapshot!(lines.join("\n"));
    }
}
