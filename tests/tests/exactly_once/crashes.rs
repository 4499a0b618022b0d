//! Scenarios 7 and 8: the process dies before or after a call, at every call site of every handler.

use std::collections::BTreeSet;
use std::sync::Arc;

use end_to_end::delivery::Delivering;
use end_to_end::plan::{CrashPoint, Crashes, Moment, OneFault};
use end_to_end::story::Day;
use end_to_end::world::World;
use faults::{FaultPlan, Site};
use tokio::sync::OnceCell;

/// Call sites that no handler has, each with the reason why no day comes to it.
const NOT_OF_A_HANDLER: [(Site, &str); 2] = [
    (
        Site::ToolRead,
        "the command line's verify and reconcile, which read only",
    ),
    (Site::ToolWrite, "bootstrap and reconcile, which are run again by hand"),
];

/// How many crashes one telling of a day meets, spread over the day: the least, and one in so many calls of a long day, up to the
/// most.
const CRASHES_PER_DAY: std::ops::RangeInclusive<usize> = 8..=18;
const CALLS_FOR_A_CRASH: usize = 40;

/// The points to crash at: before and after the first call at each site, after as many more as `most` says; before and
/// after all with `EXHAUSTIVE=1` (many minutes). A crash before a later call finds what one after the call ahead of it left.
fn crash_points(calls: &[Site], most: impl Fn(Site) -> usize) -> Vec<CrashPoint> {
    let exhaustive = exhaustive();
    let mut points = Vec::new();
    for (number, site) in calls.iter().copied().enumerate() {
        let occurrence = calls[..number].iter().filter(|earlier| **earlier == site).count();
        let at = |moment| CrashPoint {
            site,
            occurrence,
            moment,
        };
        if exhaustive || occurrence == 0 && most(site) > 0 {
            points.push(at(Moment::Before));
        }
        if exhaustive || occurrence < most(site) {
            points.push(at(Moment::After));
        }
    }
    points
}

fn exhaustive() -> bool {
    std::env::var_os("EXHAUSTIVE").is_some()
}

/// The points in as few groups as the crashes of one day allow, neighbours in different groups: what a crash leaves behind
/// is met by an undisturbed handler before the next one. With `EXHAUSTIVE=1`, each alone.
fn groups(points: &[CrashPoint], calls: usize) -> Vec<Vec<CrashPoint>> {
    let of_a_day = (calls / CALLS_FOR_A_CRASH).clamp(*CRASHES_PER_DAY.start(), *CRASHES_PER_DAY.end());
    let count = points.len().div_ceil(if exhaustive() { 1 } else { of_a_day });
    (0..count)
        .map(|first| points.iter().skip(first).step_by(count).copied().collect())
        .collect()
}

/// Tells the day in a new world under the plan; what is left at its end.
async fn end_under(day: Day, plan: Arc<dyn FaultPlan>) -> Vec<String> {
    let mut world = match day {
        // A recalculation looks at every location, and one is as good as another.
        Day::Recount => World::with_branches(3, Some(plan)).await,
        _ => World::with_plan(Some(plan)).await,
    };
    Box::pin(day.tell(&mut world, &mut Delivering::twice())).await;
    day.end(&world).await.essence()
}

/// A day as it goes when nothing fails.
#[derive(Debug)]
struct Undisturbed {
    /// Its calls, in order.
    calls: Vec<Site>,
    /// What is left at its end.
    end: Vec<String>,
}

/// The day as it goes when nothing fails, told once for all tests.
async fn undisturbed(day: Day) -> &'static Undisturbed {
    static DAYS: [OnceCell<Undisturbed>; Day::ALL.len()] = [const { OnceCell::const_new() }; Day::ALL.len()];
    let index = Day::ALL.iter().position(|other| *other == day).unwrap();
    DAYS[index]
        .get_or_init(|| async {
            let plan = Arc::new(OneFault::none());
            let end = end_under(day, plan.clone()).await;
            Undisturbed {
                calls: plan.calls(),
                end,
            }
        })
        .await
}

/// The sites that undisturbed days come to.
async fn sites_of(days: &[Day]) -> BTreeSet<Site> {
    let mut sites = BTreeSet::new();
    for day in days {
        sites.extend(&undisturbed(*day).await.calls);
    }
    sites
}

async fn crash_everywhere(day: Day, most: impl Fn(Site) -> usize) {
    let Undisturbed { calls, end } = undisturbed(day).await;
    let points = crash_points(calls, most);
    let mut groups = groups(&points, calls.len());
    println!(
        "{} calls, {} crashes on {} days",
        calls.len(),
        points.len(),
        groups.len()
    );
    while let Some(group) = groups.pop() {
        println!("crashes at {group:?}");
        let plan = Arc::new(Crashes::at(group.clone()));
        assert_eq!(&end_under(day, plan.clone()).await, end, "crashes at {group:?}");
        let left = plan.left();
        assert!(left.is_empty() || group.len() > 1, "nothing came to {left:?}");
        groups.extend(left.into_iter().map(|point| vec![point]));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_at_the_tills_loses_and_doubles_nothing() {
    crash_everywhere(Day::Tills, |_| 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_in_the_office_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    // The other test crashes what both have; of the others enough for each change of a client and its keys.
    crash_everywhere(Day::Office, |site| if at_the_tills.contains(&site) { 0 } else { 4 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_of_returns_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    crash_everywhere(Day::Returns, |site| if at_the_tills.contains(&site) { 1 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_of_rules_loses_and_doubles_nothing() {
    let elsewhere = sites_of(&[Day::Tills, Day::Returns]).await;
    // The other days crash what they have in common; here posting meets a cap and a first purchase.
    let most = |site| match site {
        Site::PostCommit => 3,
        _ if elsewhere.contains(&site) => 0,
        _ => 2,
    };
    crash_everywhere(Day::Rules, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_receipts_are_counted_again_loses_and_doubles_nothing() {
    let elsewhere = sites_of(&[Day::Tills, Day::Office, Day::Returns]).await;
    let most = |site| match site {
        Site::RecountCommit | Site::RecountAdvance => 3,
        _ if elsewhere.contains(&site) => 0,
        _ => 1,
    };
    crash_everywhere(Day::Recount, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_days_are_closed_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    crash_everywhere(Day::Closes, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_at_the_points_desk_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    crash_everywhere(Day::Desk, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_the_books_of_a_month_are_made_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    crash_everywhere(Day::Finance, |site| usize::from(!at_the_tills.contains(&site))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_of_searching_leaves_no_party_unlisted_and_no_old_name_listed() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    let most = |site: Site| match site {
        Site::IndexListed | Site::IndexParty | Site::IndexIntent | Site::IndexEntries => 6,
        site => usize::from(!at_the_tills.contains(&site)),
    };
    crash_everywhere(Day::Search, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_the_erp_sends_documents_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    crash_everywhere(Day::Erp, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_at_the_service_desk_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    crash_everywhere(Day::Service, |site| match site {
        Site::DeskTaskPut => 5,
        _ if at_the_tills.contains(&site) => 0,
        _ => 2,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_a_file_is_imported_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    crash_everywhere(Day::Import, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_of_campaigns_gives_every_member_its_voucher_once() {
    let elsewhere = sites_of(&[Day::Tills, Day::Desk, Day::Service, Day::Privacy, Day::Offline]).await;
    crash_everywhere(Day::Campaigns, |site| usize::from(!elsewhere.contains(&site))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_members_pay_for_a_bonus_takes_their_points_once() {
    let elsewhere = sites_of(&[Day::Tills, Day::Service, Day::Campaigns]).await;
    let most = |site: Site| match site {
        Site::RunGive => 3,
        site => usize::from(!elsewhere.contains(&site)),
    };
    crash_everywhere(Day::Bonus, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_workflows_act_loses_and_doubles_nothing() {
    let elsewhere = sites_of(&[Day::Tills, Day::Erp, Day::Service]).await;
    crash_everywhere(Day::Workflows, |site| if elsewhere.contains(&site) { 0 } else { 3 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_a_person_is_erased_leaves_nothing_of_her_and_the_books_as_they_were() {
    let elsewhere = sites_of(&[Day::Tills, Day::Erp, Day::Service, Day::Desk]).await;
    let most = |site: Site| match site {
        // Each step moves the request on.
        Site::EraseStep => 6,
        Site::EraseFiles => 3,
        site => usize::from(!elsewhere.contains(&site)),
    };
    crash_everywhere(Day::Privacy, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_a_branch_sends_its_journal_loses_and_doubles_nothing() {
    let at_the_tills = sites_of(&[Day::Tills]).await;
    let most = |site: Site| match site {
        Site::OfflineCommit => 3,
        site if at_the_tills.contains(&site) => 0,
        _ => 2,
    };
    crash_everywhere(Day::Offline, most).await;
}

#[tokio::test]
async fn scenarios_7_and_8_come_to_every_call_site_of_every_handler() {
    let visited = sites_of(&Day::ALL).await;
    let elsewhere = BTreeSet::from(NOT_OF_A_HANDLER.map(|(site, _)| site));
    let all: BTreeSet<Site> = Site::ALL.iter().copied().collect();
    let missed: Vec<_> = all
        .difference(&visited)
        .filter(|site| !elsewhere.contains(site))
        .collect();
    assert!(missed.is_empty(), "no day comes to {missed:?}");
    assert!(
        elsewhere.is_disjoint(&visited),
        "{NOT_OF_A_HANDLER:?} are no calls of handlers"
    );
    assert!(elsewhere.iter().all(|site| site.name().starts_with("tools/")));
}
