//! The course of the demo day.

use std::collections::HashMap;

use anyhow::Context;
use bytes::Bytes;
use chrono::NaiveDate;
use futures::stream::{self, StreamExt, TryStreamExt};
use http::Method;
use serde_json::{Value, json};

use super::super::http::{Answer, Api};
use super::super::keys::{BACK_OFFICE, Keys, ONLINE_SHOP, TILLS};
use super::super::story::{print_block, tell};
use super::answers::{chf, integer, place, points, text, until};
use super::cast::{ANNA, COMPANY, Customer, DANIELA, HANS, OTHERS, Sale, everyday, unclaimed};
use crate::operations::bootstrap::SHOP;

/// Receipts under way at the same time.
const CONCURRENCY: usize = 8;
/// Value of a voucher in Rappen.
const VOUCHER: i64 = 500;

/// The demo day with its callers.
#[derive(Debug)]
pub(crate) struct Demo {
    tills: Api,
    shop: Api,
    office: Api,
    date: NaiveDate,
}

impl Demo {
    pub(crate) fn new(api: &Api, keys: &Keys, date: NaiveDate) -> anyhow::Result<Self> {
        Ok(Self {
            tills: api.with_key(keys.of(TILLS)?),
            shop: api.with_key(keys.of(ONLINE_SHOP)?),
            office: api.with_key(keys.of(BACK_OFFICE)?),
            date,
        })
    }

    /// Plays the day.
    pub(crate) async fn play(&self) -> anyhow::Result<()> {
        let parties = self.customers().await?;
        self.everyday().await?;
        self.anna_collects().await?;
        self.company().await?;
        self.without_card(&parties).await?;
        self.unregistered(&parties).await?;
        self.mistakes().await?;
        self.anna_redeems().await?;
        self.revenue().await
    }

    /// Customers with their cards; Daniela's card is only printed so far.
    async fn customers(&self) -> anyhow::Result<HashMap<u64, String>> {
        let all: Vec<Customer> = [ANNA, COMPANY, HANS, DANIELA].into_iter().chain(OTHERS).collect();
        let stored: Vec<(u64, String)> = stream::iter(all)
            .map(|customer| async move {
                let party = self
                    .office
                    .must(&Method::POST, "/v1/parties", Some(&customer.party()))
                    .await?;
                let party = text(&party.body, "party_id")?;
                let body = match customer.number == DANIELA.number {
                    true => json!({"number": customer.card()?}),
                    false => json!({"number": customer.card()?, "party_id": party}),
                };
                let card = self.call(&self.office, Method::POST, "/v1/cards", &body).await?;
                // A demo that goes on finds Daniela's card registered.
                anyhow::ensure!(
                    card.is_success() || card.code() == "card_state",
                    "no card: {}",
                    card.detail()
                );
                anyhow::Ok((customer.number, party))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        Ok(stored.into_iter().collect())
    }

    async fn everyday(&self) -> anyhow::Result<()> {
        let sales = everyday()?;
        let sums: Vec<(i64, i64)> = stream::iter(&sales)
            .map(|sale| async move {
                let api = if sale.store == SHOP { &self.shop } else { &self.tills };
                let answer = api
                    .must(&Method::POST, "/v1/purchases", Some(&sale.body(self.date)))
                    .await?;
                let matched = answer.body.get("matched") == Some(&json!(true));
                let points = if matched {
                    integer(&answer.body, "/expected/points")?
                } else {
                    0
                };
                anyhow::Ok((sale.total(), points))
            })
            .buffer_unordered(CONCURRENCY)
            .try_collect()
            .await?;
        let (revenue, points) = sums
            .iter()
            .fold((0, 0), |(r, p), (total, points)| (r + total, p + points));
        tell(
            "24 branches, shop",
            &format!("{} receipts come in, {} in all", sales.len(), chf(revenue)),
            &format!("+{points} points for {} customers", OTHERS.len()),
        );
        Ok(())
    }

    /// Two receipts take Anna over 500 points; the second is sent twice.
    async fn anna_collects(&self) -> anyhow::Result<()> {
        let first = Sale::new(ANNA.branch, "2001", Some(ANNA.card()?), &[("20117", "office", 12_990)]);
        let answer = self.sell(&first).await?;
        tell(
            "Zürich",
            &format!("{} buys for {}", ANNA.display_name(), chf(first.total())),
            &points(&answer)?,
        );
        let second = Sale::new(
            "B02",
            "2002",
            Some(ANNA.card()?),
            &[("60233", "school", 38_900), ("50001", "gift_card", 5_000)],
        );
        let answer = self.sell(&second).await?;
        tell(
            "Bern",
            &format!("… and for {}, of which CHF 50.00 a gift card", chf(second.total())),
            &points(&answer)?,
        );
        let again = self.sell(&second).await?;
        anyhow::ensure!(
            again.status == 200,
            "the same receipt again was answered {}",
            again.status
        );
        tell(
            "Bern",
            "the till sends the same receipt again",
            "replayed, nothing is doubled",
        );
        Ok(())
    }

    async fn company(&self) -> anyhow::Result<()> {
        let sale = Sale::new(
            COMPANY.branch,
            "2003",
            Some(COMPANY.card()?),
            &[("20117", "office", 615_000)],
        );
        let answer = self.sell(&sale).await?;
        tell(
            "St. Gallen",
            &format!("{} buys for {}", COMPANY.name, chf(sale.total())),
            &points(&answer)?,
        );
        let vouchers = self.vouchers(&COMPANY, COMPANY.branch, 12).await?;
        tell(
            "",
            "500 points are a voucher of CHF 5.00",
            &format!("{} vouchers issued, the rest stays", vouchers.len()),
        );
        Ok(())
    }

    /// Hans-Peter forgot his card; the receipt becomes his later. Another one stays unclaimed, for the examples.
    async fn without_card(&self, parties: &HashMap<u64, String>) -> anyhow::Result<()> {
        let sale = Sale::new(HANS.branch, "2004", None, &[("30002", "books", 7_450)]);
        self.sell(&sale).await?;
        self.sell(&unclaimed()).await?;
        let path = format!("/v1/purchases/{}/claim", sale.key(self.date));
        let claim = self
            .call(&self.tills, Method::POST, &path, &json!({"card": HANS.card()?}))
            .await?;
        anyhow::ensure!(
            claim.is_success() || claim.code() == "receipt_assigned",
            "the claim was refused: {}",
            claim.detail()
        );
        let party = parties.get(&HANS.number).context("Hans-Peter is a customer")?;
        let balance = self.balance(party, 74).await?;
        let what = format!("{} shops without his card and claims the receipt", HANS.display_name());
        tell("Thun", &what, &format!("balance {balance}"));
        Ok(())
    }

    async fn unregistered(&self, parties: &HashMap<u64, String>) -> anyhow::Result<()> {
        let card = DANIELA.card()?;
        let sale = Sale::new(
            DANIELA.branch,
            "2006",
            Some(card.clone()),
            &[("10945", "paper", 15_600)],
        );
        self.sell(&sale).await?;
        tell(
            "Winterthur",
            "a card that nobody has registered yet",
            "accepted; the points wait",
        );
        let party = parties.get(&DANIELA.number).context("Daniela is a customer")?;
        let path = format!("/v1/cards/{card}/register");
        self.office
            .must(&Method::POST, &path, Some(&json!({"party_id": party})))
            .await
            .context("no registration")?;
        let balance = self.balance(party, 156).await?;
        let what = format!("{} registers it in the evening", DANIELA.display_name());
        tell("Office", &what, &format!("balance {balance}"));
        Ok(())
    }

    async fn mistakes(&self) -> anyhow::Result<()> {
        let other = Sale::new("B02", "2002", Some(ANNA.card()?), &[("60233", "school", 100)]);
        self.refused(
            "Bern",
            "another receipt under a number that is taken",
            &other.body(self.date),
            "receipt_contradiction",
        )
        .await?;
        let mut wrong = Sale::new("B03", "2007", None, &[("10031", "paper", 745)]).body(self.date);
        wrong["total"]["amount_minor"] = json!(746);
        self.refused("Basel", "a receipt whose lines do not add up", &wrong, "invalid")
            .await?;
        let foreign = Sale::new(SHOP, "2008", None, &[("10031", "paper", 745)]);
        self.refused(
            "Tills",
            "a till tries to sell for the shop",
            &foreign.body(self.date),
            "location_forbidden",
        )
        .await
    }

    async fn refused(&self, place: &str, what: &str, body: &Value, code: &str) -> anyhow::Result<()> {
        let answer = self.call(&self.tills, Method::POST, "/v1/purchases", body).await?;
        anyhow::ensure!(answer.code() == code, "{what}: {} instead of {code}", answer.code());
        tell(place, what, &format!("{} {code}", answer.status));
        Ok(())
    }

    /// Anna pays a part of the next receipt with her voucher; a second till comes too late.
    async fn anna_redeems(&self) -> anyhow::Result<()> {
        let store = "B07";
        let mut sale = Sale::new(store, "2009", Some(ANNA.card()?), &[("30002", "books", 2_850)]);
        let key = sale.key(self.date);
        let known = self
            .tills
            .insist(&Method::GET, &format!("/v1/purchases/{key}"), None)
            .await?;
        if known.is_success() {
            tell(
                "Lausanne",
                "Anna's voucher was redeemed when the demo began",
                "not again",
            );
            return Ok(());
        }
        let code = self
            .vouchers(&ANNA, store, 1)
            .await?
            .into_iter()
            .next()
            .context("Anna has no voucher")?;
        tell(
            "Lausanne",
            "the cash desk shows Anna's name, balance and vouchers",
            "1 voucher of CHF 5.00",
        );
        let basket_total = json!({"amount_minor": sale.total(), "currency": "CHF"});
        let reserve =
            json!({"store": store, "till": "1", "code": code, "basket": "demo-2009", "basket_total": basket_total});
        // A demo that was interrupted may have redeemed it.
        self.call(&self.tills, Method::POST, "/v1/vouchers/reserve", &reserve)
            .await?;
        let mut redeem = json!({"store": store, "till": "1", "code": code, "receipt": key, "basket": "demo-2009", "basket_total": basket_total});
        self.tills
            .must(&Method::POST, "/v1/vouchers/redeem", Some(&redeem))
            .await?;
        tell(
            "Lausanne",
            "her voucher is reserved for the basket and redeemed",
            "redeemed",
        );
        redeem["store"] = json!("B08");
        redeem["receipt"] = json!(format!("B08~1~{}~2010", self.date));
        let late = self
            .call(&self.tills, Method::POST, "/v1/vouchers/redeem", &redeem)
            .await?;
        anyhow::ensure!(
            late.code() == "voucher_redeemed",
            "a second redemption was answered {}",
            late.code()
        );
        tell(
            "Genève",
            "the same voucher at another branch",
            &format!("{} voucher_redeemed: {}", late.status, place(&late)),
        );
        sale.voucher = Some((code, VOUCHER));
        let answer = self.sell(&sale).await?;
        tell(
            "Lausanne",
            &format!("the receipt of {}, CHF 5.00 of it by voucher", chf(sale.total())),
            &points(&answer)?,
        );
        print_block(&answer.body);
        Ok(())
    }

    async fn revenue(&self) -> anyhow::Result<()> {
        let path = format!("/v1/locations/B01/revenue?from={0}&to={0}", self.date);
        let answer = self.office.must(&Method::GET, &path, None).await?;
        let revenue = integer(&answer.body, "/days/0/revenue/amount_minor")?;
        let receipts = integer(&answer.body, "/days/0/receipts")?;
        tell(
            "Zürich",
            "revenue of the day",
            &format!("{} with {receipts} receipts", chf(revenue)),
        );
        Ok(())
    }

    async fn sell(&self, sale: &Sale) -> anyhow::Result<Answer> {
        self.tills
            .must(&Method::POST, "/v1/purchases", Some(&sale.body(self.date)))
            .await
    }

    async fn call(&self, api: &Api, method: Method, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let bytes = Bytes::from(body.to_string());
        Ok(api.insist(&method, path, Some(&bytes)).await?)
    }

    /// The codes of the customer's open vouchers at the cash desk, once there are as many as expected.
    async fn vouchers(&self, customer: &Customer, store: &str, expected: usize) -> anyhow::Result<Vec<String>> {
        let path = format!("/v1/cash-desk/{}?store={store}&till=1", customer.card()?);
        until("the vouchers of the day", async || {
            let answer = self.tills.must(&Method::GET, &path, None).await?;
            let open = answer
                .body
                .get("open_vouchers")
                .and_then(Value::as_array)
                .cloned()
                .unwrap_or_default();
            let codes: Vec<_> = open
                .iter()
                .filter_map(|voucher| voucher.get("code")?.as_str().map(str::to_owned))
                .collect();
            Ok((codes.len() >= expected).then_some(codes))
        })
        .await
    }

    /// The party's balance, once it is at least `expected`.
    async fn balance(&self, party: &str, expected: i64) -> anyhow::Result<i64> {
        let path = format!("/v1/parties/{party}/points?programme=treue");
        until("the points of a customer", async || {
            let answer = self.office.must(&Method::GET, &path, None).await?;
            Ok(Some(integer(&answer.body, "/balance")?).filter(|balance| *balance >= expected))
        })
        .await
    }
}
