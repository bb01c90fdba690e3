//! Reads a part of a feed, in the recipient's language.

use ids::{RecipientId, Subject, Tenant};

use crate::db::feed::Row;
use crate::domain::locale::Locale;
use crate::error::Error;
use crate::templates::FeedText;
use crate::{State, db};

/// Whose feed is read.
#[derive(Clone, Debug)]
pub enum Whose {
    /// The subject's own; empty when nothing was ever said to it.
    Own(Subject),
    /// A recipient's, which must exist. Where a subject is given it must be that one's.
    Recipient(RecipientId, Option<Subject>),
}

/// A part of a feed.
#[derive(Debug)]
pub struct Feed {
    /// Rows with their texts, oldest first, without gaps.
    pub rows: Vec<(Row, FeedText)>,
    /// Highest number of the feed.
    pub head: i64,
}

/// Rows above `after`, at most `limit`.
///
/// Texts are rendered for this answer from codes and ids: stored is only which version of which template it was.
///
/// # Errors
/// [`Error::RecipientNotFound`], also for what is another tenant's or another person's.
pub async fn list_feed(
    state: &State,
    tenant: &Tenant,
    whose: Whose,
    after: i64,
    limit: i64,
) -> Result<Feed, Error> {
    let found = state
        .db
        .tenant(tenant, move |tx| {
            Box::pin(async move {
                let tenant = tx.tenant().clone();
                let recipient = match &whose {
                    Whose::Own(subject) => db::recipients::find_by_subject(tx, &tenant, subject).await?,
                    Whose::Recipient(id, None) => {
                        Some(db::recipients::find(tx, &tenant, *id).await?.ok_or(Error::RecipientNotFound)?)
                    }
                    Whose::Recipient(id, Some(subject)) => {
                        let own = db::recipients::find_by_subject(tx, &tenant, subject).await?;
                        Some(own.filter(|own| own.id == *id).ok_or(Error::RecipientNotFound)?)
                    }
                };
                let Some(recipient) = recipient else { return Ok::<_, Error>(None) };
                let head = recipient.feed_seq;
                let rows = db::feed::list(tx, &tenant, recipient.id, after, head, limit).await?;
                Ok(Some((recipient, rows)))
            })
        })
        .await?;
    let Some((recipient, rows)) = found else { return Ok(Feed { rows: Vec::new(), head: 0 }) };
    let locale = Locale::stored(recipient.locale.as_deref());
    let worded = |row: Row| {
        let text = text(state, &row, &locale);
        (row, text)
    };
    Ok(Feed { rows: rows.into_iter().map(worded).collect(), head: recipient.feed_seq })
}

/// A row of a newer version that this one has no words for is given without: left out, it would be a gap, and a feed
/// that stopped there would be worse.
fn text(state: &State, row: &Row, locale: &Locale) -> FeedText {
    let rendered = row
        .status
        .parse()
        .map_err(Error::from)
        .and_then(|status| Ok(state.templates.feed(status, row.template_version, locale, &row.code)?));
    rendered.unwrap_or_else(|error| {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            notification.id = %row.notification_id,
            feed.seq = row.seq,
            "feed row cannot be put into words"
        );
        FeedText::default()
    })
}
