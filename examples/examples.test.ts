import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const examples = readdirSync(here(".")).filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"));

test.each(examples)("%s runs", async (name) => {
  await import(here(name));
});

test("the README shows the examples as they are", () => {
  const readme = readFileSync(here("../README.md"), "utf8");
  const shown = [...readme.matchAll(/<!-- examples\/(\S+) -->\n```ts\n([\s\S]*?)```/g)];
  expect(shown.length).toBeGreaterThan(0);
  for (const [, name = "", code] of shown) expect(code).toBe(readFileSync(here(name), "utf8"));
});
