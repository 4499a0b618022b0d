//! The date of Easter.

use chrono::NaiveDate;

/// First year whose Easter [`easter_sunday`] knows: the first full one of the Gregorian calendar.
const FIRST_YEAR: i32 = 1583;
/// Last one; any later year is a slip.
const LAST_YEAR: i32 = 9999;

/// Easter Sunday of a year from 1583 to 9999; `None` outside them.
///
/// The algorithm without exceptions that is known after Meeus, Jones and Butcher: J. Meeus, *Astronomical Algorithms*, 2nd
/// edition, chapter 8; the letters are those of the book.
#[expect(
    clippy::arithmetic_side_effects,
    reason = "for a year of four digits every term stays below a million, and every divisor is a literal"
)]
#[expect(clippy::many_single_char_names, reason = "the letters of the source")]
pub fn easter_sunday(year: i32) -> Option<NaiveDate> {
    if !(FIRST_YEAR..=LAST_YEAR).contains(&year) {
        return None;
    }
    let a = year % 19;
    let (b, c) = (year / 100, year % 100);
    let (d, e) = (b / 4, b % 4);
    let f = (b + 8) / 25;
    let g = (b - f + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let (i, k) = (c / 4, c % 4);
    let l = (32 + 2 * e + 2 * i - h - k) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let n = h + l - 7 * m + 114;
    let month = u32::try_from(n / 31).ok()?;
    let day = u32::try_from(n % 31 + 1).ok()?;
    NaiveDate::from_ymd_opt(year, month, day)
}
