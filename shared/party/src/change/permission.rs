//! What a party says about channels and lists, in the order in which it was said.

use chrono::{DateTime, Utc};

use super::{Refused, Sight};
use crate::Personal;
use crate::dated::{Permission, Permitted};
use crate::document::{PERMISSIONS_MAX, PartyDocument};
use crate::word::Word;

/// What a party says about a channel or a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Statement {
    /// What was said; it holds since it was said.
    pub said: Permission,
    /// When another system asked the question that this answers.
    pub asked: Option<DateTime<Utc>>,
    /// Whether the caller said when it was said; else the time is the one at which it came in.
    pub dated: bool,
}

impl PartyDocument {
    /// Notes what was said about a channel.
    ///
    /// # Errors
    /// [`Refused::NotConfirmed`], [`Refused::Full`], [`Refused::Undated`].
    pub fn consent(&mut self, wanted: Statement, double_opt_in: bool, sight: Sight) -> Result<(), Refused> {
        permit(&mut self.consents, wanted, double_opt_in, sight)
    }

    /// Notes what was said about a contact list.
    ///
    /// # Errors
    /// [`Refused::NotConfirmed`], [`Refused::Full`], [`Refused::Undated`].
    pub fn subscribe(&mut self, wanted: Statement, double_opt_in: bool, sight: Sight) -> Result<(), Refused> {
        permit(&mut self.lists, wanted, double_opt_in, sight)
    }
}

/// Where the permission `name` stands: a question that is open does not take a permission away that was given before.
pub fn standing<'a>(known: &'a [Permission], name: &Word) -> Option<&'a Permission> {
    let open = || {
        known
            .iter()
            .filter(|entry| entry.name == *name && entry.until.is_none())
    };
    let mut said = open().filter(|entry| entry.state != Permitted::Pending);
    said.next().or_else(|| open().next())
}

fn permit(known: &mut Vec<Permission>, statement: Statement, double_opt_in: bool, sight: Sight) -> Result<(), Refused> {
    let Statement {
        said: wanted,
        asked,
        dated,
    } = statement;
    let of = |entry: &&Permission| entry.name == wanted.name;
    // Said before: at that time, or, where nobody says when, as the last word.
    let repeats = |entry: &Permission| said(entry) == said(&wanted) && repeated(entry, &wanted, dated);
    if known.iter().filter(of).any(repeats) {
        return Ok(());
    }
    let stands = known.iter().any(|entry| of(&entry) && entry.until.is_none());
    if stands && !dated && sight == Sight::Unseen {
        return Err(Refused::Undated);
    }
    if !stands && known.iter().filter(|entry| entry.until.is_none()).count() >= PERMISSIONS_MAX {
        return Err(Refused::Full("permissions", PERMISSIONS_MAX));
    }
    if double_opt_in && wanted.state == Permitted::Granted {
        if wanted.proof.is_none() {
            return Err(Refused::NotConfirmed);
        }
        if !known.iter().filter(of).any(|entry| confirms(entry, &wanted)) {
            let asked = asked.ok_or(Refused::NotConfirmed)?;
            let since_asked = |entry: &Permission| asked <= entry.since && entry.since <= wanted.since;
            let no = |entry: &Permission| entry.state == Permitted::Withdrawn && since_asked(entry);
            if known.iter().filter(of).any(no) {
                return Err(Refused::NotConfirmed);
            }
            insert(known, question(&wanted, asked));
        }
    }
    let name = wanted.name.clone();
    insert(known, wanted);
    ends(known, &name);
    Ok(())
}

fn repeated(entry: &Permission, wanted: &Permission, dated: bool) -> bool {
    if dated {
        entry.since == wanted.since
    } else {
        entry.until.is_none()
    }
}

/// Whether `entry`, as it stood when `wanted` was said, makes it a permission: the question for the same text, or a permission
/// for it.
fn confirms(entry: &Permission, wanted: &Permission) -> bool {
    let stood = entry.since <= wanted.since && entry.until.is_none_or(|until| wanted.since <= until);
    stood && entry.state != Permitted::Withdrawn && entry.text_version == wanted.text_version
}

fn question(answer: &Permission, asked: DateTime<Utc>) -> Permission {
    Permission {
        state: Permitted::Pending,
        since: asked,
        proof: None,
        ..answer.clone()
    }
}

/// Puts an entry behind those of its name that were said before it, or at the same instant.
fn insert(known: &mut Vec<Permission>, wanted: Permission) {
    let later = known
        .iter()
        .position(|entry| entry.name == wanted.name && entry.since > wanted.since);
    known.insert(later.unwrap_or(known.len()), wanted);
}

/// Ends each entry of `name` with the next one that takes its place. So an older statement that comes late is history at once.
fn ends(known: &mut [Permission], name: &Word) {
    let said: Vec<_> = known
        .iter()
        .filter(|entry| entry.name == *name)
        .map(|entry| (entry.state, entry.since))
        .collect();
    let entries = known.iter_mut().filter(|entry| entry.name == *name);
    for (position, entry) in (1..).zip(entries) {
        let mut later = said.iter().skip(position);
        entry.until = later
            .find(|(state, _)| *state != Permitted::Pending || entry.state != Permitted::Granted)
            .map(|(_, since)| *since);
    }
}

/// What was said, apart from when.
fn said(permission: &Permission) -> (Permitted, &Word, Option<&Word>, Option<&Personal>) {
    let (text_version, proof) = (permission.text_version.as_ref(), permission.proof.as_ref());
    (permission.state, &permission.source, text_version, proof)
}
