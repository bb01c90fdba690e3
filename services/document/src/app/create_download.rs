use auth::Caller;

use super::hand_out::{Download, What, hand_out};
use crate::{Error, State};

/// Signs a download of a ready version and logs who may use it: citizens for their own, whoever was given a grant for
/// what it covers, staff for the tenant's and for a purpose that they name. For 0 it is the newest version that is
/// ready.
pub async fn create_download(
    state: &State,
    caller: &Caller,
    document_id: &str,
    version: i32,
    purpose: &str,
) -> Result<Download, Error> {
    hand_out(state, caller, What::Ready, document_id, version, purpose).await
}
