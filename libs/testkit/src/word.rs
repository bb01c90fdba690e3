/// Whether a text has this word, not merely its letters: those of `ada` are also digits of random hexadecimal numbers.
#[must_use]
pub fn has_word(text: &str, word: &str) -> bool {
    let edge = |c: Option<char>| c.is_none_or(|c| !c.is_ascii_alphanumeric());
    text.match_indices(word).any(|(at, _)| {
        let (before, after) = (text.get(..at), text.get(at + word.len()..));
        edge(before.and_then(|text| text.chars().next_back()))
            && edge(after.and_then(|text| text.chars().next()))
    })
}

#[cfg(test)]
mod tests {
    use super::has_word;

    #[test]
    fn letters_inside_of_another_word_are_none() {
        for text in ["ada", "\"sub\":\"ada\"", "(ada,", "c77caada ada@example.org"] {
            assert!(has_word(text, "ada"), "{text}");
        }
        for text in ["", "4664730abda75d77caada02691cdb59e", "adapt", "\\xada0", "canada"] {
            assert!(!has_word(text, "ada"), "{text}");
        }
    }
}
