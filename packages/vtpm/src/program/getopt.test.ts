import { describe, expect, test } from "vitest";
import { type GetoptHabits, getopt } from "./getopt.ts";
import { UsageError } from "./usage-error.ts";

const DECLARATIONS = [
  { name: "port", short: "p", argument: "required" },
  { name: "pid", argument: "required" },
  { name: "daemon", short: "d" },
  { name: "terminate", short: "t" },
  { name: "tpm2" },
  { name: "tpmstate", argument: "required" },
  { name: "create", argument: "optional" },
  { name: "c" },
  { name: "cs" },
] as const;

const read = (line: string, habits?: GetoptHabits): string => {
  const { options, operands } = getopt(line === "" ? [] : line.split(" "), DECLARATIONS, habits);
  return [...options.map(({ name, value }) => (value === undefined ? name : `${name}<${value}>`)), ...operands].join(
    " ",
  );
};

describe("a command line", () => {
  test.each([
    ["", ""],
    ["--port 1 --daemon", "port<1> daemon"],
    ["--port=1", "port<1>"],
    ["--port=", "port<>"],
    ["--port a=b", "port<a=b>"],
    ["--po 1 --dae", "port<1> daemon"],
    ["--tpm2", "tpm2"],
    ["--tpms dir=x", "tpmstate<dir=x>"],
    ["-p 1 -d", "port<1> daemon"],
    ["-p1", "port<1>"],
    ["-dtp 1", "daemon terminate port<1>"],
    ["-dp1", "daemon port<1>"],
    ["a -d b", "daemon a b"],
    ["-d -- -t --port", "daemon -t --port"],
    ["- -d", "daemon -"],
    ["--port --daemon", "port<--daemon>"],
    ["--create x", "create x"],
    ["--create=x", "create<x>"],
  ])("%s", (line, expected) => expect(read(line)).toBe(expected));

  test.each([
    ["-port 1", "port<1>"],
    ["-port=1", "port<1>"],
    ["-tpms x", "tpmstate<x>"],
    ["-c", "c"],
    ["-cs", "cs"],
    ["-d", "daemon"],
    ["-p1", "port<1>"],
    ["--tpm2", "tpm2"],
  ])("with single dashes: %s", (line, expected) => expect(read(line, { singleDash: true })).toBe(expected));

  test.each([
    ["--prot 1", "unknown option --prot"],
    ["--p 1", "option --p is ambiguous: --port, --pid"],
    ["--port", "option --port requires an argument"],
    ["-p", "option -p requires an argument"],
    ["--daemon=yes", 'option --daemon takes no argument, but has "yes"'],
    ["-x", "unknown option -x"],
    ["-dx", "unknown option -x"],
  ])("refuses %s", (line, message) => {
    expect(() => read(line)).toThrow(new UsageError(message));
  });

  test("gives an option that has two the second, but no other option", () => {
    const declarations = [{ name: "save", argument: "required", second: true }] as const;
    const read = (...args: readonly string[]) => getopt(args, declarations);
    expect(read("--save", "a", "b", "c")).toEqual({
      options: [{ name: "save", value: "a", second: "b" }],
      operands: ["c"],
    });
    expect(read("--save", "a", "--save=b", "c").options).toEqual([
      { name: "save", value: "a" },
      { name: "save", value: "b", second: "c" },
    ]);
  });
});
