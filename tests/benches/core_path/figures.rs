//! Medians, percentiles and the lines they are printed in.

use std::time::Duration;

/// The value below which `per_mille` of a thousand lie (nearest rank); 0 of no values.
pub(crate) fn percentile(values: &[f64], per_mille: usize) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let rank = (sorted.len() * per_mille).div_ceil(1_000).max(1) - 1;
    sorted.get(rank).copied().unwrap_or_default()
}

/// The middle value.
pub(crate) fn median(values: &[f64]) -> f64 {
    percentile(values, 500)
}

/// Milliseconds.
pub(crate) fn millis(took: Duration) -> f64 {
    took.as_secs_f64() * 1_000.0
}

/// What the figures were taken on.
pub(crate) fn machine() {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!(
        "{} {}, {cores} cores; functions in release mode",
        std::env::consts::OS,
        std::env::consts::ARCH
    );
}

/// A heading.
pub(crate) fn title(text: &str) {
    println!("\n{text}");
}

/// One figure.
pub(crate) fn line(name: &str, figure: &str) {
    println!("  {name:<58} {figure}");
}

/// One figure beside its target, which it meets or misses.
pub(crate) fn against(name: &str, figure: f64, unit: &str, target: &Target) {
    let met = match target {
        Target::AtLeast(least) => figure >= *least,
        Target::AtMost(most) => figure <= *most,
    };
    let (sign, bound) = match target {
        Target::AtLeast(least) => ("≥", least),
        Target::AtMost(most) => ("≤", most),
    };
    let word = if met { "met" } else { "MISSED" };
    line(name, &format!("{figure:.2} {unit} (target {sign} {bound}: {word})"));
}

/// What a figure should be.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Target {
    /// No less.
    AtLeast(f64),
    /// No more.
    AtMost(f64),
}
