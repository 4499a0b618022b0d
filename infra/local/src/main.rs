//! `treue`: the local stack and the operator's tools.

use std::process::ExitCode;

use clap::Parser;
use treue_local::cli::{self, Cli};

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    match cli::run(cli).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("treue: {failure}");
            failure.code()
        }
    }
}
