//! Earning rules as people write them.

use domain::earning::{EarningRule, RULE_COST_MAX, SCHEMA, When};
use domain::violation::Violation;
use http_edge::api::administration::{ContextAnswer, ContextField, EarningRuleBody};
use http_edge::{Problem, Request, Response, Scope};

/// A rule, without its condition when that has flaws.
pub(crate) fn rule(index: usize, body: EarningRuleBody, flaws: &mut Vec<Violation>) -> EarningRule {
    let when = body.when.and_then(|source| match When::compile(&source) {
        Ok(when) => Some(when),
        Err(found) => {
            let pointer = format!("/rules/{index}/when");
            flaws.extend(
                found
                    .into_iter()
                    .map(|flaw| Violation::new(pointer.clone(), flaw.code.as_str(), flaw.to_string())),
            );
            None
        }
    });
    EarningRule {
        id: body.id,
        name: body.name,
        when,
        from: body.from,
        until: body.until,
        effect: body.effect,
    }
}

pub(crate) fn rule_body(rule: EarningRule) -> EarningRuleBody {
    EarningRuleBody {
        id: rule.id,
        name: rule.name,
        when: rule.when.map(String::from),
        from: rule.from,
        until: rule.until,
        effect: rule.effect,
    }
}

/// `GET /v1/earning-rules/context`.
pub(crate) fn context(request: &Request) -> Result<Response, Problem> {
    request.caller()?.require(Scope::ProgrammesRead)?;
    let field = |field: &conditions::Field| ContextField {
        name: field.name.to_owned(),
        kind: field.kind.to_string(),
        description: field.doc.to_owned(),
    };
    let answer = ContextAnswer {
        fields: SCHEMA.fields().iter().map(field).collect(),
        cost_max: RULE_COST_MAX,
        source_max: conditions::SOURCE_MAX,
    };
    Response::json(200, &answer)
}
