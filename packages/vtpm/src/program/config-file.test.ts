import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { ConfigFile } from "./config-file.ts";

let directory = "";
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "vtpm-config-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

function read(text: string): Promise<ConfigFile> {
  writeFileSync(join(directory, "conf"), text);
  return ConfigFile.read(join(directory, "conf"), "the configuration", { HOME: "/home/me", "A-B": "x" });
}

// Known answers of swtpm_localca and swtpm_setup 0.11.0, but for blanks before a key.
test.each([
  ["key = value", "value"],
  ["key=value", "value"],
  ["key\t=\tvalue with blanks \t", "value with blanks"],
  ["  key = value", "value"],
  ["key = value\r\nother = x\r\n", "value"],
  ["key = value # a comment", "value"],
  ["key = value#a comment", "value"],
  ["# key = value", undefined],
  ["key = # nothing", undefined],
  ["key =", undefined],
  ["keys = value", undefined],
  ["other = key = value", undefined],
  ["key = first\nkey = second", "first"],
  ["key = a=b", "a=b"],
  ['key = "~/a"', '"~/a"'],
  [`key = $\{HOME}/a/$\{A-B}$\{none}`, "/home/me/a/x"],
  [`key = $HOME/$\{HOME`, `$HOME/$\{HOME`],
])("%j", async (text, value) => expect((await read(text)).get("key")).toBe(value));

test("lines of a prefix are taken as they are", async () => {
  const config = await read(`env:A = a # b $\{HOME} \nenv:B=\nenv:A = last\n#env:C = c\n`);
  expect(config.verbatim("env:")).toEqual([
    ["A", `a # b $\{HOME} `],
    ["B", ""],
    ["A", "last"],
  ]);
});
