//! What can be done to a document. Each is a step that, done twice, changes nothing the second time. Nothing is
//! overwritten: an entry ends, and another one begins.

use chrono::{DateTime, NaiveDate, Utc};
use domain::id::PartyId;

use crate::Personal;
use crate::contact::{Contact, ContactId, Deliverability, Point, Purpose};
use crate::dated::{Classification, Identifier, Role};
use crate::document::{
    CLASSIFICATIONS_MAX, CONTACTS_MAX, FormerName, IDENTIFIERS_MAX, Identity, PartyDocument, ROLES_MAX,
};
use crate::word::Word;

mod ends;
mod former;
mod permission;

pub use permission::{Statement, standing};

/// When a change happens: the instant, and the day it is then in the tenant's zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct When {
    /// The instant.
    pub now: DateTime<Utc>,
    /// The day.
    pub today: NaiveDate,
}

/// Whether who asks for a change has seen the party as it stands. Who has not may be telling again what was done long before: a
/// late repeat must not undo what came after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sight {
    /// It names the version that it has seen, or decides within the same transaction.
    Seen,
    /// It says what it wants, whatever stands. Only what begins where nothing of the kind was is done.
    Unseen,
}

/// Why a change cannot be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such entry that stands.
    #[error("the party has no such {0}")]
    NoSuch(&'static str),
    /// So many stand already.
    #[error("the party has {1} {0}, the most it can have: end one first")]
    Full(&'static str, usize),
    /// A double opt-in is wanted, and this text was not asked for before or no proof was sent.
    #[error(
        "a double opt-in is wanted here: set it to pending first, then to granted with a proof and the same text; one that \
         another system has asked for is granted with a proof, at and asked_at"
    )]
    NotConfirmed,
    /// It would change or end what stands, or begin again what has ended, and who asks has not seen it.
    #[error("such a {0} stands or has stood already: read the party and send its version as If-Match")]
    Unseen(&'static str),
    /// Two of a kind would hold on one day.
    #[error("another one between the two holds then: end that one first, or choose other days")]
    Overlaps,
    /// Something else was said about it before, and the statement does not say when it was made.
    #[error("something was said about it before: say in at when this was said, or send If-Match")]
    Undated,
    /// The end is before the beginning.
    #[error("the last day is before the first")]
    EndsBefore,
}

/// A contact point as it is wanted, before it has a number. Of what is `None` nothing is said: what stands stays; `Some(None)`
/// takes it away.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Where it leads.
    pub point: Point,
    /// What it is for, in order, none twice.
    pub purposes: Option<Vec<Purpose>>,
    /// First day; `None` for today, or the day that stands.
    pub valid_from: Option<NaiveDate>,
    /// Last day, if it is known.
    pub valid_until: Option<Option<NaiveDate>>,
    /// Language, where it is not the party's.
    pub language: Option<Option<domain::till_text::Language>>,
    /// What is known about delivery; its instant counts only when the rest is news.
    pub delivery: Option<Option<Deliverability>>,
}

impl Sight {
    /// Refuses who has not seen what stands.
    pub(crate) const fn insist(self, what: &'static str) -> Result<(), Refused> {
        match self {
            Self::Seen => Ok(()),
            Self::Unseen => Err(Refused::Unseen(what)),
        }
    }
}

impl Wanted {
    /// The contact point that it becomes.
    fn numbered(self, id: ContactId, today: NaiveDate) -> Contact {
        Contact {
            id,
            point: self.point,
            purposes: self.purposes.unwrap_or_default(),
            valid_from: self.valid_from.unwrap_or(today),
            valid_until: self.valid_until.flatten(),
            language: self.language.flatten(),
            delivery: self.delivery.flatten(),
            ended: false,
        }
    }

    /// As `known`, with what is said about it; news about delivery that is none keeps its time.
    fn keeping(self, known: &Contact) -> Contact {
        let delivery = match (self.delivery, &known.delivery) {
            (None, old) => old.clone(),
            (Some(Some(new)), Some(old)) if new.arrives == old.arrives && new.reason == old.reason => Some(old.clone()),
            (Some(new), _) => new,
        };
        Contact {
            id: known.id,
            point: self.point,
            purposes: self.purposes.unwrap_or_else(|| known.purposes.clone()),
            valid_from: self.valid_from.unwrap_or(known.valid_from),
            valid_until: self.valid_until.unwrap_or(known.valid_until),
            language: self.language.unwrap_or(known.language),
            delivery,
            ended: false,
        }
    }

    /// In the place of one that leads elsewhere: for the same, and in its language, where nothing else is said.
    fn in_place_of(self, known: &Contact) -> Self {
        Self {
            purposes: self.purposes.or_else(|| Some(known.purposes.clone())),
            language: self.language.or(Some(known.language)),
            ..self
        }
    }
}

impl PartyDocument {
    /// Gives the party another name; the one before stays as a former name.
    pub fn rename(&mut self, identity: Identity, when: When) {
        if self.identity != identity {
            let who = std::mem::replace(&mut self.identity, identity);
            self.former_names.push(FormerName { who, until: when.now });
        }
    }

    /// Adds a contact point. One that leads there and stands is the one: who has seen it may say more about it.
    ///
    /// # Errors
    /// [`Refused::Full`], [`Refused::EndsBefore`], [`Refused::Unseen`].
    pub fn add_contact(&mut self, wanted: Wanted, sight: Sight, when: When) -> Result<ContactId, Refused> {
        let id = ContactId(self.last_contact.saturating_add(1));
        let contact = wanted.clone().numbered(id, when.today);
        ordered(contact.valid_from, contact.valid_until)?;
        let same = |known: &&mut Contact| known.point == contact.point;
        let meets = |known: &&mut Contact| same(known) && known.stands(when.today) && known.meets(&contact);
        if let Some(known) = self.contacts.iter_mut().find(meets) {
            let changed = wanted.keeping(known);
            ordered(changed.valid_from, changed.valid_until)?;
            if changed != *known {
                sight.insist("contact point")?;
                *known = changed;
            }
            return Ok(known.id);
        }
        if self
            .contacts
            .iter()
            .any(|known| known.point == contact.point && !known.stands(when.today))
        {
            sight.insist("contact point")?;
        }
        let standing = self.contacts.iter().filter(|known| known.stands(when.today)).count();
        if standing >= CONTACTS_MAX {
            return Err(Refused::Full("contact points", CONTACTS_MAX));
        }
        self.last_contact = id.0;
        self.contacts.push(contact);
        Ok(id)
    }

    /// Changes a contact point that stands. One that leads elsewhere is another one: the old one ends on the day before.
    ///
    /// # Errors
    /// [`Refused::NoSuch`], [`Refused::EndsBefore`], [`Refused::Full`].
    pub fn change_contact(&mut self, id: ContactId, wanted: Wanted, when: When) -> Result<ContactId, Refused> {
        let known = self.standing_contact(id, when)?;
        if known.point == wanted.point {
            let changed = wanted.keeping(known);
            ordered(changed.valid_from, changed.valid_until)?;
            *known = changed;
            return Ok(id);
        }
        let wanted = wanted.in_place_of(known);
        give_way(known, wanted.valid_from.unwrap_or(when.today), when.today);
        self.add_contact(wanted, Sight::Seen, when)
    }

    /// Ends a contact point, at once or with the day `last`; one that is history stays as it is.
    ///
    /// # Errors
    /// [`Refused::NoSuch`], [`Refused::EndsBefore`].
    pub fn end_contact(&mut self, id: ContactId, last: Option<NaiveDate>, when: When) -> Result<(), Refused> {
        if self
            .contacts
            .iter()
            .any(|known| known.id == id && !known.stands(when.today))
        {
            return Ok(());
        }
        let known = self.standing_contact(id, when)?;
        let (until, ended) = ending(known.valid_from, known.valid_until, last, when)?;
        known.valid_until = Some(until);
        known.ended = ended;
        Ok(())
    }

    fn standing_contact(&mut self, id: ContactId, when: When) -> Result<&mut Contact, Refused> {
        let mut contacts = self.contacts.iter_mut();
        let known = contacts.find(|known| known.id == id && known.stands(when.today));
        known.ok_or(Refused::NoSuch("contact point"))
    }

    /// Adds an id in another system; `false` when it stands already.
    ///
    /// # Errors
    /// [`Refused::Full`], [`Refused::Unseen`].
    pub fn add_identifier(&mut self, system: Word, id: Personal, sight: Sight, when: When) -> Result<bool, Refused> {
        let of = |known: &&Identifier| known.system == system && known.id == id;
        let standing = self.identifiers.iter().filter(|known| known.until.is_none());
        if standing.clone().any(|known| of(&known)) {
            return Ok(false);
        }
        if self.identifiers.iter().any(|known| of(&known)) {
            sight.insist("identifier")?;
        }
        if standing.count() >= IDENTIFIERS_MAX {
            return Err(Refused::Full("identifiers", IDENTIFIERS_MAX));
        }
        self.identifiers.push(Identifier {
            system,
            id,
            since: when.now,
            until: None,
        });
        Ok(true)
    }

    /// Takes an id in another system away; one that was taken away stays so.
    ///
    /// # Errors
    /// [`Refused::NoSuch`], [`Refused::Unseen`].
    pub fn end_identifier(
        &mut self,
        (system, id): (&Word, &Personal),
        sight: Sight,
        when: When,
    ) -> Result<(), Refused> {
        let of = |known: &Identifier| known.system == *system && known.id == *id;
        let was = self.identifiers.iter().any(of);
        let ended = self.identifiers.iter().any(|known| of(known) && known.until.is_some());
        // It was taken away and given again: this may be the first of the two calls once more.
        if ended && self.identifiers.iter().any(|known| of(known) && known.until.is_none()) {
            sight.insist("identifier")?;
        }
        let known = self
            .identifiers
            .iter_mut()
            .find(|known| known.until.is_none() && of(known));
        end_now(known.map(|known| &mut known.until), was, "identifier", when)
    }

    /// Gives a role. One of the type towards the same party that stands is the one; only its last day can change.
    ///
    /// # Errors
    /// [`Refused::Full`], [`Refused::EndsBefore`], [`Refused::Unseen`].
    pub fn give_role(&mut self, role: Role, sight: Sight, when: When) -> Result<(), Refused> {
        ordered(role.since, role.until)?;
        let was = self.had_role(&role.role, &role.towards);
        if let Some(known) = self.standing_role(&role.role, &role.towards, when) {
            ordered(known.since, role.until)?;
            if known.until != role.until {
                sight.insist("role")?;
                known.until = role.until;
            }
            return Ok(());
        }
        if was {
            sight.insist("role")?;
        }
        if self.roles.iter().filter(|known| known.stands(when.today)).count() >= ROLES_MAX {
            return Err(Refused::Full("roles", ROLES_MAX));
        }
        self.roles.push(role);
        Ok(())
    }

    /// Ends a role, at once or with the day `last`; one that is history stays as it is.
    ///
    /// # Errors
    /// [`Refused::NoSuch`], [`Refused::EndsBefore`], [`Refused::Unseen`].
    pub fn end_role(
        &mut self,
        (role, towards): (&Word, &PartyId),
        last: Option<NaiveDate>,
        sight: Sight,
        when: When,
    ) -> Result<(), Refused> {
        let was = self.had_role(role, towards);
        let Some(known) = self.standing_role(role, towards, when) else {
            return if was { Ok(()) } else { Err(Refused::NoSuch("role")) };
        };
        if last.is_some() && known.until == last {
            return Ok(());
        }
        sight.insist("role")?;
        let (until, ended) = ending(known.since, known.until, last, when)?;
        known.until = Some(until);
        known.ended = ended;
        Ok(())
    }

    /// Whether the party ever had it. Entries beside the document are not looked at: it may be among them.
    fn had_role(&self, role: &Word, towards: &PartyId) -> bool {
        let mut roles = self.roles.iter();
        self.past_items > 0 || roles.any(|known| known.role == *role && known.towards == *towards)
    }

    fn standing_role(&mut self, role: &Word, towards: &PartyId, when: When) -> Option<&mut Role> {
        let mut roles = self.roles.iter_mut();
        roles.find(|known| known.stands(when.today) && known.role == *role && known.towards == *towards)
    }

    /// Puts the party in a class. With another reason the entry that stands ends and another one begins.
    ///
    /// # Errors
    /// [`Refused::Full`], [`Refused::EndsBefore`], [`Refused::Unseen`].
    pub fn classify(&mut self, wanted: Classification, sight: Sight, when: When) -> Result<(), Refused> {
        if wanted.until.is_some_and(|until| until <= when.now) {
            return Err(Refused::EndsBefore);
        }
        let was = self.had_class(&wanted.class);
        let mut classes = self.classifications.iter_mut();
        if let Some(known) = classes.find(|known| known.holds(when.now) && known.class == wanted.class) {
            let same = known.reason == wanted.reason && known.no_vouchers == wanted.no_vouchers;
            if same && known.until == wanted.until {
                return Ok(());
            }
            sight.insist("classification")?;
            known.until = Some(when.now);
        } else if was && sight == Sight::Unseen {
            return Err(Refused::Unseen("classification"));
        } else if self
            .classifications
            .iter()
            .filter(|known| known.holds(when.now))
            .count()
            >= CLASSIFICATIONS_MAX
        {
            return Err(Refused::Full("classifications", CLASSIFICATIONS_MAX));
        }
        self.classifications.push(wanted);
        Ok(())
    }

    /// Takes the party out of a class, at once; a class that it is no longer in stays history.
    ///
    /// # Errors
    /// [`Refused::NoSuch`], [`Refused::Unseen`].
    pub fn declassify(&mut self, class: &Word, sight: Sight, when: When) -> Result<(), Refused> {
        let was = self.had_class(class);
        let mut classes = self.classifications.iter_mut();
        let known = classes.find(|known| known.holds(when.now) && known.class == *class);
        if known.is_some() {
            sight.insist("classification")?;
        }
        end_now(known.map(|known| &mut known.until), was, "classification", when)
    }

    /// Whether the party ever was in the class. Entries beside the document are not looked at: it may be among them.
    fn had_class(&self, class: &Word) -> bool {
        self.past_items > 0 || self.classifications.iter().any(|known| known.class == *class)
    }
}

/// Ends an entry at once. There may be only ended ones: the call came before.
fn end_now(
    until: Option<&mut Option<DateTime<Utc>>>,
    was: bool,
    what: &'static str,
    when: When,
) -> Result<(), Refused> {
    match until {
        Some(until) => *until = Some(when.now),
        None if was => {}
        None => return Err(Refused::NoSuch(what)),
    }
    Ok(())
}

/// The last day of what began on `first`, and whether it is over at once. Ended twice, the earlier last day stays.
fn ending(
    first: NaiveDate,
    known: Option<NaiveDate>,
    last: Option<NaiveDate>,
    when: When,
) -> Result<(NaiveDate, bool), Refused> {
    match last {
        Some(last) => {
            ordered(first, Some(last))?;
            Ok((last, last < when.today))
        }
        None => Ok((known.unwrap_or(when.today).min(when.today).max(first), true)),
    }
}

/// Ends a contact point for one that begins on `first`: on the day before, or at once where it had not begun by then.
fn give_way(known: &mut Contact, first: NaiveDate, today: NaiveDate) {
    let last = first.pred_opt().filter(|last| known.valid_from <= *last);
    known.ended = last.is_none_or(|last| last < today);
    let last = last.unwrap_or(known.valid_from);
    known.valid_until = Some(known.valid_until.map_or(last, |until| until.min(last)));
}

fn ordered(first: NaiveDate, last: Option<NaiveDate>) -> Result<(), Refused> {
    if last.is_some_and(|last| last < first) {
        return Err(Refused::EndsBefore);
    }
    Ok(())
}

#[cfg(test)]
mod tests;
