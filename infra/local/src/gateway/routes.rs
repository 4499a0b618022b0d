//! Route selection of an HTTP API: the most specific path wins, a method before `ANY`, `$default` last.

use std::{collections::BTreeMap, sync::Arc};

use percent_encoding::percent_decode_str;

use crate::template::Route;

/// A declared route and the function it invokes.
#[derive(Debug, Clone)]
pub struct Target {
    /// The route.
    pub route: Route,
    /// Logical id of the function.
    pub function: String,
}

impl Target {
    /// The route key as API Gateway writes it: `POST /v1/purchases`, or `$default`.
    #[must_use]
    pub fn key(&self) -> String {
        if self.route.path == "$default" {
            return "$default".to_owned();
        }
        format!("{} {}", self.route.method, self.route.path)
    }
}

/// A match: the route and the values of its path variables, URL-decoded.
#[derive(Debug, Clone)]
pub struct Matched {
    /// The route.
    pub target: Arc<Target>,
    /// Path variables by name.
    pub parameters: BTreeMap<String, String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Fixed(String),
    Variable(String),
    Greedy(String),
}

#[derive(Debug)]
struct Entry {
    segments: Vec<Segment>,
    target: Arc<Target>,
}

/// All routes of an API.
#[derive(Debug, Default)]
pub struct Routes {
    entries: Vec<Entry>,
    fallback: Option<Arc<Target>>,
}

impl Routes {
    /// Takes the declared routes.
    ///
    /// # Errors
    /// Two routes with the same key, or a greedy variable before the end of a path.
    pub fn new(targets: Vec<Target>) -> Result<Self, String> {
        let mut routes = Self::default();
        let mut keys = std::collections::BTreeSet::new();
        for target in targets {
            let key = target.key();
            if !keys.insert(key.clone()) {
                return Err(format!("the route {key} is declared twice"));
            }
            let target = Arc::new(target);
            if key == "$default" {
                routes.fallback = Some(target);
                continue;
            }
            let segments: Vec<Segment> = split(&target.route.path).map(segment).collect();
            let early = segments
                .iter()
                .rev()
                .skip(1)
                .any(|segment| matches!(segment, Segment::Greedy(_)));
            if early || !target.route.path.starts_with('/') {
                return Err(format!(
                    "the route {key} is not a path with at most one greedy variable at its end"
                ));
            }
            routes.entries.push(Entry { segments, target });
        }
        // Fixed before variable before greedy, segment by segment; a named method before ANY.
        routes
            .entries
            .sort_by_key(|entry| (entry.rank(), entry.target.route.method == "ANY"));
        Ok(routes)
    }

    /// The route of a request; `path` is as it was sent, still URL-encoded.
    #[must_use]
    pub fn select(&self, method: &str, path: &str) -> Option<Matched> {
        let parts: Vec<&str> = split(path).collect();
        let found = self.entries.iter().find_map(|entry| {
            let accepts = entry.target.route.method == "ANY" || entry.target.route.method == method;
            let parameters = accepts.then(|| entry.parameters(&parts))??;
            Some(Matched {
                target: Arc::clone(&entry.target),
                parameters,
            })
        });
        let fallback = || {
            Some(Matched {
                target: Arc::clone(self.fallback.as_ref()?),
                parameters: BTreeMap::new(),
            })
        };
        found.or_else(fallback)
    }

    /// All routes, `$default` last.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Target>> {
        self.entries.iter().map(|entry| &entry.target).chain(&self.fallback)
    }
}

impl Entry {
    fn rank(&self) -> Vec<(u8, String)> {
        let rank = |segment: &Segment| match segment {
            Segment::Fixed(text) => (0, text.clone()),
            Segment::Variable(_) => (1, String::new()),
            Segment::Greedy(_) => (2, String::new()),
        };
        self.segments.iter().map(rank).collect()
    }

    fn parameters(&self, parts: &[&str]) -> Option<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        for (i, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Fixed(text) => {
                    if parts.get(i).is_none_or(|part| part != text) {
                        return None;
                    }
                }
                Segment::Variable(name) => {
                    let part = parts.get(i).filter(|part| !part.is_empty())?;
                    parameters.insert(name.clone(), decoded(part));
                }
                Segment::Greedy(name) => {
                    let rest = parts.get(i..).filter(|rest| rest.iter().any(|part| !part.is_empty()))?;
                    parameters.insert(name.clone(), decoded(&rest.join("/")));
                    return Some(parameters);
                }
            }
        }
        (parts.len() == self.segments.len()).then_some(parameters)
    }
}

fn split(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

fn segment(text: &str) -> Segment {
    match text.strip_prefix('{').and_then(|inner| inner.strip_suffix('}')) {
        Some(name) => match name.strip_suffix('+') {
            Some(greedy) => Segment::Greedy(greedy.to_owned()),
            None => Segment::Variable(name.to_owned()),
        },
        None => Segment::Fixed(text.to_owned()),
    }
}

/// URL-decodes text; bytes that are not UTF-8 become the replacement character.
pub(super) fn decoded(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(keys: &[&str]) -> Routes {
        let target = |key: &&str| {
            let (method, path) = key.split_once(' ').unwrap_or(("ANY", key));
            let timeout = std::time::Duration::from_secs(30);
            let route = Route {
                method: method.to_owned(),
                path: path.to_owned(),
                authorizer: None,
                timeout,
            };
            Target {
                route,
                function: "F".to_owned(),
            }
        };
        Routes::new(keys.iter().map(target).collect()).expect("routes")
    }

    fn key(routes: &Routes, method: &str, path: &str) -> Option<String> {
        routes.select(method, path).map(|matched| matched.target.key())
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&["GET /a/{x}", "GET /a/b", "ANY /a/{rest+}", "ANY /a/b", "$default"]);
        assert_eq!(key(&routes, "GET", "/a/b").as_deref(), Some("GET /a/b"));
        assert_eq!(key(&routes, "PUT", "/a/b").as_deref(), Some("ANY /a/b"));
        assert_eq!(key(&routes, "GET", "/a/c").as_deref(), Some("GET /a/{x}"));
        assert_eq!(key(&routes, "GET", "/a/c/d").as_deref(), Some("ANY /a/{rest+}"));
        assert_eq!(key(&routes, "GET", "/z").as_deref(), Some("$default"));
    }

    #[test]
    fn a_path_without_route_has_no_match() {
        let routes = routes(&["GET /a/{x}"]);
        assert_eq!(key(&routes, "GET", "/a"), None);
        assert_eq!(key(&routes, "GET", "/a/"), None);
        assert_eq!(key(&routes, "GET", "/a/b/"), None);
        assert_eq!(key(&routes, "POST", "/a/b"), None);
    }

    #[test]
    fn path_variables_are_decoded() {
        let routes = routes(&["GET /a/{x}/c/{rest+}"]);
        let matched = routes.select("GET", "/a/M%C3%BCller/c/1/2%20").expect("a match");
        assert_eq!(matched.parameters["x"], "Müller");
        assert_eq!(matched.parameters["rest"], "1/2 ");
    }
}
