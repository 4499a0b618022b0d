//! A journal: JSON Lines, each line the body of `POST /v1/purchases`.
//!
//! The file is read once to index it and again to send it, so that only one entry of a few bytes is kept per line.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use bytes::Bytes;
use serde_json::Value;

use super::recompute::natural_key;

/// Most lines of a journal: their index stays below a gigabyte. Split a larger file.
pub const LINES_MAX: usize = 5_000_000;
/// Longest line in bytes: no longer body is accepted anyway, but its refusal is worth reading.
pub const LINE_MAX: usize = 1024 * 1024;

/// A journal and where its lines stand.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    lines: Vec<Entry>,
    passes: u32,
}

#[derive(Debug, Clone, Copy)]
struct Entry {
    number: u64,
    offset: u64,
    length: usize,
    /// How many lines with the same natural key stand before it.
    pass: u32,
}

/// A line to be sent.
#[derive(Debug, Clone)]
pub struct Line {
    /// Its number in the file, from 1.
    pub number: u64,
    /// The body.
    pub body: Bytes,
}

impl Journal {
    /// Indexes the file.
    ///
    /// # Errors
    /// It cannot be read, or has too many or too long lines.
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        let shown = path.display();
        let file = File::open(path).with_context(|| format!("cannot open {shown}"))?;
        let mut reader = BufReader::new(file.try_clone().with_context(|| format!("cannot read {shown}"))?);
        let mut seen: HashMap<String, u32> = HashMap::new();
        let mut lines = Vec::new();
        let (mut offset, mut number, mut text) = (0u64, 0u64, Vec::new());
        loop {
            text.clear();
            let read = reader
                .read_until(b'\n', &mut text)
                .with_context(|| format!("cannot read {shown}"))?;
            if read == 0 {
                break;
            }
            number += 1;
            let body = text.trim_ascii();
            anyhow::ensure!(
                body.len() <= LINE_MAX,
                "{shown}:{number}: a line has at most {LINE_MAX} bytes"
            );
            anyhow::ensure!(
                lines.len() < LINES_MAX,
                "{shown} has more than {LINES_MAX} lines: split it"
            );
            if !body.is_empty() {
                // What is no receipt is sent all the same, so that the report carries its refusal.
                let key = serde_json::from_slice::<Value>(body)
                    .ok()
                    .and_then(|value| natural_key(&value));
                let pass = key.map_or(0, |key| {
                    let count = seen.entry(key).or_default();
                    *count += 1;
                    *count - 1
                });
                let blank = text.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
                let start = offset + u64::try_from(blank).unwrap_or(0);
                lines.push(Entry {
                    number,
                    offset: start,
                    length: body.len(),
                    pass,
                });
            }
            offset += u64::try_from(read).unwrap_or(0);
        }
        let passes = lines.iter().map(|entry| entry.pass + 1).max().unwrap_or(0);
        Ok(Self {
            path: path.to_owned(),
            file,
            lines,
            passes,
        })
    }

    /// Lines with a body.
    #[must_use]
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there is nothing to send.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// Lines whose natural key stands in an earlier line.
    #[must_use]
    pub fn duplicates(&self) -> usize {
        self.lines.iter().filter(|entry| entry.pass > 0).count()
    }

    /// How often the most frequent natural key stands in the file. Lines of one key go out in their order, one pass each:
    /// at the same time it would be chance which of two contradicting lines is taken.
    #[must_use]
    pub fn passes(&self) -> u32 {
        self.passes
    }

    /// The lines of a pass, in their order.
    pub fn pass(&self, pass: u32) -> impl Iterator<Item = anyhow::Result<Line>> + '_ {
        self.lines
            .iter()
            .filter(move |entry| entry.pass == pass)
            .map(|entry| self.line(*entry))
    }

    fn line(&self, entry: Entry) -> anyhow::Result<Line> {
        let mut body = vec![0; entry.length];
        self.file
            .read_exact_at(&mut body, entry.offset)
            .with_context(|| format!("cannot read {}:{} again", self.path.display(), entry.number))?;
        Ok(Line {
            number: entry.number,
            body: body.into(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn receipt(number: u32) -> String {
        format!(r#"{{"store":"B01","till":"1","business_date":"2026-11-22","number":"{number}"}}"#)
    }

    fn bodies(journal: &Journal, pass: u32) -> Vec<(u64, String)> {
        let text = |line: Line| (line.number, String::from_utf8(line.body.to_vec()).unwrap());
        journal.pass(pass).map(|line| text(line.unwrap())).collect()
    }

    #[test]
    fn lines_of_one_receipt_go_out_one_after_the_other() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let text = format!(
            "{}\n\n  {} \r\n{}\nnot json\n{}",
            receipt(1),
            receipt(2),
            receipt(1),
            receipt(1)
        );
        std::fs::write(file.path(), text).unwrap();
        let journal = Journal::open(file.path()).unwrap();
        assert_eq!((journal.len(), journal.duplicates(), journal.passes()), (5, 2, 3));
        let first = [(1, receipt(1)), (3, receipt(2)), (5, "not json".to_owned())];
        assert_eq!(bodies(&journal, 0), first);
        assert_eq!(bodies(&journal, 1), [(4, receipt(1))]);
        assert_eq!(bodies(&journal, 2), [(6, receipt(1))]);
    }

    #[test]
    fn an_empty_journal_is_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let journal = Journal::open(file.path()).unwrap();
        assert!(journal.is_empty());
        assert_eq!(journal.passes(), 0);
    }
}
