//! Where upstream is: from the endpoint, the deployment and the API version to the address that is asked.

use url::{Host, Url};

use super::Api;
use super::read::Parsed;

/// Upstream's address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// Where the API may be, in the order in which they are asked. More than one only for a bare loopback
    /// address, where OpenAI-style and Azure-style servers differ: the next is asked when one answers 404.
    pub routes: Vec<Url>,
    /// Whether it is on this machine.
    pub loopback: bool,
}

/// Checks an endpoint as the operator gives it: `https`, or `http` on loopback; no user, query or fragment.
pub(super) fn parse(text: &str) -> Parsed<Url> {
    const WHY: &str = "must be an https:// address (http:// only on loopback), without user, query or fragment";
    let url = Url::parse(text).map_err(|_| WHY)?;
    let plain =
        url.username().is_empty() && url.password().is_none() && url.query().is_none() && url.fragment().is_none();
    let safe = match url.scheme() {
        "https" => url.has_host(),
        "http" => is_loopback(&url),
        _ => false,
    };
    if plain && safe { Ok(url) } else { Err(WHY) }
}

pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name.eq_ignore_ascii_case("localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

impl Endpoint {
    /// The built-in demo model's route.
    pub(super) fn demo(address: std::net::SocketAddr, api: Api) -> Self {
        let base = Url::parse(&format!("http://{address}/openai/v1"));
        let routes = base.iter().map(|base| with_path(base, &[], api, None)).collect();
        Self { routes, loopback: true }
    }

    /// The routes for one deployment.
    ///
    /// An endpoint that already ends in `/openai/v1`, `/v1` or `/models` is taken at its word. Otherwise an API version
    /// chooses the dated route, and its absence the `v1` route. A bare loopback address is most likely an OpenAI-style
    /// server (Ollama, llama.cpp, vLLM), which has `/v1` at its root; at some gateways `/openai/v1` leads off this machine,
    /// so it is asked only where there is no `/v1`.
    pub fn new(base: &Url, api: Api, deployment: &str, api_version: Option<&str>) -> Self {
        let loopback = is_loopback(base);
        let path = base.path().trim_end_matches('/');
        let has_route = path.ends_with("/v1") || path.ends_with("/models");
        let routes = if has_route {
            vec![with_path(base, &[], api, api_version)]
        } else if api_version.is_some() {
            let segments: &[&str] = match api {
                Api::Chat => &["openai", "deployments", deployment],
                // The model is in the body only.
                Api::Responses => &["openai"],
            };
            vec![with_path(base, segments, api, api_version)]
        } else if loopback && path.is_empty() {
            vec![with_path(base, &["v1"], api, None), with_path(base, &["openai", "v1"], api, None)]
        } else {
            vec![with_path(base, &["openai", "v1"], api, None)]
        };
        Self { routes, loopback }
    }
}

/// `base`, then the segments (each percent-encoded as one), then the API's own.
fn with_path(base: &Url, segments: &[&str], api: Api, api_version: Option<&str>) -> Url {
    let own: &[&str] = match api {
        Api::Chat => &["chat", "completions"],
        Api::Responses => &["responses"],
    };
    let mut url = base.clone();
    if let Ok(mut path) = url.path_segments_mut() {
        path.pop_if_empty().extend(segments).extend(own);
    }
    if let Some(version) = api_version {
        url.query_pairs_mut().append_pair("api-version", version);
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(base: &str, deployment: &str, api_version: Option<&str>) -> Vec<String> {
        let base = parse(base).unwrap();
        Endpoint::new(&base, Api::Chat, deployment, api_version).routes.iter().map(Url::to_string).collect()
    }

    #[test]
    fn the_default_is_the_v1_route() {
        for base in ["https://x.openai.azure.com", "https://x.openai.azure.com/"] {
            assert_eq!(routes(base, "r1", None), ["https://x.openai.azure.com/openai/v1/chat/completions"]);
        }
    }

    #[test]
    fn an_api_version_chooses_the_dated_route_and_the_deployment_is_one_segment() {
        assert_eq!(
            routes("https://x.openai.azure.com", "a/../b?c", Some("2025-04-01-preview")),
            [
                "https://x.openai.azure.com/openai/deployments/a%2F..%2Fb%3Fc/chat/completions?api-version=2025-04-01-preview"
            ]
        );
    }

    #[test]
    fn a_route_in_the_endpoint_is_respected() {
        assert_eq!(
            routes("https://x.openai.azure.com/openai/v1/", "r1", None),
            ["https://x.openai.azure.com/openai/v1/chat/completions"]
        );
        assert_eq!(routes("http://127.0.0.1:11434/v1", "r1", None), ["http://127.0.0.1:11434/v1/chat/completions"]);
        assert_eq!(
            routes("https://x.services.ai.azure.com/models", "r1", Some("2024-05-01-preview")),
            ["https://x.services.ai.azure.com/models/chat/completions?api-version=2024-05-01-preview"]
        );
    }

    #[test]
    fn a_bare_loopback_address_may_be_either_kind_of_server() {
        assert_eq!(
            routes("http://localhost:8080", "r1", None),
            ["http://localhost:8080/v1/chat/completions", "http://localhost:8080/openai/v1/chat/completions"]
        );
    }

    #[test]
    fn the_responses_api_has_routes_of_its_own() {
        for (base, api_version, expected) in [
            ("https://x.openai.azure.com", None, "https://x.openai.azure.com/openai/v1/responses"),
            ("https://x.openai.azure.com/openai/v1/", None, "https://x.openai.azure.com/openai/v1/responses"),
            (
                "https://x.openai.azure.com",
                Some("2025-04-01-preview"),
                "https://x.openai.azure.com/openai/responses?api-version=2025-04-01-preview",
            ),
            (
                "https://x.services.ai.azure.com/api/projects/p/openai/v1",
                None,
                "https://x.services.ai.azure.com/api/projects/p/openai/v1/responses",
            ),
            (
                "http://localhost:8080",
                None,
                "http://localhost:8080/v1/responses http://localhost:8080/openai/v1/responses",
            ),
        ] {
            let routes = Endpoint::new(&parse(base).unwrap(), Api::Responses, "gpt-5", api_version).routes;
            assert_eq!(routes.iter().map(Url::as_str).collect::<Vec<_>>().join(" "), expected);
        }
    }

    #[test]
    fn plain_http_stays_on_this_machine() {
        for base in ["http://127.0.0.1:1", "http://[::1]:1", "http://localhost", "http://127.9.9.9"] {
            assert!(parse(base).is_ok(), "{base}");
        }
        for base in [
            "http://example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "ftp://localhost",
            "https://user@x.example",
            "https://x.example?a=b",
            "https://x.example#a",
            "x.openai.azure.com",
            "",
        ] {
            assert!(parse(base).is_err(), "{base}");
        }
    }
}
