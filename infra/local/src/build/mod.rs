//! Building the functions a template declares: one `cargo build` for all of them.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Stdio,
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, BufReader},
    process::Command,
};

use crate::{
    progress::Progress,
    template::{Document, TemplateError},
};

/// Lines of the compiler's output kept for the error message.
const KEPT_LINES_MAX: usize = 60;

/// How the functions are compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Profile {
    /// Cargo's `dev` profile.
    #[default]
    Dev,
    /// Cargo's `release` profile.
    Release,
}

/// A build that failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// The template cannot be read.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// Cargo cannot be started.
    #[error("cannot start {cargo}: {source}")]
    NoCargo {
        /// The program that was tried.
        cargo: String,
        /// Why not.
        source: std::io::Error,
    },
    /// The compiler refused.
    #[error("building the functions failed:\n{output}")]
    Failed {
        /// The end of the compiler's output.
        output: String,
    },
    /// A package has no binary of its own name.
    #[error("the package {package} has no binary named {package}")]
    NoBinary {
        /// The package.
        package: String,
    },
}

/// Builds every function of the template and returns the folder with the binaries.
///
/// # Errors
/// What stops the build, with the compiler's own words.
pub async fn functions(template: &Path, profile: Profile, progress: &dyn Progress) -> Result<PathBuf, BuildError> {
    let packages = packages(template)?;
    progress.step(&format!("Building {} functions", packages.len()));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(&cargo);
    command.args(["build", "--message-format=json-render-diagnostics"]);
    if profile == Profile::Release {
        command.arg("--release");
    }
    // Nothing of this package is built, but its features count: the functions then share every dependency with the program
    // that is running, and nothing is compiled a second time.
    command.args(["--package", env!("CARGO_PKG_NAME")]);
    for package in &packages {
        command.args(["--package", package, "--bin", package]);
    }
    let folder = template.parent().filter(|folder| !folder.as_os_str().is_empty());
    command.current_dir(folder.unwrap_or(Path::new(".")));
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let no_cargo = |source| BuildError::NoCargo {
        cargo: cargo.to_string_lossy().into_owned(),
        source,
    };
    let mut child = command.spawn().map_err(no_cargo)?;

    let (Some(stdout), Some(stderr)) = (child.stdout.take(), child.stderr.take()) else {
        return Err(no_cargo(std::io::Error::other("no output")));
    };
    let mut kept: Vec<String> = Vec::new();
    let mut built: Vec<(String, PathBuf)> = Vec::new();
    let read_messages = async {
        let mut lines = BufReader::new(stdout).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            built.extend(executable(&line));
        }
    };
    let read_output = async {
        let mut lines = BufReader::new(stderr).lines();
        while let Ok(Some(line)) = lines.next_line().await {
            progress.detail(&line);
            if kept.len() == KEPT_LINES_MAX {
                kept.remove(0);
            }
            kept.push(line);
        }
    };
    let ((), (), status) = tokio::join!(read_messages, read_output, child.wait());
    if !status.map_err(no_cargo)?.success() {
        return Err(BuildError::Failed {
            output: kept.join("\n"),
        });
    }
    let folder = |package: &String| {
        let binary = built.iter().find(|(name, _)| name == package).map(|(_, path)| path);
        binary.and_then(|path| path.parent()).map(Path::to_owned)
    };
    let mut found = PathBuf::new();
    for package in &packages {
        found = folder(package).ok_or_else(|| BuildError::NoBinary {
            package: package.clone(),
        })?;
    }
    Ok(found)
}

/// The packages of the functions a template declares.
///
/// # Errors
/// When the template cannot be read or is not supported.
pub fn packages(template: &Path) -> Result<BTreeSet<String>, TemplateError> {
    let document = Document::load(template, "build", &std::collections::BTreeMap::new())?;
    let model = document.model(&document.foreseen_attributes()?)?;
    Ok(model.functions.into_iter().map(|function| function.package).collect())
}

/// The binary a line of cargo's messages announces.
fn executable(line: &str) -> Option<(String, PathBuf)> {
    let message: Value = serde_json::from_str(line).ok()?;
    let path = message.get("executable")?.as_str()?;
    Some((
        message.get("target")?.get("name")?.as_str()?.to_owned(),
        PathBuf::from(path),
    ))
}
