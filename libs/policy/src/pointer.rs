//! JSON Pointers (RFC 6901).

use serde_path_to_error::{Path, Segment};

/// The pointer that these segments make.
pub(crate) fn of(path: &[&str]) -> String {
    path.iter().fold(String::new(), |pointer, segment| push(&pointer, segment))
}

/// One step further.
pub(crate) fn push(pointer: &str, segment: &str) -> String {
    format!("{pointer}/{}", segment.replace('~', "~0").replace('/', "~1"))
}

/// Where a value could not be read, and the field's name where serde only says it in its message.
pub(crate) fn of_error(path: &Path, field: Option<&str>) -> String {
    let mut pointer = String::new();
    for segment in path {
        match segment {
            Segment::Seq { index } => pointer = push(&pointer, &index.to_string()),
            Segment::Map { key } => pointer = push(&pointer, key),
            Segment::Enum { variant } => pointer = push(&pointer, variant),
            Segment::Unknown => {}
        }
    }
    // serde names an unknown field in its path as well as in its message, a missing one in the message alone.
    match field {
        Some(field) if !pointer.ends_with(&push("", field)) => push(&pointer, field),
        _ => pointer,
    }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn segments_are_escaped() {
        assert_eq!(of(&[]), "");
        assert_eq!(of(&["a/b", "m~n", ""]), "/a~1b/m~0n/");
    }
}
