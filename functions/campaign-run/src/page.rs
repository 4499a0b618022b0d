//! A page of members is worked off.

use std::future::Future;

use futures::stream::{self, StreamExt, TryStreamExt};
use runtime::sqs::Deadline;
use store::Record;
use store::run::{Member, MemberPage};

use crate::RunError;

/// Members of a page whose vouchers are given, after which it is asked whether the run was stopped.
pub(crate) const MEMBERS: i32 = 200;
/// Members that are worked on at the same time.
const AT_ONCE: usize = 16;

/// What became of the members of a page.
pub(crate) struct Worked<T> {
    /// What came of each that was begun, in no order.
    pub each: Vec<T>,
    /// Behind whom it goes on; `None` behind the last member of all.
    pub next: Option<String>,
}

/// Works on the members of a page until the time is nearly over: on a busy table a page can take longer than is left, and what is
/// cut off comes again whole. The first member is always worked on, so that each message gets on.
pub(crate) async fn worked<T, F>(
    (members, next): MemberPage,
    deadline: Deadline,
    work: impl Fn(Record<Member>) -> F,
) -> Result<Worked<T>, RunError>
where
    F: Future<Output = Result<T, RunError>>,
{
    let names: Vec<String> = members.iter().map(|member| member.d.party.to_string()).collect();
    let has_time = |index: usize| index == 0 || !deadline.is_near();
    // Who is begun is done: they are the first of the page, in whichever order they come to an end.
    let begun = members
        .into_iter()
        .enumerate()
        .take_while(|(index, _)| has_time(*index));
    let each: Vec<T> = stream::iter(begun)
        .map(|(_, member)| work(member))
        .buffer_unordered(AT_ONCE)
        .try_collect()
        .await?;
    let last_begun = each.len().checked_sub(1).and_then(|last| names.get(last));
    let next = if each.len() < names.len() {
        last_begun.cloned()
    } else {
        next
    };
    Ok(Worked { each, next })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use campaign::Decision;
    use domain::id::PartyId;
    use store::db::Key;
    use tokio::sync::Notify;

    use super::*;

    fn page(members: u64, next: Option<&str>) -> MemberPage {
        let member = |number: u64| {
            let party: PartyId = format!("p-{number:03}").parse().unwrap();
            let key = Key {
                pk: "members".to_owned(),
                sk: party.to_string(),
            };
            let member = Member {
                party,
                decision: Decision::In { vouchers: 1 },
                period: "2026-12".to_owned(),
                contact: None,
                letter: None,
            };
            Record::new(key, "run_member", chrono::DateTime::UNIX_EPOCH, member)
        };
        ((1..=members).map(member).collect(), next.map(str::to_owned))
    }

    async fn named(member: Record<Member>) -> Result<String, RunError> {
        Ok(member.d.party.to_string())
    }

    #[tokio::test]
    async fn whoever_is_begun_is_done_and_it_goes_on_behind_them() {
        for members in [1, 16, 40] {
            let all = worked(page(members, Some("p-999")), Deadline::never(), named)
                .await
                .unwrap();
            assert_eq!((all.each.len() as u64, all.next.as_deref()), (members, Some("p-999")));
            let last = worked(page(members, None), Deadline::never(), named).await.unwrap();
            assert_eq!(last.next, None);
            let over = Deadline::at(Instant::now());
            let first = worked(page(members, None), over, named).await.unwrap();
            assert_eq!(first.each, ["p-001"]);
            assert_eq!(first.next.as_deref(), (members > 1).then_some("p-001"));
        }
        let none = worked(page(0, Some("p-500")), Deadline::never(), named).await.unwrap();
        assert_eq!((none.each.len(), none.next.as_deref()), (0, Some("p-500")));
    }

    #[tokio::test]
    async fn a_deadline_amid_a_page_leaves_the_rest_of_it() {
        let soon = Deadline::at(Instant::now() + Duration::from_millis(750));
        // The first sixteen are begun at once, and done when it is over; the first of them after the sixteenth.
        let sixteenth = Notify::new();
        let until_over = |member: Record<Member>| {
            let sixteenth = &sixteenth;
            async move {
                let name = named(member).await?;
                while !soon.is_near() {
                    tokio::task::yield_now().await;
                }
                match name.as_str() {
                    "p-001" => sixteenth.notified().await,
                    "p-016" => sixteenth.notify_one(),
                    _ => {}
                }
                Ok(name)
            }
        };
        let worked = worked(page(40, None), soon, until_over).await.unwrap();
        assert_eq!(worked.each.last().map(String::as_str), Some("p-001"));
        let mut done = worked.each;
        done.sort();
        let expected: Vec<String> = (1..=16).map(|number| format!("p-{number:03}")).collect();
        assert_eq!((done, worked.next.as_deref()), (expected, Some("p-016")));
    }

    #[tokio::test]
    async fn an_error_is_told() {
        let fails = |_| async { Err::<(), _>(RunError::Contended) };
        let worked = worked(page(3, None), Deadline::never(), fails).await;
        assert!(matches!(worked, Err(RunError::Contended)));
    }
}
