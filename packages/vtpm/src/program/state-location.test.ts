import { resolve } from "node:path";
import { describe, expect, test } from "vitest";
import { locationOfUri, locationText, stateLocation } from "./state-location.ts";
import { settledLocation } from "./swtpm/state-location.ts";
import { UsageError } from "./usage-error.ts";

describe("the location of a state", () => {
  test.each([
    ["a", { directory: resolve("a") }],
    ["/a/b", { directory: "/a/b" }],
    ["dir://a", { directory: resolve("a") }],
    ["file://a", { linearFile: resolve("a") }],
    ["file:///a", { linearFile: "/a" }],
    ["a\nfile://b", { directory: resolve("a\nfile://b") }],
  ])("as vtpm is given it, %j, does not depend on where the process goes", (text, location) => {
    expect(stateLocation("--state", text)).toEqual(location);
    expect(stateLocation("--state", locationText(location))).toEqual(location);
  });

  test.each(["", "dir://", "file://", "ftp://a"])("is not %j", (text) => {
    expect(() => stateLocation("--state", text)).toThrow(UsageError);
    expect(locationOfUri(text)).toBeUndefined();
  });

  test("as swtpm is given it is what is written, below whatever is the root when it is opened", () => {
    expect(settledLocation({ tpmstate: { dir: "a" }, defaultDirectory: undefined })).toEqual({ directory: "a" });
    expect(settledLocation({ tpmstate: { "backend-uri": "dir://a" }, defaultDirectory: undefined })).toEqual({
      directory: "a",
    });
    expect(settledLocation({ tpmstate: { "backend-uri": "file://a" }, defaultDirectory: undefined })).toEqual({
      linearFile: "a",
    });
    expect(settledLocation({ defaultDirectory: "a" })).toEqual({ directory: "a" });
    expect(settledLocation({ defaultDirectory: undefined })).toBeUndefined();
    expect(() => settledLocation({ tpmstate: { "backend-uri": "a" }, defaultDirectory: undefined })).toThrow(
      UsageError,
    );
  });
});
