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
const read = (text: string) => parseSubOptions("--test", text, KINDS);

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

  test.each([
    ["path=", "Unknown option 'path=' of --test"],
    ["colour=red", "Unknown option 'colour' of --test"],
    ["toString", "Unknown option 'toString' of --test"],
    [",path=x", "Unknown option '' of --test"],
    ["mode=0888", '--test mode is an octal number up to 0777, not "0888"'],
    ["mode=1000", '--test mode is an octal number up to 0777, not "1000"'],
    ["mode", '--test mode is an octal number up to 0777, not "true"'],
    ["count=0x10", '--test count is a number from -2147483648 to 2147483647, not "0x10"'],
    ["count=2147483648", '--test count is a number from -2147483648 to 2147483647, not "2147483648"'],
    ["port=-1", '--test port is a number from 0 to 4294967295, not "-1"'],
    ["port", '--test port is a number from 0 to 4294967295, not "true"'],
    ["uid=nobody-at-all", '--test uid: there is no user "nobody-at-all"; a number works without one'],
    ["gid=nobody-at-all", '--test gid: there is no group "nobody-at-all"; a number works without one'],
    ["profile={a", "--test has a brace that is not closed: {a"],
    ["profile={}x", '--test has "x" behind a closing brace: a comma is expected'],
  ])("refuses %s", (text, message) => expect(() => read(text)).toThrow(new UsageError(message)));
});
