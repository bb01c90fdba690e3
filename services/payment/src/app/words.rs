//! What bills say of people: what payers are called, and what lines are for. Kept sealed for the payer, opened for answers, and in no
//! stored answer.

use std::collections::HashSet;

use auth::Caller;
use envelope::{Keys, Wrapped};
use idempotency::Outcome;
use ids::{BillId, Subject};
use pg::Tx;
use proto::payment::v1;

use crate::db::bills::{DESCRIPTION, PAYER_NAME};
use crate::domain::{Bill, BillLine};
use crate::grpc::billing::shown;
use crate::{Error, State, db};

/// Bills that a transaction has read, with their lines, and the keys that it has found for their words.
#[derive(Debug)]
pub(super) struct Found {
    bills: Vec<Bill>,
    lines: Vec<(BillId, BillLine)>,
    keys: Wrapped,
}

impl Found {
    /// Reads the lines, and finds the keys, of what this transaction has read.
    pub(super) async fn new(tx: &mut Tx, bills: Vec<Bill>) -> Result<Self, Error> {
        let tenant = tx.tenant().clone();
        let ids: Vec<_> = bills.iter().map(|bill| bill.id).collect();
        let lines = db::bills::lines(tx, &tenant, &ids).await?;
        let payers: HashSet<Subject> = bills.iter().map(|bill| bill.payer.clone()).collect();
        let keys = Wrapped::find(tx, payers.into_iter().collect()).await?;
        Ok(Self { bills, lines, keys })
    }

    /// The bills as answers show them. Not inside of the transaction.
    pub(super) async fn shown(self, state: &State) -> Result<Vec<v1::Bill>, Error> {
        let keys = state.envelope.unwrap(self.keys).await?;
        let now = state.clock.now();
        let open = |payer: &Subject, column, sealed: &[u8]| {
            Ok::<_, Error>(keys.fetched().open_text(payer, column, sealed)?.unwrap_or_default())
        };
        let mut all = Vec::new();
        for bill in &self.bills {
            let lines = self.lines.iter().filter(|(id, _)| *id == bill.id).map(|(_, line)| line);
            let mut answer = shown(bill, lines.clone(), now)?;
            answer.payer_name = open(&bill.payer, PAYER_NAME, &bill.payer_name)?;
            for (shown, line) in answer.lines.iter_mut().zip(lines) {
                shown.description = open(&bill.payer, DESCRIPTION, &line.description)?;
            }
            all.push(answer);
        }
        Ok(all)
    }
}

/// Words to be sealed.
#[derive(Debug)]
pub(super) struct Words {
    pub(super) payer_name: String,
    pub(super) descriptions: Vec<String>,
}

/// Seals what a new bill says, for the payer, whose key stays until the transaction ends.
pub(super) async fn seal(
    tx: &mut Tx,
    keys: &Keys,
    words: &Words,
    bill: &mut Bill,
    lines: &mut [BillLine],
) -> Result<(), Error> {
    let keys = keys.lock(tx).await?;
    bill.payer_name = keys.seal(&bill.payer, PAYER_NAME, words.payer_name.as_bytes())?;
    for (line, description) in lines.iter_mut().zip(&words.descriptions) {
        line.description = keys.seal(&bill.payer, DESCRIPTION, description.as_bytes())?;
    }
    Ok(())
}

/// The answer with its words, which are read anew: none are stored with it.
pub(super) async fn answer(
    state: &State,
    caller: &Caller,
    outcome: Outcome<v1::Bill>,
) -> Result<Outcome<v1::Bill>, Error> {
    let now = super::get_bill(state, caller, &outcome.value.bill_id).await?;
    Ok(outcome.map(|mut answer| {
        answer.payer_name = now.payer_name;
        for (line, now) in answer.lines.iter_mut().zip(now.lines) {
            line.description = now.description;
        }
        answer
    }))
}
