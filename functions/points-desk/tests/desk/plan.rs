//! Faults to order.

use std::sync::{Arc, Mutex};

use faults::{Fault, FaultPlan, Site};

/// One call at a site, counted from 0, before or after it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) site: Site,
    pub(crate) nth: usize,
    pub(crate) after: bool,
}

/// Lets one moment fail once, and writes down all.
#[derive(Debug, Default)]
pub(crate) struct Plan {
    fault: Option<(Moment, Fault)>,
    pub(crate) passed: Mutex<Vec<Moment>>,
}

impl Plan {
    pub(crate) fn failing(moment: Moment, fault: Fault) -> Arc<Self> {
        Arc::new(Self {
            fault: Some((moment, fault)),
            passed: Mutex::default(),
        })
    }

    fn pass(&self, site: Site, after: bool) -> Fault {
        let mut passed = self.passed.lock().unwrap();
        let nth = passed.iter().filter(|m| m.site == site && m.after == after).count();
        let moment = Moment { site, nth, after };
        passed.push(moment);
        match self.fault {
            Some((at, fault)) if at == moment => fault,
            _ => Fault::None,
        }
    }
}

impl FaultPlan for Plan {
    fn before(&self, site: Site) -> Fault {
        self.pass(site, false)
    }

    fn after(&self, site: Site) -> Fault {
        self.pass(site, true)
    }
}
