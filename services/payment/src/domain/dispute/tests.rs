//! Whatever the provider shows of disputes, in whatever order, beside whatever refunds.

use ids::BillId;
use proptest::prelude::*;
use time::macros::datetime;

use super::*;
use crate::domain::PaymentState;

const NOW: OffsetDateTime = datetime!(2026-11-29 06:00 UTC);
const CAPTURED: i64 = 1_000;

fn payment(clock: &Clock) -> Payment {
    Payment {
        id: PaymentId::mint(clock),
        tenant: "riverton".parse().expect("a tenant"),
        bill_id: BillId::mint(clock),
        payer: "ada".parse().expect("a subject"),
        account: "acct_town".parse().expect("an account"),
        amount: CAPTURED,
        currency: "EUR".parse().expect("a currency"),
        return_url: None,
        state: PaymentState::Completed { captured: CAPTURED },
        provider_id: Some("pay_1".to_owned()),
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

fn seen(name: usize, amount: i64, state: DisputeState) -> DisputeSeen {
    DisputeSeen {
        provider_id: format!("dp_{name}"),
        amount,
        state,
        reason: DisputeReason::Fraudulent,
        opened_at: NOW,
        respond_by: Some(NOW + Duration::days(14)),
    }
}

/// A payment and its disputes, as the database would hold them.
struct World {
    clock: Clock,
    payment: Payment,
    disputes: Vec<Dispute>,
    edges: Vec<(String, DisputeState)>,
    contradictions: Vec<&'static str>,
}

impl World {
    fn new() -> Self {
        let clock = Clock::frozen(NOW);
        let payment = payment(&clock);
        Self { clock, payment, disputes: Vec::new(), edges: Vec::new(), contradictions: Vec::new() }
    }

    fn look(&mut self, seen: &[DisputeSeen]) {
        let looked = look(self.payment.clone(), &self.disputes, seen, &self.clock);
        self.payment = looked.payment;
        self.contradictions.extend(looked.contradiction);
        for dispute in looked.edges {
            self.edges.push((dispute.provider_id.clone(), dispute.state));
            match self.disputes.iter_mut().find(|known| known.id == dispute.id) {
                Some(known) => *known = dispute,
                None => self.disputes.push(dispute),
            }
        }
    }

    fn states(&self) -> Vec<DisputeState> {
        self.edges.iter().map(|(_, state)| *state).collect()
    }
}

use DisputeState::{Lost, NeedsResponse, UnderReview, Won};

#[test]
fn each_way_through_is_told_edge_by_edge() {
    for (shown, edges, disputed) in [
        (vec![NeedsResponse, UnderReview, Won], vec![NeedsResponse, UnderReview, Won], 0),
        (vec![NeedsResponse, UnderReview, Lost], vec![NeedsResponse, UnderReview, Lost], 700),
        (vec![NeedsResponse, Lost], vec![NeedsResponse, Lost], 700),
        // What nobody was told of in time is told from its beginning.
        (vec![UnderReview], vec![NeedsResponse, UnderReview], 700),
        (vec![Won], vec![NeedsResponse, Won], 0),
        (vec![Lost], vec![NeedsResponse, Lost], 700),
        // An answer that is older than what is known.
        (vec![UnderReview, NeedsResponse, Won, UnderReview], vec![NeedsResponse, UnderReview, Won], 0),
        (vec![NeedsResponse; 3], vec![NeedsResponse], 700),
    ] {
        let mut world = World::new();
        for state in &shown {
            world.look(&[seen(1, 700, *state)]);
        }
        assert_eq!((world.states(), world.payment.disputed), (edges, disputed), "{shown:?}");
        assert_eq!(world.contradictions, [""; 0], "{shown:?}");
        assert_eq!(world.disputes.len(), 1);
        let over = world.disputes[0].state.is_over();
        assert_eq!(world.disputes[0].finished_at.is_some(), over);
        assert_eq!(world.disputes[0].ask_at(NOW).is_none(), over);
    }
}

#[test]
fn what_cannot_be_changes_nothing_and_is_noticed() {
    let mut world = World::new();
    world.look(&[seen(1, CAPTURED + 1, NeedsResponse)]);
    assert_eq!((world.edges.len(), world.contradictions.len()), (0, 1));
    world.look(&[seen(1, 400, NeedsResponse)]);
    world.look(&[seen(1, 401, UnderReview)]);
    world.look(&[seen(1, 400, Won)]);
    world.look(&[seen(1, 400, Lost)]);
    assert_eq!(world.states(), [NeedsResponse, Won]);
    assert_eq!((world.contradictions.len(), world.payment.disputed), (3, 0));
}

#[test]
fn a_dispute_waits_for_refunds_that_are_under_way() {
    let mut world = World::new();
    world.payment = world.payment.clone().refund(600, CAPTURED).expect("available");
    world.look(&[seen(1, CAPTURED, NeedsResponse)]);
    assert_eq!((world.edges.len(), world.contradictions.len()), (0, 0));
    // The provider makes it fail: the money is contested.
    world.payment = world.payment.clone().refund_ended(600, false);
    world.look(&[seen(1, CAPTURED, NeedsResponse)]);
    assert_eq!((world.states(), world.payment.available()), (vec![NeedsResponse], 0));
    assert!(world.payment.clone().refund(1, 0).is_err());
    world.look(&[seen(1, CAPTURED, Won)]);
    assert_eq!(world.payment.available(), CAPTURED);
}

#[test]
fn a_dispute_that_was_won_before_it_was_known_takes_nothing_away() {
    let mut world = World::new();
    world.payment =
        world.payment.clone().refund(CAPTURED, CAPTURED).expect("available").refund_ended(CAPTURED, true);
    world.look(&[seen(1, CAPTURED, Won)]);
    assert_eq!(world.states(), [NeedsResponse, Won]);
    assert_eq!((world.contradictions.len(), world.payment.available()), (0, 0));
}

#[test]
fn it_is_asked_about_at_longer_and_longer_waits_until_it_is_over() {
    let mut world = World::new();
    world.look(&[seen(1, 100, NeedsResponse)]);
    let open = world.disputes[0].clone();
    for (hours, minutes) in [(0, 15), (1, 15), (4, 60), (96, 1_440), (1_000, 1_440)] {
        let now = open.created_at + Duration::hours(hours);
        assert_eq!(open.ask_at(now), Some(now + Duration::minutes(minutes)), "{hours}");
    }
    for (state, kept) in [(NeedsResponse, true), (UnderReview, true), (Won, false), (Lost, true)] {
        let dispute = Dispute { state, ..open.clone() };
        assert_eq!((dispute.is_kept(), dispute.ask_at(NOW).is_none()), (kept, state.is_over()));
    }
}

#[test]
fn names_lead_back() {
    for state in DisputeState::ALL {
        assert_eq!(DisputeState::of(state.name()), Some(state));
    }
    for reason in DisputeReason::ALL {
        assert_eq!(DisputeReason::of(reason.name()), reason);
    }
    assert_eq!((DisputeState::of("open"), DisputeReason::of("Ada says so")), (None, DisputeReason::Other));
}

#[derive(Clone, Debug)]
enum Act {
    Show(Vec<(usize, i64, DisputeState)>),
    Refund(i64),
    End(bool),
}

fn act() -> impl Strategy<Value = Act> {
    let state = prop_oneof![Just(NeedsResponse), Just(UnderReview), Just(Won), Just(Lost)];
    // Mostly the same amount for the same name.
    let shown = (0usize..4, prop_oneof![9 => Just(0i64), 1 => 1i64..50], state)
        .prop_map(|(name, more, state)| (name, 150 + 200 * i64::try_from(name).unwrap_or(0) + more, state));
    prop_oneof![
        4 => proptest::collection::vec(shown, 1..4).prop_map(Act::Show),
        2 => (1i64..600).prop_map(Act::Refund),
        2 => any::<bool>().prop_map(Act::End),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn refunds_and_disputes_are_never_more_than_what_was_charged(acts in proptest::collection::vec(act(), 0..25)) {
        let mut world = World::new();
        let mut under_way: Vec<i64> = Vec::new();
        for act in acts {
            match act {
                Act::Show(shown) => {
                    let shown: Vec<_> =
                        shown.into_iter().map(|(name, amount, state)| seen(name, amount, state)).collect();
                    world.look(&shown);
                }
                Act::Refund(amount) => {
                    if let Ok(payment) = world.payment.clone().refund(amount, world.payment.available()) {
                        world.payment = payment;
                        under_way.push(amount);
                    }
                }
                Act::End(succeeded) => {
                    if let Some(amount) = under_way.pop() {
                        world.payment = world.payment.clone().refund_ended(amount, succeeded);
                    }
                }
            }
            let payment = &world.payment;
            prop_assert!(payment.available() >= 0);
            prop_assert!(payment.refunded + payment.refunding + payment.disputed <= CAPTURED);
            let kept: i64 =
                world.disputes.iter().filter(|dispute| dispute.state != Won).map(|dispute| dispute.amount).sum();
            prop_assert_eq!(payment.disputed, kept);
            // Each is told from its beginning, forwards, and ends once.
            for dispute in &world.disputes {
                let states: Vec<_> = world.edges.iter()
                    .filter(|(name, _)| *name == dispute.provider_id).map(|(_, state)| *state).collect();
                prop_assert_eq!(states[0], NeedsResponse);
                prop_assert!(states.windows(2).all(|pair| pair[0] < pair[1] && !pair[0].is_over()));
                prop_assert_eq!(states.last(), Some(&dispute.state));
            }
        }
    }
}
