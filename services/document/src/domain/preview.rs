//! Previews: of what there are any, and what can become of one.

use super::{MediaType, Sha256};

/// Pages that are drawn at most.
pub const MAX_PAGES: usize = 20;
/// The longer side of a page at most, in pixels.
const MAX_SIDE: i32 = 1_600;
/// Bytes of an object at most.
const MAX_BYTES: i64 = 16 * 1024 * 1024;

/// Whether files of this type have previews.
#[must_use]
pub fn has_preview(detected: &MediaType) -> bool {
    matches!(detected.as_str(), "application/pdf" | "image/png" | "image/jpeg")
}

/// Where a preview stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewState {
    /// Being made.
    Pending,
    /// It can be shown.
    Ready {
        /// How many pages the file has.
        total_pages: i32,
    },
    /// There is none.
    Failed(PreviewFailure),
}

/// Why there is no preview.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PreviewFailure {
    /// The file is larger than previews are made of.
    FileTooLarge,
    /// It cannot be read as what it should be.
    Malformed,
    /// It opens with a password only.
    Encrypted,
    /// Its image is too large to be unpacked.
    TooManyPixels,
    /// Drawing it took too much memory.
    MemoryExceeded,
    /// Drawing it took too long.
    TimeExceeded,
    /// What drew it died.
    Crashed,
    /// What drew it wanted what it may not have.
    ForbiddenCall,
    /// What drew it said what is no answer.
    Garbage,
    /// Nobody reported an outcome, however often it was tried.
    Abandoned,
    /// The version was erased before.
    Erased,
}

impl PreviewFailure {
    const ALL: [Self; 11] = [
        Self::FileTooLarge,
        Self::Malformed,
        Self::Encrypted,
        Self::TooManyPixels,
        Self::MemoryExceeded,
        Self::TimeExceeded,
        Self::Crashed,
        Self::ForbiddenCall,
        Self::Garbage,
        Self::Abandoned,
        Self::Erased,
    ];

    /// Its name in the database.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::FileTooLarge => "FILE_TOO_LARGE",
            Self::Malformed => "MALFORMED",
            Self::Encrypted => "ENCRYPTED",
            Self::TooManyPixels => "TOO_MANY_PIXELS",
            Self::MemoryExceeded => "MEMORY_EXCEEDED",
            Self::TimeExceeded => "TIME_EXCEEDED",
            Self::Crashed => "CRASHED",
            Self::ForbiddenCall => "FORBIDDEN_CALL",
            Self::Garbage => "GARBAGE",
            Self::Abandoned => "ABANDONED",
            Self::Erased => "ERASED",
        }
    }

    /// The failure of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|failure| failure.as_str() == name)
    }
}

/// An object of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PreviewObject {
    /// The page, from 1; 0 is the text.
    pub number: i32,
    /// Its size in bytes.
    pub size: i64,
    /// Its SHA-256.
    pub sha256: Sha256,
    /// Width and height of a page in pixels; `None` for the text.
    pub pixels: Option<(i32, i32)>,
}

/// What a report says became of a preview.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PreviewOutcome {
    /// It was stored.
    Made {
        /// How many pages the file has.
        total_pages: i32,
        /// Pages in their order; where there is a text it is among them.
        objects: Vec<PreviewObject>,
    },
    /// There is none.
    Failed(PreviewFailure),
}

impl PreviewOutcome {
    /// A preview that was stored: pages 1 to at most [`MAX_PAGES`] and at most one text.
    ///
    /// # Errors
    /// The rule that is broken.
    pub fn made(total_pages: i32, mut objects: Vec<PreviewObject>) -> Result<Self, &'static str> {
        objects.sort_by_key(|object| object.number);
        let pages = objects.iter().filter(|object| object.number != 0).count();
        let texts = objects.len() - pages;
        let first = if texts == 0 { 1 } else { 0 };
        if texts > 1 || !(first..).zip(&objects).all(|(number, object)| object.number == number) {
            return Err("must be pages from 1 without a gap, and at most one text");
        }
        if pages == 0 || pages > MAX_PAGES || usize::try_from(total_pages).is_ok_and(|total| total < pages) {
            return Err("must be 1 to 20 pages, and not more than the file has");
        }
        let side = |side: i32| (1..=MAX_SIDE).contains(&side);
        let good = |object: &PreviewObject| {
            let pixels = match object.pixels {
                Some((width, height)) => object.number != 0 && side(width) && side(height),
                None => object.number == 0,
            };
            pixels && (1..=MAX_BYTES).contains(&object.size)
        };
        if total_pages < 1 || !objects.iter().all(good) {
            return Err("must have 1 to 16,777,216 bytes, and pages sides of 1 to 1,600 pixels");
        }
        Ok(Self::Made { total_pages, objects })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(number: i32) -> PreviewObject {
        let sha256 = Sha256::from([1; 32]);
        PreviewObject { number, size: 3, sha256, pixels: (number != 0).then_some((4, 1_600)) }
    }

    #[test]
    fn a_preview_is_pages_without_a_gap_and_at_most_a_text() {
        for numbers in [vec![1], vec![2, 1], vec![0, 1], vec![1, 2, 0], (0..=20).collect()] {
            let objects = numbers.iter().copied().map(object).collect();
            assert!(PreviewOutcome::made(20, objects).is_ok(), "{numbers:?}");
        }
        let twenty_one: Vec<_> = (1..=21).collect();
        for numbers in
            [vec![], vec![0], vec![2], vec![1, 3], vec![1, 1], vec![0, 0, 1], vec![-1, 0, 1], twenty_one]
        {
            let objects = numbers.iter().copied().map(object).collect();
            assert!(PreviewOutcome::made(30, objects).is_err(), "{numbers:?}");
        }
        let changed = |change: fn(&mut PreviewObject)| {
            let mut object = object(1);
            change(&mut object);
            PreviewOutcome::made(1, vec![object])
        };
        assert!(changed(|_| {}).is_ok());
        assert!(changed(|object| object.size = 0).is_err());
        assert!(changed(|object| object.pixels = None).is_err());
        assert!(changed(|object| object.pixels = Some((0, 1))).is_err());
        assert!(changed(|object| object.pixels = Some((1, 1_601))).is_err());
        for total in [0, -1, i32::MIN] {
            assert!(PreviewOutcome::made(total, vec![object(1)]).is_err(), "{total}");
        }
        assert!(PreviewOutcome::made(1, vec![object(1), object(2)]).is_err());
    }

    #[test]
    fn failures_are_found_by_their_names() {
        for failure in PreviewFailure::ALL {
            assert_eq!(PreviewFailure::from_name(failure.as_str()), Some(failure));
        }
        assert_eq!(PreviewFailure::from_name("crashed"), None);
    }
}
