import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";

// That a test exists for each response code a command says it can give: an approximation, which only asks whether the name
// of the code stands in any test of that command.

const FOLDER = new URL("../", import.meta.url);
const files = readdirSync(FOLDER, { recursive: true, encoding: "utf8" })
  .filter((path) => path.endsWith(".ts"))
  .map((path) => path.replaceAll("\\", "/"));
const contents = new Map(files.map((path) => [path, readFileSync(new URL(path, FOLDER), "utf8")]));
const tests = [...contents].filter(([path]) => path.endsWith(".test.ts"));
const commands = [...contents].filter(
  ([path]) => path.startsWith("commands/") && !path.endsWith(".test.ts") && !path.endsWith("index.ts"),
);

const nameOf = (path: string): string => path.slice(path.lastIndexOf("/") + 1);
const imports = (text: string, path: string): boolean => text.includes(`/${nameOf(path)}"`);

/** All tests that import a command, or a command that shares the code of this file. */
function testsOf(path: string): string {
  const sharing = commands.filter(([, text]) => imports(text, path)).map(([other]) => other);
  const subjects = [path, ...sharing];
  return tests
    .filter(([, text]) => subjects.some((subject) => imports(text, subject)))
    .map(([, text]) => text)
    .join("\n");
}

const documented = commands
  .map(([path, text]) => [path, [...text.matchAll(/^ \* @rc (\w+)/gm)].map(([, rc]) => rc ?? "")] as const)
  .filter(([, codes]) => codes.length > 0);

describe("every response code that the documentation names has a test", () => {
  test.each(documented)("%s", (path, codes) => {
    const all = testsOf(path);
    expect(codes.filter((rc) => !new RegExp(`(?<![A-Z0-9])${rc}(?![A-Z0-9_])`).test(all))).toEqual([]);
  });
});

/** Only for the type's sake: a number below the order times a point of a curve of prime order is never at infinity. */
const NEVER = ["commands/asymmetric/ECDH_KeyGen.ts: NO_RESULT", "commands/ephemeral-keys/EC_Ephemeral.ts: NO_RESULT"];

test("no command throws a code that its documentation does not name", () => {
  const undocumented = commands.flatMap(([path, text]) =>
    [...text.matchAll(/throw (?:new TpmError\(|at\("\w+", |refuse\()TPM_RC\.(\w+)/g)]
      .map(([, rc]) => rc ?? "")
      .filter((rc) => !new RegExp(`@rc ${rc}\\b`).test(text))
      .map((rc) => `${path}: ${rc}`),
  );
  expect(undocumented).toEqual(NEVER);
});
