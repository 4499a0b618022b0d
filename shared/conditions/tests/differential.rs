//! Random conditions over random facts have the value that the interpreter of the CEL crate gives them: the subset is CEL.
//!
//! The reference parses with its own, generated parser, so both parsers are compared as well. It knows no facts that are not
//! set: it gets their default, and `has(a.b)` becomes a bool of its own.

mod common;

use std::cell::Cell;
use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};

use cel::{Context, Program, Value as Cel};
use common::{FIELDS, Known, LIST_MAX, SCHEMA, Value};
use conditions::{Code, Condition, Field, Type};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

const TEXTS: [&str; 12] = [
    "",
    "a",
    "ab",
    "b",
    "aba",
    "é",
    "日本",
    "😀",
    "paper",
    "2026-11-24",
    "it's \"so\"",
    "a\\b\n",
];
const INTS: [i64; 14] = [
    0,
    1,
    -1,
    2,
    3,
    -7,
    6,
    100,
    i64::MAX,
    i64::MIN,
    i64::MAX - 2,
    i64::MIN + 1,
    i64::MAX / 2,
    -4_611_686_018_427_387_905,
];

/// Choices that a random condition is made of: a shorter tape makes a smaller condition, so that failures shrink.
struct Tape<'t> {
    choices: std::slice::Iter<'t, u8>,
    /// The name and type of what a macro looks at.
    item: Option<(&'static str, Type)>,
}

impl Tape<'_> {
    fn pick(&mut self, of: usize) -> usize {
        usize::from(self.choices.next().copied().unwrap_or(0)) % of
    }

    fn one_of<T: Copy>(&mut self, values: &[T]) -> T {
        values[self.pick(values.len())]
    }

    fn field(&mut self, kind: Type) -> &'static str {
        let names: Vec<_> = FIELDS
            .iter()
            .filter(|field| field.kind == kind)
            .map(|field| field.name)
            .collect();
        self.one_of(&names)
    }

    fn bool(&mut self, depth: usize) -> String {
        if depth == 0 {
            return match self.pick(5) {
                0 => "true".to_owned(),
                1 => "false".to_owned(),
                2 => format!("has({})", FIELDS[self.pick(FIELDS.len())].name),
                _ => self.field(Type::Bool).to_owned(),
            };
        }
        let below = depth - 1;
        match self.pick(16) {
            0 => self.bool(0),
            // Without brackets, so that precedence counts.
            1 | 2 => format!("{} && {}", self.bool_part(below), self.bool_part(below)),
            3 | 4 => format!("{} || {}", self.bool_part(below), self.bool_part(below)),
            5 => format!("{}({})", self.one_of(&["!", "!!", "!!!"]), self.bool(below)),
            6 => format!(
                "({} ? {} : {})",
                self.bool_part(below),
                self.bool_part(below),
                self.bool(below)
            ),
            7 => format!(
                "(({}) {} ({}))",
                self.bool(below),
                self.one_of(&["==", "!="]),
                self.bool(below)
            ),
            8..=10 => format!("{} {} {}", self.int(below), self.comparison(), self.int(below)),
            11 => format!("{} {} {}", self.text(below), self.comparison(), self.text(below)),
            12 => self.within(below),
            13 => {
                let function = self.one_of(&["startsWith", "endsWith", "contains"]);
                format!("{}.{function}({})", self.text(below), self.text(below))
            }
            _ => self.each(below),
        }
    }

    /// A bool that may stand beside `&&`, `||` or in a choice.
    fn bool_part(&mut self, depth: usize) -> String {
        let part = self.bool(depth);
        if self.pick(3) == 0 { format!("({part})") } else { part }
    }

    fn comparison(&mut self) -> &'static str {
        self.one_of(&["==", "!=", "<", "<=", ">", ">="])
    }

    fn within(&mut self, depth: usize) -> String {
        match self.pick(5) {
            0 => format!("{} in {}", self.int(depth), self.field(Type::Ints)),
            1 => format!("{} in {}", self.text(depth), self.field(Type::Texts)),
            2 => format!(
                "({}) in [{}]",
                self.bool(depth),
                self.one_of(&["true", "false", "true, false"])
            ),
            3 => {
                let list: Vec<_> = (0..=self.pick(4)).map(|_| self.one_of(&INTS).to_string()).collect();
                format!("{} in [{}]", self.int(depth), list.join(", "))
            }
            _ => {
                let list: Vec<_> = (0..=self.pick(4)).map(|_| self.text_literal()).collect();
                format!("{} in [{}]", self.text(depth), list.join(", "))
            }
        }
    }

    fn each(&mut self, depth: usize) -> String {
        if self.item.is_some() {
            return self.bool(depth.min(1).saturating_sub(1));
        }
        let (list, kind) = self.one_of(&[(Type::Ints, Type::Int), (Type::Texts, Type::Text)]);
        let (name, field, function) = (
            self.one_of(&["x", "tag", "all"]),
            self.field(list),
            self.one_of(&["exists", "all"]),
        );
        self.item = Some((name, kind));
        let body = self.bool(depth);
        self.item = None;
        format!("{field}.{function}({name}, {body})")
    }

    fn int(&mut self, depth: usize) -> String {
        let item = self.item.filter(|(_, kind)| *kind == Type::Int);
        if let Some((name, _)) = item
            && self.pick(3) == 1
        {
            return name.to_owned();
        }
        if depth == 0 {
            return match self.pick(3) {
                0 => self.one_of(&INTS).to_string(),
                1 => self.one_of(&["0x1F", "-0x10", "007"]).to_owned(),
                _ => self.field(Type::Int).to_owned(),
            };
        }
        let below = depth - 1;
        match self.pick(10) {
            0 | 1 => self.int(0),
            2..=4 => format!(
                "{} {} {}",
                self.int_part(below),
                self.one_of(&["+", "-", "*"]),
                self.int_part(below)
            ),
            5 => format!(
                "{} {} {}",
                self.int_part(below),
                self.one_of(&["/", "%"]),
                self.one_of(&["2", "-1", "7", "-3"])
            ),
            6 => format!("{}({})", self.one_of(&["-", "--"]), self.int(below)),
            7 => format!("({} ? {} : {})", self.bool(below), self.int(below), self.int(below)),
            8 => {
                let kind = self.one_of(&[Type::Ints, Type::Texts]);
                let list = self.field(kind);
                if self.pick(2) == 0 {
                    format!("size({list})")
                } else {
                    format!("{list}.size()")
                }
            }
            _ => {
                let text = self.text(below);
                if self.pick(2) == 0 {
                    format!("size({text})")
                } else {
                    format!("{text}.size()")
                }
            }
        }
    }

    fn int_part(&mut self, depth: usize) -> String {
        let part = self.int(depth);
        if self.pick(3) == 0 { format!("({part})") } else { part }
    }

    fn text(&mut self, depth: usize) -> String {
        let item = self.item.filter(|(_, kind)| *kind == Type::Text);
        if let Some((name, _)) = item
            && self.pick(3) == 1
        {
            return name.to_owned();
        }
        if depth == 0 {
            return if self.pick(2) == 0 {
                self.text_literal()
            } else {
                self.field(Type::Text).to_owned()
            };
        }
        let below = depth - 1;
        match self.pick(4) {
            0 => format!("({} ? {} : {})", self.bool(below), self.text(below), self.text(below)),
            _ => self.text(0),
        }
    }

    fn text_literal(&mut self) -> String {
        let text = self.one_of(&TEXTS);
        let escaped = text.replace('\\', r"\\").replace('\n', r"\n");
        match self.pick(5) {
            0 => format!("'{}'", escaped.replace('\'', r"\'")),
            1 => format!("'''{text}'''").replace('\\', r"\\"),
            2 if !text.contains(['"', '\n']) => format!("r\"{text}\""),
            3 => format!(
                "\"{}\"",
                text.chars()
                    .map(|c| format!(r"\U{:08x}", u32::from(c)))
                    .collect::<String>()
            ),
            _ => format!("\"{}\"", escaped.replace('"', r#"\""#)),
        }
    }
}

fn random_condition(choices: &[u8]) -> String {
    let mut tape = Tape {
        choices: choices.iter(),
        item: None,
    };
    tape.bool(4)
}

fn value(kind: Type) -> BoxedStrategy<Value> {
    let lists = 0..=usize::try_from(LIST_MAX).unwrap();
    let text = prop::sample::select(&TEXTS[..]).prop_map(str::to_owned);
    let set = match kind {
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int => prop::sample::select(&INTS[..]).prop_map(Value::Int).boxed(),
        Type::Text => text.prop_map(Value::Text).boxed(),
        Type::Texts => prop::collection::vec(text, lists).prop_map(Value::Texts).boxed(),
        Type::Ints => prop::collection::vec(prop::sample::select(&INTS[..]), lists)
            .prop_map(Value::Ints)
            .boxed(),
    };
    prop_oneof![1 => Just(Value::Unset), 4 => set].boxed()
}

fn facts() -> impl Strategy<Value = Known> {
    FIELDS
        .iter()
        .map(|field| value(field.kind))
        .collect::<Vec<_>>()
        .prop_map(Known)
}

fn cel(value: &Value, kind: Type) -> Cel {
    match (value, kind) {
        (Value::Bool(value), _) => (*value).into(),
        (Value::Int(value), _) => (*value).into(),
        (Value::Text(value), _) => value.clone().into(),
        (Value::Texts(values), _) => values.clone().into(),
        (Value::Ints(values), _) => values.clone().into(),
        (Value::Unset, Type::Bool) => false.into(),
        (Value::Unset, Type::Int) => 0i64.into(),
        (Value::Unset, Type::Text) => "".into(),
        (Value::Unset, Type::Texts | Type::Ints) => Vec::<i64>::new().into(),
    }
}

/// The value that the reference gives, if any.
fn reference(source: &str, facts: &Known) -> Option<bool> {
    let mut groups: HashMap<&str, HashMap<String, Cel>> = HashMap::new();
    let mut source = source.to_owned();
    for (field, value) in FIELDS.iter().zip(&facts.0) {
        let (group, name) = field.name.split_once('.').unwrap();
        let set = field.name.replace('.', "_");
        source = source.replace(&format!("has({})", field.name), &format!("given.{set}"));
        groups
            .entry(group)
            .or_default()
            .insert(name.to_owned(), cel(value, field.kind));
        groups
            .entry("given")
            .or_default()
            .insert(set, (*value != Value::Unset).into());
    }
    let mut context = Context::default();
    for (group, values) in groups {
        context.add_variable_from_value(group, Cel::from(values));
    }
    let program =
        Program::compile(&source).unwrap_or_else(|errors| panic!("the reference does not take {source}: {errors}"));
    match program.execute(&context) {
        Ok(Cel::Bool(value)) => Some(value),
        Ok(other) => panic!("{source} gives {other:?}"),
        Err(cel::ExecutionError::Overflow(..)) => None,
        Err(error) => panic!("{source} fails with {error}"),
    }
}

/// The seed of this run: `SEED` of the environment, or a new one.
fn seed() -> u64 {
    let given = std::env::var("SEED")
        .ok()
        .map(|seed| seed.parse().expect("SEED is a number"));
    given.unwrap_or_else(|| RandomState::new().hash_one("seed"))
}

/// The reference's generated parser overflows the stack of a test's thread at 32 brackets in each other, perhaps before.
fn on_a_large_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(64 * 1024 * 1024).spawn(work);
    if let Err(panic) = thread.expect("a thread starts").join() {
        std::panic::resume_unwind(panic);
    }
}

fn runner(cases: u32) -> TestRunner {
    let seed = seed();
    println!("SEED={seed}");
    let bytes: Vec<u8> = seed.to_le_bytes().repeat(4);
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes))
}

#[test]
fn random_conditions_have_the_value_that_the_reference_gives_them() {
    on_a_large_stack(compare_random_conditions);
}

fn compare_random_conditions() {
    let cases =
        std::env::var("PROPTEST_CASES").map_or(1_000, |cases| cases.parse().expect("PROPTEST_CASES is a number"));
    let [yes, no, errors] = [const { Cell::new(0u32) }; 3];
    let tape = prop::collection::vec(any::<u8>(), 1..300);
    let result = runner(cases).run(&(tape, prop::collection::vec(facts(), 4)), |(choices, rounds)| {
        let source = random_condition(&choices);
        prop_assume!(source.chars().count() <= conditions::SOURCE_MAX);
        let condition = Condition::compile(&source, &SCHEMA);
        prop_assert!(condition.is_ok(), "{source}\n{condition:?}");
        for facts in rounds {
            let expected = reference(&source, &facts);
            let value = condition.as_ref().map(|condition| condition.holds(&facts).ok());
            prop_assert_eq!(value, Ok(expected), "{}\n{:?}", source, facts);
            let count = match expected {
                Some(true) => &yes,
                Some(false) => &no,
                None => &errors,
            };
            count.set(count.get() + 1);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    let [yes, no, errors] = [yes.get(), no.get(), errors.get()];
    println!("{yes} hold, {no} do not, {errors} fail");
    // A generator that forgot one of the three would prove little.
    assert!(
        yes > cases / 2 && no > cases / 2 && errors > cases / 50,
        "{yes} hold, {no} do not, {errors} fail"
    );
}

/// Every field of a source that is read by its name alone, by the character at which it stands.
fn fields_read(source: &str) -> Vec<(usize, &'static str)> {
    let found = FIELDS.iter().flat_map(|field| source.match_indices(field.name));
    found
        .filter(|(byte, _)| !source[..*byte].ends_with("has("))
        .map(|(byte, name)| (byte, FIELDS.iter().find(|field| field.name == name).unwrap().name))
        .collect()
}

#[test]
fn an_unknown_name_is_found_where_it_stands() {
    let tape = prop::collection::vec(any::<u8>(), 1..300);
    let result = runner(2_000).run(&(tape, any::<prop::sample::Index>()), |(choices, which)| {
        let source = random_condition(&choices);
        let fields = fields_read(&source);
        prop_assume!(!fields.is_empty() && source.chars().count() <= conditions::SOURCE_MAX);
        let (byte, name) = fields[which.index(fields.len())];
        let source = format!(
            "{}{}{}",
            &source[..byte],
            "q".repeat(name.len()),
            &source[byte + name.len()..]
        );
        let flaws = Condition::compile(&source, &SCHEMA).err().unwrap_or_default();
        let found: Vec<_> = flaws.iter().map(|flaw| (flaw.at, flaw.code)).collect();
        prop_assert_eq!(
            found,
            [(source[..byte].chars().count(), Code::UnknownName)],
            "{}",
            source
        );
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
}

/// The source with a character less, more or changed at some places.
fn damaged(source: &str, damages: &[(prop::sample::Index, u8, char)]) -> String {
    let mut characters: Vec<char> = source.chars().collect();
    for (place, kind, character) in damages {
        let place = place.index(characters.len() + 1);
        match kind {
            0 => characters.insert(place, *character),
            1 if place < characters.len() => characters[place] = *character,
            _ if place < characters.len() => {
                characters.remove(place);
            }
            _ => {}
        }
    }
    characters.into_iter().collect()
}

/// Whatever our side takes, the reference takes too, though it parses in another way, and both mean the same.
#[test]
fn a_damaged_condition_that_still_compiles_means_what_the_reference_means() {
    on_a_large_stack(compare_damaged_conditions);
}

fn compare_damaged_conditions() {
    let characters: Vec<char> = "()[]!-+*/%<>=&|?:.,\"'`\\rRbux01e_ \n\tiné".chars().collect();
    let damage = (any::<prop::sample::Index>(), 0u8..3, prop::sample::select(characters));
    let inputs = (
        prop::collection::vec(any::<u8>(), 1..60),
        prop::collection::vec(damage, 1..3),
        facts().prop_map(all_set),
    );
    let compiled = Cell::new(0u32);
    let result = runner(6_000).run(&inputs, |(choices, damages, facts)| {
        let source = damaged(&random_condition(&choices), &damages);
        if let Ok(condition) = Condition::compile(&source, &SCHEMA) {
            prop_assert_eq!(condition.holds(&facts).ok(), reference(&source, &facts), "{}", source);
            compiled.set(compiled.get() + 1);
        }
        Ok(())
    });
    if let Err(error) = result {
        panic!("{error}");
    }
    println!("{} compile", compiled.get());
    assert!(compiled.get() > 100, "{} compile", compiled.get());
}

/// `has()` may be written in ways that the reference is not shown: everything is set.
fn all_set(facts: Known) -> Known {
    let set = |(value, field): (Value, &Field)| match (value, field.kind) {
        (Value::Unset, Type::Bool) => Value::Bool(false),
        (Value::Unset, Type::Int) => Value::Int(0),
        (Value::Unset, Type::Text) => Value::Text(String::new()),
        (Value::Unset, Type::Texts) => Value::Texts(Vec::new()),
        (Value::Unset, Type::Ints) => Value::Ints(Vec::new()),
        (value, _) => value,
    };
    Known(facts.0.into_iter().zip(FIELDS).map(set).collect())
}
