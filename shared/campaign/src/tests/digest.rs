use super::*;
use proptest::prelude::*;

fn of(number: u64) -> Digest {
    Digest::of(&[&number.to_be_bytes()])
}

#[test]
fn x6_a_digest_is_the_sha_256_of_its_parts_with_their_lengths() {
    // printf '\0\0\0\0\0\0\0\3abc' | sha256sum
    let expected = "c3494ca1a2cf8eeb8a11ded316fb55b83c3bbbedb6313cd50415251e5d09e12f";
    assert_eq!(Digest::of(&[b"abc"]).to_string(), expected);
    assert_ne!(Digest::of(&[b"ab", b"c"]), Digest::of(&[b"a", b"bc"]));
    assert_ne!(Digest::of(&[b"abc"]), Digest::of(&[b"abc", b""]));
}

#[test]
fn x6_carries_run_to_the_front_and_out() {
    let most: Digest = "f".repeat(64).parse().unwrap();
    let one: Digest = format!("{}1", "0".repeat(63)).parse().unwrap();
    assert_eq!(most.plus(one), Digest::default());
    assert_eq!(most.plus(most).to_string(), format!("{}e", "f".repeat(63)));
    let low: Digest = format!("{}ff", "0".repeat(62)).parse().unwrap();
    assert_eq!(low.plus(one).to_string(), format!("{}100", "0".repeat(61)));
}

#[test]
fn x6_a_digest_has_one_spelling() {
    let digest = of(7);
    assert_eq!(digest.to_string().parse(), Ok(digest));
    for text in [
        "",
        "0",
        &"g".repeat(64),
        &"A".repeat(64),
        &"0".repeat(65),
        &"é".repeat(32),
    ] {
        assert_eq!(text.parse::<Digest>(), Err(InvalidDigest), "{text}");
    }
}

proptest! {
    #[test]
    fn x6_sums_do_not_depend_on_order_or_grouping(a: u64, b: u64, c: u64) {
        let (a, b, c) = (of(a), of(b), of(c));
        prop_assert_eq!(a.plus(b), b.plus(a));
        prop_assert_eq!(a.plus(b).plus(c), a.plus(b.plus(c)));
    }
}
