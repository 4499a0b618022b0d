//! Accounts with vouchers, as point calculation and voucher issuance leave them.

use std::collections::BTreeSet;

use domain::account::{Account, Lot, LotKey};
use domain::code::VoucherCode;
use domain::programme::Programme;
use domain::voucher::{State, Voucher, voucher_id};
use faults::Site;
use store::Record;
use store::account::AccountId;
use store::db::{Condition, Leg, Written};
use store::voucher::{self, Issued, NewVoucher};

use super::{Api, CODE_KEY, PEPPER, now, tenant};

/// The day of [`now`] in the programme's zone.
pub(crate) const TODAY: &str = "2026-11-23";

pub(crate) fn account_of(party: &str) -> AccountId {
    AccountId {
        tenant: tenant(),
        party: party.parse().unwrap(),
        programme: "treue".parse().unwrap(),
    }
}

/// Stores an account of so many points and issues the vouchers it is worth, twenty at a time.
pub(crate) async fn with_vouchers(api: &Api, party: &str, points: i64) -> Vec<Voucher> {
    let id = account_of(party);
    let programme = Programme::swiss_default(id.programme.clone());
    let account = Account {
        version: 1,
        balance: points,
        lots: vec![Lot {
            key: LotKey::active("2028-11-30".parse().ok()),
            open: points,
        }],
        ..Account::default()
    };
    let mut before = Record::new(id.key(), store::account::ACCOUNT, now(), account);
    let put = Leg::put(Site::PostCommit, &before, Some(Condition::absent())).unwrap();
    let stored: Written<Account> = api.db.write(Site::PostCommit, put).await.unwrap();
    assert_eq!(stored, Written::Done);
    let mut all = Vec::new();
    while let Some(issue) = before
        .d
        .issue(&programme, TODAY.parse().unwrap(), &BTreeSet::new())
        .unwrap()
    {
        let new: Vec<_> = (issue.first..issue.first + issue.count)
            .map(|sequence| new_voucher(&id, &programme, sequence))
            .collect();
        let stored = voucher::commit_issue(&api.db, &id, &before, &issue, &new, false, now()).await;
        assert_eq!(stored.unwrap(), Issued::Done);
        before = Record::new(id.key(), store::account::ACCOUNT, now(), issue.account);
        all.extend(new.into_iter().map(|new| new.voucher));
    }
    all
}

pub(crate) fn new_voucher(id: &AccountId, programme: &Programme, sequence: u64) -> NewVoucher {
    let voucher = Voucher {
        party: id.party.clone(),
        programme: id.programme.clone(),
        number: sequence.into(),
        value_minor: 500,
        currency: programme.currency,
        min_basket_minor: 2_000,
        valid_from: TODAY.parse().unwrap(),
        valid_until: "2027-05-22".parse().unwrap(),
        zone: programme.zone,
        reservation_seconds: 900,
        origin: None,
        issued_at: now(),
        code_key_version: 1,
        state: State::Open,
        version: 1,
        state_version: 1,
        reversed: Vec::new(),
        payment: None,
        partial: None,
        campaign: None,
    };
    let lookup = code_of(&voucher).lookup_key(&PEPPER);
    NewVoucher { voucher, lookup }
}

pub(crate) fn code_of(voucher: &Voucher) -> VoucherCode {
    let id = voucher_id(&voucher.party, &voucher.programme, &voucher.number);
    VoucherCode::derive(CODE_KEY.as_bytes(), &id)
}

/// Changes the voucher itself and leaves the party's reference as it was: the references may lag behind.
pub(crate) async fn change(api: &Api, voucher: &Voucher, by: impl FnOnce(&mut Voucher)) {
    let lookup = code_of(voucher).lookup_key(&PEPPER);
    let read = store::db::Read::Strong;
    let before = voucher::read(&api.db, Site::RedeemVoucher, &tenant(), &lookup, read)
        .await
        .unwrap()
        .unwrap();
    let mut after = before.d.clone();
    by(&mut after);
    after.version += 1;
    let stood = voucher::replace(&api.db, Site::RedeemCommit, &before, after, now())
        .await
        .unwrap();
    assert!(stood.is_none());
}
