//! Workflows: what waits, and in which order things are asked for. Temporal keeps what they have come to.
//!
//! A workflow is replayed: it reads neither clock nor network nor chance, and does nothing itself. Whatever has an effect is an activity
//! ([`crate::activities`]), which calls the owner; how things stand is the owner's to say, and a workflow that is started twice, late or
//! anew finds out. Inputs hold ids alone.
//!
//! What a workflow does next is part of every history that is stored: whoever changes that asks `ctx.patched` first, and adds a history
//! to `tests/histories`, which the tests replay.

mod bill_run;
mod payment;

pub use bill_run::{BillRun, BillRunWorkflow};
pub use payment::{Payment, PaymentWorkflow};
