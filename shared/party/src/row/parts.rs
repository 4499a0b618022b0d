//! The lines of a part of a file. A line belongs to the part in which it begins: parts may be cut anywhere, and each line is in
//! exactly one of them.

use super::LINE_MAX;

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Line<'a> {
    /// Where it begins in the bytes.
    pub start: usize,
    /// Where the next one begins.
    pub next: usize,
    /// The line without its end; `None` when it is longer than [`LINE_MAX`].
    pub text: Option<&'a [u8]>,
}

/// The lines that begin in the first `until` bytes.
#[derive(Debug, Clone)]
pub struct Lines<'a> {
    bytes: &'a [u8],
    position: usize,
    until: usize,
}

impl<'a> Lines<'a> {
    /// The lines that begin in the first `until` of `bytes`, which begin with a line and reach [`LINE_MAX`] and two bytes
    /// further than `until`, or to the end of the file.
    pub const fn new(bytes: &'a [u8], until: usize) -> Self {
        Self {
            bytes,
            position: 0,
            until,
        }
    }
}

impl<'a> Iterator for Lines<'a> {
    type Item = Line<'a>;

    fn next(&mut self) -> Option<Line<'a>> {
        let start = self.position;
        let rest = self.bytes.get(start..).filter(|rest| !rest.is_empty())?;
        if start >= self.until {
            return None;
        }
        let end = rest.iter().position(|byte| *byte == b'\n');
        let text = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        // Without an end in sight no line begins behind this one that would belong here.
        let next = end.map_or(self.bytes.len(), |end| start.saturating_add(end).saturating_add(1));
        self.position = next;
        Some(Line {
            start,
            next,
            text: (text.len() <= LINE_MAX).then_some(text),
        })
    }
}

/// Where the first line begins in a part, given the bytes from one before its start on; `None` when none begins in them.
pub fn first_start(bytes_from_before: &[u8]) -> Option<usize> {
    bytes_from_before.iter().position(|byte| *byte == b'\n')
}
