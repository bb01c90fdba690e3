use auth::Caller;

use super::hand_out::{Download, What, hand_out};
use crate::{Error, State};

/// Signs a download of a quarantined version for whoever reviews it, and logs it: for staff but the owner.
pub async fn download_quarantined(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
) -> Result<Download, Error> {
    hand_out(state, caller, What::Quarantined, document_id, version, "").await
}
