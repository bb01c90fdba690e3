//! `grpc-timeout`: how long a caller waits.

use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};

pub(crate) const HEADER: HeaderName = HeaderName::from_static("grpc-timeout");

/// The specification allows eight digits.
const MAX_DIGITS: usize = 8;
const MAX_VALUE: u128 = 99_999_999;

/// What a caller has sent, `None` where it is absent or no timeout.
pub(crate) fn read(headers: &HeaderMap) -> Option<Duration> {
    parse(headers.get(HEADER)?.to_str().ok()?)
}

/// Sets it. Rounded down, so that the callee gives up before the caller does.
pub(crate) fn write(headers: &mut HeaderMap, wait: Duration) {
    let micros = wait.as_micros();
    let text = if micros <= MAX_VALUE {
        format!("{micros}u")
    } else {
        format!("{}m", wait.as_millis().min(MAX_VALUE))
    };
    if let Ok(value) = HeaderValue::from_str(&text) {
        headers.insert(HEADER, value);
    }
}

fn parse(text: &str) -> Option<Duration> {
    let digits = text.len().checked_sub(1)?;
    let (value, unit) = text.split_at_checked(digits)?;
    if !(1..=MAX_DIGITS).contains(&value.len()) || !value.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let value: u64 = value.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(value * 3_600)),
        "M" => Some(Duration::from_secs(value * 60)),
        "S" => Some(Duration::from_secs(value)),
        "m" => Some(Duration::from_millis(value)),
        "u" => Some(Duration::from_micros(value)),
        "n" => Some(Duration::from_nanos(value)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_unit_is_understood() {
        let second = Duration::from_secs(1);
        for (text, want) in [
            ("1H", second * 3_600),
            ("2M", second * 120),
            ("3S", second * 3),
            ("99999999m", second * 99_999 + Duration::from_millis(999)),
            ("5u", Duration::from_micros(5)),
            ("0n", Duration::ZERO),
        ] {
            assert_eq!(parse(text), Some(want), "{text}");
        }
        for bad in ["", "S", "1", "1s", "-1S", "+1S", "1.5S", " 1S", "123456789S", "1é", "é"] {
            assert_eq!(parse(bad), None, "{bad}");
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_never_longer() {
        for wait in [
            Duration::ZERO,
            Duration::from_nanos(1_999),
            Duration::from_millis(10_000),
            Duration::from_micros(99_999_999),
            Duration::from_micros(100_000_001),
            Duration::from_secs(1_000_000),
        ] {
            let mut headers = HeaderMap::new();
            write(&mut headers, wait);
            let read = read(&headers).unwrap();
            assert!(read <= wait, "{wait:?} became {read:?}");
        }
    }
}
