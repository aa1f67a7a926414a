import { TPM_ALG, TPM_CC, TPM_RC } from "@vtpm/tpm2";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import { responseCodeOf, shutdownCommand, TPM_SU } from "../../host/tpm2-messages.ts";
import { uint32At, uint32s } from "../../server/words.ts";

/** Tags of TPM 1.2 requests and responses without authorization. TPM 1.2 Part 2, "TPM_TAG" */
const TAG_RQU_COMMAND = 0x00c1;
const TAG_RSP_COMMAND = 0x00c4;
/** TPM 1.2 Part 2, "Ordinals" */
const ORD = {
  Extend: 0x14,
  PcrRead: 0x15,
  GetRandom: 0x46,
  ContinueSelfTest: 0x53,
  GetCapability: 0x65,
  SaveState: 0x98,
  Startup: 0x99,
};
/** TPM 1.2 Part 2, "Return Codes" */
const RESULT = { SUCCESS: 0, FAIL: 9, BAD_ORDINAL: 10, BAD_PARAM_SIZE: 25 };
/** TPM 1.2 Part 2, "TPM_CAPABILITY_AREA": TPM_CAP_PROPERTY and two of its values. */
const CAP_PROPERTY = 5;
const CAP_PROP_TIS_TIMEOUT = 0x115;
const CAP_PROP_DURATION = 0x120;

/** Microseconds that the driver waits for the four steps of the interface, and for short, medium and long commands. */
const TIMEOUTS = [2_000_000, 2_000_000, 2_000_000, 2_000_000];
const DURATIONS = [30_000_000, 120_000_000, 600_000_000];

const HEADER_SIZE = 10;
const SHA1_SIZE = 20;
const PCR_COUNT = 24;
/** Bytes of TPM2_PCR_Read's response with one digest: counter, selection of one bank, list of one digest. */
const ONE_PCR_SIZE = HEADER_SIZE + 4 + 10 + 4 + 2 + SHA1_SIZE;
/** A TPM 2.0 hands out no more bytes at once than its largest digest. */
const MAX_RANDOM = 64;

/** Whether a command is a TPM 1.2 one: Linux' front end is a driver for TPM 1.2, whatever is behind it. */
export const isTpm12Command = (command: Bytes): boolean =>
  command.length >= HEADER_SIZE && uint16At(command, 0) === TAG_RQU_COMMAND;

/**
 * Answers what Linux' front end sends on its own account, by means of the TPM 2.0 behind it; its SHA-1 PCRs stand for those of
 * a TPM 1.2. Everything else is an unknown ordinal.
 */
export async function answerTpm12(command: Bytes, execute: (command: Bytes) => Promise<Bytes>): Promise<Bytes> {
  const ordinal = uint32At(command, 6);
  const wanted = PARAMETER_SIZES.get(ordinal);
  if (wanted === undefined) return response(RESULT.BAD_ORDINAL);
  if (command.length < HEADER_SIZE + wanted) return response(RESULT.BAD_PARAM_SIZE);
  switch (ordinal) {
    case ORD.GetCapability:
      return response(RESULT.SUCCESS, sized(capability(command)));
    case ORD.GetRandom:
      return random(Math.min(uint32At(command, HEADER_SIZE), MAX_RANDOM), execute);
    case ORD.PcrRead:
      return pcrRead(uint32At(command, HEADER_SIZE), execute);
    case ORD.Extend:
      return extend(
        uint32At(command, HEADER_SIZE),
        command.slice(HEADER_SIZE + 4, HEADER_SIZE + 4 + SHA1_SIZE),
        execute,
      );
    case ORD.SaveState: {
      const code = responseCodeOf(await execute(shutdownCommand(TPM_SU.STATE)));
      return response(code === TPM_RC.SUCCESS ? RESULT.SUCCESS : RESULT.FAIL);
    }
    default: // Startup and ContinueSelfTest: both have happened
      return response(RESULT.SUCCESS);
  }
}

/** Bytes of parameters that an ordinal needs at least. */
const PARAMETER_SIZES = new Map<number, number>([
  [ORD.Extend, 4 + SHA1_SIZE],
  [ORD.PcrRead, 4],
  [ORD.GetRandom, 4],
  [ORD.ContinueSelfTest, 0],
  [ORD.GetCapability, 8],
  [ORD.SaveState, 0],
  [ORD.Startup, 0],
]);

/** The two properties that the driver asks for; an empty answer is one that it does without. */
function capability(command: Bytes): Bytes {
  if (uint32At(command, HEADER_SIZE) !== CAP_PROPERTY || command.length < HEADER_SIZE + 12) return EMPTY;
  switch (uint32At(command, HEADER_SIZE + 8)) {
    case CAP_PROP_TIS_TIMEOUT:
      return uint32s(...TIMEOUTS);
    case CAP_PROP_DURATION:
      return uint32s(...DURATIONS);
    default:
      return EMPTY;
  }
}

async function random(size: number, execute: (command: Bytes) => Promise<Bytes>): Promise<Bytes> {
  const answer = await execute(request(TPM_CC.GetRandom, uint16(size)));
  if (responseCodeOf(answer) !== TPM_RC.SUCCESS) return response(RESULT.FAIL);
  return response(RESULT.SUCCESS, sized(answer.slice(HEADER_SIZE + 2)));
}

async function pcrRead(index: number, execute: (command: Bytes) => Promise<Bytes>): Promise<Bytes> {
  if (index >= PCR_COUNT) return response(RESULT.FAIL);
  const selection = new Uint8Array(3);
  selection[Math.floor(index / 8)] = 2 ** (index % 8);
  const answer = await execute(
    request(TPM_CC.PCR_Read, concatBytes(uint32s(1), uint16(TPM_ALG.SHA1), Uint8Array.of(3), selection)),
  );
  if (responseCodeOf(answer) !== TPM_RC.SUCCESS) return response(RESULT.FAIL);
  // Where the TPM has no SHA-1 bank, nothing was selected and no digest follows.
  return response(
    RESULT.SUCCESS,
    answer.length === ONE_PCR_SIZE ? answer.slice(-SHA1_SIZE) : new Uint8Array(SHA1_SIZE),
  );
}

async function extend(index: number, digest: Bytes, execute: (command: Bytes) => Promise<Bytes>): Promise<Bytes> {
  const emptyPassword = concatBytes(uint32s(9, 0x40000009), uint16(0), Uint8Array.of(0), uint16(0));
  const answer = await execute(
    request(
      TPM_CC.PCR_Extend,
      concatBytes(uint32s(index), emptyPassword, uint32s(1), uint16(TPM_ALG.SHA1), digest),
      0x8002,
    ),
  );
  if (responseCodeOf(answer) !== TPM_RC.SUCCESS) return response(RESULT.FAIL);
  return pcrRead(index, execute);
}

function request(code: number, parameters: Bytes, tag = 0x8001): Bytes {
  return concatBytes(uint16(tag), uint32s(HEADER_SIZE + parameters.length, code), parameters);
}

function response(result: number, parameters: Bytes = EMPTY): Bytes {
  return concatBytes(uint16(TAG_RSP_COMMAND), uint32s(HEADER_SIZE + parameters.length, result), parameters);
}

const sized = (data: Bytes): Bytes => concatBytes(uint32s(data.length), data);
const uint16 = (value: number): Bytes => Uint8Array.of(Math.floor(value / 0x100), value % 0x100);
const uint16At = (bytes: Bytes, offset: number): number => (bytes[offset] ?? 0) * 0x100 + (bytes[offset + 1] ?? 0);
