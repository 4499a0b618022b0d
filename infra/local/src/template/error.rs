//! What can be wrong with a template, said with the place where it is wrong.

use std::path::PathBuf;

/// A template that cannot be read or cannot be run locally.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The file could not be read.
    #[error("cannot read the template {}: {source}", file.display())]
    Read {
        /// The file that was asked for.
        file: PathBuf,
        /// Why it could not be read.
        source: std::io::Error,
    },
    /// The file is not YAML.
    #[error("the template {} is not valid YAML: {source}", file.display())]
    Yaml {
        /// The file that was read.
        file: PathBuf,
        /// Where the parser stopped.
        source: serde_norway::Error,
    },
    /// A value at a known place is wrong, missing or not supported locally.
    #[error("template: {path}: {message}")]
    At {
        /// Dotted path from the root of the template, for example `Resources.Table.Properties.KeySchema[0]`.
        path: String,
        /// What is wrong and what would be right.
        message: String,
    },
}

impl TemplateError {
    /// An error at one place of the template.
    pub fn at(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::At {
            path: path.into(),
            message: message.into(),
        }
    }

    /// A property, type or function that CloudFormation knows and the local stack does not.
    pub fn unsupported(path: impl Into<String>, what: impl std::fmt::Display) -> Self {
        Self::at(path, format!("{what} is not supported by the local stack"))
    }
}
