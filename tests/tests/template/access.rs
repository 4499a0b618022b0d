//! Rules about who may do what: policies, roles, and the authorizer on the routes.

use std::collections::{BTreeMap, BTreeSet};

use http_edge::routes::ROUTES;
use serde_norway::Value;

use crate::document::{Template, at, entries, items, reference, tagged, text, workspace};

/// The only policy whose resource may be a star, and the only actions it may hold: X-Ray knows no resource for them.
const TRACE_POLICY: &str = "TraceWriting";
const TRACE_ACTIONS: [&str; 2] = ["xray:PutTraceSegments", "xray:PutTelemetryRecords"];

/// First parts of the partition keys of the table and of its index.
const KEY_KINDS: [&str; 37] = [
    "ADJUST#*",
    "APIKEY#*",
    "BLOCKING#*",
    "CAMPAIGNS#*",
    "CARD#*",
    "CLIENT#*",
    "DESK#*",
    "DUE#*",
    "ERASURE#*",
    "ERP#*",
    "EXCEPTION#*",
    "EXTERNAL#*",
    "FEED#*",
    "FINANCE#*",
    "GUESS#*",
    "HEARD#*",
    "IMPORT#*",
    "LETTER#*",
    "LETTERSHOP#*",
    "LOCATIONS#*",
    "LOST#*",
    "OFFLINE#*",
    "PARTY#*",
    "PROGRAMME#*",
    "RECALC#*",
    "RECEIPT#*",
    "RUNHOUSE#*",
    "RUNMEMBER#*",
    "RUNPART#*",
    "RUNS#*",
    "SEARCH#*",
    "TALLY#*",
    "TYPES#*",
    "UNCONFIRMED#*",
    "UNMATCHED#*",
    "VOUCHER#*",
    "WORKFLOWS#*",
];

/// A transaction of `shared/store`: where it is made, by which role, with which actions, on which kinds of keys.
type Transaction = (
    &'static str,
    &'static str,
    &'static [&'static str],
    &'static [&'static str],
);

const TRANSACTIONS: [Transaction; 47] = [
    (
        "account.rs",
        "PointCalculationRole",
        &["PutItem", "UpdateItem"],
        &["PARTY#*"],
    ),
    ("account.rs", "DayCloseRole", &["PutItem", "UpdateItem"], &["PARTY#*"]),
    ("account.rs", "CampaignRunRole", &["PutItem"], &["PARTY#*"]),
    (
        "adjustment.rs",
        "PointsDeskRole",
        &["PutItem", "DeleteItem", "ConditionCheckItem"],
        &["ADJUST#*", "PARTY#*", "VOUCHER#*"],
    ),
    (
        "campaign.rs",
        "CampaignRunRole",
        &["PutItem"],
        &["CAMPAIGNS#*", "RUNS#*"],
    ),
    ("campaign.rs", "CampaignsRole", &["PutItem"], &["CAMPAIGNS#*", "RUNS#*"]),
    ("campaign.rs", "LettershopExportRole", &["PutItem"], &["CAMPAIGNS#*"]),
    (
        "card.rs",
        "CustomerRole",
        &["PutItem", "ConditionCheckItem"],
        &["CARD#*", "PARTY#*"],
    ),
    (
        "card.rs",
        "PartyImportRole",
        &["PutItem", "ConditionCheckItem"],
        &["CARD#*", "PARTY#*"],
    ),
    (
        "client.rs",
        "AdministrationRole",
        &["PutItem"],
        &["CLIENT#*", "APIKEY#*"],
    ),
    (
        "communication.rs",
        "ServiceDeskRole",
        &["PutItem", "ConditionCheckItem"],
        &["PARTY#*", "DESK#*"],
    ),
    (
        "desk.rs",
        "ServiceDeskRole",
        &["PutItem", "DeleteItem", "ConditionCheckItem"],
        &["DESK#*", "PARTY#*"],
    ),
    // A request, its approval, and the steps.
    (
        "erasure.rs",
        "PrivacyRole",
        &["PutItem", "DeleteItem", "ConditionCheckItem"],
        &["ADJUST#*", "CARD#*", "DESK#*", "EXTERNAL#*", "PARTY#*"],
    ),
    (
        "erp.rs",
        "ErpIntakeRole",
        &["PutItem", "DeleteItem", "ConditionCheckItem"],
        &["ERP#*", "PARTY#*"],
    ),
    (
        "feed.rs",
        "EventRelayRole",
        &["PutItem", "DeleteItem"],
        &["FEED#*", "PARTY#*"],
    ),
    (
        "import.rs",
        "PartyImportRole",
        &["PutItem", "UpdateItem"],
        &["IMPORT#*"],
    ),
    // An entry of a journal.
    (
        "offline.rs",
        "OfflineRedemptionRole",
        &["PutItem"],
        &["OFFLINE#*", "VOUCHER#*"],
    ),
    // A row of a file.
    ("party.rs", "PartyImportRole", &["PutItem"], &["PARTY#*", "EXTERNAL#*"]),
    ("party.rs", "CustomerRole", &["PutItem"], &["PARTY#*", "EXTERNAL#*"]),
    // An id of another system that goes.
    (
        "party.rs",
        "CustomerRole",
        &["PutItem", "DeleteItem"],
        &["PARTY#*", "EXTERNAL#*"],
    ),
    // The own company and its branches.
    ("party.rs", "AdministrationRole", &["PutItem"], &["PARTY#*"]),
    // A lead is stored, and decided on.
    ("party.rs", "ServiceDeskRole", &["PutItem"], &["PARTY#*", "EXTERNAL#*"]),
    // A purchase makes a customer.
    ("party.rs", "PointCalculationRole", &["PutItem"], &["PARTY#*"]),
    ("party_types.rs", "AdministrationRole", &["PutItem"], &["TYPES#*"]),
    ("programme.rs", "AdministrationRole", &["PutItem"], &["PROGRAMME#*"]),
    // Accepted while the card leads nowhere.
    (
        "receipt.rs",
        "PurchaseIngestionRole",
        &["PutItem", "ConditionCheckItem"],
        &["RECEIPT#*", "CARD#*"],
    ),
    // Stamped by a claim, or when the card leads to a party.
    (
        "receipt.rs",
        "PurchaseIngestionRole",
        &["UpdateItem", "DeleteItem"],
        &["RECEIPT#*", "CARD#*"],
    ),
    (
        "receipt.rs",
        "PointCalculationRole",
        &["UpdateItem", "DeleteItem"],
        &["RECEIPT#*", "CARD#*"],
    ),
    (
        "recalculation.rs",
        "RecalculationRole",
        &["PutItem", "UpdateItem"],
        &["PARTY#*", "RECEIPT#*"],
    ),
    ("relationship.rs", "CustomerRole", &["PutItem"], &["PARTY#*"]),
    // A lead is converted into a party.
    ("relationship.rs", "ServiceDeskRole", &["PutItem"], &["PARTY#*"]),
    (
        "returned.rs",
        "PurchaseIngestionRole",
        &["PutItem", "UpdateItem"],
        &["RECEIPT#*"],
    ),
    // A letter came back: the party, tasks, and what it was of which run.
    (
        "returned_mail.rs",
        "LettershopIntakeRole",
        &["PutItem", "ConditionCheckItem"],
        &["DESK#*", "PARTY#*", "RUNPART#*"],
    ),
    // The claim of a household, and a lease of the budget.
    ("run.rs", "CampaignRunRole", &["PutItem"], &["RUNHOUSE#*"]),
    ("run.rs", "CampaignRunRole", &["PutItem"], &["RUNPART#*"]),
    // Another choice of members is begun where the one before stands.
    (
        "run.rs",
        "CampaignsRole",
        &["PutItem", "ConditionCheckItem"],
        &["RUNS#*"],
    ),
    (
        "run.rs",
        "CampaignRunRole",
        &["PutItem", "ConditionCheckItem"],
        &["RUNS#*"],
    ),
    // A voucher of a stopped run is blocked, and one that was taken off the list of open ones before is taken off again.
    (
        "run.rs",
        "CampaignRunRole",
        &["PutItem", "DeleteItem", "ConditionCheckItem"],
        &["ADJUST#*", "PARTY#*", "VOUCHER#*"],
    ),
    (
        "voucher.rs",
        "CampaignRunRole",
        &["DeleteItem", "ConditionCheckItem"],
        &["PARTY#*", "VOUCHER#*"],
    ),
    (
        "statement.rs",
        "PrivacyRole",
        &["PutItem", "ConditionCheckItem"],
        &["PARTY#*"],
    ),
    // A letter that was sent, and that its addressee stands.
    (
        "timeline.rs",
        "LettershopExportRole",
        &["PutItem", "ConditionCheckItem"],
        &["PARTY#*"],
    ),
    (
        "tally.rs",
        "CampaignResultsRole",
        &["PutItem", "UpdateItem"],
        &["HEARD#*", "TALLY#*"],
    ),
    ("voucher.rs", "DayCloseRole", &["PutItem"], &["PARTY#*", "VOUCHER#*"]),
    (
        "voucher.rs",
        "VoucherIssuanceRole",
        &["PutItem"],
        &["PARTY#*", "VOUCHER#*"],
    ),
    // A workflow opens a task, classifies a party, tells other systems; a set of workflows is put in force.
    (
        "desk.rs",
        "WorkflowRunnerRole",
        &["PutItem", "ConditionCheckItem"],
        &["DESK#*", "PARTY#*"],
    ),
    (
        "workflow.rs",
        "WorkflowRunnerRole",
        &["PutItem", "ConditionCheckItem"],
        &["PARTY#*"],
    ),
    ("workflow.rs", "AdministrationRole", &["PutItem"], &["WORKFLOWS#*"]),
];

/// The only roles that may scan, with a statement that grants nothing else: no index leads to all accounts or parties, and no
/// condition on keys bounds a scan.
const SCANNING_ROLES: [&str; 2] = ["CampaignRunRole", "FinanceReportsRole"];

/// The routes that anyone may call.
const OPEN_ROUTES: [&str; 5] = [
    "GET /docs",
    "GET /health",
    "GET /openapi.json",
    "GET /v1/offline-keys",
    "GET /v1/statement-keys",
];

/// Every statement of every policy, with the logical id of the resource that holds it.
fn statements(template: &Template) -> Vec<(&str, &Value)> {
    let mut found = Vec::new();
    for (id, resource) in template.resources() {
        let properties = at(resource, &["Properties"]);
        let documents = items(properties.and_then(|p| at(p, &["Policies"])))
            .into_iter()
            .filter_map(|policy| at(policy, &["PolicyDocument"]))
            .chain(properties.and_then(|p| at(p, &["PolicyDocument"])));
        for document in documents {
            found.extend(
                items(at(document, &["Statement"]))
                    .into_iter()
                    .map(|statement| (id, statement)),
            );
        }
    }
    found
}

/// No statement grants an action or a resource by a star, and none turns a grant around with Not….
pub(crate) fn grants_name_actions_and_resources(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut granted = 0;
    for (id, statement) in statements(template) {
        let sid = text(statement, &["Sid"]).unwrap_or("(no Sid)");
        for inverted in ["NotAction", "NotResource", "NotPrincipal"] {
            if at(statement, &[inverted]).is_some() {
                violations.push(format!("{id} {sid}: {inverted} grants what nobody has listed"));
            }
        }
        match text(statement, &["Effect"]) {
            Some("Deny") => continue,
            Some("Allow") => granted += 1,
            _ => violations.push(format!("{id} {sid}: Effect is neither Allow nor Deny")),
        }
        let actions = items(at(statement, &["Action"]));
        if actions.is_empty()
            || actions
                .iter()
                .any(|action| action.as_str().is_none_or(|a| a.contains(['*', '?'])))
        {
            violations.push(format!("{id} {sid}: actions must be written out"));
        }
        let traces = id == TRACE_POLICY && actions.iter().filter_map(|a| a.as_str()).eq(TRACE_ACTIONS);
        let resources = items(at(statement, &["Resource"]));
        if !traces && (resources.is_empty() || !resources.iter().all(|resource| names_a_resource(resource))) {
            violations.push(format!("{id} {sid}: the resource must be one of this template"));
        }
        if at(statement, &["Principal"]).is_some_and(holds_star) {
            violations.push(format!("{id} {sid}: grants to everybody"));
        }
    }
    if granted == 0 {
        violations.push("no statement found".to_owned());
    }
    violations
}

/// A resource is a reference, or a reference with a path below it (`${X.Arn}/…`).
fn names_a_resource(resource: &Value) -> bool {
    match tagged(resource) {
        Some((tag, _)) if tag == "Ref" || tag == "GetAtt" => true,
        Some((tag, argument)) if tag == "Sub" => {
            reference(resource).is_some()
                && argument
                    .split_once(".Arn}")
                    .is_some_and(|(_, rest)| !rest.starts_with('*'))
        }
        _ => false,
    }
}

fn holds_star(principal: &Value) -> bool {
    principal.as_str() == Some("*")
        || entries(Some(principal)).any(|(_, who)| items(Some(who)).iter().any(|w| w.as_str() == Some("*")))
}

/// Access to items of the table is bounded by the first part of their keys, and nothing scans but finance's books and campaigns' runs.
pub(crate) fn table_access_is_bounded_by_keys(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut bounded = 0;
    for (id, statement) in statements(template) {
        let sid = text(statement, &["Sid"]).unwrap_or("(no Sid)");
        let actions: Vec<&str> = items(at(statement, &["Action"]))
            .into_iter()
            .filter_map(Value::as_str)
            .collect();
        if actions.contains(&"dynamodb:Scan") {
            if SCANNING_ROLES.contains(&id) && actions == ["dynamodb:Scan"] {
                continue;
            }
            violations.push(format!(
                "{id} {sid}: no function but finance's books and campaigns' runs reads the whole table"
            ));
        }
        let on_table = items(at(statement, &["Resource"]))
            .into_iter()
            .filter_map(tagged)
            .any(|(tag, target)| tag == "GetAtt" && target == "Table.Arn" || target.starts_with("${Table.Arn}/index/"));
        if !on_table {
            continue;
        }
        let keys = items(at(
            statement,
            &["Condition", "ForAllValues:StringLike", "dynamodb:LeadingKeys"],
        ));
        if keys.is_empty()
            || !keys
                .iter()
                .all(|key| key.as_str().is_some_and(|key| KEY_KINDS.contains(&key)))
        {
            violations.push(format!("{id} {sid}: needs dynamodb:LeadingKeys of known kinds"));
        }
        bounded += 1;
    }
    if bounded == 0 {
        violations.push("no statement on the table found".to_owned());
    }
    violations
}

/// One statement grants an action of a transaction on all keys of the transaction, whether the platform checks its items one
/// by one or together; and what deletes beside other kinds of items does so in transactions only.
pub(crate) fn transactions_are_granted_whole(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let all = statements(template);
    for (source, role, actions, keys) in TRANSACTIONS {
        for action in actions {
            let whole =
                |statement: &Value| grants(statement, action) && keys.iter().all(|key| bounded_by(statement, key));
            if !all.iter().any(|(id, statement)| *id == role && whole(statement)) {
                violations.push(format!(
                    "{role}: no statement grants {action} on all of {keys:?} ({source})"
                ));
            }
        }
    }
    for (id, statement) in &all {
        let mixed = KEY_KINDS.iter().filter(|key| bounded_by(statement, key)).count() > 1;
        let enclosing = ["Condition", "ForAnyValue:StringEquals", "dynamodb:EnclosingOperation"];
        let enclosing: Vec<_> = items(at(statement, &enclosing))
            .into_iter()
            .filter_map(Value::as_str)
            .collect();
        if grants(statement, "DeleteItem") && mixed && enclosing != ["TransactWriteItems"] {
            violations.push(format!("{id}: deletes items of several kinds outside transactions"));
        }
    }
    let listed: BTreeSet<String> = TRANSACTIONS.iter().map(|(source, ..)| (*source).to_owned()).collect();
    let made = sources_of_transactions();
    if made != listed {
        violations.push(format!("transactions are made in {made:?}, listed here are {listed:?}"));
    }
    violations
}

fn grants(statement: &Value, action: &str) -> bool {
    let granted = items(at(statement, &["Action"])).into_iter().filter_map(Value::as_str);
    granted.filter_map(|a| a.strip_prefix("dynamodb:")).any(|a| a == action)
}

fn bounded_by(statement: &Value, key: &str) -> bool {
    let path = ["Condition", "ForAllValues:StringLike", "dynamodb:LeadingKeys"];
    items(at(statement, &path)).iter().any(|k| k.as_str() == Some(key))
}

/// The files of the store that make transactions.
fn sources_of_transactions() -> BTreeSet<String> {
    let files = std::fs::read_dir(workspace().join("shared/store/src"))
        .into_iter()
        .flatten()
        .flatten();
    files
        .filter(|file| std::fs::read_to_string(file.path()).is_ok_and(|text| text.contains("db.transact(")))
        .map(|file| file.file_name().to_string_lossy().into_owned())
        .collect()
}

/// Roles, or policies of roles, of functions that look for an object before it stands, and its bucket: without the list of the bucket, S3 answers 403 in
/// the place of 404, and nothing goes on.
const LOOK_FOR_OBJECTS: [(&str, &str); 3] = [
    ("LettershopExportRole", "LettershopBucket"),
    ("LettershopIntakeFiles", "LettershopInboxBucket"),
    ("PartyImportFiles", "ImportBucket"),
];

/// Who looks for an object hears that there is none.
pub(crate) fn missing_objects_are_told(template: &Template) -> Vec<String> {
    let all = statements(template);
    let tells = |role: &str, bucket: &str| {
        all.iter().any(|(id, statement)| {
            let actions = items(at(statement, &["Action"])).into_iter().filter_map(Value::as_str);
            *id == role
                && actions.into_iter().any(|action| action == "s3:ListBucket")
                && at(statement, &["Resource"]).is_some_and(|resource| format!("{resource:?}").contains(bucket))
        })
    };
    LOOK_FOR_OBJECTS
        .iter()
        .filter(|(role, bucket)| !tells(role, bucket))
        .map(|(role, bucket)| format!("{role}: is not told that an object of {bucket} is missing"))
        .collect()
}

/// Each function has a role of its own, with statements of its own, that only Lambda may take.
pub(crate) fn each_function_has_its_own_role(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let mut users: BTreeMap<String, &str> = BTreeMap::new();
    for (id, function) in template.of_type("AWS::Serverless::Function") {
        if at(function, &["Properties", "Policies"]).is_some() {
            violations.push(format!("{id}: statements belong to its role"));
        }
        let Some(role_id) = at(function, &["Properties", "Role"]).and_then(reference) else {
            violations.push(format!("{id}: names no role"));
            continue;
        };
        let Some(role) = template.resource(&role_id) else {
            violations.push(format!("{id}: {role_id} is not declared"));
            continue;
        };
        violations.extend(role_violations(&role_id, role));
        if let Some(other) = users.insert(role_id.clone(), id) {
            violations.push(format!("{role_id}: shared by {other} and {id}"));
        }
    }
    let declared: BTreeSet<&str> = template.of_type("AWS::IAM::Role").map(|(id, _)| id).collect();
    let used: BTreeSet<&str> = users.keys().map(String::as_str).collect();
    if declared != used || used.is_empty() {
        violations.push(format!("roles declared {declared:?}, roles used {used:?}"));
    }
    violations
}

fn role_violations(id: &str, role: &Value) -> Vec<String> {
    let mut violations = Vec::new();
    let trusted = items(at(role, &["Properties", "AssumeRolePolicyDocument", "Statement"]));
    if !matches!(trusted.as_slice(), [one] if text(one, &["Principal", "Service"]) == Some("lambda.amazonaws.com")) {
        violations.push(format!("{id}: only Lambda may take a function's role"));
    }
    if items(at(role, &["Properties", "Policies"])).is_empty() {
        violations.push(format!("{id}: has no statements of its own"));
    }
    for policy in items(at(role, &["Properties", "ManagedPolicyArns"])) {
        if reference(policy).as_deref() != Some(TRACE_POLICY) {
            violations.push(format!("{id}: takes a policy that is not written in this template"));
        }
    }
    violations
}

/// The declared routes, as the function's package with method and path.
fn declared_routes(template: &Template) -> BTreeSet<(String, String)> {
    let folder = |id: &str| {
        let function = template.resource(id)?;
        text(function, &["Properties", "CodeUri"])
    };
    let routes = template
        .events()
        .into_iter()
        .filter(|(_, _, kind, _)| *kind == "HttpApi");
    routes
        .map(|(id, _, _, properties)| {
            let package = folder(id)
                .unwrap_or_default()
                .trim_start_matches("functions/")
                .trim_end_matches('/');
            (package.to_owned(), route(properties))
        })
        .collect()
}

fn route(properties: &Value) -> String {
    let part = |name| text(properties, &[name]).unwrap_or("?");
    format!("{} {}", part("Method"), part("Path"))
}

/// The template routes exactly what the functions' own list of routes says, to the same functions, and opens the same.
pub(crate) fn routes_are_those_of_the_functions(template: &Template) -> Vec<String> {
    let declared = declared_routes(template);
    let listed: BTreeSet<(String, String)> = ROUTES
        .iter()
        .map(|r| (r.function.to_owned(), format!("{} {}", r.method, r.path)))
        .collect();
    let mut violations: Vec<String> = Vec::new();
    violations.extend(
        declared
            .difference(&listed)
            .map(|route| format!("{route:?}: no function answers it")),
    );
    violations.extend(
        listed
            .difference(&declared)
            .map(|route| format!("{route:?}: not declared in template.yaml")),
    );
    let open = ROUTES
        .iter()
        .filter(|r| r.scope.is_none())
        .map(|r| format!("{} {}", r.method, r.path));
    if open.collect::<BTreeSet<_>>() != OPEN_ROUTES.map(str::to_owned).into() {
        violations.push("the functions' list opens other routes".to_owned());
    }
    violations
}

/// Every route passes the authorizer, except the four open ones, and no route is declared twice.
pub(crate) fn every_route_is_authorised(template: &Template) -> Vec<String> {
    let mut violations = Vec::new();
    let Some(api) = template.resource("HttpApi") else {
        return vec!["HttpApi is not declared".to_owned()];
    };
    let default = text(api, &["Properties", "Auth", "DefaultAuthorizer"]).unwrap_or("(none)");
    match at(api, &["Properties", "Auth", "Authorizers", default]) {
        None => violations.push(format!("HttpApi: the default authorizer {default} is not declared")),
        Some(authorizer) => violations.extend(authorizer_violations(template, authorizer)),
    }
    let mut open = BTreeSet::new();
    let mut all = BTreeSet::new();
    for (function, event, kind, properties) in template.events() {
        if kind != "HttpApi" {
            continue;
        }
        let route = route(properties);
        if at(properties, &["ApiId"]).and_then(reference).as_deref() != Some("HttpApi") {
            violations.push(format!("{function} {event}: belongs to another API"));
        }
        if !all.insert(route.clone()) {
            violations.push(format!("{route}: declared twice"));
        }
        match at(properties, &["Auth"]).map(|auth| text(auth, &["Authorizer"])) {
            None => {}
            Some(Some("NONE")) => drop(open.insert(route)),
            Some(_) => violations.push(format!("{route}: takes another authorizer than the default")),
        }
    }
    if !open.iter().map(String::as_str).eq(OPEN_ROUTES) {
        violations.push(format!("open routes are {open:?}"));
    }
    violations
}

fn authorizer_violations(template: &Template, authorizer: &Value) -> Vec<String> {
    let mut violations = Vec::new();
    let function = at(authorizer, &["FunctionArn"]).and_then(reference).unwrap_or_default();
    if template.resource(&function).and_then(|f| text(f, &["Type"])) != Some("AWS::Serverless::Function") {
        violations.push(format!("authorizer: {function:?} is no function"));
    }
    // Without the route in its key, a cached answer for one route would open every other route.
    let headers = items(at(authorizer, &["Identity", "Headers"]));
    let context = items(at(authorizer, &["Identity", "Context"]));
    if !headers.iter().any(|h| h.as_str() == Some("Authorization"))
        || !context.iter().any(|c| c.as_str() == Some("routeKey"))
    {
        violations.push("authorizer: identity sources must be Authorization and routeKey".to_owned());
    }
    if at(authorizer, &["Identity", "ReauthorizeEvery"])
        .and_then(Value::as_u64)
        .is_none_or(|seconds| seconds > 60)
    {
        violations.push("authorizer: a revoked key must stop to work within a minute".to_owned());
    }
    violations
}
