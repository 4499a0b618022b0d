//! Plans that make calls fail.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use faults::{Fault, FaultPlan, Site};

/// Before the call, or after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Moment {
    /// Nothing has happened yet.
    Before,
    /// Everything has, and nobody was told.
    After,
}

/// Notes every call, and makes the chosen one fail.
#[derive(Debug, Default)]
pub struct OneFault {
    calls: Mutex<Vec<Site>>,
    at: Option<(usize, Moment, Fault)>,
}

impl OneFault {
    /// Only notes the calls.
    pub fn none() -> Self {
        Self::default()
    }

    /// Lets the call with this number (from 0) fail, once.
    pub fn at(call: usize, moment: Moment, fault: Fault) -> Self {
        Self {
            calls: Mutex::default(),
            at: Some((call, moment, fault)),
        }
    }

    /// The sites called so far, in order.
    pub fn calls(&self) -> Vec<Site> {
        self.calls.lock().map(|calls| calls.clone()).unwrap_or_default()
    }

    fn fault(&self, call: usize, moment: Moment) -> Fault {
        match self.at {
            Some((at, when, fault)) if at == call && when == moment => fault,
            _ => Fault::None,
        }
    }
}

impl FaultPlan for OneFault {
    fn before(&self, site: Site) -> Fault {
        let number = self.calls.lock().map(|mut calls| {
            calls.push(site);
            calls.len() - 1
        });
        number.map_or(Fault::None, |number| self.fault(number, Moment::Before))
    }

    fn after(&self, _: Site) -> Fault {
        let number = self.calls.lock().map_or(0, |calls| calls.len().saturating_sub(1));
        self.fault(number, Moment::After)
    }
}

/// A crash at the n-th call (from 0) of a site.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct CrashPoint {
    /// The site.
    pub site: Site,
    /// Which of its calls.
    pub occurrence: usize,
    /// Before it, or after it.
    pub moment: Moment,
}

/// Lets the process die at several points, at each once.
#[derive(Debug)]
pub struct Crashes {
    state: Mutex<CrashState>,
}

#[derive(Debug)]
struct CrashState {
    /// How many calls of a site have begun and have ended: several can be under way at once.
    met: BTreeMap<(Site, Moment), usize>,
    left: Vec<CrashPoint>,
}

impl Crashes {
    /// Crashes at these points.
    pub fn at(points: Vec<CrashPoint>) -> Self {
        let met = BTreeMap::new();
        Self {
            state: Mutex::new(CrashState { met, left: points }),
        }
    }

    /// The points that nothing came to: an earlier crash can lead around them.
    pub fn left(&self) -> Vec<CrashPoint> {
        self.state.lock().map(|state| state.left.clone()).unwrap_or_default()
    }

    fn meet(&self, site: Site, moment: Moment) -> Fault {
        let Ok(mut state) = self.state.lock() else {
            return Fault::None;
        };
        let met = state.met.entry((site, moment)).or_default();
        let point = CrashPoint {
            site,
            occurrence: *met,
            moment,
        };
        *met += 1;
        let Some(index) = state.left.iter().position(|left| *left == point) else {
            return Fault::None;
        };
        state.left.remove(index);
        Fault::Crash
    }
}

impl FaultPlan for Crashes {
    fn before(&self, site: Site) -> Fault {
        self.meet(site, Moment::Before)
    }

    fn after(&self, site: Site) -> Fault {
        self.meet(site, Moment::After)
    }
}

/// Answers calls at one site that the table is too busy, as often as it was told to.
#[derive(Debug)]
pub struct Throttled {
    site: Site,
    /// Calls that are let through before.
    through: AtomicUsize,
    left: AtomicUsize,
}

impl Throttled {
    /// None yet, at this site.
    pub const fn at(site: Site) -> Self {
        Self {
            site,
            through: AtomicUsize::new(0),
            left: AtomicUsize::new(0),
        }
    }

    /// The next calls: five are all tries of one.
    pub fn next(&self, calls: usize) {
        self.next_behind(0, calls);
    }

    /// As many calls, behind some that are let through.
    pub fn next_behind(&self, through: usize, calls: usize) {
        self.through.store(through, Ordering::Relaxed);
        self.left.store(calls, Ordering::Relaxed);
    }

    /// How many are left of these.
    pub fn left(&self) -> usize {
        self.left.load(Ordering::Relaxed)
    }
}

impl FaultPlan for Throttled {
    fn before(&self, site: Site) -> Fault {
        let one_less = |count: &AtomicUsize| {
            let less = count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
            less.is_ok()
        };
        if site == self.site && !one_less(&self.through) && one_less(&self.left) {
            Fault::Throttle
        } else {
            Fault::None
        }
    }

    fn after(&self, _: Site) -> Fault {
        Fault::None
    }
}

/// Lets a share of the calls fail, in all the ways that are safe to repeat.
#[derive(Debug)]
pub struct Storm {
    random: Mutex<fastrand::Rng>,
    per_cent: u8,
    faults: Vec<Fault>,
    injected: AtomicUsize,
}

impl Storm {
    /// `per_cent` of the calls meet one of `faults`.
    pub fn new(seed: u64, per_cent: u8, faults: &[Fault]) -> Self {
        Self {
            random: Mutex::new(fastrand::Rng::with_seed(seed)),
            per_cent,
            faults: faults.to_vec(),
            injected: AtomicUsize::new(0),
        }
    }

    /// How many calls met a fault.
    pub fn injected(&self) -> usize {
        self.injected.load(Ordering::Relaxed)
    }

    fn draw(&self, moment: Moment) -> Fault {
        let Ok(mut random) = self.random.lock() else {
            return Fault::None;
        };
        if random.u8(..100) >= self.per_cent / 2 {
            return Fault::None;
        }
        let fault = self
            .faults
            .get(random.usize(..self.faults.len().max(1)))
            .copied()
            .unwrap_or_default();
        // A throttled or conflicting call is never made.
        if moment == Moment::After && matches!(fault, Fault::Throttle | Fault::Conflict) {
            return Fault::None;
        }
        self.injected.fetch_add(1, Ordering::Relaxed);
        fault
    }
}

impl FaultPlan for Storm {
    fn before(&self, _: Site) -> Fault {
        self.draw(Moment::Before)
    }

    fn after(&self, _: Site) -> Fault {
        self.draw(Moment::After)
    }
}
