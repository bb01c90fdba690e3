//! Text of others, made fit for print.

use crate::Fonts;

/// What stands for a character that no font has.
const MISSING: char = '\u{fffd}';
/// A place at which a line may break; taken out of what comes in.
const BREAK: char = '\u{200b}';
/// Longer runs may break anywhere, as there is no room for them on a line. Longest word of a language that is left to
/// hyphenation.
const LONGEST_RUN: usize = 28;
const LONGEST_WORD: usize = 44;

/// A single line in which everything can be seen, in the order in which it is written: control characters, and those that turn
/// the direction of what follows, could make an amount look like another. What no font has is shown as missing, since a
/// page that hides it cannot be archived.
pub(crate) fn clean(text: &str, fonts: &Fonts) -> String {
    let mut out = String::with_capacity(text.len());
    let mut run = Run::default();
    let mut joins = false;
    for character in text.trim().chars() {
        if character.is_whitespace() {
            if !out.ends_with([' ', NO_BREAK]) {
                out.push(if character == NO_BREAK { NO_BREAK } else { ' ' });
            }
            run.end(&mut out);
            joins = false;
            continue;
        }
        let shown = match character {
            // Says how the letters of Arabic script beside it join, and means nothing elsewhere.
            ZWNJ | ZWJ if joins && fonts.have(character) => character,
            _ if is_invisible(character) => continue,
            // The fonts of text have no signs of mathematics; this one is found in offices.
            '\u{2212}' => '-',
            _ if is_private(character) || !fonts.have(character) => MISSING,
            _ => character,
        };
        joins = matches!(shown, '\u{600}'..='\u{6ff}' | '\u{750}'..='\u{77f}' | '\u{8a0}'..='\u{8ff}');
        run.push(&mut out, shown);
    }
    run.end(&mut out);
    out
}

const NO_BREAK: char = '\u{a0}';
const ZWNJ: char = '\u{200c}';
const ZWJ: char = '\u{200d}';

/// Characters without a break.
#[derive(Default)]
struct Run {
    /// Where it begins.
    start: usize,
    length: usize,
    /// Whether it reads like a word: letters of which only the first may be a capital.
    is_word: bool,
}

impl Run {
    fn push(&mut self, out: &mut String, character: char) {
        if self.length == 0 {
            self.start = out.len();
            self.is_word = true;
        }
        self.is_word &= character.is_lowercase() || (self.length == 0 && character.is_alphabetic());
        self.length += 1;
        out.push(character);
        // What follows may break by itself.
        if character == '-' {
            self.end(out);
        }
    }

    /// Lets it break between any two characters of it, if it is too long.
    fn end(&mut self, out: &mut String) {
        let most = if self.is_word { LONGEST_WORD } else { LONGEST_RUN };
        if self.length > most {
            let run = out.split_off(self.start);
            for (place, character) in run.chars().enumerate() {
                if place > 0 && !is_mark(character) {
                    out.push(BREAK);
                }
                out.push(character);
            }
        }
        self.length = 0;
    }
}

/// Control characters, marks of direction, and what is not drawn by design.
fn is_invisible(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}'
            | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            | '\u{e0000}'..='\u{e0fff}'
        )
}

/// Characters whose meaning is agreed on nowhere, which archives must not hold, and those that are none.
fn is_private(character: char) -> bool {
    let number = u32::from(character);
    matches!(number, 0xe000..=0xf8ff | 0xfdd0..=0xfdef | 0xf_0000..) || number & 0xfffe == 0xfffe
}

/// Marks that belong to the character before them, of the scripts that are bundled.
fn is_mark(character: char) -> bool {
    matches!(
        character,
        '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{610}'..='\u{61a}' | '\u{64b}'..='\u{65f}'
        | '\u{670}' | '\u{6d6}'..='\u{6ed}' | '\u{1ab0}'..='\u{1aff}' | '\u{1dc0}'..='\u{1dff}' | '\u{20d0}'..='\u{20ff}'
        | '\u{200c}' | '\u{200d}' | '\u{fe20}'..='\u{fe2f}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_has_no_font_is_shown_as_missing() {
        let fonts = Fonts::bundled();
        for text in
            ["Müller & Söhne", "Nguyễn Văn Ánh", "Σωκράτης", "Ольга", "יעל כהן", "محمد", "Գոռ", "გიორგი"]
        {
            assert_eq!(clean(text, &fonts), text);
        }
        assert_eq!(clean("田中 さくら", &fonts), "�� ���");
        assert_eq!(clean("−5 °C", &fonts), "-5 °C");
        assert_eq!(clean("Jo 🎉", &fonts), "Jo �");
        assert_eq!(clean("a\u{e000}b\u{fdd0}c\u{10ffff}", &fonts), "a�b�c�");
    }

    #[test]
    fn nothing_turns_or_hides_what_is_written() {
        let fonts = Fonts::bundled();
        assert_eq!(clean("100\u{202e}001\u{202c}\u{2066}\u{0}\u{feff}\u{1b}[31m", &fonts), "100001[31m");
        assert_eq!(clean(" one\r\n\ttwo  three\u{2029}", &fonts), "one two three");
        assert_eq!(clean("می\u{200c}خواهم a\u{200c}b", &fonts), "می\u{200c}خواهم ab");
    }

    #[test]
    fn what_has_no_room_on_a_line_may_break() {
        let fonts = Fonts::bundled();
        let word = "Straßenreinigungsgebührenbescheid";
        assert_eq!(clean(word, &fonts), word);
        let id = "0198c0de-0000-7000-8000-000000000000";
        assert_eq!(clean(id, &fonts), id);
        assert_eq!(clean(&"W".repeat(29), &fonts), vec!["W"; 29].join("\u{200b}"));
        assert_eq!(clean(&"e\u{301}".repeat(40), &fonts), vec!["e\u{301}"; 40].join("\u{200b}"));
        assert_eq!(clean(&"o".repeat(45), &fonts), vec!["o"; 45].join("\u{200b}"));
    }
}
