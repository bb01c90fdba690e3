//! Drives Guildhall as its users do: a browser that signs in, uploads, watches and downloads.
//!
//! [`Citizen`] is such a browser; [`World`] is a set of the services of its own over the shared servers, which
//! can be killed and started again. `demo` and `crash` are programs over both; the tests are in `tests/it`.

mod bills;
mod checkout;
pub mod citizen;
pub mod files;
pub mod jar;
pub mod live;
pub mod partner;
pub mod person;
pub mod remains;
pub mod world;

pub use checkout::Checkout;
pub use citizen::{Citizen, Document};
pub use live::{Live, Row};
pub use world::{Service, World};

use std::time::Duration;

use testkit::Caught;

/// The mail whose text has a word.
///
/// # Errors
///
/// When none comes in time.
pub async fn mail_about(word: &str, within: Duration) -> anyhow::Result<Caught> {
    let mailbox = testkit::mailbox();
    testkit::eventually(within, || async {
        let found = mailbox.all().await?.into_iter().find(|mail| mail.text.contains(word));
        found.ok_or_else(|| anyhow::anyhow!("no mail with {word:?} within {within:?}"))
    })
    .await
}
