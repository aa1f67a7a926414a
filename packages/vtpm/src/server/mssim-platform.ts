import { type Bytes, concatBytes } from "@vtpm/wire";
import type { TpmHost } from "../host/tpm-host.ts";
import type { Client, Session } from "./conversation.ts";
import { uint32At, uint32s } from "./words.ts";

/** The button on the platform's case. */
export interface PresenceSwitch {
  presence: boolean;
}

const SIGNAL = {
  POWER_ON: 1,
  POWER_OFF: 2,
  PHYS_PRES_ON: 3,
  PHYS_PRES_OFF: 4,
  CANCEL_ON: 9,
  CANCEL_OFF: 10,
  NV_ON: 11,
  NV_OFF: 12,
  KEY_CACHE_ON: 13,
  KEY_CACHE_OFF: 14,
  RESET: 17,
  RESTART: 18,
  SESSION_END: 20,
  STOP: 21,
  GET_COMMAND_RESPONSE_SIZES: 25,
  ACT_GET_SIGNALED: 26,
  TEST_FAILURE_MODE: 30,
} as const;

const DONE = uint32s(0);
const UNKNOWN = uint32s(1);
/** Four counters behind their size: the largest command and response so far, which nobody counts here. */
const COMMAND_RESPONSE_SIZES = concatBytes(uint32s(16), new Uint8Array(16), DONE);
/** No authenticated countdown timer has expired, since there is none. */
const NOT_SIGNALED = concatBytes(uint32s(0), DONE);

/** The platform port of the TCG simulator's protocol: power, buttons and other signals, each a word answered by a word. */
export class MssimPlatformSession implements Session {
  readonly #host: TpmHost;
  readonly #button: PresenceSwitch;
  readonly #endProcess: () => void;

  constructor(host: TpmHost, button: PresenceSwitch, endProcess: () => void) {
    this.#host = host;
    this.#button = button;
    this.#endProcess = endProcess;
  }

  take(input: Bytes, client: Client): number {
    if (input.length < 4) return 0;
    const signal = uint32At(input, 0);
    switch (signal) {
      case SIGNAL.ACT_GET_SIGNALED:
        if (input.length < 8) return 0;
        client.reply(NOT_SIGNALED);
        return 8;
      case SIGNAL.GET_COMMAND_RESPONSE_SIZES:
        client.reply(COMMAND_RESPONSE_SIZES);
        return 4;
      case SIGNAL.SESSION_END:
        client.hangUp();
        return input.length;
      case SIGNAL.STOP:
        setImmediate(this.#endProcess);
        client.hangUp();
        return input.length;
      default:
        void this.#signal(signal).then((known) => {
          if (known) client.reply(DONE);
          else client.hangUp(UNKNOWN);
        });
        return 4;
    }
  }

  /** Passes a signal on; tells whether there is such a signal. */
  async #signal(signal: number): Promise<boolean> {
    const host = this.#host;
    switch (signal) {
      case SIGNAL.POWER_ON:
        if (!host.running) await host.reset();
        return true;
      case SIGNAL.POWER_OFF:
        await host.powerOff();
        return true;
      case SIGNAL.RESET:
      case SIGNAL.RESTART:
        await host.reset();
        return true;
      case SIGNAL.PHYS_PRES_ON:
      case SIGNAL.PHYS_PRES_OFF:
        this.#button.presence = signal === SIGNAL.PHYS_PRES_ON;
        return true;
      case SIGNAL.CANCEL_ON:
      case SIGNAL.CANCEL_OFF:
        host.cancelling = signal === SIGNAL.CANCEL_ON;
        if (host.cancelling) host.cancel();
        return true;
      case SIGNAL.NV_ON:
      case SIGNAL.NV_OFF:
        host.nvAvailable = signal === SIGNAL.NV_ON;
        return true;
      case SIGNAL.KEY_CACHE_ON:
      case SIGNAL.KEY_CACHE_OFF:
        return true; // there is no such cache
      case SIGNAL.TEST_FAILURE_MODE:
        await host.fail();
        return true;
      default:
        return false;
    }
  }
}
