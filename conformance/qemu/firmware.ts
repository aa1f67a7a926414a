import { copyFileSync } from "node:fs";
import { join } from "node:path";

export const FIRMWARES = ["SeaBIOS", "OVMF"] as const;
export type Firmware = (typeof FIRMWARES)[number];

/** QEMU's arguments for a firmware; OVMF keeps its variables in `directory`. */
export function firmwareArgs(firmware: Firmware, directory: string): string[] {
  if (firmware === "SeaBIOS") return []; // QEMU's own choice
  const variables = join(directory, "OVMF_VARS.fd");
  copyFileSync("/usr/share/OVMF/OVMF_VARS_4M.fd", variables);
  return [
    ...["-drive", "if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"],
    ...["-drive", `if=pflash,format=raw,unit=1,file=${variables}`],
  ];
}
