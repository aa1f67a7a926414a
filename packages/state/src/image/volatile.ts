import type { CryptoProvider } from "@vtpm/crypto";
import { allUntested, type NvState, type RAM_STATE, type TpmState } from "@vtpm/tpm2/state";
import { type Bytes, type Codec, concatBytes, EMPTY, encode, equalBytes, plainBytes } from "@vtpm/wire";
import { ImageError } from "../image-error.ts";
import {
  BEYOND_HEADER,
  BEYOND_VOLATILE,
  externalOf,
  isBeyond,
  LAST_LEVEL,
  NOTHING_VOLATILE,
  rulesFor,
} from "./beyond.ts";
import { type Clocks, clocksFromImage, clocksToImage } from "./clocks.ts";
import { Headers } from "./headers.ts";
import { orderlyIndicesFromImage, orderlyIndicesToImage } from "./nv-mapping.ts";
import { otherBanks } from "./pcr-banks.ts";
import { readImage } from "./read-image.ts";
import {
  orderlyFromImage,
  orderlyToImage,
  stateClearFromImage,
  stateClearToImage,
  stateResetFromImage,
  stateResetToImage,
} from "./saved-state.ts";
import { checkVolatile } from "./volatile-checks.ts";
import { encodeVolatileForm, type VOLATILE_FORM, volatileFormOf } from "./volatile-form.ts";
import {
  objectsFromImage,
  objectsToImage,
  pcrsFromImage,
  pcrsToImage,
  sessionsFromImage,
  sessionsToImage,
} from "./volatile-mapping.ts";
import { type LAST_COMMAND, VOLATILE_STATE } from "./volatile-state.ts";

const DIGEST_SIZE = 20;
const NAME = VOLATILE_STATE.name;

/** The state and what follows it, which is nothing but need not be. */
const WITH_EXCESS: Codec<{ readonly state: VOLATILE_STATE; readonly excess: Bytes }> = {
  name: NAME,
  shape: { kind: "foreign" },
  read(reader) {
    const state = VOLATILE_STATE.read(reader);
    return { state, excess: reader.bytes(reader.remaining) };
  },
  write(writer, { state, excess }) {
    VOLATILE_STATE.write(writer, state);
    writer.bytes(excess);
  },
  text: () => "",
};

/** The platform's clocks at the moment the state is read or written, and what the digest is made with. */
export interface VolatileContext extends Clocks {
  readonly crypto: CryptoProvider;
}

/**
 * Reads the state of a running TPM, which goes on from there: the time it was away has passed for it. `nv` is the permanent state
 * that was written together with it. Throws an `ImageError` for what cannot be one.
 */
export function decodeVolatile(bytes: Bytes, nv: NvState, context: VolatileContext): TpmState {
  const body = plainBytes(bytes).slice(0, Math.max(0, bytes.length - DIGEST_SIZE));
  if (!equalBytes(bytes.slice(body.length), context.crypto.hash("SHA1", body))) {
    throw new ImageError(`${NAME}.digest`, body.length, "the digest at the end is not that of the state");
  }
  const { state, excess } = readImage(WITH_EXCESS, body, rulesFor(body));
  checkVolatile(state, nv);
  const { persistent } = nv;
  const beyond = state.beyond ?? NOTHING_VOLATILE;
  const { timer, clocks, timerAhead } = clocksFromImage(state, context);
  const objects = objectsFromImage(state.objects.slots);
  const sessions = sessionsFromImage(state.sessions.slots);
  const headers = new Headers(nv.profile.stateFormatLevel);
  if (!isBeyond(body)) headers.note("VOLATILE_STATE", state);
  headers.note("ORDERLY_DATA", state.orderly);
  headers.note("STATE_CLEAR_DATA", state.stateClear);
  headers.note("STATE_RESET_DATA", state.stateReset);
  const form: VOLATILE_FORM = {
    headers: headers.unusual(),
    drbgState: state.orderly.drbgState,
    powerWasLost: state.powerWasLost,
    nvOk: state.nvOk,
    unused: state.unused,
    manufactured: state.manufactured,
    lastCommand: withoutPasswords(state.lastCommand),
    lockoutTimers: state.lockoutTimers,
    nvEnd: state.nv.end,
    ramRest: state.nv.ram.rest,
    slotAttributes: objects.slotAttributes,
    withoutExponent: objects.withoutExponent,
    includeAuth: sessions.includeAuth,
    failure: state.failure,
    timerStopped: state.timerStopped,
    timerAhead,
    clocks,
    excess,
  };
  const ram: RAM_STATE = {
    started: state.initialized,
    failed: state.inFailureMode,
    ...timer,
    timerWasReset: state.timerReset,
    clockRate: state.adjustRate,
    orderly: orderlyFromImage(state.orderly),
    orderlyIndices: new Map([...orderlyIndicesFromImage(state.nv.ram.entries), ...beyond.externalRam]),
    stateReset: stateResetFromImage(state.stateReset),
    stateClear: stateClearFromImage(state.stateClear, beyond.pcrSave),
    phEnable: state.phEnable,
    // Before TPM2_Startup the banks in use are not stored yet: they are those of the next start, which this is.
    pcrAllocated: state.initialized === 1 ? persistent.pcrInUse : persistent.pcrAllocated,
    pcrReConfig: state.pcrReConfig,
    pcrs: new Map([...pcrsFromImage(state.pcrs.values), ...beyond.pcrs]),
    objects: objects.objects,
    sessions: sessions.sessions,
    exclusiveAuditSession: state.exclusiveAuditSession,
    drtmHandle: state.drtmHandle,
    drtmPreStartup: state.drtmPreStartup,
    startupLocality3: state.startupLocality3,
    daUsed: state.lockout.daUsed,
    prevOrderlyState: state.prevOrderlyState,
    established: state.established,
    // libtpms tests its algorithms anew after it has gone on.
    untested: allUntested(nv.profile),
    extension: beyond.extension,
    imageForm: encodeVolatileForm(form),
  };
  const { maxCounter } = state.nv;
  return { nv: maxCounter === persistent.maxCounter ? nv : { ...nv, persistent: { ...persistent, maxCounter } }, ram };
}

/** The password of the last command need not stay in memory, and in what is stored, until the power goes: nobody reads it again. */
function withoutPasswords(last: LAST_COMMAND): LAST_COMMAND {
  return { ...last, sessions: last.sessions.map((session) => ({ ...session, inputAuth: EMPTY })) };
}

/** Writes the state of a TPM that runs; it belongs to the permanent state `state.nv`, which has to be written with it. */
export function encodeVolatile({ nv, ram }: TpmState, context: VolatileContext): Bytes {
  const { profile, persistent } = nv;
  const form = volatileFormOf(ram.imageForm);
  const headers = new Headers(profile.stateFormatLevel, form.headers);
  const beyond: BEYOND_VOLATILE = {
    extension: ram.extension,
    pcrs: otherBanks(ram.pcrs),
    pcrSave: otherBanks(ram.stateClear.pcrSave),
    externalRam: externalOf(ram.orderlyIndices),
  };
  const isNothing = equalBytes(encode(BEYOND_VOLATILE, beyond), encode(BEYOND_VOLATILE, NOTHING_VOLATILE));
  const state: VOLATILE_STATE = {
    ...(profile.stateFormatLevel > LAST_LEVEL || !isNothing ? BEYOND_HEADER : headers.of("VOLATILE_STATE")),
    beyond,
    exclusiveAuditSession: ram.exclusiveAuditSession,
    ...clocksToImage(ram, context, form.clocks, form.timerAhead),
    phEnable: ram.phEnable,
    pcrReConfig: ram.pcrReConfig,
    drtmHandle: ram.drtmHandle,
    drtmPreStartup: ram.drtmPreStartup,
    startupLocality3: ram.startupLocality3,
    lockout: { daUsed: ram.daUsed },
    powerWasLost: form.powerWasLost,
    prevOrderlyState: ram.prevOrderlyState,
    nvOk: form.nvOk,
    unused: form.unused,
    orderly: orderlyToImage(ram.orderly, headers.of("ORDERLY_DATA"), form.drbgState),
    stateClear: stateClearToImage(ram.stateClear, headers.of("STATE_CLEAR_DATA")),
    stateReset: stateResetToImage(ram.stateReset, headers.of("STATE_RESET_DATA")),
    manufactured: form.manufactured,
    initialized: ram.started,
    lastCommand: form.lastCommand,
    lockoutTimers: form.lockoutTimers,
    nv: {
      end: form.nvEnd,
      ram: { entries: orderlyIndicesToImage(ram.orderlyIndices), rest: form.ramRest },
      maxCounter: persistent.maxCounter,
    },
    objects: { slots: objectsToImage(ram.objects, nv, form) },
    pcrs: { values: pcrsToImage(ram.pcrs) },
    sessions: sessionsToImage(ram, form),
    inFailureMode: ram.failed,
    established: ram.established,
    failure: form.failure,
    timerReset: ram.timerWasReset,
    timerStopped: form.timerStopped,
    adjustRate: ram.clockRate,
    EPSeed: persistent.EPSeed,
    SPSeed: persistent.SPSeed,
    PPSeed: persistent.PPSeed,
  };
  const body = encode(WITH_EXCESS, { state, excess: form.excess });
  return concatBytes(body, context.crypto.hash("SHA1", body));
}
