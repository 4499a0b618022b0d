//! The bytes of a file as text, and the lines in it.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;

use super::{FileEncoding, Refused};

/// The mark at the beginning of a file in UTF-8.
const BOM: &[u8] = b"\xef\xbb\xbf";

/// The text of a file without a byte order mark.
pub(super) fn decode(bytes: &[u8], encoding: FileEncoding) -> Result<Cow<'_, str>, Refused> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err(Refused::OtherEncoding);
    }
    match encoding {
        FileEncoding::Utf8 => {
            let bytes = bytes.strip_prefix(BOM).unwrap_or(bytes);
            let text = std::str::from_utf8(bytes).map_err(|error| Refused::NotUtf8 {
                line: line_ends(bytes.get(..error.valid_up_to()).unwrap_or_default()).saturating_add(1),
            })?;
            Ok(Cow::Borrowed(text))
        }
        FileEncoding::Windows1252 if bytes.starts_with(BOM) => Err(Refused::OtherEncoding),
        // Every byte is a character; those that Windows-1252 leaves free become controls, which no field may have.
        FileEncoding::Windows1252 => Ok(WINDOWS_1252.decode_without_bom_handling(bytes).0),
    }
}

/// The number of the line in which a text ends, from 1. A line end belongs to the line that it ends.
pub(super) fn lines(text: &[u8]) -> u64 {
    let open = u64::from(!text.ends_with(b"\n") && !text.ends_with(b"\r"));
    line_ends(text).saturating_add(open)
}

/// LF, CRLF, and CR alone, which ends a row too.
fn line_ends(text: &[u8]) -> u64 {
    let after = text.iter().skip(1).map(Some).chain([None]);
    let ends = text.iter().zip(after).filter(|(byte, next)| match **byte {
        b'\n' => true,
        b'\r' => *next != Some(&b'\n'),
        _ => false,
    });
    u64::try_from(ends.count()).unwrap_or(u64::MAX)
}

/// Tells the lines in which rows begin. The reader's own count lags behind: to it, LF of CRLF and empty lines belong to the row after
/// them.
pub(super) struct Place<'a> {
    text: &'a [u8],
    at: usize,
    line: u64,
}

impl<'a> Place<'a> {
    pub(super) const fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0, line: 1 }
    }

    /// The line of the row that the reader begins at a byte; rows come in their order.
    pub(super) fn line(&mut self, byte: u64) -> u64 {
        let byte = usize::try_from(byte).unwrap_or(usize::MAX);
        let rest = self.text.get(byte..).unwrap_or_default();
        let ends = rest.iter().take_while(|b| matches!(b, b'\r' | b'\n')).count();
        let begins = byte.saturating_add(ends);
        let passed = self.text.get(self.at..begins).unwrap_or_default();
        self.line = self.line.saturating_add(line_ends(passed));
        self.at = begins;
        self.line
    }
}
