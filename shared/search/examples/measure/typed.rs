//! What people type who look for a customer: fields that they know, in any order, with one or two errors (T6).

use std::collections::HashMap;

use search::{Name, Searchable, fold};

/// More equal parties than this nobody can rank.
const EQUAL_MAX: usize = 5;

/// What somebody knows of the customer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    GivenFamily,
    FamilyPostcode,
    GivenFamilyPostcode,
    RareFamily,
    Fragments,
    Email,
}

/// Ten queries in their mixture.
pub(crate) const KINDS: [Kind; 10] = [
    Kind::GivenFamily,
    Kind::GivenFamilyPostcode,
    Kind::FamilyPostcode,
    Kind::GivenFamily,
    Kind::RareFamily,
    Kind::GivenFamilyPostcode,
    Kind::Fragments,
    Kind::GivenFamily,
    Kind::FamilyPostcode,
    Kind::Email,
];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::GivenFamily => "given, family",
            Self::FamilyPostcode => "family, postcode",
            Self::GivenFamilyPostcode => "given, family, postcode",
            Self::RareFamily => "rare family name alone",
            Self::Fragments => "fragments, postcode",
            Self::Email => "e-mail",
        }
    }

    /// The fields; `None` for a party that lacks one.
    pub(crate) fn fields(self, party: &Searchable) -> Option<Vec<String>> {
        let Name::Person(given, family) = &party.names[0] else {
            return None;
        };
        let postcode = &party.places.first()?.postcode;
        let cut = |text: &str, n: usize| text.chars().take(n).collect::<String>();
        Some(match self {
            Self::GivenFamily => vec![given.clone(), family.clone()],
            Self::FamilyPostcode => vec![family.clone(), postcode.clone()],
            Self::GivenFamilyPostcode => vec![given.clone(), family.clone(), postcode.clone()],
            Self::RareFamily => vec![family.clone()],
            Self::Fragments => vec![cut(given, 4), cut(family, 6), postcode.clone()],
            Self::Email => vec![party.emails.first()?.clone()],
        })
    }

    /// The words in any order, with one or two errors; a fragment and a short name have one.
    pub(crate) fn typed(self, fields: &[String], random: &mut fastrand::Rng) -> String {
        let mut fields = fields.to_vec();
        random.shuffle(&mut fields);
        let letters: usize = fields.iter().map(|field| field.chars().count()).sum();
        let most = if matches!(self, Self::Fragments) || letters < 8 {
            1
        } else {
            2
        };
        for _ in 0..random.usize(1..=most) {
            // Each letter and digit is as likely to be mistyped as any other.
            let lengths: Vec<usize> = fields.iter().map(|field| field.chars().count()).collect();
            let mut letter = random.usize(..lengths.iter().sum::<usize>());
            let mut at = 0;
            while letter >= lengths[at] {
                letter -= lengths[at];
                at += 1;
            }
            fields[at] = with_error(&fields[at], random);
        }
        fields.join(" ")
    }
}

fn with_error(text: &str, random: &mut fastrand::Rng) -> String {
    let mut letters: Vec<char> = text.chars().collect();
    let any = |random: &mut fastrand::Rng| {
        if text.chars().all(|c| c.is_ascii_digit()) {
            random.digit(10)
        } else {
            random.lowercase()
        }
    };
    let at = random.usize(..letters.len());
    match random.u8(0..5) {
        0 => letters.insert(at, any(random)),
        1 if letters.len() > 3 => drop(letters.remove(at)),
        2 if at + 1 < letters.len() => letters.swap(at, at + 1),
        3 => letters[at] = any(random),
        _ => return umlauts(text),
    }
    letters.into_iter().collect()
}

/// The other spelling of an umlaut, or of what could be one.
fn umlauts(text: &str) -> String {
    for (from, to) in [
        ("ü", "ue"),
        ("ö", "oe"),
        ("ä", "ae"),
        ("ue", "ü"),
        ("oe", "ö"),
        ("é", "e"),
        ("ss", "ß"),
        ("ei", "ey"),
    ] {
        if text.contains(from) {
            return text.replacen(from, to, 1);
        }
    }
    text.to_owned()
}

/// How many parties have the same fields.
pub(crate) struct Equal(HashMap<u64, u32>);

impl Equal {
    pub(crate) fn of(parties: &[Searchable]) -> Self {
        let mut counts = HashMap::new();
        for party in parties {
            for kind in [
                Kind::GivenFamily,
                Kind::FamilyPostcode,
                Kind::RareFamily,
                Kind::GivenFamilyPostcode,
                Kind::Fragments,
                Kind::Email,
            ] {
                if let Some(fields) = kind.fields(party) {
                    *counts.entry(Self::mark(kind, &fields)).or_default() += 1;
                }
            }
        }
        Self(counts)
    }

    fn mark(kind: Kind, fields: &[String]) -> u64 {
        let folded: Vec<_> = fields.iter().map(|field| fold::compact(field)).collect();
        hash(&format!("{kind:?} {}", folded.join("|")))
    }

    /// Whether few enough parties have these fields.
    pub(crate) fn can_be_ranked(&self, kind: Kind, party: &Searchable) -> bool {
        kind.fields(party)
            .is_some_and(|fields| self.0[&Self::mark(kind, &fields)] as usize <= EQUAL_MAX)
    }
}

/// FNV-1a, spread.
pub(crate) fn hash(text: &str) -> u64 {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) ^ (hash >> 32)
}
