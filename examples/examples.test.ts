import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test, vi } from "vitest";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const examples = readdirSync(here(".")).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));

/** The beginning of what each says. */
const OUTPUT: Readonly<Record<string, readonly RegExp[]>> = {
  "in-process.ts": [/^128,1,0,0,0,28,0,0,0,0,0,16,/],
  "seal.ts": [/^the secret$/, /TPM2_Unseal: TPM_RC_POLICY_FAIL/],
};

test.each(examples)("%s runs", async (name) => {
  const log = vi.spyOn(console, "log").mockReturnValue();
  await import(here(name));
  const said = log.mock.calls.map((values) => values.map(String).join(" "));
  log.mockRestore();
  expect(said.length).toBe(OUTPUT[name]?.length);
  for (const [i, pattern] of OUTPUT[name]?.entries() ?? []) expect(said[i]).toMatch(pattern);
});

test("the README shows the examples as they are", () => {
  const readme = readFileSync(here("../README.md"), "utf8");
  const shown = [...readme.matchAll(/<!-- examples\/(\S+) -->\n```ts\n([\s\S]*?)```/g)];
  expect(shown.length).toBeGreaterThan(0);
  for (const [, name = "", code] of shown) expect(code).toBe(readFileSync(here(name), "utf8"));
});
