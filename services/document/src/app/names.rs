//! Names of files: kept sealed for the owner, opened for answers, and in no stored answer.

use std::collections::HashSet;

use auth::Caller;
use envelope::{Keys, Wrapped};
use idempotency::Outcome;
use ids::Subject;
use pg::Tx;
use proto::document::v1;

use crate::db::documents::FILE_NAME;
use crate::domain::{Declaration, Document, FileName, SealedName};
use crate::{Error, State};

/// Documents that a transaction has read, and the keys that it has found for their names.
#[derive(Debug)]
pub(super) struct Found {
    documents: Vec<Document>,
    keys: Wrapped,
}

impl Found {
    /// Finds the keys of what this transaction has read.
    pub(super) async fn new(tx: &mut Tx, documents: Vec<Document>) -> Result<Self, Error> {
        let named = documents.iter().filter(|document| document.declaration.file_name.is_some());
        let owners: HashSet<Subject> = named.map(|document| document.owner.clone()).collect();
        let keys = Wrapped::find(tx, owners.into_iter().collect()).await?;
        Ok(Self { documents, keys })
    }

    /// The documents as answers show them. Not inside of the transaction.
    pub(super) async fn shown(self, state: &State) -> Result<Vec<v1::Document>, Error> {
        let keys = state.envelope.unwrap(self.keys).await?;
        let shown = |document: &Document| {
            let file_name = open(&keys, document)?.unwrap_or_default();
            Ok(v1::Document { file_name, ..document.into() })
        };
        self.documents.iter().map(shown).collect()
    }

    /// The document that was read, and its name while it has one. Not inside of the transaction.
    pub(super) async fn named(mut self, state: &State) -> Result<(Document, Option<String>), Error> {
        let document = self.documents.pop().ok_or(Error::DocumentNotFound)?;
        let keys = state.envelope.unwrap(self.keys).await?;
        let name = open(&keys, &document)?;
        Ok((document, name))
    }
}

fn open(keys: &Keys, document: &Document) -> Result<Option<String>, Error> {
    let Some(sealed) = &document.declaration.file_name else { return Ok(None) };
    Ok(keys.fetched().open_text(&document.owner, FILE_NAME, sealed.as_bytes())?)
}

/// Seals what was declared for the owner, whose key stays until the transaction ends.
pub(super) async fn seal(
    tx: &mut Tx,
    keys: &Keys,
    owner: &Subject,
    name: &FileName,
    declaration: Declaration,
) -> Result<Declaration, Error> {
    let sealed = keys.lock(tx).await?.seal(owner, FILE_NAME, name.as_str().as_bytes())?;
    Ok(Declaration { file_name: Some(SealedName::new(sealed)), ..declaration })
}

/// The answer with its name, which is read anew: none is stored with it.
pub(super) async fn answer(
    state: &State,
    caller: &Caller,
    outcome: Outcome<v1::Document>,
) -> Result<Outcome<v1::Document>, Error> {
    let v1::Document { document_id, version, .. } = &outcome.value;
    let v1::Document { file_name, .. } = super::get_document(state, caller, document_id, *version).await?;
    Ok(outcome.map(|answer| v1::Document { file_name, ..answer }))
}
