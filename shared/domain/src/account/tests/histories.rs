//! Random histories: whatever happens in whatever order, the books add up. proptest prints the seed of a failing history and
//! replays it.

use proptest::prelude::*;

use super::*;

/// What happens on a day.
#[derive(Debug, Clone)]
pub(crate) enum Event {
    /// A receipt of up to three lines, posted some days after it was made.
    Buy {
        minors: Vec<i64>,
        late: u8,
    },
    /// Part of an earlier receipt comes back.
    Return {
        which: usize,
        line: usize,
        permille: i64,
    },
    /// Everything due becomes vouchers.
    Issue,
    /// A run takes 100 points for each of so many vouchers.
    PayForRun {
        most: u64,
    },
    /// An earlier voucher is voided.
    Void {
        which: usize,
        grace: u32,
    },
    Correct {
        points: i64,
    },
    Recount {
        which: usize,
        points: i64,
    },
    /// Points go to another account.
    Give {
        points: i64,
    },
    /// Days pass; the last of them is closed.
    Close {
        days: u8,
    },
}

pub(crate) fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => (prop::collection::vec(0i64..60_000, 1..4), 0u8..40).prop_map(|(minors, late)| Event::Buy { minors, late }),
        4 => (any::<usize>(), 0usize..4, 1i64..=1_200).prop_map(|(which, line, permille)| Event::Return { which, line, permille }),
        2 => Just(Event::Issue),
        1 => (1u64..4).prop_map(|most| Event::PayForRun { most }),
        1 => (any::<usize>(), 0u32..3).prop_map(|(which, grace)| Event::Void { which, grace }),
        1 => (-300i64..300).prop_map(|points| Event::Correct { points }),
        1 => (any::<usize>(), 0i64..600).prop_map(|(which, points)| Event::Recount { which, points }),
        1 => (1i64..300).prop_map(|points| Event::Give { points }),
        4 => (0u8..70).prop_map(|days| Event::Close { days }),
    ]
}

pub(crate) fn programmes() -> impl Strategy<Value = Programme> {
    let expiry = prop_oneof![
        Just(Expiry::Never),
        (1u32..4).prop_map(|months| Expiry::Months { months }),
        (0u32..4).prop_map(|months| Expiry::EndOfMonth { months }),
        Just(Expiry::EndOfYear { years: 0 }),
    ];
    let policy = prop_oneof![
        Just(ReturnPolicy::OnlyPending),
        Just(ReturnPolicy::WithinBalance),
        Just(ReturnPolicy::Unlimited)
    ];
    (expiry, policy, 0u32..30, 1u32..20).prop_map(|(expiry, returns, pending_days, grace_days)| Programme {
        points: PointsLife {
            pending_days,
            expiry,
            grace_days,
        },
        returns,
        ..programme()
    })
}

/// A receipt with what became of it.
struct Bought {
    receipt: Receipt,
    lot: Option<LotKey>,
    remaining: Remaining,
    /// What it stands for in the books now.
    points: i64,
}

/// An account with everything that happened to it, counted beside the books.
pub(crate) struct Life {
    programme: Programme,
    pub(crate) today: NaiveDate,
    pub(crate) account: Account,
    pub(crate) entries: Vec<Entry>,
    /// The days on which the entries were posted.
    pub(crate) posted_on: Vec<NaiveDate>,
    bought: Vec<Bought>,
    vouchers: Vec<(Entry, VoucherNumber, i64)>,
    numbers: usize,
    /// Points by what happened to them; what is neither spent, expired nor given away is open or owed.
    earned: i64,
    spent: i64,
    expired: i64,
    other: i64,
}

impl Life {
    pub(crate) fn of(programme: Programme) -> Self {
        Self {
            programme,
            today: day("2026-01-31"),
            account: Account::default(),
            entries: Vec::new(),
            posted_on: Vec::new(),
            bought: Vec::new(),
            vouchers: Vec::new(),
            numbers: 0,
            earned: 0,
            spent: 0,
            expired: 0,
            other: 0,
        }
    }

    fn keep(&mut self, (entry, account): (Entry, Account)) {
        self.entries.push(entry);
        self.posted_on.push(self.today);
        self.account = account;
    }

    fn number(&mut self) -> usize {
        self.numbers += 1;
        self.numbers
    }

    /// What of a lot has expired and was not forgiven yet, read from the books as the system does.
    fn expired_of(&self, lot: Option<LotKey>) -> i64 {
        let Some(lot) = lot.map(LotKey::activated) else {
            return 0;
        };
        self.entries.iter().fold(0, |sum, entry| match &entry.cause {
            Cause::Expiry { lot: closed } if *closed == lot => sum - entry.points,
            Cause::Return {
                forgiven,
                original: Some(original),
                ..
            } => {
                let own = self.bought.iter().find(|b| b.receipt.key == *original);
                let same = own.and_then(|b| b.lot).map(LotKey::activated) == Some(lot);
                sum - if same { *forgiven } else { 0 }
            }
            _ => sum,
        })
    }

    pub(crate) fn happen(&mut self, event: Event) {
        let today = self.today;
        match event {
            Event::Buy { minors, late } => {
                let date = crate::calendar::minus_days(today, u32::from(late));
                let receipt = basket(self.number(), &date.to_string(), &minors);
                let earning = earn(&receipt, &self.programme, &Circumstances::default()).unwrap();
                let posted = self
                    .account
                    .post(&receipt, (&earning, &Circumstances::default()), &self.programme, today)
                    .unwrap();
                self.earned += posted.0.points;
                self.bought.push(Bought {
                    lot: lot_of(&posted.0),
                    remaining: Remaining::of(&receipt),
                    points: earning.points,
                    receipt,
                });
                self.keep(posted);
            }
            Event::Return { which, line, permille } => self.give_back(which, line, permille),
            Event::Issue => self.issue(),
            Event::PayForRun { most } => self.pay_for_run(most),
            Event::Void { which, grace } => {
                if self.vouchers.is_empty() {
                    return;
                }
                let (entry, number, points) = self.vouchers.remove(which % self.vouchers.len());
                let share = share_of_voucher(&entry, &number).unwrap();
                assert_eq!(share.iter().map(|m| m.points).sum::<i64>(), points);
                let voided = self.account.void_voucher(&number, &share, grace, today, 1).unwrap();
                assert_eq!(voided.0.voided(), Some(number));
                let Cause::VoucherVoid { expired, .. } = voided.0.cause else {
                    panic!()
                };
                assert_eq!(voided.0.points + expired, points);
                self.spent -= points;
                self.expired += expired;
                self.keep(voided);
            }
            Event::Correct { points } => {
                let lot = self.programme.lot(today, today);
                let number = self.number();
                self.other += points;
                let corrected = self.account.correct(&number.to_string(), points, lot, today, 1);
                self.keep(corrected.unwrap());
            }
            Event::Recount { which, points } => {
                if self.bought.is_empty() {
                    return;
                }
                let at = which % self.bought.len();
                let number = self.number();
                let lot = self.programme.lot(today, today);
                let bought = &mut self.bought[at];
                let before = std::mem::replace(&mut bought.points, points);
                let key = bought.receipt.key.clone();
                self.other += points - before;
                let recounted = self.account.recount(Recount {
                    run: &number.to_string(),
                    receipt: &key,
                    points_before: before,
                    points_after: points,
                    vat: Vec::new(),
                    day_left: None,
                    lot,
                    expired: 0,
                    programme_version: 2,
                });
                self.keep(recounted.unwrap());
            }
            Event::Give { points } => {
                let (a, b) = ("p1".parse().unwrap(), "p2".parse().unwrap());
                let number = self.number().to_string();
                let empty = Account::default();
                let moved = self
                    .account
                    .transfer(&empty, (&a, &b), &number, points, today, 1)
                    .unwrap();
                assert_eq!(moved.is_some(), points <= self.account.balance);
                if let Some(moved) = moved {
                    assert_eq!(moved.to.1.balance, points);
                    self.other -= points;
                    self.keep(moved.from);
                }
            }
            Event::Close { days } => {
                self.today = crate::calendar::plus_days(today, u32::from(days));
                self.close();
            }
        }
    }

    /// Points come from another account.
    pub(crate) fn receive(&mut self, (entry, account): (Entry, Account)) {
        self.other += entry.points;
        self.keep((entry, account));
    }

    fn give_back(&mut self, which: usize, line: usize, permille: i64) {
        if self.bought.is_empty() {
            return;
        }
        let at = which % self.bought.len();
        let returned = key(self.number(), self.today);
        let bought = &self.bought[at];
        let sold = bought.receipt.lines.get(line).map_or(500, |line| line.amount_minor);
        let back = Return {
            key: returned,
            original: Some(bought.receipt.key.clone()),
            lines: vec![ReturnLine {
                original_line: Some(line),
                sku: line.to_string(),
                group: None,
                brand: None,
                quantity_milli: permille,
                amount_minor: sold * permille / 1_000,
                vat_rate_bp: None,
            }],
            ..empty_return()
        };
        let outcome = bought.remaining.less(&back).unwrap();
        assert!(
            outcome
                .remaining
                .receipt
                .lines
                .iter()
                .all(|l| l.amount_minor >= 0 && l.quantity_milli >= 0)
        );
        // A receipt that was counted again is worth what that gave, less what its lines lose.
        let worth = earn(&outcome.remaining.receipt, &self.programme, &Circumstances::default())
            .unwrap()
            .points
            .min(bought.points);
        let expired = self.expired_of(bought.lot);
        let taken = self
            .account
            .take_back(TakeBack {
                receipt: &back.key,
                original: Some(&bought.receipt.key),
                void: false,
                business_date: self.today,
                booked_on: self.today,
                total_minor: outcome.total_minor,
                points_before: bought.points,
                points_after: worth,
                vat: Vec::new(),
                lot: bought.lot,
                expired,
                programme_version: 1,
                policy: self.programme.returns,
            })
            .unwrap();
        let Cause::Return {
            forgiven, uncollected, ..
        } = taken.0.cause
        else {
            panic!()
        };
        assert_eq!(taken.0.points, worth - bought.points + forgiven + uncollected);
        assert!((0..=expired).contains(&forgiven) && uncollected >= 0);
        self.earned += worth - self.bought[at].points + uncollected;
        self.expired -= forgiven;
        self.bought[at].points = worth;
        self.bought[at].remaining = outcome.remaining;
        self.keep(taken);
    }

    fn issue(&mut self) {
        while let Some(issue) = self
            .account
            .issue(&self.programme, self.today, &BTreeSet::new())
            .unwrap()
        {
            self.spent -= issue.entry.points;
            for number in issue.entry.vouchers() {
                self.vouchers.push((issue.entry.clone(), number, 500));
            }
            self.keep((issue.entry, issue.account));
        }
    }

    fn pay_for_run(&mut self, most: u64) {
        let run: RunName = format!("bonus~{}", self.number()).parse().unwrap();
        let (balance, numbers) = (self.account.balance, self.account.last_voucher);
        let Some((entry, account)) = self.account.pay_for_run(&run, most, 100, self.today, 1).unwrap() else {
            assert!(balance < 100, "there was enough for one");
            return;
        };
        assert_eq!(account.balance, balance + entry.points);
        assert!(account.balance >= 0 && (account.balance < 100 || entry.vouchers().count() as u64 == most));
        assert_eq!(
            account.last_voucher, numbers,
            "those over the threshold go on where they were"
        );
        self.spent -= entry.points;
        for number in entry.vouchers() {
            self.vouchers.push((entry.clone(), number, 100));
        }
        self.keep((entry, account));
    }

    fn close(&mut self) {
        if let Some(activated) = self.account.activate(self.today, 1).unwrap() {
            assert_eq!(activated.0.points, 0);
            self.keep(activated);
        }
        self.issue();
        while let Some(expired) = self.account.expire(self.today, 1).unwrap() {
            self.expired -= expired.0.points;
            self.keep(expired);
        }
        assert_eq!(
            self.account.activate(self.today, 1).unwrap(),
            None,
            "a second close finds nothing"
        );
        assert!(self.account.next_due().is_none_or(|due| due > self.today));
    }

    fn check(&self) {
        let account = &self.account;
        let (active, pending) = sums(&account.lots).unwrap();
        assert_eq!(account.balance, active - account.deficit());
        assert!(active == 0 || account.deficit() == 0, "a deficit beside active lots");
        assert!(account.lots.iter().all(|lot| lot.open > 0));
        assert!(account.lots.is_sorted_by(|a, b| a.key < b.key));
        assert_eq!(pending, account.pending());
        assert_eq!(
            self.earned + self.other - self.spent - self.expired,
            account.balance + pending,
            "every point is spent, expired, reversed or open"
        );
        for entry in &self.entries {
            assert!(entry.lots.iter().all(|change| change.points != 0));
        }
    }
}

proptest! {
    #[test]
    fn every_point_is_spent_expired_reversed_or_open_after_any_history(
        programme in programmes(),
        events in prop::collection::vec(event(), 1..80),
    ) {
        let mut life = Life::of(programme);
        for event in events {
            life.happen(event);
            life.check();
        }
        let names: BTreeSet<_> = life.entries.iter().map(Entry::natural_id).collect();
        prop_assert_eq!(names.len(), life.entries.len(), "two entries of one name");
        let mut entries = life.entries.clone();
        entries.reverse();
        prop_assert_eq!(Account::replay(entries).unwrap(), life.account);
    }

    /// Receipts in any order, without anything between them: the same lots, whatever is posted first.
    #[test]
    fn the_order_in_which_receipts_are_posted_does_not_matter(
        programme in programmes(),
        receipts in prop::collection::vec((0i64..60_000, 0u32..60), 1..20),
        seed in any::<u64>(),
    ) {
        let on = day("2026-11-22");
        let receipts: Vec<_> = receipts
            .into_iter()
            .enumerate()
            .map(|(number, (minor, age))| receipt(number, &crate::calendar::minus_days(on, age).to_string(), minor))
            .collect();
        let post_all = |receipts: &[Receipt]| {
            receipts.iter().fold(Account::default(), |account, receipt| {
                let earning = earn(receipt, &programme, &Circumstances::default()).unwrap();
                account.post(receipt, (&earning, &Circumstances::default()), &programme, on).unwrap().1
            })
        };
        let mut shuffled = receipts.clone();
        // Fisher-Yates with a small generator: the order is part of the printed case.
        let mut state = seed;
        for at in (1..shuffled.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(at, usize::try_from(state >> 33).unwrap() % (at + 1));
        }
        let (one, other) = (post_all(&receipts), post_all(&shuffled));
        prop_assert_eq!(&one.lots, &other.lots);
        prop_assert_eq!((one.balance, one.receipts, one.revenue_minor), (other.balance, other.receipts, other.revenue_minor));
    }

    /// Returning a receipt in any number of parts gives back exactly what it earned.
    #[test]
    fn many_small_returns_end_exactly_at_zero(
        minors in prop::collection::vec(1i64..9_999, 1..5),
        parts in prop::collection::vec(1i64..400, 0..12),
    ) {
        let programme = programme();
        let bought = basket(1, "2026-11-22", &minors);
        let (entry, mut account) = post(&Account::default(), &bought);
        let mut giving = Giving::of(&programme, &bought, &entry);
        for (index, _) in minors.iter().enumerate() {
            for quantity in &parts {
                let left = giving.remaining.receipt.lines[index].clone();
                if *quantity < left.quantity_milli {
                    let amount = left.amount_minor * quantity / left.quantity_milli;
                    account = giving.back(&account, &[(index, *quantity, amount)], 0).1;
                }
            }
            let left = giving.remaining.receipt.lines[index].clone();
            account = giving.back(&account, &[(index, left.quantity_milli, left.amount_minor)], 0).1;
        }
        prop_assert_eq!((account.balance, account.revenue_minor, account.lots.len()), (0, 0, 0));
    }
}
