import type { Bytes } from "@vtpm/wire";
import { FORBIDDEN_CALLS } from "./forbidden-calls.ts";
import { hostStruct } from "./host-struct.ts";
import { isKoffiInstalled, koffi } from "./koffi.ts";
import { libcFunction } from "./libc.ts";

const prctl = libcFunction("int prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)");
const seccomp = libcFunction("long syscall(long number, long operation, long flags, void *program)");

const PR_SET_NO_NEW_PRIVS = 38;
const SECCOMP_SET_MODE_FILTER = 1;
const SECCOMP_FILTER_FLAG_TSYNC = 1;

/** What a filter answers. */
const RETURN = { KILL_PROCESS: 0x8000_0000, LOG: 0x7ffc_0000, ALLOW: 0x7fff_0000, ENOSYS: 0x0005_0000 | 38 } as const;

/** Calls that are looked at more closely, by number. */
interface Architecture {
  /** Of struct seccomp_data. */
  readonly audit: number;
  /** Which column of the forbidden calls. */
  readonly column: 0 | 1;
  readonly clone: number;
  readonly prctl: number;
  readonly prlimit64: number;
  readonly seccomp: number;
}

const ARCHITECTURES: Readonly<Record<string, Architecture>> = {
  x64: { audit: 0xc000_003e, column: 0, clone: 56, prctl: 157, prlimit64: 302, seccomp: 317 },
  arm64: { audit: 0xc000_00b7, column: 1, clone: 220, prctl: 167, prlimit64: 261, seccomp: 277 },
};
/** The same on both. */
const CLONE3 = 435;
const IO_URING = [425, 426, 427] as const;
/** From here on x86-64 has the calls of its 32-bit variant. */
const X32_CALLS = 0x4000_0000;

/** What may be set of a thread: its name, and the names of its memory. */
const HARMLESS_PRCTLS = [15, 0x53564d41];
const CLONE_THREAD = 0x0001_0000;

/** Where things are in struct seccomp_data. */
const DATA = { nr: 0, arch: 4, argument: (n: number) => 16 + 8 * n } as const;

/** What becomes of a process that makes a forbidden call. */
export type SeccompAction = "kill" | "log";

/** Whether system calls can be forbidden here. */
export function seccompSupported(): boolean {
  return process.platform === "linux" && ARCHITECTURES[process.arch] !== undefined && isKoffiInstalled();
}

/**
 * Forbids, for good and for all threads, the system calls that a running TPM has no use for: other programs, other identities,
 * mounts and the like. Threads can still be made, processes cannot. Throws a `NativeError`, or what the system says.
 */
export function forbidCalls(action: SeccompAction): void {
  const architecture = ARCHITECTURES[process.arch];
  if (architecture === undefined) throw new Error(`no system calls are known for ${process.arch}`);
  const filter = createFilter(architecture, action === "kill" ? RETURN.KILL_PROCESS : RETURN.LOG);
  const program = hostStruct({ length: "u16", filter: "u64" }).encode({
    length: filter.length / INSTRUCTION.size,
    filter: koffi().address(filter),
  });
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  seccomp(architecture.seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, program);
}

const INSTRUCTION = hostStruct({ code: "u16", whenTrue: "u8", whenFalse: "u8", operand: "u32" });
/** Of classic BPF: load a word, jumps by comparison, return. */
const CODE = { LOAD: 0x20, EQUAL: 0x15, AT_LEAST: 0x35, ANY_BIT: 0x45, RETURN: 0x06 } as const;

function createFilter({ audit, column, ...calls }: Architecture, verdict: number): Bytes {
  const program: Bytes[] = [];
  const add = (code: number, operand: number, whenTrue = 0, whenFalse = 0): void => {
    program.push(INSTRUCTION.encode({ code, operand, whenTrue, whenFalse }));
  };
  /** Returns `result` for a call with this number; otherwise goes on. */
  const decide = (number: number, result: number): void => {
    add(CODE.EQUAL, number, 0, 1);
    add(CODE.RETURN, result);
  };
  add(CODE.LOAD, DATA.arch);
  add(CODE.EQUAL, audit, 1, 0);
  add(CODE.RETURN, verdict);
  add(CODE.LOAD, DATA.nr);
  add(CODE.AT_LEAST, X32_CALLS, 0, 1);
  add(CODE.RETURN, verdict);
  for (const numbers of FORBIDDEN_CALLS) {
    const number = numbers[column];
    if (number !== undefined) decide(number, verdict);
  }
  // Libraries do without these where they are not there; what clone3 makes cannot be seen from here.
  for (const number of [CLONE3, ...IO_URING]) decide(number, RETURN.ENOSYS);
  // Threads, but no processes.
  add(CODE.EQUAL, calls.clone, 0, 4);
  add(CODE.LOAD, DATA.argument(0));
  add(CODE.ANY_BIT, CLONE_THREAD, 0, 1);
  add(CODE.RETURN, RETURN.ALLOW);
  add(CODE.RETURN, verdict);
  add(CODE.EQUAL, calls.prctl, 0, 2 + 2 * HARMLESS_PRCTLS.length);
  add(CODE.LOAD, DATA.argument(0));
  for (const option of HARMLESS_PRCTLS) decide(option, RETURN.ALLOW);
  add(CODE.RETURN, verdict);
  // Limits may be read, not set.
  add(CODE.EQUAL, calls.prlimit64, 0, 6);
  add(CODE.LOAD, DATA.argument(2));
  add(CODE.EQUAL, 0, 0, 3);
  add(CODE.LOAD, DATA.argument(2) + 4);
  add(CODE.EQUAL, 0, 0, 1);
  add(CODE.RETURN, RETURN.ALLOW);
  add(CODE.RETURN, verdict);
  add(CODE.RETURN, RETURN.ALLOW);
  const bytes = new Uint8Array(program.length * INSTRUCTION.size);
  for (const [i, instruction] of program.entries()) bytes.set(instruction, i * INSTRUCTION.size);
  return bytes;
}
