use auth::Caller;

use super::exports::find_export;
use crate::domain::Export;
use crate::{Error, State};

/// Tells where an export stands.
pub async fn get_case_export(state: &State, caller: &Caller, id: &str) -> Result<Export, Error> {
    find_export(state, caller, id).await
}
