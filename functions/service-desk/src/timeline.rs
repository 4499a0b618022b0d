//! Events and ledger of a party, merged (D4): two queries a page.

use std::iter::Peekable;
use std::vec::IntoIter;

use chrono::{DateTime, NaiveDate, Utc};
use chrono_tz::Tz;
use domain::account::{Cause, Entry};
use domain::calendar;
use domain::id::PartyId;
use http_edge::api::desk::{Happened, TimelineItem, TimelinePage};
use http_edge::{Problem, Request, Response, Scope, page};
use serde::{Deserialize, Serialize};
use store::account::{self, AccountId};
use store::timeline::{self, Channel, Direction, Event, OrderStatus, What};
use store::{Record, Site};

use crate::{App, answer};

/// Where one of the two goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Place {
    /// With its newest.
    Start,
    /// Behind this.
    After(String),
    /// It has no more.
    End,
}

/// Where events and ledger go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Places {
    events: Place,
    ledger: Place,
}

impl Places {
    /// The newest of both.
    pub(crate) const START: Self = Self {
        events: Place::Start,
        ledger: Place::Start,
    };
}

impl Place {
    fn after(&self) -> Result<Option<String>, Problem> {
        match self {
            Self::After(key) => page::sort_key("next", key.clone()).map(Some),
            Self::Start | Self::End => Ok(None),
        }
    }

    /// Where it goes on after `taken` of a page were shown: the last shown, and whether there are more behind it.
    fn next(self, last: Option<String>, more: bool) -> Self {
        match (more, last) {
            (false, _) => Self::End,
            (true, Some(last)) => Self::After(last),
            (true, None) => self,
        }
    }
}

impl App {
    /// `GET /v1/parties/{party_id}/timeline`.
    pub(crate) async fn show_timeline(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::DeskRead)?;
        let party: PartyId = request.path("party_id")?;
        let limit = request.limit()?;
        let next = request.query.get("next");
        let places: Option<Places> = next.map(|token| page::position("next", token)).transpose()?;
        let (programme, settings) = self.programme(&caller.tenant, request).await?;
        let id = AccountId {
            tenant: caller.tenant.clone(),
            party,
            programme,
        };
        let shown = self
            .timeline(&id, settings.zone, places.unwrap_or(Places::START), limit)
            .await?;
        if shown.items.is_empty() {
            self.party_of_path(&id.tenant, &id.party).await?;
        }
        answer(200, &shown, false)
    }

    /// A page of both, the newest day first.
    pub(crate) async fn timeline(
        &self,
        id: &AccountId,
        zone: Tz,
        places: Places,
        limit: i32,
    ) -> Result<TimelinePage, Problem> {
        let events = async {
            match places.events {
                Place::End => Ok((Vec::new(), None)),
                _ => {
                    let after = places.events.after()?;
                    let read = timeline::page(&self.db, Site::DeskTimeline, &id.tenant, &id.party, after, limit);
                    read.await.map_err(Problem::from)
                }
            }
        };
        let ledger = async {
            match places.ledger {
                Place::End => Ok((Vec::new(), None)),
                _ => {
                    let after = places.ledger.after()?.map(|natural| id.entry_key(&natural).sk);
                    let read = account::ledger(&self.db, Site::DeskLedger, id, after, limit);
                    read.await.map_err(Problem::from)
                }
            }
        };
        let (events, ledger) = tokio::join!(events, ledger);
        let (events, ledger) = (Half::of(events?), Half::of(ledger?));
        Ok(merged(events, ledger, &places, id, zone, limit))
    }
}

/// What was read of one of the two.
struct Half<T> {
    records: Peekable<IntoIter<Record<T>>>,
    /// Whether the table has more behind them.
    more: bool,
    /// Sort key of the last that is shown.
    last: Option<String>,
}

impl<T> Half<T> {
    fn of((records, next): (Vec<Record<T>>, Option<String>)) -> Self {
        Self {
            records: records.into_iter().peekable(),
            more: next.is_some(),
            last: None,
        }
    }

    fn take(&mut self) -> Option<Record<T>> {
        let record = self.records.next()?;
        self.last = Some(record.sk.clone());
        Some(record)
    }

    /// Whether all that was read is shown, and the table has more.
    fn is_cut(&mut self) -> bool {
        self.more && self.records.peek().is_none()
    }

    fn has_more(&mut self) -> bool {
        self.more || self.records.peek().is_some()
    }
}

fn merged(
    mut events: Half<Event>,
    mut ledger: Half<Entry>,
    places: &Places,
    id: &AccountId,
    zone: Tz,
    limit: i32,
) -> TimelinePage {
    let mut items = Vec::new();
    let wanted = usize::try_from(limit).unwrap_or(0);
    // A page of the table ends after 1 MB too. Behind the end of one that goes on, the other may be newer or not: nobody knows.
    while items.len() < wanted && !events.is_cut() && !ledger.is_cut() {
        let event = events.records.peek().map(|event| day_of(&event.d, zone));
        let entry = ledger.records.peek().map(|entry| entry.d.business_date);
        // None is less than any day.
        let item = if event.is_some() && event >= entry {
            events.take().map(|event| event_item(event.d, zone))
        } else {
            ledger.take().map(entry_item)
        };
        let Some(item) = item else { break };
        items.push(item);
    }
    let (more_events, more_entries) = (events.has_more(), ledger.has_more());
    let suffix =
        |key: Option<String>, prefix: &str| key.map(|key| key.strip_prefix(prefix).unwrap_or_default().to_owned());
    let next = Places {
        events: places
            .events
            .clone()
            .next(suffix(events.last, timeline::PREFIX), more_events),
        ledger: places
            .ledger
            .clone()
            .next(suffix(ledger.last, &id.entry_key("").sk), more_entries),
    };
    let more = more_events || more_entries;
    TimelinePage {
        items,
        next: more.then(|| page::token(&next)),
    }
}

/// A document's date is a date everywhere; an instant belongs to the day of the programme's zone.
fn day_of(event: &Event, zone: Tz) -> NaiveDate {
    match event.what {
        What::Order { .. } | What::Invoice { .. } | What::Payment { .. } => event.at.date_naive(),
        What::Communication { .. } | What::Letter { .. } | What::Task { .. } | What::Case { .. } => {
            calendar::business_day(event.at, zone)
        }
    }
}

fn event_item(event: Event, zone: Tz) -> TimelineItem {
    let (at, day, id) = (event.at, day_of(&event, zone), event.id);
    let what = match event.what {
        What::Order { total, status } => Happened::Order {
            number: id,
            total,
            status: order_status(status).to_owned(),
        },
        What::Invoice {
            total,
            due,
            dunning_level,
            status,
        } => Happened::Invoice {
            number: id,
            total,
            due_date: due,
            dunning_level,
            status: status.as_str().to_owned(),
        },
        What::Payment { invoice, amount } => Happened::Payment {
            number: id,
            invoice: invoice.to_string(),
            amount,
        },
        What::Communication {
            channel,
            direction,
            subject,
            text,
        } => Happened::Communication {
            communication_id: id,
            channel: channel_name(channel).to_owned(),
            direction: match direction {
                Direction::Inbound => "inbound".to_owned(),
                Direction::Outbound => "outbound".to_owned(),
            },
            subject,
            text,
        },
        What::Task { title, status } => Happened::Task {
            task_id: id,
            title,
            status,
        },
        What::Letter { run, campaign, .. } => Happened::Letter {
            piece: id,
            campaign,
            run_id: run.to_string(),
        },
        What::Case { title, status } => Happened::Case {
            case_id: id,
            title,
            status,
        },
    };
    TimelineItem { at, day, what }
}

const fn order_status(status: OrderStatus) -> &'static str {
    match status {
        OrderStatus::Open => "open",
        OrderStatus::Delivered => "delivered",
        OrderStatus::Cancelled => "cancelled",
    }
}

const fn channel_name(channel: Channel) -> &'static str {
    match channel {
        Channel::Call => "call",
        Channel::Email => "email",
        Channel::Letter => "letter",
        Channel::Visit => "visit",
        Channel::Other => "other",
    }
}

fn entry_item(record: Record<Entry>) -> TimelineItem {
    let at: DateTime<Utc> = record.created_at;
    let entry = record.d;
    let (cause, receipt) = match &entry.cause {
        Cause::Receipt { receipt, .. } => ("receipt", Some(receipt)),
        Cause::Return { receipt, .. } => ("return", Some(receipt)),
        Cause::VoucherIssue { .. } => ("voucher_issue", None),
        Cause::VoucherVoid { .. } => ("voucher_void", None),
        Cause::Activation => ("activation", None),
        Cause::Expiry { .. } => ("expiry", None),
        Cause::Correction { .. } => ("correction", None),
        Cause::Transfer { .. } => ("transfer", None),
        Cause::Recalculation { receipt, .. } => ("recalculation", Some(receipt)),
    };
    TimelineItem {
        at,
        day: entry.business_date,
        what: Happened::Points {
            entry_id: page::token(&entry.natural_id()),
            cause: cause.to_owned(),
            points: entry.points,
            balance_after: entry.balance_after,
            receipt: receipt.map(ToString::to_string),
        },
    }
}

#[cfg(test)]
mod tests {
    use domain::secret::Secret;
    use store::Key;

    use super::*;

    fn record<T>(sk: &str, d: T) -> Record<T> {
        let key = Key {
            pk: "PARTY#demo#p1".to_owned(),
            sk: sk.to_owned(),
        };
        let at: DateTime<Utc> = "2026-11-24T08:00:00Z".parse().unwrap();
        Record::new(key, "thing", at, d)
    }

    fn event(day: &str) -> Record<Event> {
        let event = Event {
            at: format!("{day}T12:00:00Z").parse().unwrap(),
            id: "T".to_owned(),
            what: What::Task {
                title: Secret::new("Call back".to_owned()),
                status: "open".to_owned(),
            },
        };
        record(&format!("{}{day}", timeline::PREFIX), event)
    }

    fn entry(day: &str) -> Record<Entry> {
        let entry = serde_json::json!({
            "version": 1, "kind": "activation", "business_date": day, "points": 1, "balance_after": 1, "programme_version": 1,
            "lots": [],
        });
        record(day, serde_json::from_value(entry).unwrap())
    }

    #[test]
    fn d4_where_a_page_of_the_table_ends_early_the_other_list_waits() {
        let id = AccountId {
            tenant: "demo".parse().unwrap(),
            party: "p1".parse().unwrap(),
            programme: "treue".parse().unwrap(),
        };
        // The page of events ended after 1 MB, with events behind it that may be newer than the entry.
        let events = Half::of((vec![event("2026-11-20")], Some("more".to_owned())));
        let ledger = Half::of((vec![entry("2026-11-10")], None));
        let page = merged(events, ledger, &Places::START, &id, chrono_tz::Europe::Zurich, 50);
        let days: Vec<_> = page.items.iter().map(|item| item.day.to_string()).collect();
        assert_eq!(days, ["2026-11-20"]);
        let places: Places = page::position("next", &page.next.unwrap()).unwrap();
        assert_eq!(places.ledger, Place::Start, "the entry is still to come");
        assert_eq!(places.events, Place::After("2026-11-20".to_owned()));
        let events = Half::of((vec![event("2026-11-15")], None));
        let ledger = Half::of((vec![entry("2026-11-10")], None));
        let page = merged(events, ledger, &places, &id, chrono_tz::Europe::Zurich, 50);
        assert_eq!((page.items.len(), page.next), (2, None));
    }
}
