use auth::Caller;

use super::hand_out::{Preview, hand_out_preview};
use crate::{Error, State};

/// Signs a version's preview for at most a minute and logs who may see it and what for, as a download of it. For 0 it is
/// the newest version that is ready.
pub async fn get_preview(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
    purpose: &str,
) -> Result<Preview, Error> {
    hand_out_preview(state, caller, document_id, version, purpose).await
}
