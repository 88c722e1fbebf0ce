//! nginx as a relay that changes no byte: the practical limit.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Its binary, where Debian has it.
pub(crate) fn find() -> Option<PathBuf> {
    ["/usr/sbin/nginx", "/usr/local/sbin/nginx", "/usr/bin/nginx"].iter().map(PathBuf::from).find(|path| path.is_file())
}

/// `nginx version: …` without the first words.
pub(crate) fn version(program: &Path) -> String {
    let said = Command::new(program).arg("-v").output().map(|output| output.stderr).unwrap_or_default();
    String::from_utf8_lossy(&said).trim().rsplit('/').next().unwrap_or_default().to_owned()
}

/// One worker, unbuffered, with kept connections to upstream.
pub(crate) fn command(
    program: &Path,
    folder: &Path,
    port: u16,
    upstream: SocketAddr,
    tls: bool,
) -> Result<Command, String> {
    let at = folder.display();
    let service =
        if tls { "https://model; proxy_ssl_protocols TLSv1.3; proxy_ssl_session_reuse on" } else { "http://model" };
    // As root it would give its worker another user, who may not write here.
    let user = if nix::unistd::geteuid().is_root() { "user root;" } else { "" };
    let configuration = format!(
        "{user}
daemon off;
worker_processes 1;
pid {at}/nginx.pid;
error_log {at}/error.log warn;
events {{ worker_connections 16384; }}
http {{
    access_log off;
    client_body_temp_path {at}/body;
    proxy_temp_path {at}/proxy;
    fastcgi_temp_path {at}/fastcgi;
    uwsgi_temp_path {at}/uwsgi;
    scgi_temp_path {at}/scgi;
    keepalive_requests 1000000000;
    tcp_nodelay on;
    upstream model {{
        server {upstream};
        keepalive 8192;
        keepalive_requests 1000000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass {service};
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_buffering off;
            proxy_read_timeout 600s;
        }}
    }}
}}
"
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration).map_err(|error| format!("{}: {error}", file.display()))?;
    let mut command = Command::new(program);
    command.arg("-c").arg(file).arg("-p").arg(folder).arg("-e").arg(folder.join("error.log"));
    Ok(command)
}
