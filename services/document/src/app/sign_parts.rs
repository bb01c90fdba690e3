use auth::Caller;
use blobs::{Bucket, Part, SignedPut};
use proto::document::v1;

use super::parts;
use super::signature::lifetime;
use crate::{Error, State};

/// Signs parts of the awaited upload, each for exactly its bytes. Nothing is stored: asking again signs afresh, also for
/// other bytes, of which those count that were sent last.
pub async fn sign_parts(
    state: &State,
    caller: &Caller,
    request: &v1::SignPartsRequest,
) -> Result<Vec<(i32, SignedPut)>, Error> {
    let (document, parts) = parts::awaited(state, caller, &request.document_id).await?;
    let asked = request.parts.iter().map(|part| (part.number, &part.sha256[..]));
    let asked = parts.parse(asked).map_err(Error::Parts)?;
    let upload = parts::begin(state, caller, &document).await?;
    let (key, ttl) = (document.intake_key(), lifetime(state, &document)?);

    let mut signed = Vec::with_capacity(asked.len());
    for part in asked {
        let bytes = Part {
            number: part.number.unsigned_abs(),
            size: parts.size(part.number).unwrap_or_default().unsigned_abs(),
            sha256: *part.sha256.as_bytes(),
        };
        let put = state.blobs.presign_part(Bucket::Intake, &key, &upload, &bytes, ttl).await?;
        signed.push((part.number, put));
    }
    Ok(signed)
}
