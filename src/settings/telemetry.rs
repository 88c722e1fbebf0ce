//! Where telemetry goes, and as whom: the connection string and the authentication string of Application Insights.

use url::Url;

use super::endpoint::is_loopback;
use super::read::Parsed;

/// Application Insights' own endpoint, for connection strings that name none.
const DEFAULT_ENDPOINT: &str = "https://dc.services.visualstudio.com";

/// What a connection string says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ingestion {
    /// Which resource the items belong to. No secret, but it is not logged either.
    pub instrumentation_key: String,
    /// Where items are sent: `https`, or `http` on loopback.
    pub endpoint: Url,
}

/// Reads a connection string: pairs `Name=value` between `;`, names in any case. Pairs of no use here are ignored.
pub(super) fn connection(text: &str) -> Parsed<Ingestion> {
    const WHY: &str = "must be a connection string of Application Insights: InstrumentationKey=…;IngestionEndpoint=https://…/ (http:// only on loopback)";
    let is_key = |key: &&str| key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let key = pair(text, "InstrumentationKey").filter(is_key).ok_or(WHY)?;
    let endpoint = Url::parse(pair(text, "IngestionEndpoint").unwrap_or(DEFAULT_ENDPOINT)).map_err(|_| WHY)?;
    let safe = match endpoint.scheme() {
        "https" => true,
        "http" => is_loopback(&endpoint),
        _ => false,
    };
    let plain = endpoint.username().is_empty() && endpoint.password().is_none() && endpoint.query().is_none();
    if !safe || !plain || endpoint.path() != "/" {
        return Err(WHY);
    }
    Ok(Ingestion { instrumentation_key: key.to_owned(), endpoint })
}

/// Reads an authentication string: `Authorization=AAD;ClientId=…`, as whom items are sent.
pub(super) fn client_id(text: &str) -> Parsed<String> {
    const WHY: &str = "must be Authorization=AAD;ClientId=… with the client id of the app's user-assigned identity";
    let is_id = |id: &&str| {
        (1..=256).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let entra = pair(text, "Authorization").is_some_and(|kind| kind.eq_ignore_ascii_case("AAD"));
    let id = pair(text, "ClientId").filter(is_id).filter(|_| entra).ok_or(WHY)?;
    Ok(id.to_owned())
}

fn pair<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let pairs = text.split(';').filter_map(|pair| pair.split_once('='));
    let mut values = pairs.filter(|(given, _)| given.trim().eq_ignore_ascii_case(name)).map(|(_, value)| value.trim());
    values.next().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_strings_as_the_portal_gives_them() {
        let given = "InstrumentationKey=0-1;IngestionEndpoint=https://westeurope-5.in.applicationinsights.azure.com/;LiveEndpoint=https://westeurope.livediagnostics.monitor.azure.com/;ApplicationId=2";
        let read = connection(given).unwrap();
        assert_eq!(read.instrumentation_key, "0-1");
        assert_eq!(read.endpoint.as_str(), "https://westeurope-5.in.applicationinsights.azure.com/");
        assert_eq!(
            connection(" instrumentationkey = 0-1 ; ").unwrap().endpoint.as_str(),
            format!("{DEFAULT_ENDPOINT}/")
        );
        let local = connection("InstrumentationKey=0;IngestionEndpoint=http://127.0.0.1:9").unwrap();
        assert_eq!(local.endpoint.port(), Some(9));
    }

    #[test]
    fn what_could_not_work_or_would_send_a_token_in_the_clear_is_refused() {
        for wrong in [
            "0-1",
            "IngestionEndpoint=https://x.example",
            "InstrumentationKey=",
            "InstrumentationKey=a b",
            "InstrumentationKey=0;IngestionEndpoint=http://x.example",
            "InstrumentationKey=0;IngestionEndpoint=x.example",
            "InstrumentationKey=0;IngestionEndpoint=https://u:p@x.example",
            "InstrumentationKey=0;IngestionEndpoint=https://x.example/path",
            "@Microsoft.KeyVault(SecretUri=https://x.example)",
        ] {
            assert!(connection(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn authentication_strings_name_the_identity() {
        assert_eq!(client_id("Authorization=AAD;ClientId=1-2").as_deref(), Ok("1-2"));
        assert_eq!(client_id("clientid=1-2; authorization=aad ;").as_deref(), Ok("1-2"));
        for wrong in
            ["Authorization=AAD", "ClientId=1-2", "Authorization=ikey;ClientId=1-2", "Authorization=AAD;ClientId=a b"]
        {
            assert!(client_id(wrong).is_err(), "{wrong}");
        }
    }
}
