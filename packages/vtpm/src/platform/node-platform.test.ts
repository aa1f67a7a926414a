import { expect, test } from "vitest";
import { NodePlatform } from "./node-platform.ts";

test("entropy comes in any size and never twice", () => {
  const platform = new NodePlatform();
  for (const size of [0, 1, 32, 4096, 10_000]) expect(platform.entropy(size)).toHaveLength(size);
  const drawn = new Set(Array.from({ length: 1000 }, () => platform.entropy(16).join()));
  expect(drawn.size).toBe(1000);
});

test("bytes stirred in change nothing about the size, and entropy still never comes twice", () => {
  const platform = new NodePlatform();
  platform.stir(new Uint8Array(128));
  platform.stir(new Uint8Array(128));
  for (const size of [0, 1, 64, 4096]) expect(platform.entropy(size)).toHaveLength(size);
  const drawn = new Set(Array.from({ length: 100 }, () => platform.entropy(16).join()));
  expect(drawn.size).toBe(100);
});

test("the clock counts whole milliseconds and never runs backwards", () => {
  const platform = new NodePlatform();
  const first = platform.now();
  expect(Number.isInteger(first)).toBe(true);
  expect(platform.now()).toBeGreaterThanOrEqual(first);
});
