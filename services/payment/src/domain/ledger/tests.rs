//! Whatever becomes of a bill, in whatever order: the books come to zero, and agree with it.

use std::collections::BTreeMap;

use ids::BillId;
use proptest::prelude::*;
use time::Duration;
use time::macros::datetime;

use super::*;
use crate::domain::bill::total;
use crate::domain::{BillStatus, Day, PaymentState};

const NOW: OffsetDateTime = datetime!(2026-11-29 06:00 UTC);

/// A bill, and everything that was posted about it.
struct World {
    clock: Clock,
    bill: Bill,
    lines: Vec<BillLine>,
    credits: Vec<i64>,
    balances: BTreeMap<(AccountKind, String), i64>,
}

#[derive(Clone, Debug)]
enum Act {
    Credit(i64),
    Pay { asked: i64, captured: i64 },
    Cancel,
    WriteOff,
}

impl World {
    fn issued(lines: Vec<BillLine>) -> Option<Self> {
        let clock = Clock::frozen(NOW);
        let draft = Bill {
            id: BillId::mint(&clock),
            tenant: "riverton".parse().ok()?,
            reference: "1".to_owned(),
            payer: "ada".parse().ok()?,
            payer_name: Vec::new(),
            currency: "EUR".parse().ok()?,
            total: total(&lines).ok().filter(|total| *total > 0)?,
            paid: 0,
            credited: 0,
            given_up: 0,
            reserved: 0,
            status: BillStatus::Draft,
            due_on: Day::of(NOW + Duration::days(14)),
            created_at: NOW,
            issued_at: None,
            closed_at: None,
            pdf_id: None,
        };
        let (bill, _) = draft.issue(NOW).ok()?;
        let mut world = Self { clock, bill, lines, credits: Vec::new(), balances: BTreeMap::new() };
        let issued = Entry::bill_issued(&world.bill, &world.lines, &world.clock).expect("balanced");
        world.post(&issued);
        Some(world)
    }

    fn post(&mut self, entry: &Entry) {
        assert_eq!(entry.postings().iter().map(|posting| posting.amount).sum::<i64>(), 0);
        for Posting { account, amount } in entry.postings() {
            assert_ne!(*amount, 0);
            *self.balances.entry((account.kind, account.owner.clone())).or_default() += amount;
        }
    }

    fn payment(&self, amount: i64, captured: i64) -> Payment {
        Payment {
            id: ids::PaymentId::mint(&self.clock),
            tenant: self.bill.tenant.clone(),
            bill_id: self.bill.id,
            payer: self.bill.payer.clone(),
            account: "acct_town".parse().expect("an account"),
            amount,
            currency: self.bill.currency,
            return_url: None,
            state: PaymentState::Completed { captured },
            provider_id: None,
            charge_id: None,
            next_url: None,
            cancel: None,
            silent_since: None,
            refunded: 0,
            refunding: 0,
            disputed: 0,
            created_at: NOW,
            expires_at: NOW,
            finished_at: Some(NOW),
            receipt_id: None,
        }
    }

    /// Does it if the bill allows it; says whether it did.
    fn act(&mut self, act: &Act) -> bool {
        let (before, note) = (self.bill.clone(), Uuid::max());
        let entry = match act {
            Act::Credit(amount) => {
                let Ok((bill, _)) = before.credit(*amount, NOW) else { return false };
                self.bill = bill;
                let entry =
                    Entry::bill_credited(&self.bill, &self.lines, &self.credits, note, *amount, &self.clock);
                self.credits.push(*amount);
                entry
            }
            Act::Pay { asked, captured } => {
                let Ok(reserved) = before.reserve(*asked) else { return false };
                assert!(reserved.clone().reserve(1).is_err(), "one at a time");
                let captured = (*captured).min(*asked);
                let (bill, _) = reserved.pay(captured, NOW).expect("it was reserved");
                self.bill = bill;
                if captured == 0 {
                    return true;
                }
                Entry::payment_captured(&self.payment(*asked, captured), &self.clock)
            }
            Act::Cancel => {
                let Ok((bill, _, owed)) = before.cancel(NOW) else { return false };
                self.bill = bill;
                Entry::bill_cancelled(&self.bill, &self.lines, &self.credits, owed, &self.clock)
            }
            Act::WriteOff => {
                let Ok((bill, _, owed)) = before.write_off(NOW) else { return false };
                self.bill = bill;
                Entry::bill_written_off(&self.bill, &self.lines, &self.credits, owed, &self.clock)
            }
        };
        self.post(&entry.expect("balanced"));
        true
    }
}

fn lines() -> impl Strategy<Value = Vec<BillLine>> {
    let line =
        (0usize..3, 1i32..5, 0i64..400, 0i32..2_500).prop_map(|(fund, quantity, unit_price, tax_rate_bp)| {
            BillLine {
                description: Vec::new(),
                fund: format!("fund-{fund}"),
                quantity,
                unit_price,
                tax_rate_bp,
            }
        });
    proptest::collection::vec(line, 1..6)
}

fn act() -> impl Strategy<Value = Act> {
    prop_oneof![
        6 => (1i64..300).prop_map(Act::Credit),
        2 => (1i64..2_000).prop_map(Act::Credit),
        6 => (1i64..2_000, 0i64..2_500).prop_map(|(asked, captured)| Act::Pay { asked, captured }),
        1 => Just(Act::Cancel),
        1 => Just(Act::WriteOff),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn the_books_agree_with_the_bill_whatever_becomes_of_it(lines in lines(), acts in proptest::collection::vec(act(), 0..20)) {
        let Some(mut world) = World::issued(lines) else { return Ok(()) };
        let billed = world.balances.clone();
        for act in acts {
            let before = world.bill.clone();
            let closed = world.bill.closed_at.is_some();
            prop_assert!(!(world.act(&act) && closed), "what is closed does not change");
            let bill = &world.bill;
            prop_assert!(bill.paid + bill.credited + bill.given_up + bill.reserved <= bill.total);
            prop_assert!(bill.outstanding() >= 0 && bill.outstanding() <= before.outstanding());
            let owed = world.balances.get(&(AccountKind::Receivable, "ada".to_owned())).copied().unwrap_or(0);
            prop_assert_eq!(owed, bill.outstanding());
            prop_assert_eq!(world.balances.values().sum::<i64>(), 0);
            for (account, balance) in &world.balances {
                if matches!(account.0, AccountKind::Revenue | AccountKind::Tax) {
                    // Credits: from what was billed up to nothing, never beyond.
                    prop_assert!((billed[account]..=0).contains(balance), "{account:?}: {balance} of {}", billed[account]);
                }
            }
            let whole = bill.credited == bill.total || (bill.status == BillStatus::Cancelled && bill.paid == 0);
            if whole {
                prop_assert!(world.balances.values().all(|balance| *balance == 0), "all of it was taken back");
            }
        }
    }
}

#[test]
fn a_unit_at_a_time_takes_back_what_each_fund_was_billed() {
    let line = |fund: &str, unit_price| BillLine {
        description: Vec::new(),
        fund: fund.to_owned(),
        quantity: 1,
        unit_price,
        tax_rate_bp: 0,
    };
    let mut world = World::issued(vec![line("one", 100), line("two", 200)]).expect("a bill");
    for _ in 0..300 {
        assert!(world.act(&Act::Credit(1)));
    }
    assert!(world.balances.values().all(|balance| *balance == 0), "{:?}", world.balances);
    assert_eq!(world.bill.status, BillStatus::Paid);
}

#[test]
fn a_second_person_decides_once() {
    let by = |name: &str| name.parse::<Subject>().unwrap();
    let proposed = Adjustment {
        id: AdjustmentId::mint(&Clock::frozen(NOW)),
        tenant: "riverton".parse().unwrap(),
        postings: Vec::new(),
        reason: "a mistake".parse().unwrap(),
        proposed_by: by("fin"),
        proposed_at: NOW,
        decision: None,
    };
    assert_eq!(proposed.clone().decide(true, by("fin"), NOW).unwrap_err(), NotDecided::SecondPersonNeeded);
    for approved in [true, false] {
        let decided = proposed.clone().decide(approved, by("fay"), NOW).unwrap();
        assert_eq!(decided.decision, Some(Decision { approved, by: by("fay"), at: NOW }));
        assert_eq!(decided.decide(true, by("max"), NOW).unwrap_err(), NotDecided::Decided);
    }
}

#[test]
fn postings_that_are_no_entry_are_refused() {
    let posting = |kind, owner: &str, amount| Posting {
        account: Account { kind, owner: owner.to_owned(), currency: "EUR".parse().expect("a currency") },
        amount,
    };
    let (bank, fees) = (AccountKind::Bank, AccountKind::Fees);
    let cases = [
        (vec![], NoEntry::Count),
        (vec![posting(bank, "a", 1)], NoEntry::Count),
        (vec![posting(bank, "a", 1); 21], NoEntry::Count),
        (vec![posting(bank, "a", 0), posting(fees, "a", 0)], NoEntry::Zero),
        (vec![posting(bank, "a", 1), posting(bank, "a", -1)], NoEntry::Twice),
        (vec![posting(bank, "a", 1), posting(fees, "a", -2)], NoEntry::Unbalanced),
        (
            vec![posting(bank, "a", i64::MAX), posting(bank, "b", 1), posting(fees, "a", i64::MIN)],
            NoEntry::Overflow(Overflow),
        ),
    ];
    for (postings, rule) in cases {
        assert_eq!(check(&postings), Err(rule));
    }
    let mut sek = posting(fees, "a", -1);
    sek.account.currency = "SEK".parse().expect("a currency");
    assert_eq!(check(&[posting(bank, "a", 1), sek]), Err(NoEntry::Unbalanced));
    assert_eq!(check(&[posting(bank, "a", 1), posting(fees, "a", -1)]), Ok(()));
}
