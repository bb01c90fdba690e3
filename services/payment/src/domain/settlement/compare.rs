//! The comparison itself.

use std::collections::{BTreeMap, BTreeSet};

use ids::PaymentId;
use uuid::Uuid;

use super::{Compared, Line, LineKind, LineStatus, Movement, Ours, Report, ReportLine, Stray};
use crate::domain::Currency;

/// Compares a report with what happened here.
#[must_use]
pub fn compare(report: &Report, ours: &Ours) -> Compared {
    let mut comparing = Comparing::new(ours);
    // What was missing here comes first: what it is about is settled by the earlier report.
    comparing.find_strays();
    for (number, line) in (1..).zip(report.lines()) {
        comparing.line(number, line);
    }
    comparing.totals(report);
    comparing.missing();
    let Comparing { mut lines, to_ask, .. } = comparing;
    lines.sort_by_key(|line| line.status.is_right());
    Compared { lines, to_ask }
}

/// What is settled: there is one of each kind about a thing.
type Settled = BTreeSet<(LineKind, Uuid)>;

struct Comparing<'o> {
    ours: &'o Ours,
    /// By what the provider calls it.
    payments: BTreeMap<&'o str, PaymentId>,
    movements: BTreeMap<(LineKind, PaymentId, &'o str), &'o Movement>,
    settled: Settled,
    counted: BTreeSet<String>,
    lines: Vec<Line>,
    to_ask: BTreeSet<PaymentId>,
}

impl<'o> Comparing<'o> {
    fn new(ours: &'o Ours) -> Self {
        let key = |movement: &'o Movement| ((movement.kind, movement.payment, &*movement.object), movement);
        let name = |(id, name): (&PaymentId, &'o Option<String>)| Some((name.as_deref()?, *id));
        let settled = ours.movements.iter().filter(|movement| movement.settled);
        Self {
            ours,
            payments: ours.payments.iter().filter_map(name).collect(),
            movements: ours.movements.iter().map(key).collect(),
            settled: settled.map(|movement| (movement.kind, movement.subject)).collect(),
            counted: ours.counted.clone(),
            lines: Vec::new(),
            to_ask: BTreeSet::new(),
        }
    }

    fn find_strays(&mut self) {
        for stray in &self.ours.strays {
            if stray.kind == LineKind::Fee {
                self.find_fee(stray);
                continue;
            }
            let movement = self.movements.get(&(stray.kind, stray.payment, &*stray.object)).copied();
            let Some(movement) = movement.filter(|movement| movement.currency == stray.currency) else {
                continue;
            };
            if self.settled.insert((movement.kind, movement.subject)) {
                self.lines.push(Line {
                    provider_object: Some(movement.object.clone()),
                    reference: Some(movement.payment.to_string()),
                    ..ours_alone(movement, LineStatus::Found)
                });
            }
        }
    }

    /// Nothing here says how much a fee is: what it is about is known by now.
    fn find_fee(&mut self, stray: &Stray) {
        let Some(subject) = self.charged_for(stray.payment, &stray.object, stray.currency) else { return };
        self.lines.push(Line {
            kind: LineKind::Fee,
            status: LineStatus::Found,
            report_line: None,
            provider_line: None,
            provider_object: named(&stray.object),
            reference: Some(stray.payment.to_string()),
            currency: stray.currency,
            reported: None,
            expected: Some(stray.amount),
            payment: Some(stray.payment),
            subject: Some(subject),
        });
    }

    fn line(&mut self, number: i32, line: &ReportLine) {
        let payment = self.payment(line);
        let movement =
            payment.and_then(|payment| self.movements.get(&(line.kind, payment, &*line.object)).copied());
        let movement = movement.filter(|movement| movement.currency == line.currency);
        // Of a fee there is nothing here to compare it with: what it is about has to be ours.
        let fee_for = payment.filter(|_| line.kind == LineKind::Fee);
        let fee_for = fee_for.and_then(|payment| self.charged_for(payment, &line.object, line.currency));
        let counted = !line.id.is_empty() && !self.counted.insert(line.id.clone());
        let (status, expected) = match movement {
            _ if counted => (LineStatus::Repeated, None),
            None if fee_for.is_some() => (LineStatus::Matched, Some(line.amount)),
            None => (LineStatus::MissingHere, None),
            Some(movement) if !self.settled.insert((movement.kind, movement.subject)) => {
                (LineStatus::Repeated, None)
            }
            Some(movement) if movement.amount == line.amount => (LineStatus::Matched, Some(movement.amount)),
            Some(movement) => (LineStatus::AmountDiffers, Some(movement.amount)),
        };
        if status == LineStatus::MissingHere {
            self.to_ask.extend(payment);
        }
        self.lines.push(Line {
            kind: line.kind,
            status,
            report_line: Some(number),
            provider_line: named(&line.id),
            provider_object: named(&line.object),
            reference: named(&line.reference),
            currency: line.currency,
            reported: Some(line.amount),
            expected,
            payment,
            subject: movement.map(|movement| movement.subject).or(fee_for),
        });
    }

    /// The payment that a line names, if it is ours and the provider's name of it is not another's. A line without a reference has the
    /// provider's name alone.
    fn payment(&self, line: &ReportLine) -> Option<PaymentId> {
        if line.reference.is_empty() {
            return self.payments.get(&*line.payment).copied();
        }
        let id = line.reference.parse().ok()?;
        let known = self.ours.payments.get(&id)?;
        known.as_ref().is_none_or(|known| *known == line.payment).then_some(id)
    }

    /// What a fee is about: a charge or a dispute of the payment.
    fn charged_for(&self, payment: PaymentId, object: &str, currency: Currency) -> Option<Uuid> {
        let of = |kind| self.movements.get(&(kind, payment, object)).copied();
        let movement = [LineKind::Charge, LineKind::Refund, LineKind::Dispute].into_iter().find_map(of)?;
        (movement.currency == currency).then_some(movement.subject)
    }

    fn totals(&mut self, report: &Report) {
        let mut number = i32::try_from(report.lines().len()).unwrap_or(i32::MAX);
        for stated in report.stated() {
            number = number.saturating_add(1);
            let of = report.lines().iter().filter(|line| line.currency == stated.currency);
            let sum: i64 = of.map(|line| line.amount).sum();
            if sum != stated.net {
                self.lines.push(Line {
                    kind: LineKind::Net,
                    status: LineStatus::NetDiffers,
                    report_line: Some(number),
                    provider_line: None,
                    provider_object: None,
                    reference: None,
                    currency: stated.currency,
                    reported: Some(stated.net - sum),
                    expected: None,
                    payment: None,
                    subject: None,
                });
            }
        }
    }

    fn missing(&mut self) {
        let missing = self.ours.movements.iter().filter(|movement| {
            movement.expected && !self.settled.contains(&(movement.kind, movement.subject))
        });
        let lines: Vec<_> = missing.map(|movement| ours_alone(movement, LineStatus::MissingThere)).collect();
        self.lines.extend(lines);
    }
}

fn ours_alone(movement: &Movement, status: LineStatus) -> Line {
    Line {
        kind: movement.kind,
        status,
        report_line: None,
        provider_line: None,
        provider_object: named(&movement.object),
        reference: None,
        currency: movement.currency,
        reported: None,
        expected: Some(movement.amount),
        payment: Some(movement.payment),
        subject: Some(movement.subject),
    }
}

fn named(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}
