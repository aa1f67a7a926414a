import { TPM_CC } from "@vtpm/tpm2";
import type { Bytes } from "@vtpm/wire";

/** How TPM2_Startup and TPM2_Shutdown treat what is in RAM. @spec Part 2, "TPM_SU (Startup Type)" */
export const TPM_SU = { CLEAR: 0, STATE: 1 } as const;
export type TPM_SU = (typeof TPM_SU)[keyof typeof TPM_SU];

export const startupCommand = (type: TPM_SU): Bytes => message(TPM_CC.Startup, type);
export const shutdownCommand = (type: TPM_SU): Bytes => message(TPM_CC.Shutdown, type);

export function isShutdown(command: Bytes): boolean {
  return wordAt(command, 6) === TPM_CC.Shutdown;
}

/** The response code of a response. */
export function responseCodeOf(response: Bytes): number {
  return wordAt(response, 6) ?? -1;
}

function message(code: number, parameter: number): Bytes {
  const bytes = new Uint8Array(12);
  const view = new DataView(bytes.buffer);
  view.setUint16(0, 0x8001);
  view.setUint32(2, bytes.length);
  view.setUint32(6, code);
  view.setUint16(10, parameter);
  return bytes;
}

function wordAt(bytes: Bytes, offset: number): number | undefined {
  if (bytes.length < offset + 4) return undefined;
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset);
}
