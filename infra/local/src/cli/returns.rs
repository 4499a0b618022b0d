//! `treue returns FILE`: a carrier's file of letters that came back is read and judged as a whole, then reported to the API.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context, anyhow};
use bytes::Bytes;
use clap::{Args, ValueEnum};
use http::Method;
use http_edge::api::lettershop::{
    LetterReturn, LetterReturnOutcome, LetterReturnsAnswer, LetterReturnsRequest, LettershopSettingsView,
};
use lettershop::returned::{self, CarrierMap, Declared, FileEncoding, ReturnedLetter};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::Failure;
use super::api::ApiArgs;
use super::http::Api;

/// Letters of one call.
const AT_ONCE: usize = 500;
/// The country of new addresses that name none.
const HOME: &str = "CH";

/// `treue returns`.
#[derive(Debug, Args)]
pub(crate) struct ReturnsArgs {
    /// The file: CSV with the columns piece_id, reason and returned_on, and those of new addresses.
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Whose codes the file has: a carrier of the lettershop's settings.
    #[arg(long, value_name = "NAME")]
    carrier: String,
    /// How its bytes become characters.
    #[arg(long, value_enum, default_value = "utf8")]
    encoding: EncodingArg,
    /// The carrier ends every file with `#END;count`: one without it is refused as cut off.
    #[arg(long)]
    trailer: bool,
    /// Print the report as JSON.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    api: ApiArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum EncodingArg {
    Utf8,
    #[value(name = "windows-1252")]
    Windows1252,
}

/// What became of a file. Lines count from 1.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Report {
    /// Rows without header and trailer.
    rows: usize,
    /// Letters by what became of them.
    outcomes: BTreeMap<String, u64>,
    /// Letters that are not known, too old, or nobody's.
    not_taken: Vec<NotTaken>,
    /// Rows that were not reported, with their wrong fields.
    rejected: Vec<Rejected>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct NotTaken {
    line: u64,
    piece: String,
    outcome: Value,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct Rejected {
    line: u64,
    field: String,
    code: Value,
}

/// A wrong field of a body.
#[derive(Debug, Deserialize)]
struct Wrong {
    pointer: String,
    code: String,
}

/// Reads the file and reports its letters.
pub(crate) async fn run(args: &ReturnsArgs) -> Result<(), Failure> {
    let unread = |error| Failure::Usage(format!("{} cannot be read: {error}", args.file.display()));
    let bytes = std::fs::read(&args.file).map_err(unread)?;
    let api = args.api.connect()?;
    let settings = api.must(&Method::GET, "/v1/lettershop/settings", None).await?;
    let agreed: LettershopSettingsView =
        serde_json::from_value(settings.body).context("the settings cannot be read")?;
    let carrier = agreed.settings.returns.carrier(&args.carrier);
    let carrier = carrier.ok_or_else(|| Failure::Usage(format!("the settings have no carrier {}", args.carrier)))?;
    let declared = Declared {
        encoding: match args.encoding {
            EncodingArg::Utf8 => FileEncoding::Utf8,
            EncodingArg::Windows1252 => FileEncoding::Windows1252,
        },
        trailer: args.trailer,
        home: HOME.parse().context("there is no such country")?,
    };
    let read = returned::read(&bytes, carrier, &declared);
    let read = read.map_err(|refused| Failure::Usage(format!("the file was refused: {refused}")))?;
    let mut report = Report {
        rows: read.rows,
        ..Report::default()
    };
    report.rejected.extend(read.rejects.iter().map(|reject| Rejected {
        line: reject.line,
        field: reject.field.to_owned(),
        code: json!(reject.code),
    }));
    let letters = bodies(&read.letters, carrier);
    for some in letters.chunks(AT_ONCE) {
        report.take(&api, some.to_vec()).await?;
    }
    report.print(args.json)?;
    if report.rejected.is_empty() && report.not_taken.is_empty() {
        return Ok(());
    }
    let (rejected, not_taken) = (report.rejected.len(), report.not_taken.len());
    let said = format!("{rejected} fields are wrong, {not_taken} letters were not taken back");
    Err(Failure::Differences(said))
}

/// The letters as the API takes them, each with its line.
fn bodies(letters: &[ReturnedLetter], carrier: &CarrierMap) -> Vec<(u64, LetterReturn)> {
    let body = |letter: &ReturnedLetter| Some((letter.line, LetterReturn::of_row(letter, carrier)?));
    letters.iter().filter_map(body).collect()
}

impl Report {
    /// Reports some letters. Rows that the API refuses are noted, and the others reported without them: a refused call has
    /// changed nothing.
    async fn take(&mut self, api: &Api, mut letters: Vec<(u64, LetterReturn)>) -> Result<(), Failure> {
        while !letters.is_empty() {
            let returns = letters.iter().map(|(_, letter)| letter.clone()).collect();
            let body = Bytes::from(json!(LetterReturnsRequest { returns }).to_string());
            let answer = api.insist(&Method::POST, "/v1/lettershop/returns", Some(&body)).await;
            let answer = answer.context("what came back cannot be reported")?;
            if answer.is_success() {
                let said = serde_json::from_value(answer.body).context("the answer cannot be read")?;
                self.note(&letters, said);
                return Ok(());
            }
            let wrong = answer.body.get("errors").cloned().unwrap_or_default();
            let wrong: Vec<Wrong> = serde_json::from_value(wrong).unwrap_or_default();
            let before = letters.len();
            letters = self.without(letters, &wrong);
            if letters.len() == before {
                let (code, detail) = (answer.code(), answer.detail());
                return Err(anyhow!("what came back was refused: {detail} ({code})").into());
            }
        }
        Ok(())
    }

    /// Notes the rows with wrong fields; those without.
    fn without(&mut self, letters: Vec<(u64, LetterReturn)>, wrong: &[Wrong]) -> Vec<(u64, LetterReturn)> {
        let mut good = Vec::with_capacity(letters.len());
        for (index, letter) in letters.into_iter().enumerate() {
            let at = format!("/returns/{index}/");
            let fields = wrong.iter().filter_map(|wrong| {
                let field = wrong.pointer.strip_prefix(&at)?;
                Some(Rejected {
                    line: letter.0,
                    field: field.to_owned(),
                    code: json!(wrong.code),
                })
            });
            let before = self.rejected.len();
            self.rejected.extend(fields);
            if self.rejected.len() == before {
                good.push(letter);
            }
        }
        good
    }

    fn note(&mut self, letters: &[(u64, LetterReturn)], said: LetterReturnsAnswer) {
        for ((line, _), view) in letters.iter().zip(said.items) {
            let outcome = json!(view.outcome);
            let name = outcome.as_str().unwrap_or_default().to_owned();
            let count = self.outcomes.entry(name).or_default();
            *count = count.saturating_add(1);
            if !matches!(
                view.outcome,
                LetterReturnOutcome::Applied | LetterReturnOutcome::AlreadyKnown
            ) {
                self.not_taken.push(NotTaken {
                    line: *line,
                    piece: view.piece,
                    outcome,
                });
            }
        }
    }

    fn print(&self, json: bool) -> Result<(), Failure> {
        if json {
            let text = serde_json::to_string_pretty(self).context("the report is no JSON")?;
            println!("{text}");
            return Ok(());
        }
        println!("{} rows", self.rows);
        for (outcome, letters) in &self.outcomes {
            println!("{letters:>8} {outcome}");
        }
        for NotTaken { line, piece, outcome } in &self.not_taken {
            println!("line {line}: {piece} {}", outcome.as_str().unwrap_or_default());
        }
        for Rejected { line, field, code } in &self.rejected {
            println!("line {line}: {field} {}", code.as_str().unwrap_or_default());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "piece_id;reason;returned_on;new_street;new_postcode;new_town\n\
        3F8KQ2W9ZT4M7XABW;moved_new_address;2026-12-09;Gasse;8001;Zürich\n\
        9H2JQ5W3ZR8M1XCDZ;moved_unknown;2026-12-09;Gasse;8001;Zürich\n\
        9H2JQ5W3ZR8M1XCDX;refused;2026-12-09;;;\n";

    fn read() -> (returned::Returns, CarrierMap) {
        let carrier = CarrierMap::internal();
        let declared = Declared {
            encoding: FileEncoding::Utf8,
            trailer: false,
            home: HOME.parse().unwrap(),
        };
        (returned::read(FILE.as_bytes(), &carrier, &declared).unwrap(), carrier)
    }

    #[test]
    fn p3_rows_become_bodies_and_only_who_moved_has_an_address() {
        let (read, carrier) = read();
        let bodies = bodies(&read.letters, &carrier);
        let lines: Vec<_> = bodies
            .iter()
            .map(|(line, body)| (*line, &*body.code, body.new_address.is_some()))
            .collect();
        assert_eq!(lines, [(2, "moved_new_address", true), (3, "moved_unknown", false)]);
        assert_eq!(read.rejects.len(), 1, "a wrong check symbol");
    }

    #[test]
    fn p3_rows_that_the_api_refuses_are_told_by_their_lines() {
        let (read, carrier) = read();
        let mut report = Report::default();
        let wrong = [Wrong {
            pointer: "/returns/1/returned_on".to_owned(),
            code: "out_of_range".to_owned(),
        }];
        let left = report.without(bodies(&read.letters, &carrier), &wrong);
        assert_eq!(left.iter().map(|(line, _)| *line).collect::<Vec<_>>(), [2]);
        let expected = Rejected {
            line: 3,
            field: "returned_on".to_owned(),
            code: json!("out_of_range"),
        };
        assert_eq!(report.rejected, [expected]);
    }
}
