// `node xtask/run.mjs COMMAND…`: the project's commands on a machine that may have no Rust. With cargo this is
// `cargo xtask COMMAND…`. Without, it is the command that was released for this version, and what it publishes is the
// released program.
//
// Both are what `released.json` says they are. That file is part of the checkout and holds their SHA-256, so that a server, a
// mirror or a cache in between can deny them and nothing else. docs/deploying.md, "Without Rust".

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const PROJECT = dirname(dirname(fileURLToPath(import.meta.url)));
const PACKAGE = "func.zip";
const DOWNLOAD_LIMIT_MS = 10 * 60 * 1000;
/** What publishes the program, and is told which. */
const PUBLISHING = ["deploy api", "deploy api-by-blob", "package"];

function run(program, words) {
  const done = spawnSync(program, words, { cwd: PROJECT, stdio: "inherit" });
  if (done.error) throw done.error;
  return done.status ?? 1;
}

function hasCargo() {
  return spawnSync("cargo", ["--version"], { cwd: PROJECT, stdio: "ignore" }).error?.code !== "ENOENT";
}

/** The name of this system's command; Windows runs programs for x86-64 whatever it is. */
function commandName() {
  return process.platform === "win32" ? "xtask-win32-x64.exe" : `xtask-${process.platform}-${process.arch}`;
}

/** What this checkout says of its release. */
function release() {
  const cure = "install Rust (https://rustup.rs), or take a checkout that has one: docs/deploying.md, \"Without Rust\"";
  const here = /^version = "(.+)"$/m.exec(readFileSync(join(PROJECT, "Cargo.toml"), "utf8"))?.[1];
  let said;
  try {
    said = JSON.parse(readFileSync(join(PROJECT, "released.json"), "utf8"));
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
    throw new Error(`there is no cargo here, and no release of this checkout (released.json): ${cure}`);
  }
  if (said.version !== here) {
    throw new Error(`there is no cargo here, this checkout is version ${here}, and the release that it knows is ${said.version}: ${cure}`);
  }
  return said;
}

function digest(bytes) {
  return createHash("sha256").update(bytes).digest("hex");
}

/** A file of the release, where it is kept; fetched where it is missing or is not what it should be. */
async function file(released, name) {
  const wanted = released.sha256[name];
  if (!wanted) throw new Error(`release ${released.version} has no ${name}: install Rust (https://rustup.rs)`);
  const folder = join(PROJECT, "target", "released", released.version);
  const kept = join(folder, name);
  try {
    if (digest(readFileSync(kept)) === wanted) return kept;
  } catch (error) {
    if (error.code !== "ENOENT") throw error;
  }
  const url = new URL(name, released.from);
  console.log(`Fetching ${url}`);
  const bytes = await fetched(url).catch((error) => {
    const why = error.cause?.message ?? error.message;
    throw new Error(`${url}: ${why}. Fetched by other means, it belongs here: ${kept}`);
  });
  const found = digest(bytes);
  if (found !== wanted) {
    throw new Error(`${url} is not the file of the release: its SHA-256 is ${found}, and released.json says ${wanted}`);
  }
  mkdirSync(folder, { recursive: true });
  // Hooks may run at the same time: none sees half a file.
  const whole = `${kept}.${process.pid}`;
  writeFileSync(whole, bytes);
  chmodSync(whole, 0o755);
  renameSync(whole, kept);
  return kept;
}

async function fetched(url) {
  const answer = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS) });
  if (!answer.ok) throw new Error(`status ${answer.status}`);
  return Buffer.from(await answer.arrayBuffer());
}

async function main(words) {
  if (hasCargo()) return run("cargo", ["xtask", ...words]);
  const released = release();
  const command = await file(released, commandName());
  const program = await file(released, PACKAGE);
  if (!PUBLISHING.includes(words.join(" "))) return run(command, words);
  console.log(`There is no cargo here: the program is that of release ${released.version}, whatever stands in src/.`);
  return run(command, [...words, program]);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(`xtask: ${error.message}`);
  process.exitCode = 1;
}
