import {
  type Bytes,
  bits,
  type Codec,
  concatBytes,
  encode,
  Reader,
  UINT16,
  UINT16_LE,
  UINT32_LE,
  UINT64_LE,
  type Writer,
} from "@vtpm/wire";
import { TPMT_SYM_DEF_NULLABLE } from "../spec/structures/index.ts";
import { type SESSION, SESSION_ATTRIBUTES } from "../state/session.ts";

/** Bytes of libtpms' structure on machines of 64 bits, with what the compiler leaves between and behind the fields. */
const NATIVE_SIZE = 312;
const GAP_BEHIND_LOCALITY = 1;
const GAP_AT_THE_END = 2;
/** Room in the structure for a digest or nonce, and for what the session is tied to. */
const DIGEST_ROOM = 64;
const NAME_ROOM = 68;

/** libtpms notes in a session whether the command that uses it takes the authValue into account. */
const COMMAND_ATTRIBUTES = bits("attributes of the command", UINT32_LE, { includeAuth: 10 }, "kept");

/**
 * A session as it lies in libtpms' memory, on machines that put the low byte first: so it stands in saved contexts, which another
 * program may have to read after a TPM has moved there.
 */
export const NATIVE_SESSION: Codec<SESSION> = {
  name: "native session",
  shape: { kind: "foreign" },
  read(reader) {
    const start = reader.offset;
    if (reader.remaining !== NATIVE_SIZE) {
      throw reader.refuse("SIZE", `a session of ${reader.remaining} bytes, expected ${NATIVE_SIZE}`, start);
    }
    const attributes = COMMAND_ATTRIBUTES.with(UINT32_LE.read(reader), { includeAuth: false });
    if (SESSION_ATTRIBUTES.reserved(attributes) !== 0) {
      throw reader.refuse("RESERVED_BITS", `0x${attributes.toString(16)} has bits that no session has`, start);
    }
    const session = {
      attributes,
      pcrCounter: UINT32_LE.read(reader),
      startTime: UINT64_LE.read(reader),
      timeout: UINT64_LE.read(reader),
      epoch: UINT32_LE.read(reader),
      commandCode: UINT32_LE.read(reader),
      authHashAlg: UINT16_LE.read(reader),
      commandLocality: reader.uint8(),
      symmetric: readSymmetric(reader),
      sessionKey: readRoom(reader, DIGEST_ROOM),
      nonceTPM: readRoom(reader, DIGEST_ROOM),
      tiedTo: readRoom(reader, NAME_ROOM),
      digest: readRoom(reader, DIGEST_ROOM),
    };
    reader.bytes(GAP_AT_THE_END);
    return session;
  },
  write(writer, session) {
    UINT32_LE.write(writer, session.attributes);
    UINT32_LE.write(writer, session.pcrCounter);
    UINT64_LE.write(writer, session.startTime);
    UINT64_LE.write(writer, session.timeout);
    UINT32_LE.write(writer, session.epoch);
    UINT32_LE.write(writer, session.commandCode);
    UINT16_LE.write(writer, session.authHashAlg);
    writer.uint8(session.commandLocality);
    writeSymmetric(writer, session.symmetric);
    writeRoom(writer, session.sessionKey, DIGEST_ROOM);
    writeRoom(writer, session.nonceTPM, DIGEST_ROOM);
    writeRoom(writer, session.tiedTo, NAME_ROOM);
    writeRoom(writer, session.digest, DIGEST_ROOM);
    writer.bytes(new Uint8Array(GAP_AT_THE_END));
  },
  text: () => "",
};

const SYMMETRIC_WORDS = 3;

/** The fields of an algorithm, of which the last may mean nothing. */
function readSymmetric(reader: Reader): TPMT_SYM_DEF_NULLABLE {
  reader.bytes(GAP_BEHIND_LOCALITY);
  const words = Array.from({ length: SYMMETRIC_WORDS }, () => encode(UINT16, UINT16_LE.read(reader)));
  return TPMT_SYM_DEF_NULLABLE.read(new Reader(concatBytes(...words)));
}

function writeSymmetric(writer: Writer, symmetric: TPMT_SYM_DEF_NULLABLE): void {
  writer.bytes(new Uint8Array(GAP_BEHIND_LOCALITY));
  const reader = new Reader(encode(TPMT_SYM_DEF_NULLABLE, symmetric));
  for (let i = 0; i < SYMMETRIC_WORDS; i++) UINT16_LE.write(writer, reader.remaining > 0 ? reader.uint16() : 0);
}

/** A byte string in a place of fixed size. */
function readRoom(reader: Reader, room: number): Bytes {
  const start = reader.offset;
  const size = UINT16_LE.read(reader);
  const bytes = reader.bytes(room);
  if (size > room) throw reader.refuse("SIZE", `${size} bytes in a place for ${room}`, start);
  return bytes.slice(0, size);
}

function writeRoom(writer: Writer, bytes: Bytes, room: number): void {
  UINT16_LE.write(writer, bytes.length);
  const place = new Uint8Array(room);
  place.set(bytes);
  writer.bytes(place);
}
