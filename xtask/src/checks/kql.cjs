// The queries of infra/, read by the language service that Azure's own editors use: syntax, functions, their arguments,
// columns. Its first argument is the folder where that is installed; the others are the files.
//
// The columns are those of Application Insights' tables that the queries use; more do no harm.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

const [home, ...files] = process.argv.slice(2);
const library = path.resolve(home, "node_modules/@kusto/language-service-next");
require(path.join(library, "bridge.js"));
require(path.join(library, "Kusto.Language.Bridge.js"));
const { KustoCode, GlobalState, Symbols } = globalThis.Kusto.Language;

const always = "timestamp: datetime, itemType: string, customDimensions: dynamic, operation_Id: string, cloud_RoleInstance: string";
const call = `${always}, itemCount: int, name: string, resultCode: string, success: string, duration: real`;
const tables = {
  requests: call,
  dependencies: `${call}, target: string`,
  traces: `${always}, itemCount: int, message: string`,
  exceptions: `${always}, itemCount: int, type: string, outerMessage: string`,
  customEvents: `${always}, itemCount: int, name: string`,
  customMetrics: `${always}, name: string, valueSum: real, valueMax: real`,
};
const symbols = Object.entries(tables).map(([name, columns]) => Symbols.TableSymbol.From(`(${columns})`).WithName(name));
// Not open: what is not listed does not exist.
const database = new Symbols.DatabaseSymbol.$ctor3("insights", null, symbols, false);
const globals = GlobalState.Default.WithDatabase(database);

let findings = 0;
for (const file of files) {
  const code = KustoCode.ParseAndAnalyze(fs.readFileSync(file, "utf8"), globals);
  for (const finding of globalThis.Bridge.toArray(code.GetDiagnostics())) {
    const line = code.Text.slice(0, finding.Start).split("\n").length;
    console.log(`${file}:${line}: ${finding.Message}`);
    findings += 1;
  }
  // A query that gives no table is none.
  if (code.ResultType?.Columns === undefined) {
    console.log(`${file}: no result`);
    findings += 1;
  }
}
console.log(`${files.length} queries, ${findings} findings`);
process.exit(findings === 0 && files.length > 0 ? 0 : 1);
