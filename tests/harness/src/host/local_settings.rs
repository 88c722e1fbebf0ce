//! `local.settings.json`, the file that `func start` reads for a developer's machine.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Deserialize;

use super::HostOptions;

/// What the file says, as far as a host uses it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct LocalSettings {
    /// Values that only the real tools could decrypt.
    is_encrypted: bool,
    /// Environment variables.
    values: BTreeMap<String, String>,
    host: HostSection,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
struct HostSection {
    #[serde(rename = "LocalHttpPort")]
    local_http_port: Option<u16>,
    #[serde(rename = "CORS")]
    cors: Option<String>,
}

impl LocalSettings {
    /// Reads the file in the app's root; `None` when there is none. An encrypted one is an error.
    pub fn read(app_root: &Path) -> io::Result<Option<Self>> {
        let text = match std::fs::read(app_root.join("local.settings.json")) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let settings: Self = serde_json::from_slice(&text)?;
        if settings.is_encrypted {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "IsEncrypted is true: decrypt it with the Core Tools",
            ));
        }
        Ok(Some(settings))
    }

    /// Adds the values to the options, where neither they nor this process's environment (if it is inherited) have the
    /// name already; adds the CORS origins; sets the port if it is still 0.
    pub fn apply(self, options: &mut HostOptions) {
        for (name, value) in self.values {
            let inherited = options.inherit_env && std::env::vars_os().any(|(known, _)| known == *name);
            if !inherited && options.env.iter().all(|(known, _)| *known != name) {
                options.env.push((name, value));
            }
        }
        if options.port == 0 {
            options.port = self.host.local_http_port.unwrap_or(0);
        }
        let origins = self.host.cors.unwrap_or_default();
        options.cors.extend(origins.split(',').map(str::trim).filter(|origin| !origin.is_empty()).map(str::to_owned));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_values_win_over_the_file() {
        let settings: LocalSettings = serde_json::from_str(
            r#"{ "IsEncrypted": false, "Values": { "A": "file", "B": "file" },
                 "Host": { "LocalHttpPort": 7099, "CORS": "http://a,http://b" } }"#,
        )
        .unwrap();
        let mut options =
            HostOptions { inherit_env: false, env: vec![("A".to_owned(), "set".to_owned())], ..HostOptions::default() };
        settings.apply(&mut options);
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(options.env, [pair("A", "set"), pair("B", "file")]);
        assert_eq!((options.port, options.cors.len()), (7099, 2));
    }
}
