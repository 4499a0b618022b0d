//! The demo keys of the local stack.
//!
//! Generated once into `keys.json`, which only this user may read; the table holds their hashes.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use anyhow::Context;
use chrono::{DateTime, Utc};
use clap::Args;
use http_edge::Scope;
use serde::{Deserialize, Serialize};

use super::data::DataDir;
use super::{DataArgs, Failure};
use crate::operations::System;
use crate::operations::bootstrap::{self, NewClient, SHOP};

const FILE: &str = "keys.json";
/// Tills and their middleware.
pub(crate) const TILLS: &str = "pos-middleware";
/// The shop.
pub(crate) const ONLINE_SHOP: &str = "online-shop";
/// People in the office, and everything that is no till.
pub(crate) const BACK_OFFICE: &str = "back-office";
/// What brings in old data.
pub(crate) const MIGRATION: &str = "migration";

/// `treue keys`.
#[derive(Debug, Args)]
pub(crate) struct KeysArgs {
    #[command(flatten)]
    data: DataArgs,
    /// Print JSON.
    #[arg(long)]
    json: bool,
}

/// The keys by client.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Keys(BTreeMap<String, String>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Keys {
    /// The keys of the folder; `None` before the first start.
    pub(crate) fn read(data: &DataDir) -> anyhow::Result<Option<Self>> {
        data.read(FILE)
    }

    /// The keys of the folder, those that are missing made and stored.
    pub(crate) fn complete(data: &DataDir) -> anyhow::Result<Self> {
        let mut keys = Self::read(data)?.unwrap_or_default();
        let before = keys.clone();
        for client in demo_clients() {
            if let Entry::Vacant(missing) = keys.0.entry(client.id) {
                missing.insert(bootstrap::new_key()?.reveal().to_owned());
            }
        }
        if keys != before {
            data.write(FILE, &keys)?;
        }
        Ok(keys)
    }

    /// The key of a demo client.
    pub(crate) fn of(&self, client: &str) -> anyhow::Result<&str> {
        let key = self.0.get(client).map(String::as_str);
        key.with_context(|| format!("{FILE} has no key for {client}; start the stack once to make it"))
    }

    /// Sees to it that the table knows the demo clients with these keys.
    pub(crate) async fn store(&self, system: &System, now: DateTime<Utc>) -> anyhow::Result<u64> {
        let mut stored = 0u64;
        for client in demo_clients() {
            let key = self
                .of(&client.id)?
                .parse()
                .with_context(|| format!("{FILE}: the key of {}", client.id))?;
            if bootstrap::client(system, &client, &key, now).await? {
                stored = stored.saturating_add(1);
            }
        }
        Ok(stored)
    }
}

/// The clients of the demo, each with what its trade needs.
pub(crate) fn demo_clients() -> Vec<NewClient> {
    use Scope::{
        CardsWrite, CashDeskRead, LocationsWrite, PartiesWrite, ProgrammesWrite, PurchasesClaim, PurchasesMigrate,
        PurchasesRead, PurchasesWrite, VouchersFeed, VouchersRedeem,
    };
    let selling = [
        PurchasesWrite,
        PurchasesRead,
        PurchasesClaim,
        VouchersRedeem,
        VouchersFeed,
    ];
    let client = |id: &str, name: &str, scopes: Vec<Scope>, locations| NewClient {
        id: id.to_owned(),
        name: name.to_owned(),
        scopes,
        locations,
    };
    let all_but = |left_out: Scope| Scope::ALL.iter().copied().filter(|scope| *scope != left_out).collect();
    let tills = selling.iter().copied().chain([CashDeskRead]).collect();
    let migration = vec![
        PurchasesWrite,
        PurchasesMigrate,
        PartiesWrite,
        CardsWrite,
        LocationsWrite,
        ProgrammesWrite,
    ];
    vec![
        client(
            TILLS,
            "Tills of the 24 branches",
            tills,
            Some(bootstrap::branch_ids().collect()),
        ),
        client(
            ONLINE_SHOP,
            "Online shop",
            selling.to_vec(),
            Some(vec![SHOP.to_owned()]),
        ),
        client(BACK_OFFICE, "Back office", all_but(PurchasesMigrate), None),
        client(MIGRATION, "Migration of old data", migration, None),
    ]
}

#[derive(Serialize)]
struct Shown<'a> {
    client: &'a str,
    name: &'a str,
    key: &'a str,
    scopes: Vec<&'static str>,
    locations: Vec<String>,
}

/// Prints the keys.
pub(crate) async fn run(args: &KeysArgs) -> Result<(), Failure> {
    let data = DataDir::new(&args.data.data);
    let keys = Keys::read(&data)?.ok_or_else(|| {
        Failure::Unreachable(format!(
            "{} holds no keys yet: start the stack once with `treue`",
            data.path().display()
        ))
    })?;
    let clients = demo_clients();
    let mut shown = Vec::with_capacity(clients.len());
    for client in &clients {
        shown.push(Shown {
            client: &client.id,
            name: &client.name,
            key: keys.of(&client.id)?,
            scopes: client.scopes.iter().map(|scope| scope.as_str()).collect(),
            locations: client.locations.clone().unwrap_or_else(|| vec!["*".to_owned()]),
        });
    }
    if args.json {
        println!(
            "{}",
            serde_json::to_string_pretty(&shown).context("the keys cannot be written as JSON")?
        );
        return Ok(());
    }
    for client in shown {
        let places = match client.locations.as_slice() {
            [first, .., last] => format!("{first} to {last}"),
            [one] if one == "*" => "all locations".to_owned(),
            one => one.concat(),
        };
        println!(
            "{} ({}, {places})\n  {}\n  {}\n",
            client.client,
            client.name,
            client.key,
            client.scopes.join(" ")
        );
    }
    println!(
        "Send a key as `Authorization: Bearer KEY`. Rights can be changed with PUT /v1/clients/{{client_id}} and the"
    );
    println!("version that GET /v1/clients shows as `expected_version`; shown are those that the demo begins with.");
    Ok(())
}
