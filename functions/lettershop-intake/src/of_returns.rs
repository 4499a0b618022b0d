//! The letters of a carrier's file are taken back, step by step (P3).

use http_edge::Findings;
use http_edge::api::lettershop::{LetterReturn, LetterReturnOutcome};
use http_edge::intake::Rules;
use http_edge::lettershop::agreed;
use lettershop::returned::{self, CarrierMap, Declared, ReturnRules, ReturnedLetter, Returns};
use runtime::sqs::Deadline;
use serde_json::json;
use store::Site;
use store::lettershop::inbox::{self, Line, Received};

use crate::inbox::{Stepped, Work};
use crate::returns::{Reported, understood};
use crate::take_back::Desk;
use crate::{App, IntakeError};

/// Letters of a step.
const STEP: usize = 100;
/// The country of new addresses that name none.
const HOME: &str = "CH";

impl App {
    /// Takes the letters of a file back, from where they were left.
    pub(crate) async fn letters_of_file(
        &self,
        work: &Work<'_>,
        mut received: Received,
        (carrier, content): (&str, &[u8]),
        deadline: Deadline,
    ) -> Result<Stepped, IntakeError> {
        let tenant = &work.id.tenant;
        let agreed = agreed(&self.db, Site::ShopKnown, tenant).await?.settings.returns;
        let Some(map) = agreed.carrier(carrier) else {
            let reason = "the folder names no carrier of GET /v1/lettershop/settings";
            return self.refuse(work, received, reason).await;
        };
        let declared = Declared {
            encoding: map.file.encoding,
            trailer: map.file.trailer,
            home: HOME
                .parse()
                .map_err(|_| IntakeError::Unusable("there is no such country"))?,
        };
        let Returns { letters, rejects, rows } = match returned::read(content, map, &declared) {
            Ok(read) => read,
            Err(refused) => return self.refuse(work, received, &refused.to_string()).await,
        };
        let rules = Rules::of(&self.db, Site::ShopKnown, tenant, work.now).await?;
        if received.version == 0 {
            received.rows = rows;
            for reject in &rejects {
                received.tell(line(reject.line, reject.field, &json!(reject.code)));
            }
        }
        let name = work.id.name();
        let left = letters.iter().position(|letter| letter.line > received.last_line);
        let left = left.and_then(|first| letters.get(first..)).unwrap_or_default();
        for step in left.chunks(STEP) {
            let next = received.position.saturating_add(step.len());
            let (lines, reported) = read(step, map, (&agreed, &rules), &mut received);
            let desk = Desk {
                caller: &work.caller,
                effects: &agreed.effects,
                rules: &rules,
                reported: &reported,
                file: Some(&name),
            };
            for (at, view) in lines.into_iter().zip(self.taken_back(&desk).await?) {
                let outcome = json!(view.outcome);
                received.count(outcome.as_str().unwrap_or_default());
                if !matches!(
                    view.outcome,
                    LetterReturnOutcome::Applied | LetterReturnOutcome::AlreadyKnown
                ) {
                    received.tell(line(at, &view.piece, &outcome));
                }
            }
            received.position = next;
            received.last_line = step.last().map_or(received.last_line, |letter| letter.line);
            let Some(stored) = inbox::store(&self.db, Site::ShopNote, &work.id, received, work.now).await? else {
                return Ok(Stepped::Overtaken);
            };
            received = stored;
            if deadline.is_near() {
                return Ok(Stepped::Left);
            }
        }
        self.done(work, received).await
    }
}

/// The letters of a step that a call could report too, with their lines; what is wrong with the others is told.
fn read(
    step: &[ReturnedLetter],
    map: &CarrierMap,
    rules: (&ReturnRules, &Rules),
    received: &mut Received,
) -> (Vec<u64>, Vec<Reported>) {
    let (mut lines, mut reported) = (Vec::new(), Vec::new());
    for letter in step {
        let Some(given) = LetterReturn::of_row(letter, map) else {
            received.tell(line(letter.line, "reason", &json!("unknown")));
            continue;
        };
        let mut found = Findings::default();
        let one = understood("", Some(letter.piece), &given, rules, &mut found);
        let wrong = found.into_violations();
        if let (Some(one), true) = (one, wrong.is_empty()) {
            lines.push(letter.line);
            reported.push(one);
        }
        for flaw in wrong {
            received.tell(line(
                letter.line,
                flaw.pointer.trim_start_matches('/'),
                &json!(flaw.code),
            ));
        }
    }
    (lines, reported)
}

fn line(line: u64, what: &str, why: &serde_json::Value) -> Line {
    Line {
        line,
        what: what.to_owned(),
        code: why.as_str().unwrap_or_default().to_owned(),
    }
}
