//! Taking away what a test made, from `Drop`.

use std::future::Future;
use std::time::Duration;

/// Runs `work` to its end on a thread of its own, for at most 20 s: `drop` cannot wait for futures, and the runtime of
/// the test may be on its way out.
pub(crate) fn on_own_thread<F>(work: impl FnOnce() -> F + Send + 'static)
where
    F: Future<Output = ()>,
{
    let thread = std::thread::spawn(move || {
        let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else { return };
        runtime.block_on(async {
            // What stays behind has a name nobody else uses.
            let _ = tokio::time::timeout(Duration::from_secs(20), work()).await;
        });
    });
    let _ = thread.join();
}

/// A short name nobody else uses.
pub(crate) fn unique() -> String {
    format!("{:012x}", rand::random::<u64>() & 0xffff_ffff_ffff)
}
