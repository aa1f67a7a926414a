import { createNodeEntropy, createNodeProvider } from "@vtpm/crypto/node";
import type { Bytes } from "@vtpm/wire";
import { profileOf } from "../profile-option.ts";
import type { ProgramStreams } from "../program-streams.ts";
import { stateLocation } from "../state-location.ts";
import { parseSubOptions } from "../sub-options.ts";
import { oneOf, parseOptionsAndOperands } from "../subcommand.ts";
import { readKey } from "../swtpm/keys.ts";
import { SUB_OPTIONS } from "../swtpm/option-table.ts";
import { UsageError } from "../usage-error.ts";
import { STATE_HELP } from "./state-help.ts";

const ACTIONS = ["inspect", "verify", "diff", "convert"] as const;
type Action = (typeof ACTIONS)[number];

const OPERANDS: Readonly<Record<Action, readonly string[]>> = {
  inspect: ["STATE"],
  verify: ["STATE"],
  diff: ["STATE", "STATE"],
  convert: ["STATE", "TARGET"],
};
/** Options that say what only some actions do. */
const OF_ACTION: Readonly<Record<string, readonly Action[]>> = {
  "other-key": ["diff"],
  "show-secrets": ["inspect", "diff"],
  all: ["inspect"],
  "new-key": ["convert"],
  decrypt: ["convert"],
  profile: ["convert"],
  "without-volatile": ["convert"],
};
/** Of `diff`: the states are not the same. */
const DIFFERENT = 3;

const text = { type: "string" } as const;
const flag = { type: "boolean" } as const;

/** `vtpm state`. Sets the exit status of the process where states differ. */
export async function run(args: readonly string[]): Promise<void> {
  const status = await runState(args, process);
  if (status !== 0) process.exitCode = status;
}

/** Resolves with the exit status; rejects with a `HostError` for what cannot be done. */
export async function runState(
  [word, ...args]: readonly string[],
  { stdout, stderr }: Pick<ProgramStreams, "stdout" | "stderr">,
): Promise<number> {
  if (word === undefined || word === "--help" || word === "-h") {
    if (word === undefined) throw new UsageError('what to do with which state? See "vtpm state --help"');
    stdout.write(STATE_HELP);
    return 0;
  }
  const action = oneOf("vtpm state", ACTIONS, word);
  const { values, operands } = parseOptionsAndOperands(
    "state",
    args,
    {
      ...{ key: text, "migration-key": text, "other-key": text, "new-key": text, profile: text },
      ...{
        "show-secrets": flag,
        all: flag,
        decrypt: flag,
        "without-volatile": flag,
        "ignore-journal": flag,
        json: flag,
      },
      help: { type: "boolean", short: "h" },
    },
    OPERANDS[action],
  );
  if (values.help === true) {
    stdout.write(STATE_HELP);
    return 0;
  }
  const [place = "", other = ""] = operands;
  const missing = OPERANDS[action][operands.length];
  if (missing !== undefined)
    throw new UsageError(`vtpm state ${action} needs ${OPERANDS[action].join(" and ")}: see "vtpm state --help"`);
  for (const [option, actions] of Object.entries(OF_ACTION)) {
    if (Object.hasOwn(values, option) && !actions.includes(action)) {
      throw new UsageError(`--${option} means nothing to vtpm state ${action}: see "vtpm state --help"`);
    }
  }
  const crypto = createNodeProvider();
  const keyOf = (option: "key" | "migration-key" | "other-key" | "new-key"): Bytes | undefined => {
    const spec = values[option];
    if (spec === undefined) return undefined;
    const source = parseSubOptions(option, spec, SUB_OPTIONS.key);
    return readKey(`--${option}`, source, crypto, { write: (warning) => stderr.write(`vtpm: ${warning}\n`) });
  };
  const [key, migrationKey] = [keyOf("key"), keyOf("migration-key")];
  const secrets = values["show-secrets"] === true;
  const json = values.json === true;
  // Loaded only now: help and mistakes need no TPM.
  const [{ readState }, { openState }] = await Promise.all([import("./found-state.ts"), import("./opened-state.ts")]);
  const opened = async (where: string, stateKey: Bytes | undefined) =>
    openState(await readState(where, { ignoreJournal: values["ignore-journal"] === true }), {
      key: stateKey,
      migrationKey,
      crypto,
    });
  const state = await opened(place, key);
  switch (action) {
    case "inspect": {
      const { inspect } = await import("./inspect.ts");
      stdout.write(inspect(state, { secrets, all: values.all === true, json }));
      break;
    }
    case "verify": {
      const { verify } = await import("./verify.ts");
      stdout.write(verify(state, crypto, json));
      break;
    }
    case "diff": {
      const { differences, differencesText } = await import("./diff.ts");
      const found = differences(state, await opened(other, keyOf("other-key") ?? key), secrets);
      stdout.write(differencesText(found, json));
      if (found.length > 0) return DIFFERENT;
      break;
    }
    case "convert": {
      if (values.decrypt === true && values["new-key"] !== undefined) {
        throw new UsageError("--decrypt and --new-key exclude each other");
      }
      const { convert } = await import("./convert.ts");
      const entropy = createNodeEntropy();
      const target = stateLocation("TARGET", other);
      const newKey = values.decrypt === true ? undefined : (keyOf("new-key") ?? key);
      const sealing = { key: newKey, crypto, entropy: (size: number) => entropy.generate(size) };
      const profile = values.profile === undefined ? undefined : profileOf(values.profile);
      await convert(state, { target, sealing, profile, withoutVolatile: values["without-volatile"] === true });
      break;
    }
  }
  return 0;
}
