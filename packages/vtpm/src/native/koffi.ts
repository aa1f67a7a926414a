import { createRequire } from "node:module";
import { endianness } from "node:os";
import { NativeError } from "./native-error.ts";

type Koffi = typeof import("koffi");

/** How a pointer looks, for the layouts in this folder. */
const POINTER_SIZE = 8;

let loaded: Koffi | undefined;

/**
 * The foreign function interface, loaded when it is first needed: only what talks to kernels needs it. Throws a
 * `NativeError` where it is not installed.
 */
export function koffi(): Koffi {
  loaded ??= load();
  return loaded;
}

/** Whether it could be loaded, as far as that can be told without the time it takes. */
export function isKoffiInstalled(): boolean {
  if (loaded !== undefined) return true;
  try {
    createRequire(import.meta.url).resolve("koffi");
    return true;
  } catch {
    // Which is the answer.
    return false;
  }
}

function load(): Koffi {
  let module: Koffi;
  try {
    module = createRequire(import.meta.url)("koffi");
  } catch (error) {
    throw new NativeError(
      "NATIVE_MISSING",
      "this needs the package koffi, which is not installed or has no build for this machine: npm install koffi",
      { cause: error },
    );
  }
  if (process.platform !== "linux" || endianness() !== "LE" || module.sizeof("void *") !== POINTER_SIZE) {
    throw new NativeError("NATIVE_PLATFORM", `this needs 64-bit little-endian Linux, not ${process.platform}`);
  }
  return module;
}
