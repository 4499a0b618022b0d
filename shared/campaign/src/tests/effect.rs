//! R5: revenue with and against the control group.

use super::*;

fn group(revenues: impl IntoIterator<Item = i64>) -> Group {
    let mut group = Group::default();
    for revenue in revenues {
        group.add(revenue, revenue != 0).unwrap();
    }
    group
}

#[test]
fn revenue_per_head_is_rounded_and_returns_count_against_it() {
    let three = group([1_000, 0, 1]);
    assert_eq!((three.members, three.buyers, three.revenue_minor), (3, 2, 1_001));
    assert_eq!(three.per_head_minor(), Some(334));
    assert_eq!(group([-1_000, 0, -1]).per_head_minor(), Some(-334));
    assert_eq!(Group::default().per_head_minor(), None);
}

#[test]
fn the_difference_is_told_for_few_and_nothing_is_said_of_it() {
    let found = effect(&group([3_000, 5_000]), &group([1_000])).unwrap().unwrap();
    let expected = Effect {
        per_head_minor: 3_000,
        interval_minor: None,
        revenue_minor: 6_000,
        certainty: Certainty::TooFew,
    };
    assert_eq!(found, expected);
    assert_eq!(effect(&group([3_000]), &Group::default()).unwrap(), None);
}

#[test]
fn of_many_the_interval_is_that_of_welch() {
    let letters = group([0, 4_000].into_iter().cycle().take(100));
    let control = group([0, 2_000].into_iter().cycle().take(40));
    let found = effect(&letters, &control).unwrap().unwrap();
    // Means 2000 and 1000; variances 4,040,404.04 and 1,025,641.03; the error is the root of 40,404.04 + 25,641.03.
    assert_eq!((found.per_head_minor, found.revenue_minor), (1_000, 100_000));
    assert_eq!(found.interval_minor, Some((496, 1_504)));
    assert_eq!(found.certainty, Certainty::More);
    let other = effect(&control, &letters).unwrap().unwrap();
    assert_eq!(other.interval_minor, Some((-1_504, -496)));
    assert_eq!(other.certainty, Certainty::Less);
    let same = effect(&letters, &letters).unwrap().unwrap();
    assert_eq!((same.per_head_minor, same.certainty), (0, Certainty::Unclear));
}

#[test]
fn millions_of_members_of_large_revenue_are_compared_too_and_sums_read_back() {
    let mut many = group([i64::from(i32::MAX), 0]);
    for _ in 0..21 {
        let same = many;
        many.merge(&same).unwrap();
    }
    let found = effect(&many, &many).unwrap().unwrap();
    assert_eq!((found.per_head_minor, found.certainty), (0, Certainty::Unclear));
    let text = serde_json::to_string(&many).unwrap();
    assert_eq!(serde_json::from_str::<Group>(&text).unwrap(), many);
    let mut largest = group([i64::MAX]);
    assert!(largest.add(1, true).is_err());
}
