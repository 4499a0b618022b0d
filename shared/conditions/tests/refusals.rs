//! What is outside the subset or does not fit the schema is refused where it stands, with words that help.

mod common;

use common::{SCHEMA, compile, flaws};
use conditions::{COST_MAX, Code, Condition, Field, LIST_LITERAL_MAX, Schema, Type};

/// The one flaw of a source: its kind, the text that stands at its place, and what it says.
fn only_flaw(source: &str) -> (Code, String, String) {
    let flaws = flaws(source);
    assert_eq!(flaws.len(), 1, "{source}: {flaws:?}");
    let place = source.chars().skip(flaws[0].at).collect();
    (flaws[0].code, place, flaws[0].text.clone())
}

/// Each source has this flaw alone; its place begins with the second text and it says the third.
fn assert_refused(code: Code, cases: &[(&str, &str, &str)]) {
    for (source, place, says) in cases {
        let (found, at, text) = only_flaw(source);
        assert_eq!(found, code, "{source}: {text}");
        assert!(
            at.starts_with(place) && at.is_empty() == place.is_empty(),
            "{source}: at {at:?}"
        );
        assert!(text.contains(says), "{source}: {text}");
    }
}

#[test]
fn unknown_names_are_refused_with_the_close_ones() {
    assert_refused(
        Code::UnknownName,
        &[
            (
                "true && receipt.stor == \"B01\"",
                "receipt.stor",
                "there is no field `receipt.stor`; did you mean receipt.store?",
            ),
            (
                "\"é\" == \"é\" && store == \"B01\"",
                "store",
                "did you mean receipt.store?",
            ),
            (
                "receipt.quantity > 1",
                "receipt.quantity",
                "did you mean line.quantity?",
            ),
            (
                "receipt.store.name == \"x\"",
                "receipt.store.name",
                "there is no field `receipt.store.name`",
            ),
            ("has(receipt.shop)", "has(", "there is no field `receipt.shop`"),
            ("weather.rain", "weather.rain", "there is no field `weather.rain`"),
            (
                "line == 1",
                "line ",
                "`line` is a group of fields; name one of them: line.group, line.quantity, line.reduced",
            ),
            ("party.tags.exists(x, y == \"a\")", "y", "there is no field `y`"),
            (
                "party.tags.exists(x, x == \"a\") && x == \"a\"",
                "x == \"a\"",
                "there is no field `x`",
            ),
            (
                ".receipt.store == \"x\"",
                "receipt",
                "there is no field `.receipt.store`",
            ),
        ],
    );
    let (_, place, text) = only_flaw("weather.rain");
    assert_eq!(
        (place.as_str(), text.as_str()),
        ("weather.rain", "there is no field `weather.rain`")
    );
}

#[test]
fn values_of_a_wrong_type_are_refused() {
    assert_refused(
        Code::WrongType,
        &[
            (
                "receipt.total",
                "receipt.total",
                "the condition as a whole must be a bool, but is an int",
            ),
            (
                "\"yes\"",
                "\"yes\"",
                "the condition as a whole must be a bool, but is a text",
            ),
            ("party.tags", "party.tags", "must be a bool, but is a list of texts"),
            (
                "true && line.quantity",
                "line.quantity",
                "each side of `&&` must be a bool, but is an int",
            ),
            (
                "line.quantity || true",
                "line.quantity",
                "each side of `||` must be a bool",
            ),
            (
                "!line.group",
                "line.group",
                "what stands after `!` must be a bool, but is a text",
            ),
            (
                "-line.group == 1",
                "line.group",
                "what stands after `-` must be an int, but is a text",
            ),
            (
                "line.group == 1",
                "line.group",
                "only values of one type can be compared, but these are a text and an int",
            ),
            ("true < false", "true", "bools have no order"),
            ("true <= false", "true", "bools have no order"),
            ("party.tags == party.tags", "party.tags ==", "lists cannot be compared"),
            ("1 == party.visits", "party.visits", "lists cannot be compared"),
            (
                "\"a\" + 1 == 1",
                "\"a\"",
                "each side of `+` must be an int, but is a text",
            ),
            (
                "1 - true == 0",
                "true",
                "each side of `-` must be an int, but is a bool",
            ),
            ("1 * \"2\" == 0", "\"2\"", "each side of `*` must be an int"),
            ("true / 2 == 0", "true", "each side of `/` must be an int"),
            ("true % 2 == 0", "true", "each side of `%` must be an int"),
            (
                "1 ? true : false",
                "1",
                "what stands before `?` must be a bool, but is an int",
            ),
            (
                "true ? true : 1",
                "1",
                "both results of a choice must be of one type, but they are a bool and an int",
            ),
            (
                "(true ? party.tags : 1) == 1",
                "party.tags",
                "a choice cannot give a list",
            ),
            (
                "(true ? 1 : party.tags) == 1",
                "party.tags",
                "a choice cannot give a list",
            ),
            (
                "1 in party.tags",
                "1",
                "this is an int and cannot be in a list of texts",
            ),
            (
                "\"a\" in party.visits",
                "\"a\"",
                "this is a text and cannot be in a list of ints",
            ),
            (
                "\"a\" in [1]",
                "\"a\"",
                "this is a text and cannot be in a list of ints",
            ),
            ("1 in [true]", "1 in", "this is an int and cannot be in a list of bools"),
            (
                "true in [\"a\"]",
                "true",
                "this is a bool and cannot be in a list of texts",
            ),
            (
                "\"a\" in line.group",
                "line.group",
                "a list must stand after `in`, but this is a text; to look into a text write",
            ),
            ("1 in 2", "2", "a list must stand after `in`, but this is an int"),
            (
                "size(1) == 1",
                "1)",
                "only texts and lists have a size, but this is an int",
            ),
            (
                "line.quantity.size() == 1",
                "line.quantity",
                "only texts and lists have a size",
            ),
            (
                "line.quantity.contains(\"1\")",
                "line.quantity",
                "before and within `contains` must be a text, but is an int",
            ),
            (
                "line.group.startsWith(1)",
                "1",
                "before and within `startsWith` must be a text, but is an int",
            ),
            (
                "party.tags.endsWith(\"a\")",
                "party.tags",
                "before and within `endsWith` must be a text, but is a list of texts",
            ),
            (
                "line.group.exists(x, true)",
                "line.group",
                "asked of a list, but this is a text",
            ),
            (
                "[1, 2].exists(x, x == 1)",
                "[1, 2]",
                "asked of a field; of literals write `in`",
            ),
            (
                "party.visits.all(x, x)",
                "x)",
                "the condition in `exists` and `all` must be a bool, but is an int",
            ),
            (
                "party.tags.all(x, x.length == 1)",
                "length",
                "`x` is a text and has no parts",
            ),
            (
                "party.tags.all(x, has(x.length))",
                "length",
                "`x` is a text and has no parts",
            ),
        ],
    );
}

#[test]
fn what_cel_has_and_the_subset_has_not_is_refused_by_name() {
    assert_refused(
        Code::Unsupported,
        &[
            ("receipt.total > 1.5", "1.5", "decimals are not available"),
            ("receipt.total > 1e3", "1e3", "decimals are not available"),
            ("receipt.total > 1u", "1u", "unsigned numbers are not available"),
            ("receipt.store == b\"x\"", "b\"x\"", "bytes are not available"),
            (
                "receipt.store == null",
                "null",
                "`null` is not available; `has(group.name)`",
            ),
            (
                "receipt.store.matches(\"B.*\")",
                "matches",
                "use startsWith, endsWith or contains",
            ),
            (
                "timestamp(receipt.date) > 1",
                "timestamp",
                "dates are texts such as \"2026-11-24\"",
            ),
            ("duration(\"1h\") > 1", "duration", "dates are texts"),
            (
                "int(receipt.store) > 1",
                "int(",
                "there is no function `int`; there are size,",
            ),
            (
                "receipt.store.lowerAscii() == \"b\"",
                "lowerAscii",
                "there is no function `lowerAscii`",
            ),
            ("party.visits[0] == 1", "[0]", "single values of a list cannot be read"),
            ("{\"a\": 1} == 1", "{", "maps and structures are not available"),
            ("Receipt{total: 1} == 1", "{", "maps and structures are not available"),
            (
                "receipt.`store` == \"x\"",
                "`store`",
                "names in backticks are not available",
            ),
            (
                "party.tags.map(x, x) == 1",
                "map",
                "of the list functions only `exists` and `all`",
            ),
            (
                "party.tags.filter(x, true) == 1",
                "filter",
                "of the list functions only",
            ),
            (
                "party.tags.exists_one(x, true)",
                "exists_one",
                "of the list functions only",
            ),
            (
                "party.tags.existsOne(x, true)",
                "existsOne",
                "of the list functions only",
            ),
            (
                "party.tags.exists(x, party.visits.all(y, true))",
                "all",
                "cannot stand inside each other",
            ),
            (
                "party.tags.exists(x)",
                "exists",
                "`exists` is asked of a list, with a name and a condition",
            ),
            (
                "all(x, true)",
                "all",
                "`all` is asked of a list, with a name and a condition",
            ),
            (
                "party.tags.exists(line, true)",
                "exists",
                "`line` is a group of fields; give the value another name",
            ),
            ("size() == 1", "size", "`size` takes one text or list"),
            ("line.group.size(1) == 1", "size", "`size` takes one text or list"),
            ("contains(line.group, \"a\")", "contains", "text.contains(part)"),
            ("line.group.endsWith() || true", "endsWith", "text.endsWith(part)"),
            ("startsWith(\"a\") || true", "startsWith", "text.startsWith(part)"),
            ("has(line.group, line.group)", "has", "`has` takes one field"),
            ("[1, 2] == 1", "[1", "a list of literals can only stand after `in`"),
            (
                "size([1, 2]) == 2",
                "[1",
                "a list of literals can only stand after `in`",
            ),
            (
                "(true ? line.group : line.group).size",
                "size",
                "only fields have parts",
            ),
            ("has(line.group).x == 1", "x", "only fields have parts"),
            ("has(line.group.size().x)", "x)", "only fields have parts"),
        ],
    );
}

#[test]
fn lists_of_literals_hold_some_values_of_one_type() {
    assert_refused(
        Code::BadList,
        &[
            ("1 in []", "[]", "nothing is in an empty list"),
            ("1 in [1, \"a\"]", "[1", "the values of a list must be of one type"),
            (
                "\"a\" in [\"a\", 1]",
                "[\"a\"",
                "the values of a list must be of one type",
            ),
            ("true in [true, 1]", "[true", "the values of a list must be of one type"),
            (
                "1 in [1, line.quantity]",
                "line.quantity",
                "a list can only hold literals",
            ),
            ("1 in [1, [1]]", "[1]]", "a list can only hold literals"),
        ],
    );
    assert_refused(
        Code::Unsupported,
        &[("1 in [1, 1.5]", "1.5", "decimals are not available")],
    );
    compile(&format!("1 in [{}1]", "1,".repeat(LIST_LITERAL_MAX - 1)));
    assert_refused(
        Code::BadList,
        &[(
            &format!("1 in [{}1]", "1,".repeat(LIST_LITERAL_MAX)),
            "[1,",
            "the list has 201 values; at most 200 are possible",
        )],
    );
}

#[test]
fn a_divisor_is_a_literal_other_than_zero() {
    for source in [
        "line.quantity / 0 == 1",
        "line.quantity % 0 == 1",
        "line.quantity / 0x0 == 1",
    ] {
        assert_refused(
            Code::BadDivisor,
            &[(source, "0", "only a literal number other than zero")],
        );
    }
    for operator in ["/", "%"] {
        let source = format!("1 {operator} line.quantity == 1");
        assert_refused(
            Code::BadDivisor,
            &[(&source, "line.quantity", "only a literal number other than zero")],
        );
    }
    for source in ["1 / (1 + 1) == 1", "1 % (-(-1)) == 0"] {
        assert_eq!(only_flaw(source).0, Code::BadDivisor, "{source}");
    }
    compile("line.quantity / -2 == line.quantity % (7)");
}

#[test]
fn what_is_not_cel_is_refused_where_it_breaks() {
    assert_refused(
        Code::Syntax,
        &[
            ("", "", "mismatched input"),
            ("true &&", "", "mismatched input"),
            ("(true", "", "expected ')'"),
            ("true &&\n\n  * ", "* ", "unexpected token"),
            ("true & true", "& true", "unexpected single '&'"),
            ("line.group == \"paper", "\"paper", "unterminated string literal"),
            ("line.group == \"pa\nper\"", "\"pa", "write \\n for a line break"),
            ("line.group == r'pa\rper'", "r'pa", "write \\n for a line break"),
            ("line.group = \"paper\"", "= \"paper\"", ""),
            ("line.quantity == 0X1F", "0X1F", "with a small x"),
            (
                "line.quantity == 9223372036854775808",
                "9223372036854775808",
                "invalid int literal",
            ),
            ("line.quantity == 1 é", "é", "unexpected character"),
            ("has(true)", "true", "invalid argument to has() macro"),
            (
                "party.tags.exists(1, true)",
                "1, true",
                "argument must be a simple name",
            ),
            ("line.for == 1 && for == 1", "for == 1", "reserved identifier: for"),
            ("line.?group == \"a\"", ".?group", "unsupported syntax"),
        ],
    );
    compile("line.group == '''pa\nper''' && line.group == r\"\"\"\n\"\"\"");
    compile("true // the rest of a line is a comment: { \" é\n && true");
}

#[test]
fn every_flaw_is_said_in_the_order_of_the_source() {
    let found: Vec<_> = flaws("receipt.stor == 1.5 && unknown")
        .iter()
        .map(|flaw| (flaw.at, flaw.code.as_str()))
        .collect();
    assert_eq!(found, [(0, "unknown_name"), (16, "unsupported"), (23, "unknown_name")]);
    let found = flaws(
        "(true ? nothing.a : 1) in [null] || !(1 + nothing.b in [nothing.c]) || matches(nothing.d, 1.5) || nothing.e[nothing.f]",
    );
    assert_eq!(
        found.iter().map(|flaw| flaw.at).collect::<Vec<_>>(),
        [8, 27, 42, 56, 71, 79, 90, 98, 107, 108]
    );
    let found = flaws("nothing.a ? nothing.b : nothing.c");
    assert_eq!(found.iter().map(|flaw| flaw.at).collect::<Vec<_>>(), [0, 12, 24]);
    let found = flaws("nothing.a.exists(x, 1 == true) && nothing.b < nothing.c || nothing.d.contains(nothing.e)");
    assert_eq!(
        found.iter().map(|flaw| flaw.at).collect::<Vec<_>>(),
        [0, 34, 46, 59, 78]
    );
    let found = flaws("{} || {} || x.map(y, z)");
    assert_eq!(found.iter().map(|flaw| flaw.at).collect::<Vec<_>>(), [0, 6, 14]);
}

#[test]
fn a_flaw_shows_its_place_and_its_code_has_a_stable_name() {
    assert_eq!(
        flaws("true && 1")[0].to_string(),
        "at character 8: each side of `&&` must be a bool, but is an int"
    );
    let names = [
        (Code::TooLong, "too_long"),
        (Code::TooDeep, "too_deep"),
        (Code::Syntax, "syntax"),
        (Code::Unsupported, "unsupported"),
        (Code::UnknownName, "unknown_name"),
        (Code::WrongType, "wrong_type"),
        (Code::BadList, "bad_list"),
        (Code::BadDivisor, "bad_divisor"),
        (Code::TooCostly, "too_costly"),
    ];
    for (code, name) in names {
        assert_eq!((code.as_str(), code.to_string().as_str()), (name, name));
    }
}

#[test]
fn the_cost_is_the_steps_of_the_worst_case() {
    for (source, steps) in [
        ("true", 1),
        ("receipt.online", 1),
        ("has(receipt.online)", 1),
        ("!true", 2),
        ("true && false && true", 4),
        ("true || false", 3),
        ("true == false", 3),
        ("1 < 2", 3),
        ("\"a\" < \"b\"", 3),
        ("-line.quantity == 1 + 2", 6),
        ("size(\"a\") == size(party.tags)", 4),
        ("\"a\".contains(\"b\")", 3),
        ("true in [true, false]", 4),
        ("1 in [1, 2, 3]", 5),
        ("\"a\" in [\"b\"]", 3),
        ("1 in party.visits", 2 + 8),
        ("\"a\" in party.tags", 2 + 8),
        ("party.visits.all(x, x > 1)", 1 + 8 * (3 + 1)),
        ("party.tags.exists(x, true)", 1 + 8 * (1 + 1)),
        ("true ? true : 1 < 2", 1 + 1 + 3),
        ("true ? 1 < 2 : true", 1 + 1 + 3),
        ("(true ? 1 : 2 + 3) == 1", 1 + (1 + 1 + 3) + 1),
        ("(!true ? \"a\" : \"b\") == \"a\"", 1 + (1 + 2 + 1) + 1),
    ] {
        assert_eq!(compile(source).cost(), steps, "{source}");
    }
}

#[test]
fn what_costs_too_much_is_refused_with_its_cost() {
    const FIELDS: &[Field] = &[Field {
        name: "party.visits",
        kind: Type::Ints,
        doc: "",
    }];
    let source = "party.visits.all(x, x > 1)";
    let cost = |list_max| Condition::compile(source, &Schema::new(FIELDS, list_max)).map(|condition| condition.cost());
    assert_eq!(cost(2_499), Ok(9_997));
    let found = cost(2_500).expect_err("it costs 10,001 steps");
    assert_eq!((found.len(), found[0].at, found[0].code), (1, 0, Code::TooCostly));
    assert_eq!(
        found[0].text,
        "the condition takes 10001 steps in the worst case; at most 10000 are possible"
    );
    assert_eq!(cost(u32::MAX).expect_err("it costs more")[0].code, Code::TooCostly);
    let exactly = Condition::compile("party.visits.all(x, true) || !true", &Schema::new(FIELDS, 4_998));
    assert_eq!(exactly.map(|condition| condition.cost()), Ok(COST_MAX));
}

#[test]
fn a_condition_shows_its_source_and_the_fields_it_reads() {
    let source =
        "line.group == \"a\" || has(receipt.store) && party.tags.exists(x, x == line.group) && 1 in party.visits";
    let condition = compile(source);
    assert_eq!(condition.source(), source);
    assert_eq!(
        condition.fields().collect::<Vec<_>>(),
        ["receipt.store", "line.group", "party.tags", "party.visits"]
    );
    assert_eq!(compile("true").fields().count(), 0);
    assert_eq!(condition, condition.clone());
    assert_ne!(compile("true"), compile("true "));
    assert!(format!("{condition:?}").contains("line.group"));
}

#[test]
fn a_condition_can_be_shared_between_threads() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Condition>();
}

#[test]
fn a_schema_shows_what_it_was_made_of() {
    assert_eq!(SCHEMA.fields(), common::FIELDS);
    assert_eq!(SCHEMA.list_max(), common::LIST_MAX);
    assert_eq!(
        [Type::Bool, Type::Int, Type::Text, Type::Texts, Type::Ints].map(|kind| kind.to_string()),
        ["a bool", "an int", "a text", "a list of texts", "a list of ints"]
    );
}
