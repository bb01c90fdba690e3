//! Who signs checkpoints and exports.

use evidence::{PublicKeys, Settings, Signer};
use secrecy::SecretString;

/// `AUDIT__SIGNING_KEY` of every development stack.
pub const SIGNING_KEY: &str = "MC4CAQAwBQYDK2VwBCIEIHlsR1jyVYTDWWUOkS9rqroky3+gRMIw/B+wNwiBF1O3";

/// Settings of `evidence` with that key.
///
/// # Panics
/// Never: the key is one.
#[must_use]
pub fn audit() -> Settings {
    let signer = Signer::local(&SecretString::from(SIGNING_KEY)).expect("a key");
    Settings { keys: PublicKeys::default().with(&signer), signer }
}
