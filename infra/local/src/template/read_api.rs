//! The HTTP API and its authorizers from their properties.

use std::{collections::BTreeMap, time::Duration};

use super::{
    Attributes, Props, TemplateError,
    model::{Authorizer, HttpApi, IdentitySource, Throttle},
};

/// The longest time API Gateway keeps an authorizer's answer.
const AUTHORIZER_TTL_SECONDS_MAX: u64 = 3_600;
/// SAM's default for `ReauthorizeEvery`: no caching.
const AUTHORIZER_TTL_SECONDS_DEFAULT: u64 = 0;
/// No limit of API Gateway is above this; larger values are a typing error.
const THROTTLE_MAX: u64 = 1_000_000;

pub(super) fn http_api(id: &str, props: &Props<'_>, known: &Attributes) -> Result<HttpApi, TemplateError> {
    let mut authorizers = BTreeMap::new();
    let mut default_authorizer = None;
    if let Some(auth) = props.map("Auth")? {
        default_authorizer = auth.text("DefaultAuthorizer")?;
        if let Some(declared) = auth.map("Authorizers")? {
            for name in declared.keys() {
                if let Some(properties) = declared.map(name)? {
                    authorizers.insert(name.to_owned(), authorizer(&properties, known)?);
                }
            }
        }
        if let Some(name) = default_authorizer
            .as_ref()
            .filter(|name| !authorizers.contains_key(*name))
        {
            return Err(TemplateError::at(
                auth.path(),
                format!("the default authorizer {name} is not declared"),
            ));
        }
        auth.finish(&[])?;
    }
    if props.text("StageName")?.is_some_and(|stage| stage != "$default") {
        return Err(TemplateError::unsupported(props.path(), "a stage other than $default"));
    }
    let throttle = props
        .map("DefaultRouteSettings")?
        .map_or(Ok(Throttle::default()), |settings| throttle(&settings))?;
    let mut route_throttles = BTreeMap::new();
    if let Some(routes) = props.map("RouteSettings")? {
        for route in routes.keys() {
            if let Some(settings) = routes.map(route)? {
                route_throttles.insert(route.to_owned(), self::throttle(&settings)?);
            }
        }
    }
    props.finish(&[
        "AccessLogSettings",
        "Description",
        "Domain",
        "FailOnWarnings",
        "Name",
        "PropagateTags",
        "Tags",
    ])?;
    Ok(HttpApi {
        id: id.to_owned(),
        authorizers,
        default_authorizer,
        throttle,
        route_throttles,
    })
}

fn throttle(settings: &Props<'_>) -> Result<Throttle, TemplateError> {
    let rate = settings.number("ThrottlingRateLimit", 1..=THROTTLE_MAX)?;
    let burst = settings.number("ThrottlingBurstLimit", 1..=THROTTLE_MAX)?;
    settings.finish(&["DetailedMetricsEnabled"])?;
    Ok(Throttle { rate, burst })
}

fn authorizer(props: &Props<'_>, known: &Attributes) -> Result<Authorizer, TemplateError> {
    let arn = props.required_text("FunctionArn")?;
    let function = known.logical_id(&arn).map(str::to_owned);
    let function =
        function.ok_or_else(|| TemplateError::at(props.path(), format!("{arn} is no function of this template")))?;
    if props.text("AuthorizerPayloadFormatVersion")?.as_deref() != Some("2.0") {
        return Err(TemplateError::unsupported(
            props.path(),
            "an AuthorizerPayloadFormatVersion other than 2.0",
        ));
    }
    if props.flag("EnableSimpleResponses")? != Some(true) {
        return Err(TemplateError::unsupported(
            props.path(),
            "an authorizer without EnableSimpleResponses",
        ));
    }
    let mut identity = Vec::new();
    let mut ttl_seconds = AUTHORIZER_TTL_SECONDS_DEFAULT;
    if let Some(sources) = props.map("Identity")? {
        let headers = sources
            .texts("Headers")?
            .into_iter()
            .map(|name| name.to_ascii_lowercase());
        identity.extend(headers.map(IdentitySource::Header));
        identity.extend(sources.texts("QueryStrings")?.into_iter().map(IdentitySource::Query));
        for variable in sources.texts("Context")? {
            if variable != "routeKey" {
                let what = format!("the identity source $context.{variable}");
                return Err(TemplateError::unsupported(sources.path(), what));
            }
            identity.push(IdentitySource::Context(variable));
        }
        let ttl = sources.number("ReauthorizeEvery", 0..=AUTHORIZER_TTL_SECONDS_MAX)?;
        ttl_seconds = ttl.unwrap_or(AUTHORIZER_TTL_SECONDS_DEFAULT);
        sources.finish(&[])?;
    }
    if ttl_seconds > 0 && identity.is_empty() {
        return Err(TemplateError::at(
            props.path(),
            "ReauthorizeEvery needs an identity source: answers are cached by it",
        ));
    }
    // Who may invoke the function is a matter of IAM.
    props.finish(&["EnableFunctionDefaultPermissions", "FunctionInvokeRole"])?;
    Ok(Authorizer {
        function,
        identity,
        ttl: Duration::from_secs(ttl_seconds),
    })
}
