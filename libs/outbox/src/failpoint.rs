//! Points at which a test may end the process, or make it wait: nothing without the feature `failpoints`.

macro_rules! failpoint {
    ($name:literal) => {
        #[cfg(feature = "failpoints")]
        fail::fail_point!($name);
    };
}

pub(crate) use failpoint;
