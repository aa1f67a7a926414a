"use strict";

const { readFileSync } = require("node:fs");
const { dirname, join } = require("node:path");
const { Script } = require("node:vm");

const bundle = join(__dirname, "..", "dist", "bundle");

/** What was loaded, by its path. */
const loaded = new Map();

/**
 * Loads a file of the bundle as `require` does, but with the code that its functions were compiled to when the package was
 * built, if that lies beside it: compiling is most of what a short-lived program does. V8 takes that code only if it is of
 * the same version and flags; otherwise it compiles as ever.
 */
function load(name) {
  const path = join(bundle, name);
  const known = loaded.get(path);
  if (known !== undefined) return known.module.exports;
  const script = new Script(
    `(function (exports, require, module, __filename, __dirname) {${readFileSync(path, "latin1")}\n})`,
    {
      filename: path,
      cachedData: compiledCode(path),
    },
  );
  const module = { exports: {} };
  loaded.set(path, { script, module });
  const requireAny = (id) => (id.startsWith("./") ? load(id) : require(id));
  script.runInThisContext().call(module.exports, module.exports, requireAny, module, path, dirname(path));
  return module.exports;
}

function compiledCode(path) {
  try {
    return readFileSync(compiledCodePath(path));
  } catch {
    // Never written, as in a build that was not finished: it is not needed.
    return undefined;
  }
}

const compiledCodePath = (path) => `${path}.code`;

module.exports = { load, loaded, compiledCodePath };
