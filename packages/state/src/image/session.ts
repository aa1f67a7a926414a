import {
  TPM2B_DIGEST,
  TPM2B_NAME,
  TPM2B_NONCE,
  TPMA_LOCALITY,
  TPMI_YES_NO,
  TPMT_SYM_DEF_NULLABLE,
} from "@vtpm/tpm2/spec";
import { type SESSION, SESSION_ATTRIBUTES } from "@vtpm/tpm2/state";
import {
  bits,
  type Codec,
  checked,
  constant,
  EMPTY,
  LATER_ADDITIONS,
  settled,
  UINT8,
  UINT16,
  UINT32,
  UINT64,
} from "@vtpm/wire";
import { HASH } from "./algorithms.ts";

/** libtpms notes in a session whether the command that uses it now takes the authValue into account. */
const COMMAND_ATTRIBUTES = bits("attributes of the command", UINT32, { includeAuth: 10 }, "kept");

const EPOCH_SIZE = 4;

const LAYOUT = settled(
  "SESSION",
  { magic: 0x44be9f45 },
  {
    attributes: COMMAND_ATTRIBUTES,
    pcrCounter: UINT32,
    startTime: UINT64,
    timeout: UINT64,
    epochSize: constant("epochSize", UINT8, EPOCH_SIZE),
    epoch: UINT32,
    commandCode: UINT32,
    authHashAlg: HASH,
    commandLocality: TPMA_LOCALITY,
    symmetric: TPMT_SYM_DEF_NULLABLE,
    sessionKey: TPM2B_DIGEST,
    nonceTPM: TPM2B_NONCE,
    /** The bound entity of an HMAC session, or the one hash that a policy is tied to. */
    tiedTo: TPM2B_NAME,
    /** The audit digest of an HMAC session, or the policy digest. */
    digest: TPM2B_DIGEST,
  },
);

/** A loaded session. */
export interface LoadedSession {
  readonly session: SESSION;
  readonly includeAuth: boolean;
}

const LOADED: Codec<LoadedSession> = {
  name: LAYOUT.name,
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    const { epochSize: _, ...session } = LAYOUT.read(reader);
    const attributes = COMMAND_ATTRIBUTES.with(session.attributes, { includeAuth: false });
    if (SESSION_ATTRIBUTES.reserved(attributes) !== 0) {
      throw reader.refuse("RESERVED_BITS", `0x${session.attributes.toString(16)} has bits that no session has`, start);
    }
    const includeAuth = COMMAND_ATTRIBUTES.has(session.attributes, "includeAuth");
    return { session: { ...session, attributes }, includeAuth };
  },
  write(writer, { session, includeAuth }) {
    const attributes = COMMAND_ATTRIBUTES.with(session.attributes, { includeAuth });
    LAYOUT.write(writer, { ...session, attributes, epochSize: EPOCH_SIZE });
  },
  text: () => "",
};

const HEADER = {
  version: constant("version", UINT16, 2),
  magic: constant("magic", UINT32, 0x3664aebc),
  minVersion: constant("minVersion", UINT16, 1),
};
const NOTHING_LATER = checked(LATER_ADDITIONS, (bytes) =>
  bytes?.length === 0 ? undefined : "the slot ends with something unknown",
);

/** A place for a session; an empty one ends behind the flag that says so. */
export const SESSION_SLOT: Codec<LoadedSession | undefined> = {
  name: "SESSION_SLOT",
  shape: { kind: "foreign" },
  read(reader) {
    for (const [name, codec] of Object.entries(HEADER)) reader.part(name, codec);
    if (reader.part("occupied", TPMI_YES_NO) === 0) return undefined;
    const session = reader.part("session", LOADED);
    reader.part("later", NOTHING_LATER);
    return session;
  },
  write(writer, session) {
    for (const codec of Object.values(HEADER)) codec.write(writer, 0);
    writer.uint8(session === undefined ? 0 : 1);
    if (session === undefined) return;
    LOADED.write(writer, session);
    NOTHING_LATER.write(writer, EMPTY);
  },
  text: (session) => (session === undefined ? "empty" : ""),
};
