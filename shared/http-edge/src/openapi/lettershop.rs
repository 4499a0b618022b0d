//! Calls of the printer's files, its acknowledgement, letters that come back, and the inbox.

use serde_json::{Value, json};

use super::campaigns::{DIGEST, chosen, which_run};
use super::operation::{Answer, Body, Operation, optional, path};
use crate::api::campaigns::{CampaignRunFiles, CampaignRunView};
use crate::api::lettershop::{
    InboxFileView, InboxPage, LetterReturnsAnswer, LetterReturnsRequest, LettershopSettingsRequest,
    LettershopSettingsView, ReprintRequest, ReprintView,
};
use crate::problem::Code;
use lettershop::manifest::Acknowledgement;
use lettershop::settings::Settings;

const LETTERSHOP: &str = "Lettershop";
const REPRINT: &str = "MFRGGZDFMZTWQ2LKNNWG23TPOBYXE43UOV3HO6DZPIYDCMRTGQ2Q";
const FILE: &str = "1796040000000-0f1e2d3c4b5a69788796a5b4c3d2e1f0";

pub(super) fn operations() -> Vec<Operation> {
    vec![
        files(),
        acknowledge(),
        ask_for_reprint(),
        reprint(),
        take_back(),
        inbox(),
        inbox_file(),
        settings(),
        put_settings(),
    ]
}

fn manifest() -> Value {
    json!({"version": 1, "sha256": DIGEST, "bytes": 20_480_000})
}

fn files() -> Operation {
    Operation {
        route: "GET /v1/runs/{run_id}/files",
        id: "getRunFiles",
        tag: LETTERSHOP,
        summary: "Fetch the printer's file",
        description: "Links that work for some minutes, and the manifest. The file stands for six weeks.",
        parameters: vec![which_run()],
        request: None,
        answers: vec![Answer::json::<CampaignRunFiles>(
            200,
            "The files.",
            json!({
                "letters_url": "https://bucket.s3.eu-central-1.amazonaws.com/out/demo/bonus-2026~2026-12/0001/letters.csv?X-Amz-Signature=0",
                "manifest_url": "https://bucket.s3.eu-central-1.amazonaws.com/out/demo/bonus-2026~2026-12/0001/manifest.json?X-Amz-Signature=0",
                "expires_at": "2026-12-01T06:15:00Z", "manifest": manifest(),
            }),
        )],
        codes: &[Code::NotFound, Code::RunNotWritten],
    }
}

fn acknowledge() -> Operation {
    let mut acknowledged = chosen();
    acknowledged["stage"] = json!("written");
    acknowledged["acknowledged_at"] = json!("2026-12-01T08:00:00Z");
    Operation {
        route: "POST /v1/runs/{run_id}/acknowledgement",
        id: "acknowledgeRun",
        tag: LETTERSHOP,
        summary: "Confirm the printer's file",
        description: "What the printer has read must agree with the manifest; else everything that differs is named and nothing is \
                      noted. Where the campaign asks for it, vouchers are taken from then on only.",
        parameters: vec![which_run()],
        request: Some(Body::of::<Acknowledgement>(json!({
            "run": "bonus-2026~2026-12", "variant": "bonus-a", "rows": 45_600, "sha256": DIGEST, "accepted_on": "2026-12-01",
            "rejected": [],
        }))),
        answers: vec![Answer::json::<CampaignRunView>(
            200,
            "Noted, now or before.",
            acknowledged,
        )],
        codes: &[
            Code::Invalid,
            Code::NotFound,
            Code::RunNotWritten,
            Code::ConcurrentChange,
        ],
    }
}

fn reprinted(written: bool) -> Value {
    let mut reprint = json!({
        "reprint_id": REPRINT, "state": "writing", "pieces": 2, "gaps": [], "asked_at": "2026-12-02T09:00:00Z",
    });
    if written {
        reprint["state"] = json!("written");
        reprint["gaps"] = json!([{"piece": "9H2JQ5W3ZR8M1XCDZ", "why": "kept_back"}]);
        let folder = "https://bucket.s3.eu-central-1.amazonaws.com/out/demo/bonus-2026~2026-12/0001/reprint";
        reprint["letters_url"] = json!(format!("{folder}/letters.csv?X-Amz-Signature=0"));
        reprint["manifest_url"] = json!(format!("{folder}/manifest.json?X-Amz-Signature=0"));
        reprint["expires_at"] = json!("2026-12-02T09:16:00Z");
        reprint["manifest"] = manifest();
    }
    reprint
}

fn ask_for_reprint() -> Operation {
    Operation {
        route: "POST /v1/runs/{run_id}/reprints",
        id: "askForReprint",
        tag: LETTERSHOP,
        summary: "Print letters again",
        description: "Letters that were spoiled, by their ids, with the codes they had. On one day the same letters make the same reprint: a call \
                      that is repeated asks for nothing twice. A letter whose addressee was erased or wants none any more is a \
                      gap.",
        parameters: vec![which_run()],
        request: Some(Body::of::<ReprintRequest>(json!({
            "pieces": ["3F8KQ2W9ZT4M7XABW", "9H2JQ5W3ZR8M1XCDZ"], "reason": "Paper jam",
        }))),
        answers: vec![Answer::json::<ReprintView>(
            202,
            "It is under way, or done.",
            reprinted(false),
        )],
        codes: &[Code::Invalid, Code::NotFound, Code::RunNotWritten],
    }
}

fn reprint() -> Operation {
    Operation {
        route: "GET /v1/runs/{run_id}/reprints/{reprint_id}",
        id: "getReprint",
        tag: LETTERSHOP,
        summary: "Fetch a reprint",
        description: "With links that work for some minutes once its file stands.",
        parameters: vec![which_run(), path("reprint_id", "The reprint.", REPRINT)],
        request: None,
        answers: vec![Answer::json::<ReprintView>(200, "The reprint.", reprinted(true))],
        codes: &[Code::NotFound],
    }
}

fn take_back() -> Operation {
    let moved = json!({
        "piece": "3F8KQ2W9ZT4M7XABW", "carrier": "internal", "code": "moved_new_address", "returned_on": "2026-11-24",
        "new_address": {"street": "Bahnhofstrasse", "house_number": "7", "postcode": "8001", "town": "Zürich", "country": "CH"},
    });
    let unknown = json!({
        "piece": "9H2JQ5W3ZR8M1XCDZ", "carrier": "swiss-post", "code": "Recipient not found at address provided",
        "returned_on": "2026-11-24",
    });
    Operation {
        route: "POST /v1/lettershop/returns",
        id: "takeLettersBack",
        tag: LETTERSHOP,
        summary: "Report letters that came back",
        description: "Up to 500 at once. Every wrong field is named, and then nothing is done. Else each letter is taken back by \
                      itself, once: its address is blocked, replaced or ended, tasks are opened, channels stopped, as the \
                      lettershop's settings say for the reason. A letter to an address that was corrected, replaced or confirmed \
                      since leaves addresses alone. After a 503 the same call completes what is missing.",
        parameters: vec![],
        request: Some(Body::of::<LetterReturnsRequest>(json!({"returns": [moved, unknown]}))),
        answers: vec![Answer::json::<LetterReturnsAnswer>(
            200,
            "What became of each letter.",
            json!({"items": [
                {
                    "piece": "3F8KQ2W9ZT4M7XABW", "outcome": "applied", "reason": "moved_new_address",
                    "done": ["address_added", "address_ended"],
                },
                {"piece": "9H2JQ5W3ZR8M1XCDZ", "outcome": "unknown_piece"},
            ]}),
        )],
        codes: &[Code::Invalid],
    }
}

fn agreed(version: u64) -> Value {
    json!({"version": version, "settings": json!(Settings::default())})
}

fn settings() -> Operation {
    Operation {
        route: "GET /v1/lettershop/settings",
        id: "getLettershopSettings",
        tag: LETTERSHOP,
        summary: "Read what is agreed on with the printer",
        description: "Version 0 is what stands while nothing was agreed on.",
        parameters: vec![],
        request: None,
        answers: vec![Answer::json::<LettershopSettingsView>(
            200,
            "What is agreed on.",
            agreed(0),
        )],
        codes: &[],
    }
}

fn put_settings() -> Operation {
    Operation {
        route: "PUT /v1/lettershop/settings",
        id: "putLettershopSettings",
        tag: LETTERSHOP,
        summary: "Store what is agreed on with the printer",
        description: "For files that are begun from now on.",
        parameters: vec![],
        request: Some(Body::of::<LettershopSettingsRequest>(
            json!({"expected_version": 0, "settings": json!(Settings::default())}),
        )),
        answers: vec![Answer::json::<LettershopSettingsView>(200, "Stored.", agreed(1))],
        codes: &[Code::Invalid, Code::ConcurrentChange],
    }
}

fn received(lines: bool) -> Value {
    let mut file = json!({
        "file_id": FILE, "file": "incoming/demo/returns/swiss-post/2026-11-24.csv", "state": "done", "rows": 120, "position": 119,
        "outcomes": {"applied": 117, "unknown_piece": 2}, "not_taken": 3, "put_at": "2026-11-30T12:00:00Z",
        "done_at": "2026-11-30T12:00:04Z",
    });
    if lines {
        file["lines"] = json!([
            {"line": 17, "what": "returned_on", "why": "malformed"},
            {"line": 40, "what": "3F8KQ2W9ZT4M7XABW", "why": "unknown_piece"},
            {"line": 41, "what": "9H2JQ5W3ZR8M1XCDZ", "why": "unknown_piece"},
        ]);
    }
    file
}

fn inbox() -> Operation {
    Operation {
        route: "GET /v1/lettershop/inbox",
        id: "listInbox",
        tag: LETTERSHOP,
        summary: "List the files of printer and carriers",
        description: "The last first, for 400 days. A carrier puts its file of letters that came back into the inbox bucket under \
                      `incoming/<tenant>/returns/<carrier>/`, the printer its acknowledgement, the body of the call as JSON, under \
                      `incoming/<tenant>/acknowledgements/`. The report on each stands under `reports/<tenant>/` too.",
        parameters: vec![optional("next", "Where the page begins: `next` of the page before.")],
        request: None,
        answers: vec![Answer::json::<InboxPage>(
            200,
            "A page.",
            json!({"items": [received(false)]}),
        )],
        codes: &[Code::MalformedParameter],
    }
}

fn inbox_file() -> Operation {
    Operation {
        route: "GET /v1/lettershop/inbox/{file_id}",
        id: "getInboxFile",
        tag: LETTERSHOP,
        summary: "Read what became of a file",
        description: "With the lines that were not taken, a thousand at most.",
        parameters: vec![path("file_id", "The file.", FILE)],
        request: None,
        answers: vec![Answer::json::<InboxFileView>(200, "The file.", received(true))],
        codes: &[Code::NotFound],
    }
}
