//! Decimals become whole numbers, exactly or not at all.

use anyhow::Context;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;

/// `text` times `scale` as a whole number of 0 or more.
pub(super) fn scaled(text: &str, scale: i64) -> anyhow::Result<i64> {
    let decimal = Decimal::from_str_exact(text.trim()).with_context(|| format!("{text} is no decimal"))?;
    let scaled = decimal
        .checked_mul(Decimal::from(scale))
        .with_context(|| format!("{text} is too large"))?;
    anyhow::ensure!(scaled.fract().is_zero(), "{text} is no whole number of 1/{scale}");
    anyhow::ensure!(!scaled.is_sign_negative() || scaled.is_zero(), "{text} is negative");
    scaled.to_i64().with_context(|| format!("{text} is too large"))
}

/// An amount in cents.
pub(super) fn cents(text: &str) -> anyhow::Result<i64> {
    scaled(text, 100)
}

/// A quantity in thousandths; what was not counted stands for one.
pub(super) fn quantity_milli(text: &str) -> anyhow::Result<i64> {
    Ok(match scaled(text, 1_000)? {
        0 => 1_000,
        milli => milli,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_exact_or_refused() {
        assert_eq!(cents("11.87").unwrap(), 1_187);
        assert_eq!(cents("12.0").unwrap(), 1_200);
        assert_eq!(cents("0.0").unwrap(), 0);
        assert_eq!(cents("-0.0").unwrap(), 0);
        // 1.15 * 100 is 114.99999999999999 in binary floating point.
        assert_eq!(cents("1.15").unwrap(), 115);
        for bad in [
            "1.005",
            "-1.00",
            "1,00",
            "",
            "1e2x",
            "NaN",
            "99999999999999999999999999",
        ] {
            assert!(cents(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn quantities_are_thousandths_and_none_is_one() {
        assert_eq!(quantity_milli("2.0").unwrap(), 2_000);
        assert_eq!(quantity_milli("0.255").unwrap(), 255);
        assert_eq!(quantity_milli("29945.0").unwrap(), 29_945_000);
        assert_eq!(quantity_milli("0.0").unwrap(), 1_000);
        assert!(quantity_milli("0.0001").is_err());
    }
}
