//! The values of conditions, said by hand: what the differential test cannot show or shows only by chance.

mod common;

use common::{Known, LIST_MAX, Value, compile, holds};
use conditions::{Fact, Facts, Texts, Unevaluable};

const BIG: &str = "9223372036854775807 + line.quantity > 0";
const OVERFLOW: Result<bool, Unevaluable> = Err(Unevaluable::Overflow);

fn one() -> Known {
    Known::nothing().int("line.quantity", 1)
}

#[test]
fn a_typical_condition_holds_for_what_it_says() {
    let source = r#"line.group == "paper" && receipt.store in ["B01", "B07"] && receipt.weekday >= 6"#;
    let facts = Known::nothing()
        .text("line.group", "paper")
        .text("receipt.store", "B07")
        .int("receipt.weekday", 6);
    assert_eq!(holds(source, &facts), Ok(true));
    for other in [
        facts.clone().text("line.group", "Paper"),
        facts.clone().text("receipt.store", "B0"),
        facts.clone().int("receipt.weekday", 5),
        Known::nothing(),
    ] {
        assert_eq!(holds(source, &other), Ok(false), "{other:?}");
    }
}

#[test]
fn what_is_not_set_reads_as_nothing_and_has_tells() {
    for source in [
        "receipt.store == \"\"",
        "line.quantity == 0",
        "!receipt.online",
        "size(party.tags) == 0 && !(\"\" in party.tags) && party.tags.all(x, false) && !party.tags.exists(x, true)",
        "size(party.visits) == 0 && !(0 in party.visits) && party.visits.all(x, false) && !party.visits.exists(x, true)",
        "!has(receipt.store) && !has(line.quantity) && !has(receipt.online) && !has(party.tags) && !has(party.visits)",
    ] {
        assert_eq!(holds(source, &Known::nothing()), Ok(true), "{source}");
    }
    // A value that is set to the default is set.
    let set = Known::nothing()
        .text("receipt.store", "")
        .int("line.quantity", 0)
        .bool("receipt.online", false)
        .texts("party.tags", &[]);
    assert_eq!(
        holds(
            "has(receipt.store) && has(line.quantity) && has(receipt.online) && has(party.tags)",
            &set
        ),
        Ok(true)
    );
    assert_eq!(holds("has(party.visits)", &set), Ok(false));
}

#[test]
fn has_tells_of_a_map_what_the_interpreter_of_cel_tells() {
    let program = cel::Program::compile("has(receipt.store)").expect("CEL");
    for name in ["store", "other"] {
        let mut context = cel::Context::default();
        context.add_variable_from_value("receipt", std::collections::HashMap::from([(name, "")]));
        let facts = Known::nothing().with(
            "receipt.store",
            if name == "store" {
                Value::Text(String::new())
            } else {
                Value::Unset
            },
        );
        assert_eq!(
            program.execute(&context),
            Ok(cel::Value::Bool(holds("has(receipt.store)", &facts).expect("a bool")))
        );
    }
}

#[test]
fn arithmetic_that_overflows_has_no_value() {
    let least = Known::nothing().int("line.quantity", i64::MIN);
    for source in [
        "line.quantity - 1 < 0",
        "-line.quantity > 0",
        "line.quantity * -1 > 0",
        "line.quantity / -1 > 0",
        "line.quantity % -1 == 0",
        "line.quantity + -1 == 0",
    ] {
        assert_eq!(holds(source, &least), OVERFLOW, "{source}");
    }
    assert_eq!(
        holds(
            "line.quantity + 1 == -9223372036854775807 && line.quantity == -9223372036854775808",
            &least
        ),
        Ok(true)
    );
}

#[test]
fn each_comparison_tells_less_equal_and_greater_apart() {
    for (operator, less, equal, greater) in [
        ("==", false, true, false),
        ("!=", true, false, true),
        ("<", true, false, false),
        ("<=", true, true, false),
        (">", false, false, true),
        (">=", false, true, true),
    ] {
        for (value, expected) in [("0", less), ("1", equal), ("2", greater)] {
            let facts = one().text("line.group", "1");
            assert_eq!(
                holds(&format!("{value} {operator} line.quantity"), &facts),
                Ok(expected)
            );
            assert_eq!(
                holds(&format!("\"{value}\" {operator} line.group"), &facts),
                Ok(expected)
            );
        }
    }
    for (source, value) in [
        ("true == true", true),
        ("true == false", false),
        ("true != true", false),
        ("false != true", true),
    ] {
        assert_eq!(holds(source, &one()), Ok(value), "{source}");
    }
}

#[test]
fn division_cuts_towards_zero() {
    for (source, facts) in [
        ("line.quantity / 2 == -3 && line.quantity % 2 == -1", -7),
        ("line.quantity / -2 == -3 && line.quantity % -2 == 1", 7),
    ] {
        assert_eq!(
            holds(source, &Known::nothing().int("line.quantity", facts)),
            Ok(true),
            "{source}"
        );
    }
}

#[test]
fn an_error_does_not_count_beside_a_value_that_decides() {
    for (source, value) in [
        (format!("{BIG} && false"), Ok(false)),
        (format!("false && {BIG}"), Ok(false)),
        (format!("true && {BIG} && true"), OVERFLOW),
        (format!("{BIG} && true && false"), Ok(false)),
        (format!("{BIG} || true"), Ok(true)),
        (format!("true || {BIG}"), Ok(true)),
        (format!("false || {BIG} || false"), OVERFLOW),
        (format!("!({BIG})"), OVERFLOW),
        (format!("{BIG} ? true : true"), OVERFLOW),
        (format!("true ? true : {BIG}"), Ok(true)),
        (format!("false ? {BIG} : true"), Ok(true)),
        (format!("({BIG}) == ({BIG})"), OVERFLOW),
        (format!("({BIG}) in [true, false]"), OVERFLOW),
        (
            "party.visits.exists(x, 9223372036854775807 + x > 0)".to_owned(),
            Ok(true),
        ),
        ("party.visits.all(x, 9223372036854775807 + x < 0)".to_owned(), Ok(false)),
        (
            "party.visits.exists(x, 9223372036854775807 + x == 1)".to_owned(),
            OVERFLOW,
        ),
        ("party.visits.all(x, 9223372036854775807 + x > 0)".to_owned(), OVERFLOW),
    ] {
        assert_eq!(
            holds(&source, &one().ints("party.visits", &[1, 2, 0, -1])),
            value,
            "{source}"
        );
    }
}

#[test]
fn texts_are_counted_and_ordered_by_code_points() {
    let facts = Known::nothing()
        .text("line.group", "né😀")
        .text("receipt.date", "2026-11-24");
    for source in [
        "size(line.group) == 3 && line.group.size() == 3",
        // In UTF-16 the emoji would come first.
        "\"\u{ffee}\" < \"😀\"",
        "receipt.date >= \"2026-11-01\" && receipt.date < \"2026-12-01\"",
        "line.group.startsWith(\"n\") && line.group.endsWith(\"😀\") && line.group.contains(\"é\") && line.group.contains(\"\")",
        "!line.group.startsWith(\"é\") && !line.group.endsWith(\"n\") && !line.group.contains(\"x\")",
        r#""\u00e9\x41\n\101\"" == 'éA
A"'"#
            .replace('\n', r"\n")
            .as_str(),
        r#"r"\n" == "\\n""#,
    ] {
        assert_eq!(holds(source, &facts), Ok(true), "{source}");
    }
}

#[test]
fn a_bool_field_reads_as_it_is() {
    for value in [true, false] {
        let facts = Known::nothing().bool("receipt.online", value);
        assert_eq!(holds("receipt.online", &facts), Ok(value));
        assert_eq!(holds("receipt.online in [false]", &facts), Ok(!value));
    }
}

#[test]
fn a_macro_sees_the_value_and_the_facts() {
    let facts = one()
        .texts("party.tags", &["paper", "gift"])
        .ints("party.visits", &[3, 1])
        .text("line.group", "gift");
    for (source, value) in [
        ("party.tags.exists(x, x == line.group)", true),
        ("party.tags.all(x, x.size() >= 4)", true),
        ("party.tags.all(x, x in [\"gift\"])", false),
        ("party.visits.exists(n, n == line.quantity)", true),
        ("party.visits.all(n, n in party.visits && !(n in [7]))", true),
        ("party.visits.all(n, n > line.quantity)", false),
        ("party.visits.all(x, x > 0) && party.tags.exists(x, x > \"o\")", true),
    ] {
        assert_eq!(holds(source, &facts), Ok(value), "{source}");
    }
}

/// Facts of another type than their field's.
struct Wrong;

impl Facts for Wrong {
    fn fact(&self, field: usize) -> Fact<'_> {
        match field {
            1 => Fact::Text("Monday"),
            8 => Fact::Ints(&[1]),
            9 => Fact::Texts(Texts::Borrowed(&["a"])),
            _ => Fact::Int(1),
        }
    }
}

#[test]
fn a_fact_of_another_type_is_no_value() {
    for (source, field) in [
        ("receipt.store == \"\"", "receipt.store"),
        ("receipt.weekday == 0", "receipt.weekday"),
        ("receipt.online", "receipt.online"),
        ("\"a\" in party.tags", "party.tags"),
        ("1 in party.visits", "party.visits"),
        ("size(party.tags) == 1", "party.tags"),
        ("party.visits.all(x, true)", "party.visits"),
    ] {
        assert_eq!(
            compile(source).holds(&Wrong),
            Err(Unevaluable::OutsideSchema { field }),
            "{source}"
        );
    }
    assert_eq!(compile("receipt.online || true").holds(&Wrong), Ok(true));
    // Whether it is set can still be told.
    assert_eq!(compile("has(receipt.online)").holds(&Wrong), Ok(true));
}

#[test]
fn a_list_beyond_the_bound_is_no_value() {
    let longest = usize::try_from(LIST_MAX).expect("a length");
    for (length, value) in [(longest, Ok(true)), (longest + 1, Err("party."))] {
        let facts = Known::nothing()
            .ints("party.visits", &vec![1; length])
            .texts("party.tags", &vec!["a"; length]);
        for source in [
            "1 in party.visits",
            "\"a\" in party.tags",
            "size(party.tags) > 0",
            "party.visits.exists(x, true)",
        ] {
            let found = holds(source, &facts).map_err(|error| match error {
                Unevaluable::OutsideSchema { field } => &field[..6],
                Unevaluable::Overflow => "overflow",
            });
            assert_eq!(found, value, "{source} {length}");
        }
    }
}

#[test]
fn facts_can_be_borrowed_in_either_way_and_asked_through_a_reference() {
    struct Tags<'a>(Fact<'a>);
    impl Facts for Tags<'_> {
        fn fact(&self, _: usize) -> Fact<'_> {
            self.0
        }
    }
    let (borrowed, owned) = (["a", "b"], ["a".to_owned(), "b".to_owned()]);
    for tags in [Fact::from(&borrowed[..]), Fact::from(&owned[..])] {
        let facts: &dyn Facts = &Tags(tags);
        assert_eq!(
            compile("\"b\" in party.tags && !(\"c\" in party.tags) && size(party.tags) == 2").holds(facts),
            Ok(true)
        );
    }
    assert_eq!(compile("line.group == \"a\"").holds(&Tags("a".into())), Ok(true));
}

#[test]
fn an_error_says_what_is_wrong() {
    assert_eq!(
        Unevaluable::Overflow.to_string(),
        "a result of the condition's arithmetic does not fit in 64 bits"
    );
    let outside = Unevaluable::OutsideSchema { field: "party.tags" };
    assert_eq!(
        outside.to_string(),
        "the fact party.tags does not fit its schema: it is of another type or a longer list"
    );
}
