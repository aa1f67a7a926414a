import { closeSync, readFileSync, rmSync } from "node:fs";
import type { CryptoProvider } from "@vtpm/crypto";
import { KeyError, type KeyForm, stateKey } from "@vtpm/state";
import type { Bytes } from "@vtpm/wire";
import { systemReason } from "../../host-error.ts";
import type { SubOptions } from "../sub-options.ts";
import { UsageError } from "../usage-error.ts";
import { type Log, OpenError } from "./log.ts";
import type { SUB_OPTIONS } from "./option-table.ts";

/** Passphrases up to this many bytes are found by trying. */
const WEAK_PASSPHRASE_SIZE = 6;

/** The key that `--key` or `--migration-key` names; `undefined` without the option. */
export function readKey(
  option: string,
  source: SubOptions<typeof SUB_OPTIONS.key> | undefined,
  crypto: CryptoProvider,
  log: Pick<Log, "write">,
): Bytes | undefined {
  if (source === undefined) return undefined;
  const { file, fd, pwdfile, pwdfd, format = "hex", kdf = "pbkdf2", mode = "aes-128-cbc", remove } = source;
  const isKey = file !== undefined || fd !== undefined;
  const from = file ?? fd ?? pwdfile ?? pwdfd ?? -1;
  const content = contentOf(isKey ? "key" : "passphrase", from);
  if (!isKey && content.length <= WEAK_PASSPHRASE_SIZE) {
    log.write(`Warning: Passphrase is only ${content.length} bytes long (${option})`);
  }
  try {
    const key = stateKey(content, (isKey ? format : kdf) as KeyForm, mode === "aes-256-cbc" ? 32 : 16, crypto);
    if (remove && typeof from === "string") rmSync(from);
    return key;
  } catch (error) {
    if (error instanceof KeyError) {
      const complaint = isKey && format === "hex" ? `Could not parse key hex string: ${option}` : option;
      throw new UsageError(`${complaint}: ${error.message}`, { cause: error });
    }
    throw error;
  } finally {
    content.fill(0);
  }
}

/** A file, or what can be read from a descriptor until its end; that is closed then. */
function contentOf(kind: "key" | "passphrase", from: string | number): Bytes {
  try {
    return readFileSync(from);
  } catch (error) {
    const complaint = typeof from === "string" ? `Unable to open file ${from}` : `Unable to read ${kind}`;
    throw new OpenError(`${complaint}: ${systemReason(error)}`, { cause: error });
  } finally {
    if (typeof from === "number") closeQuietly(from);
  }
}

function closeQuietly(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It was no descriptor, which reading it has said.
  }
}
