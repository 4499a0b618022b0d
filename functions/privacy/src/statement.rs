//! A statement of everything that is stored about a person (Art. 25 FADP, Art. 15 GDPR): read, written for people, signed.
//!
//! | file | what |
//! |---|---|
//! | `about` | to what end, from where, for whom and how long |
//! | `collect` | items become sections, and what they lead to |
//! | `person` | the document of a party in words |

mod about;
mod collect;
mod person;

use chrono::{DateTime, Utc};
use domain::id::PartyId;
use http_edge::api::privacy::StatementAnswer;
use http_edge::{Code, Problem, Request, Response, Scope};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{Site, statement};
use uuid::Uuid;

use crate::App;
use crate::files::{LINK_LASTS, statement_key};
use crate::found::too_large;

/// Most bytes of a statement.
const BYTES_MAX: usize = 64 * 1024 * 1024;

impl App {
    /// `POST /v1/parties/{party_id}/statements`.
    pub(crate) async fn make_statement(&self, request: &Request, now: DateTime<Utc>) -> Result<Response, Problem> {
        let caller = request.caller()?;
        caller.require(Scope::PrivacyRead)?;
        let tenant = &caller.tenant;
        let party: PartyId = request.path("party_id")?;
        let profile = self.party(tenant, &party).await?;
        // From the system's random numbers: the name is what guards the file beside the link.
        let id = Uuid::new_v4().simple().to_string();
        let mut sections = self.sections(tenant, &party, &profile).await?;
        sections.insert(
            "statement".to_owned(),
            json!({"id": id, "made_at": now, "party_id": party, "made_by": caller.subject}),
        );
        sections.insert("about".to_owned(), about::about());
        let content = serde_json::to_vec_pretty(&Value::Object(sections))
            .map_err(|_| Problem::new(Code::Internal, "the statement could not be written"))?;
        if content.len() > BYTES_MAX {
            return Err(too_large());
        }
        let sha256: String = Sha256::digest(&content)
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let bytes = u64::try_from(content.len()).unwrap_or(u64::MAX);
        let signature = self.signer.detached(&content);
        let noted = statement::Statement {
            bytes,
            sha256: sha256.clone(),
        };
        let made = caller.made(now);
        statement::note(&self.db, Site::PrivacyNote, (tenant, &party), (&id, &noted), &made).await?;
        let [document, proof] = ["json", "jws"].map(|ending| statement_key(tenant, &party, &id, ending));
        self.files.put(&document, "application/json", content).await?;
        let jws = signature.clone().into_bytes();
        self.files.put(&proof, "application/jose", jws).await?;
        self.still_stands(request, (&party, [&document, &proof])).await?;
        let answer = StatementAnswer {
            statement_id: id,
            party_id: party.to_string(),
            made_at: now,
            bytes,
            sha256,
            url: self.files.link(&document).await?,
            signature_url: self.files.link(&proof).await?,
            url_expires_at: now.checked_add_signed(LINK_LASTS).unwrap_or(now),
            signature,
        };
        Response::json(201, &answer)
    }

    /// A party that was erased while its statement was made leaves no statement. A call that dies here is over before the
    /// erasure comes to the files.
    async fn still_stands(&self, request: &Request, (party, files): (&PartyId, [&String; 2])) -> Result<(), Problem> {
        let gone = match self.party(&request.caller()?.tenant, party).await {
            Ok(_) => return Ok(()),
            Err(problem) => problem,
        };
        for key in files {
            self.files.remove_statement(key).await?;
        }
        Err(gone)
    }
}
