import { afterEach, describe, expect, inject, test } from "vitest";
import { debiansSwtpm, ourSwtpm } from "../servers/swtpm-program.ts";
import { SwtpmProcess } from "./swtpm-process.ts";
import { CONVERSATIONS, debians, type Ended, ours, type RunOptions, run } from "./tools.ts";

const isMissing = inject("missingPrograms").includes("swtpm");
const declare = isMissing ? describe.skip : describe;

const OK: Ended = { status: 0, stdout: "", stderr: "" };
const TPM_RC_INITIALIZE = 0x100;
const GET_RANDOM = Buffer.from("80010000000c0000017b0008", "hex");
const SHUTDOWN_STATE = Buffer.from("80010000000c000001450001", "hex");
/** TPM2_HierarchyControl: the platform, with an empty password, enables the owner. */
const USE_PLATFORM = Buffer.from(`800200000020${"00000121"}4000000c${"00000009400000090000000000"}4000000101`, "hex");
const codeIn = (response: Buffer) => response.readUInt32BE(6);
const TPM12_GET_PERMANENT_FLAGS = Buffer.from("00c100000016000000650000000400000004" + "00000108", "hex");
/** A TPM 1.2 does it only while it is enabled and active. */
const TPM12_GET_RANDOM = Buffer.from("00c10000000e0000004600000008", "hex");
const TPM12_DEACTIVATED = 6;
const TPM12_DISABLE = Buffer.from("00c10000000a00000070", "hex");
const TPM12_DEACTIVATE = Buffer.from("00c10000000b0000007201", "hex");

let servers: SwtpmProcess[] = [];
afterEach(async () => {
  await Promise.all(servers.map((server) => server.end()));
  servers = [];
});

for (const [tools, program, transport] of CONVERSATIONS) {
  declare(`swtpm_bios of ${tools.name} with ${program.name} over ${transport}`, () => {
    const start = async (...args: readonly string[]) => {
      const server = await SwtpmProcess.start(program, transport, "--flags", "not-need-init", ...args);
      servers.push(server);
      return server;
    };
    const bios = (server: SwtpmProcess, args: readonly string[], options: RunOptions = {}) =>
      run([...tools.bios, ...server.data, ...args], options);
    const refused = (name: string, code: string): Ended => ({
      ...OK,
      status: 128,
      stdout: `${name} returned error code 0x${code}\n`,
    });

    test("starts a TPM 2.0", async () => {
      const server = await start("--tpm2");
      for (const args of [["-n"], ["-d"]]) {
        expect(await bios(server, ["--tpm2", ...args])).toEqual(OK);
        expect(codeIn(await server.execute(GET_RANDOM))).toBe(TPM_RC_INITIALIZE);
      }
      expect(await bios(server, ["--tpm2", "-s"])).toEqual(refused("TPM2_Startup", "000001c4"));
      expect(await bios(server, ["--tpm2", "-cs"])).toEqual(OK);
      expect(codeIn(await server.execute(GET_RANDOM))).toBe(0);
      for (const args of [[], ["-c"], ["-o"], ["-s"]])
        expect(await bios(server, ["--tpm2", ...args])).toEqual(refused("TPM2_Startup", "00000100"));
      expect(codeIn(await server.execute(USE_PLATFORM))).toBe(0);
      expect(await bios(server, ["-tpm2", "-n", "-u"])).toEqual(OK);
      expect(codeIn(await server.execute(USE_PLATFORM))).toBe(0x9a2);
      expect(await bios(server, ["-tpm2", "-n", "-u"])).toEqual(refused("TPM2_HierarchyChangeAuth", "000009a2"));
    });

    test("resumes a TPM 2.0", async () => {
      const server = await start("--tpm2");
      expect(await bios(server, ["--tpm2"])).toEqual(OK);
      expect(codeIn(await server.execute(SHUTDOWN_STATE))).toBe(0);
      expect((await run([...tools.ioctl, ...server.control, "-i"])).status).toBe(0);
      expect(await bios(server, ["--tpm2", "-s"])).toEqual(OK);
      expect(codeIn(await server.execute(GET_RANDOM))).toBe(0);
    });

    // Ours has no TPM 1.2 yet.
    const tpm12 = program === ourSwtpm ? test.skip : test;

    tpm12("starts, enables and activates a TPM 1.2", async () => {
      const server = await start();
      const flags = async () => [...(await server.execute(TPM12_GET_PERMANENT_FLAGS)).subarray(16, 19)];
      const reset = async () => expect((await run([...tools.ioctl, ...server.control, "-i"])).status).toBe(0);
      expect(await bios(server, [])).toEqual(OK);
      for (const command of [TPM12_DEACTIVATE, TPM12_DISABLE]) expect(codeIn(await server.execute(command))).toBe(0);
      await reset();
      expect(await bios(server, ["-o"])).toEqual(OK);
      const [disable, ownership, deactivated] = [1, 1, 1];
      expect(await flags()).toEqual([disable, ownership, deactivated]);
      // Activating takes effect after a reset.
      expect(await bios(server, ["-n", "-ea"])).toEqual({ ...OK, status: 129, stdout: "TPM requires a reset\n" });
      expect(await flags()).toEqual([0, ownership, 0]);
      expect(codeIn(await server.execute(TPM12_GET_RANDOM))).toBe(TPM12_DEACTIVATED);
      await reset();
      expect(await bios(server, ["-cs", "-ea", "-u"])).toEqual(OK);
      expect(codeIn(await server.execute(TPM12_GET_RANDOM))).toBe(0);
      const again = await bios(server, ["-n", "-u"]);
      expect(again).toEqual({
        status: 128,
        stdout: "",
        stderr:
          "TSC_PhysicalPresence(PRESENT) returned error code 0x00000003\n" +
          "TPM_PhysicalEnable returned error code 0x0000002d\n" +
          "TPM_PhysicalSetDeactivated returned error code 0x0000002d\n" +
          "TSC_PhysicalPresence(NOT_PRESENT|LOCK) returned error code 0x00000003\n",
      });
    });

    tpm12("starts a TPM 1.2 for nothing but to be seen", async () => {
      const server = await start();
      expect(await bios(server, ["-d"])).toEqual(OK);
      expect(codeIn(await server.execute(TPM12_GET_RANDOM))).toBe(TPM12_DEACTIVATED);
    });
  });
}

declare("swtpm_bios of our tools, as Debian's", () => {
  test("finds the TPM by its environment", async () => {
    const server = await SwtpmProcess.start(debiansSwtpm, "tcp", "--tpm2", "--flags", "not-need-init,startup-clear");
    servers.push(server);
    const [, port = ""] = (server.data[1] ?? "").split(":");
    const environment = { TCSD_USE_TCP_DEVICE: "1", TCSD_TCP_DEVICE_HOSTNAME: "127.0.0.1", TCSD_TCP_DEVICE_PORT: port };
    for (const tools of [ours, debians])
      expect(await run([...tools.bios, "--tpm2", "-n", "-cs"], { environment })).toEqual(OK);
  });

  test.each<readonly [string, readonly string[], Record<string, string>, number, RegExp]>([
    ["a port where nobody listens", ["--tcp", ":1"], {}, 255, /^Could not connect .*TCP socket/],
    [
      "such a port in the environment",
      [],
      { TCSD_USE_TCP_DEVICE: "", TCSD_TCP_DEVICE_PORT: "1" },
      255,
      /^Could not con/,
    ],
    ["a socket that is not there", ["--unix", "/nonexistent"], {}, 255, /^Con?|Could not connect/],
    ["a device that is not there", ["--tpm-device", "/nonexistent"], {}, 255, /^Unable to open device '\/nonexistent'/],
    [
      "such a device in the environment",
      [],
      { TPM_DEVICE: "/nonexistent" },
      255,
      /^Unable to open device '\/nonexistent'/,
    ],
    ["a device that is no TPM", ["--tpm-device", "/dev/null"], {}, 255, /^Returned packet is too short\.\n$/],
    ["a port that is no number", ["--tcp", ":foo"], {}, 1, /Invalid port 'foo'\n$/],
    ["an option nobody knows", ["--foo"], {}, 1, /(unknown|unrecognized) option '?--foo/],
  ])("ends with the same status for %s", async (_, args, environment, status, message) => {
    for (const tools of [ours, debians]) {
      const ended = await run([...tools.bios, ...args], { environment });
      expect(ended).toMatchObject({ status, stderr: expect.stringMatching(message) });
    }
  });

  test("prints help and version", async () => {
    for (const [option, text] of [
      ["-h", /^swtpm_bios - .*-ea/s],
      ["-v", /^TPM emulator BIOS emulator version \d+\.\d+\.\d+/],
    ] as const) {
      expect(await run([...ours.bios, option])).toEqual({ ...OK, stdout: expect.stringMatching(text) });
    }
  });
});
