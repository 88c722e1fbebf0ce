//! The folder and the environment in which azd meets this Azure: its configuration, what it trusts, and the stand-ins for
//! the programs that would go to the real one.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{fs, io};

use crate::{PORTAL, tools};

/// Who is called in place of the program of this name.
const STAND_INS: [&str; 3] = ["npx", "func", "az"];
/// Variables that would lead azd elsewhere, or make it think that a machine types.
const CLEARED: [&str; 11] = [
    "AZURE_",
    "AZD_",
    "GITHUB_",
    "ACTIONS_",
    "CLAUDE",
    "CI",
    "TF_BUILD",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "ALL_PROXY",
];
/// Where a system keeps what it trusts, if `SSL_CERT_FILE` does not say.
const ROOTS: [&str; 3] =
    ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"];

/// What a browser was sent to, a line each.
const OPENED: &str = "opened";

/// What a place is made of.
#[derive(Clone, Debug)]
pub struct Materials<'a> {
    /// [`Azure::url`](crate::Azure::url)
    pub url: &'a str,
    /// [`Azure::certificate`](crate::Azure::certificate)
    pub certificate: &'a str,
    /// The program that stands in for others.
    pub stand_in: &'a Path,
    /// The Azure Developer CLI, which hooks call too.
    pub azd: &'a Path,
    /// The Bicep compiler.
    pub bicep: &'a Path,
    /// Where it is kept what the compiler said, so that it is asked once for each text.
    pub compiled: Option<&'a Path>,
    /// Stand in for the compiler's driver as well, and let npm go past the proxy: for a run that nobody watches.
    pub alone: bool,
}

/// A place where azd meets this Azure.
#[derive(Debug)]
pub struct Place {
    folder: PathBuf,
    /// Variables to set.
    pub set: Vec<(String, String)>,
    /// Variables to take away.
    pub cleared: Vec<String>,
}

impl Place {
    /// Makes the folder anew.
    ///
    /// # Errors
    /// In words, where a file cannot be written.
    pub fn new(folder: &Path, materials: &Materials<'_>) -> Result<Self, String> {
        make(folder, materials).map_err(|error| format!("{}: {error}", folder.display()))
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The first folder of the search path.
    pub fn programs(&self) -> PathBuf {
        self.folder.join("programs")
    }

    /// What a browser was sent to.
    pub fn opened(&self) -> Vec<String> {
        let lines = fs::read_to_string(self.folder.join(OPENED)).unwrap_or_default();
        lines.lines().map(str::to_owned).collect()
    }

    /// Puts a command into this environment.
    pub fn apply(&self, command: &mut Command) {
        for name in &self.cleared {
            command.env_remove(name);
        }
        command.envs(self.set.iter().map(|(name, value)| (name, value)));
    }

    /// The same as lines for a shell.
    pub fn shell(&self) -> String {
        let mut text = String::new();
        for name in &self.cleared {
            text.push_str(&format!("unset {name}\n"));
        }
        for (name, value) in &self.set {
            text.push_str(&format!("export {name}='{}'\n", value.replace('\'', "'\\''")));
        }
        text
    }
}

fn make(folder: &Path, materials: &Materials<'_>) -> io::Result<Place> {
    if folder.exists() {
        fs::remove_dir_all(folder)?;
    }
    let programs = folder.join("programs");
    fs::create_dir_all(&programs)?;
    let folder = &fs::canonicalize(folder)?;
    let programs = folder.join("programs");
    let mut stand_ins = STAND_INS.to_vec();
    if materials.alone {
        stand_ins.push("cargo-zigbuild");
    }
    for name in stand_ins {
        link(materials.stand_in, &programs.join(name))?;
    }
    link(materials.azd, &programs.join("azd"))?;
    let roots = roots()?;
    let trusted = folder.join("roots.pem");
    fs::write(&trusted, roots + materials.certificate)?;
    let home = folder.join("home");
    fs::create_dir_all(&home)?;
    if let Some(types) = tools::graph_types() {
        keep_graph_types(&types, &home)?;
    }
    let bicep = programs.join("bicep");
    let mut compiler = materials.bicep.to_owned();
    let mut set = format!("HOME='{}' DOTNET_SYSTEM_GLOBALIZATION_INVARIANT=1", home.display());
    if let Some(kept) = materials.compiled {
        set.push_str(&format!(" COMPILER='{}' COMPILED='{}'", compiler.display(), kept.display()));
        compiler = folder.join("compiler");
        link(materials.stand_in, &compiler)?;
    }
    script(&bicep, &format!("{set} exec '{}' \"$@\"", compiler.display()))?;
    if let Some(npm) = judges::tool("npm").filter(|_| materials.alone) {
        // The registry is none of this world's hosts; and what is installed is not installed again.
        let installed = "[ \"$1\" = ci ] && [ node_modules/.package-lock.json -nt package-lock.json ] && exit 0";
        script(&programs.join("npm"), &format!("{installed}\nunset HTTPS_PROXY\nexec '{}' \"$@\"", npm.display()))?;
    }
    // Plays the browser of a sign-in: consent is given at once, and it is sent back to azd. The portal is not there.
    let browser = programs.join("browser");
    let opened = folder.join(OPENED);
    let visit = format!(
        "case \"$1\" in https://{PORTAL}/*) ;; *) exec curl --silent --location --output /dev/null \"$1\" ;; esac"
    );
    script(&browser, &format!("echo \"$1\" >> '{}'\n{visit}", opened.display()))?;
    let before = tools::search_path();
    let path = std::iter::once(programs).chain(std::env::split_paths(&before));
    let path = std::env::join_paths(path).map_err(io::Error::other)?;
    let set = [
        ("PATH", path.to_string_lossy().into_owned()),
        ("AZD_CONFIG_DIR", folder.join("config").display().to_string()),
        ("AZURE_DEV_COLLECT_TELEMETRY", "no".to_owned()),
        ("AZD_SKIP_UPDATE_CHECK", "true".to_owned()),
        ("AZD_BICEP_TOOL_PATH", bicep.display().to_string()),
        ("BROWSER", browser.display().to_string()),
        ("HTTPS_PROXY", materials.url.to_owned()),
        ("NO_PROXY", "127.0.0.1,localhost".to_owned()),
        ("SSL_CERT_FILE", trusted.display().to_string()),
        ("CURL_CA_BUNDLE", trusted.display().to_string()),
        ("SCRIPTED_AZURE", materials.url.to_owned()),
    ];
    let set: Vec<(String, String)> = set.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Ok(Place { folder: folder.clone(), cleared: cleared(&set), set })
}

/// What is in this process's environment and must not be in azd's.
fn cleared(set: &[(String, String)]) -> Vec<String> {
    let names = std::env::vars_os().map(|(name, _)| name.to_string_lossy().into_owned());
    let leads_astray = |name: &String| {
        CLEARED.iter().any(|start| if start.ends_with('_') { name.starts_with(start) } else { name == start })
            || name.starts_with("CLAUDE")
            || name == "SSL_CERT_DIR"
    };
    names.filter(leads_astray).filter(|name| !set.iter().any(|(other, _)| other == name)).collect()
}

fn roots() -> io::Result<String> {
    #[expect(clippy::disallowed_methods, reason = "where this machine keeps what it trusts is no setting")]
    let named = std::env::var("SSL_CERT_FILE").ok();
    let file = named.into_iter().chain(ROOTS.map(str::to_owned)).find(|file| Path::new(file).is_file());
    file.map_or_else(|| Ok(String::new()), fs::read_to_string)
}

/// The compiler looks here before it asks the network.
fn keep_graph_types(archive: &Path, home: &Path) -> io::Result<()> {
    let place = home.join(".bicep/br/mcr.microsoft.com/bicep$extensions$microsoftgraph$v1.0/1.0.0$");
    fs::create_dir_all(&place)?;
    let inner = Command::new("tar").arg("-xzOf").arg(archive).arg("types.tgz").output()?;
    if !inner.status.success() {
        return Err(io::Error::other(format!("{} holds no types.tgz", archive.display())));
    }
    fs::write(place.join("types.tgz"), inner.stdout)?;
    fs::write(place.join("manifest"), "{}")?;
    fs::write(place.join("metadata"), "{}")
}

#[cfg(unix)]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(from, to)
}

#[cfg(not(unix))]
fn link(from: &Path, to: &Path) -> io::Result<()> {
    fs::copy(from, to.with_extension("exe")).map(drop)
}

fn script(file: &Path, line: &str) -> io::Result<()> {
    fs::write(file, format!("#!/bin/sh\n{line}\n"))?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}
