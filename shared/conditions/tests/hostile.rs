//! No source makes the compiler panic, run out of stack or take long, whatever it holds.

mod common;

use std::time::{Duration, Instant};

use common::{SCHEMA, compile, flaws};
use conditions::{Code, Condition, DEPTH_MAX, SOURCE_MAX};
use proptest::prelude::*;

/// A small stack, in bytes: a quarter of what a thread has by default, without optimisation.
const STACK: usize = 512 * 1024;
/// Far more than any source needs on a busy machine.
const PATIENCE: Duration = Duration::from_secs(5);

fn on_a_small_stack<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    let thread = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(work)
        .expect("a thread starts");
    thread.join().expect("no panic")
}

fn repeated(part: &str) -> String {
    part.repeat(SOURCE_MAX / part.len())
}

/// `open` and `close` around `inner`, `levels` times.
fn nested(levels: usize, open: &str, inner: &str, close: &str) -> String {
    format!("{}{inner}{}", open.repeat(levels), close.repeat(levels))
}

#[test]
fn a_thousand_characters_of_anything_are_refused_at_once_on_a_small_stack() {
    let parts = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        "!",
        "-",
        "!-",
        "- ",
        "a.",
        ".a",
        "a.a.a(",
        "a(",
        "a.b(",
        "a[",
        "[[",
        "?",
        "a?",
        "a?a:",
        ":",
        "a?b?",
        "1+",
        "1-",
        "1 in ",
        "a&&",
        "a||",
        "!(",
        "-(",
        "(!",
        "(a?",
        "[a,",
        "a,",
        ",",
        "\"",
        "'",
        "'''",
        "r'",
        "\\",
        "`",
        "has(",
        "a.exists(",
        "a.exists(x,",
        "a.all(x,x.exists(y,",
        "true?",
        "true?true:",
        "a<",
        "a==",
        "é",
        "日",
        "\u{0}",
        "\n",
        "//",
        "1.",
        "0x",
        "1e",
        ".1",
        "1u",
        "b'",
        "@",
        "#",
        "$",
        "&",
        "|",
        "=",
        "%",
        "in ",
        "for ",
        "null ",
        "a.?b",
        "a[?",
        "{a:",
        "x{",
        "a.map(",
        "a.filter(x,",
        "(1||1&&1<1+1*(",
        "((((a",
        "(a)",
        "()",
        "[]",
        "a()",
        "'\\",
        "'\\u",
        "\"\\777\"",
    ];
    for part in parts {
        for source in [
            repeated(part),
            format!("true && {}", &"(".repeat(30)) + part,
            format!("{part}true"),
            part.to_owned(),
        ] {
            let (compiled, took) = on_a_small_stack(move || {
                let started = Instant::now();
                (
                    Condition::compile(&source, &SCHEMA).map_err(|flaws| flaws.len()),
                    started.elapsed(),
                )
            });
            assert!(took < PATIENCE, "{part} took {took:?}");
            assert!(!matches!(compiled, Err(0)), "{part} is refused without a reason");
        }
    }
}

#[test]
fn the_deepest_nesting_that_is_allowed_compiles_and_evaluates_on_a_small_stack() {
    let deep = [
        nested(DEPTH_MAX, "(", "true", ")"),
        nested(DEPTH_MAX - 1, "!(", "true", ")"),
        nested(DEPTH_MAX - 1, "(true && ", "false", ")"),
        nested(DEPTH_MAX - 5, "(1 + 1 < 2 && 1 > 2 || ", "true", ")"),
        nested(DEPTH_MAX - 1, "true ? false : ", "true", ""),
        format!("{}true", "!".repeat(DEPTH_MAX)),
    ];
    for source in deep {
        on_a_small_stack(move || compile(&source).holds(&common::Known::nothing())).expect("a value");
    }
    let sum = format!("1{} == 30", " + 1".repeat(29));
    assert_eq!(
        on_a_small_stack(move || compile(&sum).holds(&common::Known::nothing())),
        Ok(true)
    );
}

#[test]
fn one_level_more_is_refused_where_it_stands() {
    for (source, at) in [
        (nested(DEPTH_MAX + 1, "(", "true", ")"), DEPTH_MAX),
        (nested(DEPTH_MAX + 1, "[", "1", "]"), DEPTH_MAX),
        (format!("{}true", "!".repeat(DEPTH_MAX + 1)), DEPTH_MAX),
        (format!("{}true", "! ".repeat(DEPTH_MAX + 1)), DEPTH_MAX * 2),
        (format!("1 == {}1", "-".repeat(DEPTH_MAX + 1)), 5 + DEPTH_MAX),
        (nested(DEPTH_MAX + 1, "true?false:", "true", ""), DEPTH_MAX * 11 + 4),
        (
            nested(DEPTH_MAX / 2 + 1, "true?(", "true", "):false"),
            DEPTH_MAX / 2 * 6 + 4,
        ),
        (format!("1{} == 30", " + 1".repeat(DEPTH_MAX - 1)), 0),
        (format!("receipt{} == 1", ".a".repeat(DEPTH_MAX)), 0),
    ] {
        let found = flaws(&source);
        assert_eq!(
            found.iter().map(|flaw| (flaw.code, flaw.at)).collect::<Vec<_>>(),
            [(Code::TooDeep, at)],
            "{source}"
        );
        assert_eq!(
            found[0].text,
            "the condition is nested too deeply; at most 32 levels are possible"
        );
    }
}

#[test]
fn levels_end_where_brackets_and_arguments_end() {
    // None of these is deep, however long.
    for source in [
        format!("true{}", " && (true)".repeat(90)),
        format!("true{}", " && (true ? true : false)".repeat(39)),
        format!("true{}", " || !!!true".repeat(80)),
        format!("1 in [{}]", "1,".repeat(150)),
    ] {
        compile(&source);
    }
}

#[test]
fn the_length_is_counted_in_characters_and_bounded() {
    let text = |length: usize| format!("\"{}\" == \"\"", "é".repeat(length - 8));
    compile(&text(SOURCE_MAX));
    let found = flaws(&text(SOURCE_MAX + 1));
    assert_eq!(
        (found.len(), found[0].code, found[0].at),
        (1, Code::TooLong, SOURCE_MAX)
    );
    assert_eq!(
        found[0].text,
        "the condition has 1001 characters; at most 1000 are possible"
    );
    // Even a source that would not be read otherwise.
    assert_eq!(flaws(&"(".repeat(1_000_000))[0].code, Code::TooLong);
}

#[test]
fn choices_beside_each_other_are_no_levels() {
    let source = format!("1 in [{}]", "true?1:2,".repeat(DEPTH_MAX + 1));
    assert!(flaws(&source).iter().all(|flaw| flaw.code == Code::BadList));
}

/// Pieces that make sense to the parser, in any order.
fn soup() -> impl Strategy<Value = String> {
    let pieces = [
        "(",
        ")",
        "[",
        "]",
        "{",
        "}",
        ",",
        ".",
        "?",
        ":",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "<",
        "<=",
        "==",
        "!=",
        "&&",
        "||",
        " ",
        "in",
        " in ",
        "true",
        "null",
        "receipt",
        "receipt.store",
        "party.tags",
        "line.quantity",
        ".exists(x, ",
        ".all(x,",
        "x",
        "has(",
        "size(",
        ".size()",
        ".contains(",
        "1",
        "0",
        "0x1F",
        "1.5",
        "2u",
        "\"a\"",
        "'b'",
        "b'c'",
        "r'\\'",
        "'''",
        "\"",
        "\\",
        "é",
        "日本",
        "`",
        "//",
        "\n",
        ".map(",
    ];
    prop::collection::vec(prop::sample::select(pieces.to_vec()), 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text_is_compiled_or_refused_with_a_place_inside_it(source in prop_oneof![soup(), "\\PC{0,80}", any::<String>()]) {
        let length = source.chars().count();
        match Condition::compile(&source, &SCHEMA) {
            Ok(condition) => prop_assert_eq!(condition.source(), source),
            Err(flaws) => {
                prop_assert!(!flaws.is_empty());
                for flaw in flaws {
                    prop_assert!(flaw.at <= length, "{:?}", flaw);
                    prop_assert!(!flaw.text.is_empty());
                }
            }
        }
    }
}
