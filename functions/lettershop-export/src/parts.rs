//! Letters in their order become the parts of the file.

use domain::code::CodeKey;
use lettershop::manifest::{Manifest, PrintFile};
use lettershop::row::{ROW_BYTES_MAX, Row};

use crate::ExportError;
use crate::ahead::Unwanted;
use crate::write::json;

/// A part of the file.
pub(crate) struct Part {
    pub(crate) content: Vec<u8>,
    pub(crate) behind: Behind,
}

/// What is known behind a part.
pub(crate) enum Behind {
    /// Where the file goes on.
    Checkpoint(serde_json::Value),
    /// It was the last one.
    End(Box<Manifest>),
}

/// The parts of a file, from where it stands to its end. The first error ends them, and also that nobody wants them any more.
pub(crate) struct Parts<I> {
    /// `None` behind the end.
    file: Option<PrintFile>,
    rows: I,
    code_key: CodeKey,
    /// What stands before the first of the rows, and belongs to the next part.
    head: Vec<u8>,
    /// A part ends with the row by which it has as many.
    part_bytes: usize,
    unwanted: Unwanted,
}

impl<I: Iterator<Item = Result<Row, ExportError>>> Parts<I> {
    /// The parts of a file, each with this many bytes and what is left of its last row. `head` stands before the first of the rows.
    pub(crate) fn new(
        (file, head): (PrintFile, Vec<u8>),
        rows: I,
        code_key: CodeKey,
        part_bytes: usize,
        unwanted: Unwanted,
    ) -> Self {
        Self {
            file: Some(file),
            rows,
            code_key,
            head,
            part_bytes,
            unwanted,
        }
    }

    /// The next part; `None` when nobody wants it.
    fn fill(&mut self, mut file: PrintFile) -> Result<Option<Part>, ExportError> {
        // A buffer that grows takes twice what it holds.
        let mut content = Vec::with_capacity(self.part_bytes.saturating_add(ROW_BYTES_MAX));
        content.append(&mut self.head);
        for row in self.rows.by_ref() {
            if self.unwanted.is_so() {
                return Ok(None);
            }
            file.push(&row?, |voucher| self.code_key.code(voucher), &mut content)?;
            if content.len() >= self.part_bytes {
                let behind = Behind::Checkpoint(json(&file.checkpoint())?);
                self.file = Some(file);
                return Ok(Some(Part { content, behind }));
            }
        }
        let behind = Behind::End(Box::new(file.finish()));
        Ok(Some(Part { content, behind }))
    }
}

impl<I: Iterator<Item = Result<Row, ExportError>>> Iterator for Parts<I> {
    type Item = Result<Part, ExportError>;

    fn next(&mut self) -> Option<Self::Item> {
        let file = self.file.take()?;
        self.fill(file).transpose()
    }
}
