// Says what the AsyncAPI documents named as arguments violate; the official parser is the judge.
const { readFileSync } = require("node:fs");
const { Parser } = require("@asyncapi/parser");

// The document is the newest version that the parser knows only for a while.
const LEFT_OUT = new Set(["asyncapi-latest-version"]);

(async () => {
  let faults = 0;
  for (const file of process.argv.slice(2)) {
    const { document, diagnostics } = await new Parser().parse(readFileSync(file, "utf8"));
    for (const one of diagnostics.filter((found) => !LEFT_OUT.has(found.code))) {
      faults += 1;
      console.error(`${file} ${one.path.join("/")}: ${one.code}: ${one.message}`);
    }
    if (!document) faults += 1;
  }
  process.exitCode = faults ? 1 : 0;
})();
