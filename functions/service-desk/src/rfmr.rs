//! The RFMR account of a party (R2): whether the next letter is worth its cost.

use chrono::{DateTime, Utc};
use domain::calendar;
use domain::id::PartyId;
use domain::rfmr::{MonthOrders, SentLetter};
use http_edge::api::rfmr::RfmrAnswer;
use http_edge::{Problem, Request, Response, Scope};
use store::account::AccountId;
use store::timeline::{self, midnight};
use store::{Site, activity, party};

use crate::{App, answer, no_such_party};

impl App {
    /// `GET /v1/parties/{party_id}/rfmr`.
    pub(crate) async fn show_rfmr(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let party: PartyId = request.path("party_id")?;
        let (programme, settings) = self.programme(&caller.tenant, request).await?;
        let (rules, zone) = (&settings.rfmr, settings.zone);
        let id = AccountId {
            tenant: caller.tenant.clone(),
            party,
            programme,
        };
        let today = calendar::business_day(now, zone);
        let since = rules.first_day(today);
        let (from, to) = (since.format("%Y-%m").to_string(), today.format("%Y-%m").to_string());
        let limit = i32::try_from(rules.window_months).unwrap_or(i32::MAX);
        // A day earlier: the day in the programme's zone decides below.
        let letters_since = midnight(calendar::minus_days(since, 1));
        let (profile, months, letters) = tokio::join!(
            Box::pin(party::read(&self.db, Site::DeskParty, &id.tenant, &id.party)),
            Box::pin(activity::months(&self.db, Site::DeskActivity, &id, (&from, &to), limit)),
            Box::pin(timeline::letters(
                &self.db,
                Site::DeskLetters,
                (&id.tenant, &id.party, &id.programme),
                letters_since
            )),
        );
        profile?.ok_or_else(no_such_party)?;
        let months: Vec<MonthOrders> = months?
            .into_iter()
            .filter_map(|month| {
                Some(MonthOrders {
                    month: month.month.parse().ok()?,
                    orders: month.receipts,
                    revenue_minor: month.revenue_minor,
                })
            })
            .collect();
        let (letters, complete) = letters?;
        let letters: Vec<SentLetter> = letters
            .into_iter()
            .map(|(at, cost_minor)| SentLetter {
                day: calendar::business_day(at, zone),
                cost_minor,
            })
            .filter(|letter| (since..=today).contains(&letter.day))
            .collect();
        let score = rules.score(&months, &letters, today);
        let sent = u64::try_from(letters.len()).unwrap_or(u64::MAX);
        let said = RfmrAnswer::of(id.programme.to_string(), (since, today), &score, (sent, complete));
        answer(200, &said, false)
    }
}
