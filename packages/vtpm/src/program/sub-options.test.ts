import { describe, expect, test } from "vitest";
import { parseSubOptions } from "./sub-options.ts";
import { UsageError } from "./usage-error.ts";

const KINDS = {
  path: "string",
  profile: "string",
  mode: "mode",
  count: "int",
  port: "uint",
  lock: "bool",
  uid: "uid",
  gid: "gid",
} as const;
const read = (text: string) => parseSubOptions("test", text, KINDS);

describe("sub-options", () => {
  test.each([
    ["", {}],
    ["path=/x", { path: "/x" }],
    ["path", { path: "true" }],
    ["path=a=b", { path: "a=b" }],
    ["path=/x,lock", { path: "/x", lock: true }],
    ["path=/x,", { path: "/x" }],
    ["path=1,path=2", { path: "1" }],
    ["lock=TRUE", { lock: true }],
    ["lock=1", { lock: true }],
    ["lock=yes", { lock: false }],
    ["lock=0", { lock: false }],
    ["mode=0640", { mode: 0o640 }],
    ["mode=777", { mode: 0o777 }],
    ["count=-12", { count: -12 }],
    ["count=+12", { count: 12 }],
    ["count=2147483647", { count: 2147483647 }],
    ["port=4294967295", { port: 4294967295 }],
    ["uid=0,gid=0", { uid: 0, gid: 0 }],
    ["uid=root,gid=root", { uid: 0, gid: 0 }],
    ['profile={"a":{"b":"c,d"}},lock', { profile: '{"a":{"b":"c,d"}}', lock: true }],
  ])("%s", (text, expected) => expect(read(text)).toEqual(expected));

  // As swtpm 0.11.0 begins to tell it.
  test.each([
    ["path=", "Unknown option 'path='"],
    ["colour=red", "Unknown option 'colour=red'"],
    ["toString", "Unknown option 'toString'"],
    [",path=x", "Unknown option ''"],
    ["mode=0888", "invalid mode type '0888': it is an octal number"],
    ["mode=1000", "mode 1000 is invalid: it is more than 0777"],
    ["mode", "invalid mode type 'true': it is an octal number"],
    ["count=0x10", "invalid number '0x10': count is a number from -2147483648 to 2147483647"],
    ["count=2147483648", "invalid number '2147483648': count is a number from -2147483648 to 2147483647"],
    ["port=-1", "invalid required positive number '-1'"],
    ["port", "invalid number 'true': port is a number from 0 to 4294967295"],
    ["uid=nobody-at-all", "User 'nobody-at-all' does not exist. A number works without one."],
    ["gid=nobody-at-all", "Group 'nobody-at-all' does not exist. A number works without one."],
    ["profile={a", "a brace is not closed: {a"],
    ["profile={}x", '"x" is behind a closing brace: a comma is expected'],
  ])("refuses %s", (text, message) =>
    expect(() => read(text)).toThrow(new UsageError(`Error parsing test options: ${message}`)),
  );
});
