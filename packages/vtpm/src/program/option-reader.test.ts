import { describe, expect, test } from "vitest";
import { OptionReader, type OptionReaderOptions } from "./option-reader.ts";
import { UsageError } from "./usage-error.ts";

const table = {
  port: { argument: "required", letter: "p" },
  terminate: { letter: "t" },
  tpm2: {},
  tpmstate: { argument: "required" },
  "create-config-files": { argument: "optional" },
  config: { argument: "optional", letter: "c" },
} as const;

/** All options as `name` or `name=value`, then the words. */
function read(line: string, options?: OptionReaderOptions): string {
  const reader = new OptionReader(line === "" ? [] : line.split(" "), table, options);
  const found: string[] = [];
  for (let option = reader.next(); option !== undefined; option = reader.next())
    found.push(option.value === undefined ? option.name : `${option.name}=${option.value}`);
  return [...found, ...reader.words.map((word) => `"${word}"`)].join(" ");
}

describe("getopt's habits", () => {
  test.each([
    ["", ""],
    ["--port 1 --tpm2", "port=1 tpm2"],
    ["--port=1=2", "port=1=2"],
    ["--port=", "port="],
    ["--port --tpm2", "port=--tpm2"],
    ["--ter", "terminate"],
    ["--tpm2", "tpm2"],
    ["--tpms x", "tpmstate=x"],
    ["-p 1 -p2 -tp3 -tt", "port=1 port=2 terminate port=3 terminate terminate"],
    ["word --tpm2 other -", 'tpm2 "word" "other" "-"'],
    ["--tpm2 -- --tpm2 -t", 'tpm2 "--tpm2" "-t"'],
    ["--create-config-files word", 'create-config-files "word"'],
    ["--create-config-files=root", "create-config-files=root"],
    ["-croot -c root", 'config=root config "root"'],
  ])("%s is %s", (line, expected) => {
    expect(read(line)).toBe(expected);
  });

  test.each([
    ["-port 1 -tpm2 -ter", "port=1 tpm2 terminate"],
    ["--port 1 -port=2", "port=1 port=2"],
    ["word -tpm2 -", 'tpm2 "word" "-"'],
  ])("with one dash as good as two %s is %s", (line, expected) => {
    expect(read(line, { longOnly: true })).toBe(expected);
  });

  test.each([
    ["--unknown", "unrecognized option '--unknown'"],
    ["--=x", "unrecognized option '--'"],
    ["--tpm", "option '--tpm' is ambiguous; possibilities: '--tpm2' '--tpmstate'"],
    ["--tpm2=yes", "option '--tpm2' doesn't allow an argument"],
    ["--port", "option '--port' requires an argument"],
    ["-p", "option requires an argument -- 'p'"],
    ["-x", "invalid option -- 'x'"],
    ["-tx", "invalid option -- 'x'"],
  ])("%s is refused", (line, message) => {
    expect(() => read(line)).toThrow(new UsageError(message));
  });

  test("a single dash is named in messages where it is as good as two", () => {
    expect(() => read("-unknown", { longOnly: true })).toThrow(new UsageError("unrecognized option '-unknown'"));
    expect(() => read("-port", { longOnly: true })).toThrow(new UsageError("option '-port' requires an argument"));
  });

  test("an option may take a second word, but no option", () => {
    const reader = new OptionReader(["--port", "1", "2", "--port", "3", "--tpm2"], table);
    expect([reader.next(), reader.second(), reader.next(), reader.second(), reader.next(), reader.second()]).toEqual([
      { name: "port", value: "1" },
      "2",
      { name: "port", value: "3" },
      undefined,
      { name: "tpm2", value: undefined },
      undefined,
    ]);
  });
});
