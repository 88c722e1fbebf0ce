//! `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`: through what the model's service is reached.

use std::fmt;

use url::Url;

use super::endpoint::Endpoint;
use super::read::{Parsed, Reader};
use super::variables as v;

/// A proxy between this program and the model's service.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Its address, with its own user and password if it wants them.
    pub url: Url,
    /// Hosts that are reached without it, between commas.
    pub except: String,
}

impl fmt::Debug for Proxy {
    /// Without the address, which may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proxy").field("except", &self.except).finish_non_exhaustive()
    }
}

/// The proxy for the endpoints; `None` where they are reached directly. Nothing is read, and nothing can be at fault, where none
/// would be used: on this machine, and for the demo model.
pub(super) fn read<'e>(reader: &mut Reader<'_>, endpoints: impl IntoIterator<Item = &'e Endpoint>) -> Option<Proxy> {
    endpoints.into_iter().find(|endpoint| !endpoint.loopback)?;
    let variable =
        [&v::HTTPS_PROXY, &v::ALL_PROXY].into_iter().find(|variable| reader.text_in_any_case(variable).is_some())?;
    let except = exceptions(&reader.text_in_any_case(&v::NO_PROXY).unwrap_or_default());
    match address(reader.text_in_any_case(variable)?.trim()) {
        Ok(url) => Some(Proxy { url, except }),
        Err(why) => {
            reader.fault(variable, why);
            None
        }
    }
}

/// `http://` or `https://`; without a scheme it is `http`, as everywhere.
fn address(text: &str) -> Parsed<Url> {
    const WHY: &str = "must be the address of an HTTP proxy, such as http://proxy.example.com:8080";
    let with_scheme = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    let url = Url::parse(&with_scheme).map_err(|_| WHY)?;
    let good = matches!(url.scheme(), "http" | "https") && url.has_host() && matches!(url.path(), "" | "/");
    (good && url.query().is_none() && url.fragment().is_none()).then_some(url).ok_or(WHY)
}

/// The entries as the client reads them: between commas, without `*` before a domain and without the port of `https`.
fn exceptions(text: &str) -> String {
    let entries = text.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    let plain = |entry: &str| entry.strip_suffix(":443").unwrap_or(entry).trim_start_matches("*.").to_owned();
    entries.map(plain).collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(endpoint: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, Vec<String>> {
        let lookup =
            |name: &str| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let endpoint =
            Endpoint::new(&super::super::endpoint::parse(endpoint).unwrap(), crate::settings::Api::Chat, "r1", None);
        let mut reader = Reader::new(&lookup);
        let proxy = read(&mut reader, [&endpoint]);
        let faults = reader.into_faults();
        if faults.is_empty() { Ok(proxy) } else { Err(faults.iter().map(ToString::to_string).collect()) }
    }

    const AZURE: &str = "https://x.openai.azure.com";

    #[test]
    fn https_proxy_comes_before_all_proxy_and_either_case_is_read() {
        let url = |variables: &[_]| proxy(AZURE, variables).unwrap().map(|proxy| proxy.url.to_string());
        assert_eq!(url(&[]), None);
        assert_eq!(url(&[("HTTPS_PROXY", "http://a:1"), ("ALL_PROXY", "http://b:1")]).as_deref(), Some("http://a:1/"));
        assert_eq!(url(&[("all_proxy", "b:1")]).as_deref(), Some("http://b:1/"));
        assert_eq!(url(&[("https_proxy", "https://u:p@a")]).as_deref(), Some("https://u:p@a/"));
        assert_eq!(url(&[("HTTPS_PROXY", " "), ("http_proxy", "http://c")]), None);
    }

    #[test]
    fn loopback_is_never_reached_through_a_proxy_and_no_fault_of_it_counts_there() {
        for endpoint in ["http://127.0.0.1:1", "https://localhost:1", "http://[::1]:1/v1"] {
            assert_eq!(proxy(endpoint, &[("HTTPS_PROXY", "socks5://a"), ("ALL_PROXY", "http://b")]), Ok(None));
        }
    }

    #[test]
    fn what_is_no_http_proxy_is_a_fault_that_shows_nothing() {
        for address in ["socks5://secret", "http://", "http://a/secret", "http://a?secret", "ftp://a"] {
            let faults = proxy(AZURE, &[("ALL_PROXY", address)]).unwrap_err();
            assert!(faults.len() == 1 && faults[0].starts_with("ALL_PROXY: must be"), "{faults:?}");
            assert!(!faults[0].contains("secret"));
        }
        let hidden = proxy(AZURE, &[("HTTPS_PROXY", "http://u:secret@a")]).unwrap();
        assert!(!format!("{hidden:?}").contains("secret"));
    }

    #[test]
    fn exceptions_are_read_as_people_write_them() {
        let all = "localhost, .a.example *.b.example,c.example:443,10.0.0.0/8,*";
        assert_eq!(exceptions(all), "localhost,.a.example,b.example,c.example,10.0.0.0/8,*");
    }
}
