//! What functions write to standard output and error: a file per function, and a tracing event per line.

use std::{
    fs::{File, OpenOptions},
    io::Write,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};

/// A log file is moved aside at this size, so that a stack left running fills at most twice this per function.
const FILE_BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Longer lines are split: a function that writes without end of line must not fill the memory.
const LINE_BYTES_MAX: usize = 256 * 1024;

/// The log of one function. Clones write to the same file.
#[derive(Debug, Clone)]
pub struct FunctionLog {
    inner: Arc<Mutex<Inner>>,
    function: Arc<str>,
    path: PathBuf,
}

#[derive(Debug)]
struct Inner {
    file: File,
    written: u64,
}

impl FunctionLog {
    /// Opens the log of a function in a folder, to be continued.
    ///
    /// # Errors
    /// When the file cannot be created.
    pub fn open(folder: &Path, function: &str) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("{function}.log"));
        let file = OpenOptions::new().create(true).append(true).open(&path)?;
        let written = file.metadata()?.len();
        let inner = Arc::new(Mutex::new(Inner { file, written }));
        Ok(Self {
            inner,
            function: function.into(),
            path,
        })
    }

    /// Where the log is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The log as it is now, without what was moved aside.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn text(&self) -> std::io::Result<String> {
        Ok(String::from_utf8_lossy(&std::fs::read(&self.path)?).into_owned())
    }

    /// Adds a line. A log that cannot be written is reported and does not stop the function.
    pub fn line(&self, text: &str) {
        tracing::debug!(target: "function", function = %self.function, "{text}");
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = inner.append(&self.path, text) {
            tracing::warn!(function = %self.function, %error, "a log line could not be written");
        }
    }

    /// Copies an output of a process, line by line, until it ends.
    pub(super) async fn copy(self, output: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(output);
        let mut line: Vec<u8> = Vec::new();
        loop {
            let (used, ended) = match reader.fill_buf().await {
                Ok([]) | Err(_) => break,
                Ok(chunk) => match chunk.iter().position(|byte| *byte == b'\n') {
                    Some(end) => {
                        line.extend_from_slice(&chunk[..end]);
                        (end + 1, true)
                    }
                    None => {
                        line.extend_from_slice(chunk);
                        (chunk.len(), line.len() >= LINE_BYTES_MAX)
                    }
                },
            };
            reader.consume(used);
            if ended {
                self.line(&String::from_utf8_lossy(&line));
                line.clear();
            }
        }
        if !line.is_empty() {
            self.line(&String::from_utf8_lossy(&line));
        }
    }
}

impl Inner {
    fn append(&mut self, path: &Path, text: &str) -> std::io::Result<()> {
        if self.written > FILE_BYTES_MAX {
            std::fs::rename(path, path.with_extension("log.1"))?;
            self.file = OpenOptions::new().create(true).append(true).open(path)?;
            self.written = 0;
        }
        let mut bytes = Vec::with_capacity(text.len() + 1);
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(b'\n');
        self.file.write_all(&bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}
