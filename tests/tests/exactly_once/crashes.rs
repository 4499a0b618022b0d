//! Scenarios 7 and 8: the process dies before or after a call, at every call site of every handler.

use std::collections::BTreeSet;
use std::sync::Arc;

use end_to_end::delivery::Delivering;
use end_to_end::plan::{Moment, OneFault};
use end_to_end::story::Day;
use end_to_end::world::World;
use faults::{Fault, Site};

/// Call sites that no handler has, each with the reason why no day comes to it.
const NOT_OF_A_HANDLER: [(Site, &str); 2] = [
    (
        Site::ToolRead,
        "the command line's verify and reconcile, which read only",
    ),
    (Site::ToolWrite, "bootstrap and reconcile, which are run again by hand"),
];

/// The calls to crash at, and when: before and after the first at each site, after as many more as `most` says; before and
/// after all with `EXHAUSTIVE=1` (many minutes). A crash before a later call finds what one after the call ahead of it left.
fn crash_points(calls: &[Site], most: impl Fn(Site) -> usize) -> Vec<(usize, Moment)> {
    let exhaustive = std::env::var_os("EXHAUSTIVE").is_some();
    let mut points = Vec::new();
    for (number, site) in calls.iter().enumerate() {
        let occurrence = calls[..number].iter().filter(|earlier| *earlier == site).count();
        if exhaustive || occurrence == 0 && most(*site) > 0 {
            points.push((number, Moment::Before));
        }
        if exhaustive || occurrence < most(*site) {
            points.push((number, Moment::After));
        }
    }
    points
}

/// Tells the day in a new world under the plan; what is left at its end.
async fn end_under(day: Day, plan: Arc<OneFault>) -> Vec<String> {
    let mut world = match day {
        // A recalculation looks at every location, and one is as good as another.
        Day::Recount => World::with_branches(3, Some(plan)).await,
        _ => World::with_plan(Some(plan)).await,
    };
    Box::pin(day.tell(&mut world, &mut Delivering::twice())).await;
    day.end(&world).await.essence()
}

/// The calls of a day on which nothing fails, in order, and what is left at its end.
async fn undisturbed(day: Day) -> (Vec<Site>, Vec<String>) {
    let plan = Arc::new(OneFault::none());
    let end = end_under(day, plan.clone()).await;
    (plan.calls(), end)
}

async fn crash_everywhere(day: Day, most: impl Fn(Site) -> usize) {
    let (calls, expected) = undisturbed(day).await;
    let points = crash_points(&calls, most);
    println!("{} calls, {} crashes", calls.len(), points.len());
    for (number, moment) in points {
        let site = calls[number].name();
        println!("crash {moment:?} call {number}, {site}");
        let end = end_under(day, Arc::new(OneFault::at(number, moment, Fault::Crash))).await;
        assert_eq!(end, expected, "crash {moment:?} call {number}, {site}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_at_the_tills_loses_and_doubles_nothing() {
    crash_everywhere(Day::Tills, |_| 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_in_the_office_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    // The other test crashes what both have; of the others enough for each change of a client and its keys.
    crash_everywhere(Day::Office, |site| if at_the_tills.contains(&site) { 0 } else { 4 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_of_returns_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    crash_everywhere(Day::Returns, |site| if at_the_tills.contains(&site) { 1 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_of_rules_loses_and_doubles_nothing() {
    let mut elsewhere = undisturbed(Day::Tills).await.0;
    elsewhere.extend(undisturbed(Day::Returns).await.0);
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
    let mut elsewhere = undisturbed(Day::Tills).await.0;
    elsewhere.extend(undisturbed(Day::Office).await.0);
    elsewhere.extend(undisturbed(Day::Returns).await.0);
    let most = |site| match site {
        Site::RecountCommit | Site::RecountAdvance => 3,
        _ if elsewhere.contains(&site) => 0,
        _ => 1,
    };
    crash_everywhere(Day::Recount, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_days_are_closed_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    crash_everywhere(Day::Closes, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_at_the_points_desk_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    crash_everywhere(Day::Desk, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_the_books_of_a_month_are_made_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    crash_everywhere(Day::Finance, |site| usize::from(!at_the_tills.contains(&site))).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_on_a_day_of_searching_leaves_no_party_unlisted_and_no_old_name_listed() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    let most = |site: Site| match site {
        Site::IndexListed | Site::IndexParty | Site::IndexIntent | Site::IndexEntries => 6,
        site => usize::from(!at_the_tills.contains(&site)),
    };
    crash_everywhere(Day::Search, most).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_the_erp_sends_documents_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    crash_everywhere(Day::Erp, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_at_the_service_desk_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    crash_everywhere(Day::Service, |site| match site {
        Site::DeskTaskPut => 5,
        _ if at_the_tills.contains(&site) => 0,
        _ => 2,
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_a_file_is_imported_loses_and_doubles_nothing() {
    let (at_the_tills, _) = undisturbed(Day::Tills).await;
    crash_everywhere(Day::Import, |site| if at_the_tills.contains(&site) { 0 } else { 2 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_workflows_act_loses_and_doubles_nothing() {
    let mut elsewhere = undisturbed(Day::Tills).await.0;
    elsewhere.extend(undisturbed(Day::Erp).await.0);
    elsewhere.extend(undisturbed(Day::Service).await.0);
    crash_everywhere(Day::Workflows, |site| if elsewhere.contains(&site) { 0 } else { 3 }).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn scenarios_7_and_8_a_crash_while_a_person_is_erased_leaves_nothing_of_her_and_the_books_as_they_were() {
    let mut elsewhere = undisturbed(Day::Tills).await.0;
    elsewhere.extend(undisturbed(Day::Erp).await.0);
    elsewhere.extend(undisturbed(Day::Service).await.0);
    elsewhere.extend(undisturbed(Day::Desk).await.0);
    let most = |site: Site| match site {
        // Each step moves the request on.
        Site::EraseStep => 6,
        Site::EraseFiles => 3,
        site => usize::from(!elsewhere.contains(&site)),
    };
    crash_everywhere(Day::Privacy, most).await;
}

#[tokio::test]
async fn scenarios_7_and_8_come_to_every_call_site_of_every_handler() {
    let mut visited = BTreeSet::new();
    for day in Day::ALL {
        visited.extend(undisturbed(day).await.0);
    }
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
