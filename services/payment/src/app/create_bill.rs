use auth::Caller;
use clock::Clock;
use envelope::Keys;
use idempotency::{KEEP, Key, Outcome};
use ids::{BillId, Subject, Tenant};
use pg::Tx;
use proto::Operation;
use proto::payment::v1;
use time::{Duration, OffsetDateTime};

use super::issue_bill::issue;
use super::words::{self, Words};
use crate::domain::bill::{MOST_LINES, total};
use crate::domain::{Bill, BillLine, BillStatus, Currency, Day};
use crate::error::Broken;
use crate::grpc::billing::shown;
use crate::{Error, State, db};

/// How far ahead a bill can be due.
const FARTHEST: Duration = Duration::days(3_653);
const MOST_TEXT: usize = 255;

/// A bill as it was asked for, checked.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) reference: String,
    pub(super) payer: Subject,
    words: Words,
    lines: Vec<BillLine>,
    currency: Currency,
    total: i64,
    due_on: Day,
}

/// Writes a bill, and issues it where that is asked for.
pub async fn create_bill(
    state: &State,
    caller: &Caller,
    key: Key,
    request: &v1::CreateBillRequest,
) -> Result<Outcome<v1::Bill>, Error> {
    let asked = check(request, state.clock.now())?;
    // May ask the key-management service, hence not inside of the transaction.
    let payers = std::slice::from_ref(&asked.payer);
    let keys = state.envelope.keys_to_seal(&state.db, &caller.tenant, payers).await?;

    let (tenant, clock, issues) = (caller.tenant.clone(), state.clock.clone(), request.issue);
    let scope = super::scope(caller, Operation::BillingCreateBill, key);
    let outcome = idempotency::run(&state.db, &state.clock, &scope, request, KEEP, move |tx: &mut Tx| {
        Box::pin(async move {
            let (bill, lines) = asked.write(tx, &clock, tenant, &keys, issues).await?;
            Ok::<_, Error>(shown(&bill, &lines, clock.now())?)
        })
    });
    words::answer(state, caller, outcome.await?).await
}

impl Asked {
    /// Writes it, and issues it where that is asked for.
    pub(super) async fn write(
        self,
        tx: &mut Tx,
        clock: &Clock,
        tenant: Tenant,
        keys: &Keys,
        issues: bool,
    ) -> Result<(Bill, Vec<BillLine>), Error> {
        let Self { reference, payer, words, mut lines, currency, total, due_on } = self;
        let mut bill = Bill {
            id: BillId::mint(clock),
            tenant,
            reference,
            payer,
            payer_name: Vec::new(),
            currency,
            total,
            paid: 0,
            credited: 0,
            given_up: 0,
            reserved: 0,
            status: BillStatus::Draft,
            due_on,
            created_at: clock.now(),
            issued_at: None,
            closed_at: None,
            pdf_id: None,
        };
        words::seal(tx, keys, &words, &mut bill, &mut lines).await?;
        if !db::bills::insert(tx, &bill, &lines).await? {
            return Err(Error::ReferenceTaken);
        }
        if issues {
            bill = issue(tx, clock, bill, &lines).await?;
        }
        Ok((bill, lines))
    }
}

/// Checks what is asked for; every field that breaks a rule is told.
pub(super) fn check(request: &v1::CreateBillRequest, now: OffsetDateTime) -> Result<Asked, Error> {
    let (today, farthest) = (Day::of(now), Day::of(now + FARTHEST));
    let mut broken = Vec::new();
    let reference = &request.reference;
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'/' | b'-');
    if !(1..=64).contains(&reference.len()) || !reference.bytes().all(plain) {
        broken.push(Broken::new("reference", "must be 1 to 64 of A-Z, a-z, 0-9, '.', '_', '/' and '-'"));
    }
    let payer = request.payer.parse::<Subject>();
    if let Err(rule) = &payer {
        broken.push(Broken::new("payer", rule.to_string()));
    }
    text(&mut broken, "payer_name".to_owned(), &request.payer_name);
    let due_on = request.due_on.parse::<Day>();
    match &due_on {
        Err(rule) => broken.push(Broken::new("due_on", rule.to_string())),
        Ok(day) if *day < today || *day > farthest => {
            broken.push(Broken::new("due_on", "must be today or later, at most ten years from now"));
        }
        Ok(_) => {}
    }
    let (currency, lines) = lines(&mut broken, &request.lines);
    let total = total(&lines);
    if broken.is_empty() && !matches!(total, Ok(1..)) {
        broken.push(Broken::new("lines", "must come to 1 to 1000000000000 with their taxes"));
    }
    match (payer, due_on, currency, total) {
        (Ok(payer), Ok(due_on), Some(currency), Ok(total)) if broken.is_empty() => Ok(Asked {
            reference: reference.clone(),
            payer,
            words: Words {
                payer_name: request.payer_name.clone(),
                descriptions: request.lines.iter().map(|line| line.description.clone()).collect(),
            },
            lines,
            currency,
            total,
            due_on,
        }),
        _ => Err(Error::Bill(broken)),
    }
}

fn lines(broken: &mut Vec<Broken>, asked: &[v1::BillLine]) -> (Option<Currency>, Vec<BillLine>) {
    if !(1..=MOST_LINES).contains(&asked.len()) {
        broken.push(Broken::new("lines", "must be 1 to 100"));
        return (None, Vec::new());
    }
    let first = asked.first().and_then(|line| line.unit_price.as_ref()).map(|price| price.currency.as_str());
    let currency = first.and_then(|code| code.parse::<Currency>().ok());
    let mut lines = Vec::new();
    for (number, line) in asked.iter().enumerate() {
        let field = |name: &str| format!("lines[{number}].{name}");
        text(broken, field("description"), &line.description);
        let fund = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if !(1..=63).contains(&line.fund.len()) || !line.fund.bytes().all(fund) {
            broken.push(Broken::new(field("fund"), "must be 1 to 63 of a-z, 0-9 and '-'"));
        }
        if !(1..=1_000_000).contains(&line.quantity) {
            broken.push(Broken::new(field("quantity"), "must be 1 to 1000000"));
        }
        if !(0..=10_000).contains(&line.tax_rate_bp) {
            broken.push(Broken::new(field("tax_rate_bp"), "must be 0 to 10000"));
        }
        let price = line.unit_price.as_ref();
        let amount = price.map_or(-1, |price| price.minor_units);
        if amount < 0 {
            broken.push(Broken::new(field("unit_price"), "must be 0 or more"));
        }
        match (price.and_then(|price| price.currency.parse::<Currency>().ok()), currency) {
            (Some(this), Some(first)) if this == first => {}
            (Some(_), Some(_)) => {
                broken.push(Broken::new(
                    field("unit_price.currency"),
                    "must be the currency of the first line",
                ));
            }
            _ => broken.push(Broken::new(
                field("unit_price.currency"),
                "must be an ISO 4217 code of a currency with a smallest unit, such as EUR",
            )),
        }
        lines.push(BillLine {
            description: Vec::new(),
            fund: line.fund.clone(),
            quantity: line.quantity,
            unit_price: amount,
            tax_rate_bp: line.tax_rate_bp,
        });
    }
    (currency, lines)
}

fn text(broken: &mut Vec<Broken>, field: String, text: &str) {
    let said = !text.trim().is_empty() && text.len() <= MOST_TEXT && !text.contains(char::is_control);
    if !said {
        broken.push(Broken::new(field, "must be 1 to 255 bytes, not blank, without control characters"));
    }
}
