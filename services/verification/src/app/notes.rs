//! What people of the office note on cases. Kept sealed for whom it is about, and never shown to them.

use auth::Caller;
use envelope::Wrapped;
use idempotency::{KEEP, Key, Outcome};
use ids::NoteId;
use proto::Operation;
use proto::verification::v1;

use crate::db::notes::BODY;
use crate::domain::Broken;
use crate::grpc::timestamp;
use crate::{Error, State, db};

const MOST_NOTES: i64 = 200;
const MOST_BYTES: usize = 2_000;

/// Notes something.
pub async fn add_note(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::AddNoteRequest,
) -> Result<Outcome<v1::Note>, Error> {
    let id = super::case_id(&request.case_id)?;
    let text = request.text.clone();
    let plain = !text.chars().any(|c| c.is_control() && c != '\n');
    if text.trim().is_empty() || text.len() > MOST_BYTES || !plain {
        let rule = "must be 1 to 2000 bytes, not blank, without control characters but line breaks";
        return Err(Error::Note(vec![Broken::new("text", rule)]));
    }
    let of = caller.tenant.clone();
    let case = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move { db::cases::find(tx, &of, None, id).await?.ok_or(Error::CaseNotFound) })
    });
    let subject = case.await?.subject;
    let keys = state.envelope.keys_to_seal(&state.db, &caller.tenant, std::slice::from_ref(&subject)).await?;

    let (tenant, clock, by) = (caller.tenant.clone(), state.clock.clone(), caller.subject.clone());
    let scope = super::scope(caller, Operation::ReviewAddNote, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx| {
        Box::pin(async move {
            // So that there are never more than can be listed, whoever notes at once.
            db::cases::lock(tx, &tenant, None, id).await?.ok_or(Error::CaseNotFound)?;
            if db::notes::count(tx, &tenant, id).await? >= MOST_NOTES {
                return Err(Error::TooManyNotes);
            }
            let body = keys.lock(tx).await?.seal(&subject, BODY, text.as_bytes())?;
            let (note, at) = (NoteId::mint(&clock), clock.now());
            db::notes::insert(tx, &tenant, id, (note, &by, at), &body).await?;
            let text = String::new();
            Ok::<_, Error>(v1::Note {
                note_id: note.to_string(),
                by: by.to_string(),
                at: Some(timestamp(at)),
                text,
            })
        })
    });
    // The text is the caller's own: it is filled in from the request, also when it is repeated, and not stored with the answer.
    let text = request.text.clone();
    Ok(outcome.await?.map(|note| v1::Note { text, ..note }))
}

/// Lists the notes on a case, oldest first.
pub async fn list_notes(state: &State, caller: &Caller, id: &str) -> Result<Vec<v1::Note>, Error> {
    let id = super::case_id(id)?;
    let tenant = caller.tenant.clone();
    let found = state.db.tenant(&caller.tenant, move |tx| {
        Box::pin(async move {
            let case = db::cases::find(tx, &tenant, None, id).await?.ok_or(Error::CaseNotFound)?;
            let notes = db::notes::of_case(tx, &tenant, id).await?;
            let keys = Wrapped::find(tx, vec![case.subject.clone()]).await?;
            Ok::<_, Error>((case.subject, notes, keys))
        })
    });
    let (subject, notes, keys) = found.await?;
    let keys = state.envelope.unwrap(keys).await?;
    let opened = notes.into_iter().map(|note| {
        let text = match &note.body {
            Some(body) => keys.fetched().open_text(&subject, BODY, body)?.unwrap_or_default(),
            None => String::new(),
        };
        Ok(v1::Note { note_id: note.id.to_string(), by: note.by, at: Some(timestamp(note.at)), text })
    });
    opened.collect()
}
