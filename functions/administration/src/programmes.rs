//! Programmes are versioned data. A version never changes; a change is the next version.

use chrono::{DateTime, Utc};
use chrono_tz::Tz;
use domain::earning::Caps;
use domain::id::ProgrammeId;
use domain::programme::{AdjustmentRule, EarningRate, PointsLife, Programme, VoucherRule};
use domain::text;
use domain::violation::Violation;
use http_edge::api::administration::{
    AdjustmentSettings, CapsSettings, EarningSettings, PointsSettings, ProgrammeRequest, ProgrammeSettings,
    ProgrammeView, VoucherSettings,
};
use http_edge::{Code, Problem, Request, Response, Scope};
use store::programme::{self, ProgrammeVersion};
use store::{Record, Site};

use crate::rules::{rule, rule_body};
use crate::{App, CHANGE_ROUNDS, check, contended};

/// Longest reason in characters.
pub(crate) const REASON_MAX: usize = 200;

impl App {
    pub(crate) async fn get_programme(&self, request: &Request) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesRead)?;
        let id: ProgrammeId = request.path("programme_id")?;
        let (db, site) = (&self.db, Site::ProgrammeRead);
        let found = match request.query("version")? {
            Some(version) => programme::read_version(db, site, &caller.tenant, &id, version).await?,
            None => programme::read_current(db, site, &caller.tenant, &id).await?,
        };
        match found {
            Some(record) => Response::json(200, &view(record.d, record.updated_at)),
            None => Err(Problem::new(Code::NotFound, "there is no such programme or version")),
        }
    }

    pub(crate) async fn put_programme(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::ProgrammesWrite)?;
        let id: ProgrammeId = request.path("programme_id")?;
        let ProgrammeRequest {
            expected_version,
            reason,
            settings,
        } = request.json()?;
        let wanted = checked(&id, &reason, settings)?;
        for _ in 0..CHANGE_ROUNDS {
            let current = programme::read_current(&self.db, Site::ProgrammeRead, &caller.tenant, &id).await?;
            // First of all: a call repeated after a lost answer finds its own version in force.
            if let Some(current) = current.as_ref().filter(|c| same_settings(&c.d.programme, &wanted)) {
                return Response::json(200, &view(current.d.clone(), current.updated_at));
            }
            let in_force = current.as_ref().map(|current| u64::from(current.d.programme.version));
            let next = check::next_version(in_force, Some(u64::from(expected_version)))?;
            keeps_its_own(current.as_ref(), &wanted)?;
            let mut programme = wanted.clone();
            programme.version = u32::try_from(next).map_err(|_| contended())?;
            let site = Site::ProgrammeWrite;
            let version = ProgrammeVersion {
                programme,
                author: caller.subject.clone(),
                reason: reason.clone(),
            };
            if programme::write(&self.db, site, &caller.tenant, version.clone(), caller.made(now)).await? {
                let status = if current.is_none() { 201 } else { 200 };
                return Response::json(status, &view(version, now));
            }
        }
        Err(contended())
    }
}

fn same_settings(stored: &Programme, wanted: &Programme) -> bool {
    let mut wanted = wanted.clone();
    wanted.version = stored.version;
    *stored == wanted
}

fn keeps_its_own(current: Option<&Record<ProgrammeVersion>>, wanted: &Programme) -> Result<(), Problem> {
    match current {
        Some(current) if current.d.programme.zone != wanted.zone => Err(Problem::invalid(vec![Violation::new(
            "/settings/zone",
            "immutable",
            "a programme keeps its time zone, in which its days and months were closed: store another programme",
        )])),
        Some(current) if current.d.programme.currency != wanted.currency => {
            Err(Problem::invalid(vec![Violation::new(
                "/settings/currency",
                "immutable",
                "a programme keeps its currency, in which its accounts and vouchers are counted: store another programme",
            )]))
        }
        _ => Ok(()),
    }
}

/// Product groups in order, none twice.
fn in_order(mut groups: Vec<String>) -> Vec<String> {
    groups.sort_unstable();
    groups.dedup();
    groups
}

/// The settings as a programme, version 0, with the product groups in order and none twice.
pub(crate) fn checked(id: &ProgrammeId, reason: &str, settings: ProgrammeSettings) -> Result<Programme, Problem> {
    let zone = settings.zone.parse::<Tz>();
    let mut flaws = Vec::new();
    let rules = settings.rules.into_iter().enumerate();
    let rules = rules.map(|(index, body)| rule(index, body, &mut flaws)).collect();
    let programme = Programme {
        id: id.clone(),
        version: 0,
        name: settings.name,
        currency: settings.currency,
        zone: zone.unwrap_or_default(),
        earning: EarningRate {
            points: settings.earning.points,
            per_minor: settings.earning.per_minor,
        },
        excluded_groups: in_order(settings.excluded_groups),
        tracked_groups: in_order(settings.tracked_groups),
        basis: settings.basis,
        rules,
        stacking: settings.stacking,
        caps: Caps {
            receipt: settings.caps.receipt,
            day: settings.caps.day,
        },
        voucher: VoucherRule {
            threshold_points: settings.voucher.threshold_points,
            value_minor: settings.voucher.value_minor,
            valid_days: settings.voucher.valid_days,
            min_basket_minor: settings.voucher.min_basket_minor,
            partial: settings.voucher.partial,
            rollback_days: settings.voucher.rollback_days,
        },
        points: PointsLife {
            pending_days: settings.points.pending_days,
            expiry: settings.points.expiry,
            grace_days: settings.points.grace_days,
        },
        returns: settings.returns,
        claim_days: settings.claim_days,
        late_days: settings.late_days,
        reservation_seconds: settings.reservation_seconds,
        unmatched_hours: settings.unmatched_hours,
        adjustments: AdjustmentRule {
            alone_up_to: settings.adjustments.alone_up_to,
            transfers: settings.adjustments.transfers,
        },
        rfmr: settings.rfmr.into(),
        offline: settings.offline.map(Into::into),
    };
    let mut found = programme.violations();
    found.append(&mut flaws);
    if zone.is_err() {
        found.push(Violation::new(
            "/zone",
            "malformed",
            "must be an IANA time zone such as Europe/Zurich",
        ));
    }
    for violation in &mut found {
        violation.pointer.insert_str(0, "/settings");
    }
    if !text::is_line(reason, REASON_MAX) {
        found.push(Violation::new(
            "/reason",
            "out_of_range",
            "must have 1 to 200 printable characters",
        ));
    }
    if found.is_empty() {
        return Ok(programme);
    }
    Err(Problem::invalid(found))
}

fn view(version: ProgrammeVersion, stored_at: DateTime<Utc>) -> ProgrammeView {
    let ProgrammeVersion {
        programme,
        author,
        reason,
    } = version;
    ProgrammeView {
        programme_id: programme.id.to_string(),
        version: programme.version,
        settings: ProgrammeSettings {
            name: programme.name,
            currency: programme.currency,
            zone: programme.zone.name().to_owned(),
            earning: EarningSettings {
                points: programme.earning.points,
                per_minor: programme.earning.per_minor,
            },
            excluded_groups: programme.excluded_groups,
            tracked_groups: programme.tracked_groups,
            basis: programme.basis,
            rules: programme.rules.into_iter().map(rule_body).collect(),
            stacking: programme.stacking,
            caps: CapsSettings {
                receipt: programme.caps.receipt,
                day: programme.caps.day,
            },
            voucher: VoucherSettings {
                threshold_points: programme.voucher.threshold_points,
                value_minor: programme.voucher.value_minor,
                valid_days: programme.voucher.valid_days,
                min_basket_minor: programme.voucher.min_basket_minor,
                partial: programme.voucher.partial,
                rollback_days: programme.voucher.rollback_days,
            },
            points: PointsSettings {
                pending_days: programme.points.pending_days,
                expiry: programme.points.expiry,
                grace_days: programme.points.grace_days,
            },
            returns: programme.returns,
            claim_days: programme.claim_days,
            late_days: programme.late_days,
            reservation_seconds: programme.reservation_seconds,
            unmatched_hours: programme.unmatched_hours,
            adjustments: AdjustmentSettings {
                alone_up_to: programme.adjustments.alone_up_to,
                transfers: programme.adjustments.transfers,
            },
            rfmr: programme.rfmr.into(),
            offline: programme.offline.map(Into::into),
        },
        author: author.to_string(),
        reason,
        stored_at,
    }
}
