//! `treue bootstrap`: a new system gets its first key, its locations and the default programme.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use store::client::ApiKey;

use super::Failure;
use super::data::write_private;
use super::target::{Target, TargetArgs};
use crate::operations::bootstrap::{self, ADMIN, NewClient};

/// `treue bootstrap`.
#[derive(Debug, Args)]
pub(crate) struct BootstrapArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// File with the administrator's key. One that does not exist is made, readable by you only; without this option a new
    /// key is printed once.
    #[arg(long, value_name = "FILE")]
    admin_key_file: Option<PathBuf>,
    /// Only the key: the system has its own locations and programme.
    #[arg(long)]
    no_locations: bool,
}

/// Sets a system up.
pub(crate) async fn run(args: &BootstrapArgs) -> Result<(), Failure> {
    let target = Target::of(&args.target).await?;
    let system = &target.system;
    let now = runtime::now();
    if !args.no_locations {
        let stored = bootstrap::places(system, now)
            .await
            .context("the locations cannot be stored")?;
        let programme = if stored.programme { "stored" } else { "there already" };
        println!("programme {}: {programme}", bootstrap::PROGRAMME);
        println!(
            "locations: {} stored, {} in all",
            stored.locations,
            bootstrap::TOWNS.len() + 1
        );
    }
    let key = match &args.admin_key_file {
        Some(path) => Some(key_of_file(path)?),
        None if bootstrap::has_key(system, ADMIN, now)
            .await
            .context("the clients cannot be read")? =>
        {
            None
        }
        None => Some(bootstrap::new_key().context("no key can be made")?),
    };
    let Some(key) = key else {
        println!("client {ADMIN}: has a key already; make another with POST /v1/clients/{ADMIN}/keys");
        return Ok(());
    };
    let stored = bootstrap::client(system, &NewClient::admin(), &key, now)
        .await
        .context("the key cannot be stored")?;
    match (&args.admin_key_file, stored) {
        (Some(path), true) => println!("client {ADMIN}: stored with the key in {}", path.display()),
        (_, false) => println!("client {ADMIN}: there already with this key"),
        (None, true) => {
            println!(
                "client {ADMIN}: stored. Its key, shown this once:\n\n  {}\n",
                key.reveal()
            );
        }
    }
    Ok(())
}

/// The key in the file; a new one when there is no file yet. Written before it is stored, so that it cannot get lost.
fn key_of_file(path: &Path) -> Result<ApiKey, Failure> {
    match std::fs::read_to_string(path) {
        Ok(text) => text
            .trim()
            .parse()
            .map_err(|error| Failure::Usage(format!("{}: {error}", path.display()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let key = bootstrap::new_key().context("no key can be made")?;
            write_private(path, format!("{}\n", key.reveal()).as_bytes())?;
            Ok(key)
        }
        Err(error) => Err(Failure::Usage(format!("{} cannot be read: {error}", path.display()))),
    }
}
