import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync as readlink,
  statSync,
  writeFileSync,
} from "node:fs";
import { TPM_RC } from "@vtpm/tpm2";
import { toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { uint32s } from "../../server/words.ts";
import { boundSocket } from "../../testing/bound-socket.ts";
import { createPrimaryRsa, getRandom, responseCode, startup } from "../../testing/commands.ts";
import { codeOf, end, expectAnswer, received, STATE_FILE, swtpmFixture } from "../../testing/swtpm-fixture.ts";
import { WireClient } from "../../testing/wire-client.ts";

const swtpm = swtpmFixture();
const { place, start, serve, refusal, TPM, CONTROL, SERVER } = swtpm;

describe("the life of swtpm socket", () => {
  test("waits for INIT, and ends at SHUTDOWN without leaving its sockets", async () => {
    const { process, control, data } = await serve();
    data.send(getRandom(4));
    expect(toHex(await data.response())).toBe("80010000000a00000101");
    expect(existsSync(place(`state/${STATE_FILE}`))).toBe(false);
    await expectAnswer(control, uint32s(2, 0), "00000000");
    expect(await codeOf(data, getRandom(4))).toBe(TPM_RC.INITIALIZE);
    expect(await codeOf(data, startup(0))).toBe(0);
    await end(process, control);
    expect(readdirSync(swtpm.directory)).toEqual(["state"]);
    expect(readdirSync(place("state"))).toContain(STATE_FILE);
  });

  test.each([
    ["not-need-init", TPM_RC.INITIALIZE],
    ["startup-none", TPM_RC.INITIALIZE],
    ["startup-clear", 0],
    ["startup-state", 0],
    ["startup-none,startup-clear", 0],
  ])("starts with --flags %s", async (flags, code) => {
    const { process, control, data } = await serve(["--flags", flags]);
    expect(await codeOf(data, getRandom(4))).toBe(code);
    await end(process, control);
  });

  test.each(["SIGTERM", "SIGINT"] as const)("ends in an orderly way at %s, a client or not", async (signal) => {
    const { process, data } = await serve(["--flags", "startup-clear"]);
    expect(await codeOf(data, getRandom(4))).toBe(0);
    expect(await process.kill(signal)).toMatchObject({ status: 0, signal: null, stderr: "" });
    expect(readdirSync(swtpm.directory)).toEqual(["state"]);
  });

  test("ends at SIGUSR1, at which Node.js would let a debugger in", async () => {
    const { process, data } = await serve(["--flags", "startup-clear"]);
    expect(await codeOf(data, getRandom(4))).toBe(0);
    expect(await process.kill("SIGUSR1")).toMatchObject({ signal: "SIGUSR1", stderr: "" });
  });

  test("lives until a signal where nobody can reach the TPM", async () => {
    const process = start([...TPM(), "--flags", "startup-clear", "--pid", `file=${place("pid")}`]);
    await process.until(() => existsSync(place("pid")) && existsSync(place(`state/${STATE_FILE}`)));
    expect(await process.kill("SIGTERM")).toMatchObject({ status: 0, signal: null, stderr: "" });
    expect(existsSync(place("pid"))).toBe(false);
  });

  test("cancels the making of a key well within a second, and ends in the middle of one", async () => {
    const { process, control, data } = await serve(["--flags", "startup-clear"]);
    // One that was found at once could not be cancelled.
    for (let unique = 0, cancelled = false; !cancelled; unique++) {
      data.send(createPrimaryRsa(3072, unique));
      await expectAnswer(control, uint32s(9), "00000000");
      const response = await data.response();
      cancelled = responseCode(response) === TPM_RC.CANCELED;
      if (!cancelled) expect(await codeOf(data, startup(0))).toBe(TPM_RC.INITIALIZE);
      await expectAnswer(control, uint32s(2, 0), "00000000");
      expect(await codeOf(data, startup(0))).toBe(0);
    }
    data.send(createPrimaryRsa(3072, 99));
    await end(process, control);
  });

  test("ends although a client has sent half a command, half a request, or waits", async () => {
    const { process, control, data } = await serve();
    data.send(getRandom(4).slice(0, 5));
    const waiting = await WireClient.open(place("data"));
    waiting.send(getRandom(4));
    control.send(uint32s(2));
    expect(await process.kill("SIGTERM")).toMatchObject({ status: 0, stderr: "" });
    waiting.close();
  });

  test("goes on in the background, and the first process ends when it serves", async () => {
    const args = [...TPM(), ...CONTROL(), "--flags", "startup-clear", "--daemon", "--pid", `file=${place("pid")}`];
    expect(await start(args).ended).toMatchObject({ status: 0, stdout: "", stderr: "" });
    expect(statSync(place("pid")).size).toBeGreaterThan(0);
    expect(existsSync(place(`state/${STATE_FILE}`))).toBe(true);
    const control = await WireClient.open(place("control"));
    control.send(uint32s(3));
    expect(toHex(await control.receive(4))).toBe("00000000");
    while (existsSync(place("pid"))) await new Promise((resolve) => setTimeout(resolve, 5));
    control.close();
  });

  test("fails in the background as in the foreground", async () => {
    writeFileSync(place(`state/${STATE_FILE}`), "no state");
    const args = [...TPM(), ...CONTROL(), "--flags", "startup-clear", "--daemon"];
    expect(await refusal(args)).toMatch(/^swtpm: .*tpm2-00\.permall/);
  });

  test.each(["path", "@name"])("tells systemd at its %s", async (kind) => {
    const address = kind === "path" ? place("notify") : `@vtpm-${process.pid}-${Date.now()}`;
    const systemd = boundSocket("datagram", address);
    swtpm.descriptors.push(systemd);
    const environment = { NOTIFY_SOCKET: address };
    const { process: served, control } = await serve(["--flags", "startup-clear"], { environment });
    expect(new TextDecoder().decode(await received(systemd))).toBe("READY=1");
    await end(served, control);
  });
});

describe("the process id", () => {
  test("is written to a file, and that is removed at the end", async () => {
    const { process, control } = await serve(["--pid", `file=${place("pid")}`]);
    await process.until(() => statSync(place("pid")).size > 0);
    expect(readFileSync(place("pid"), "utf8")).toBe(`${process.pid}`);
    expect(statSync(place("pid")).mode & 0o777).toBe(0o644);
    await end(process, control);
    expect(existsSync(place("pid"))).toBe(false);
  });

  test("is written to a descriptor", async () => {
    const fd = openSync(place("pid"), "w");
    const { process, control } = await serve(["--pid", "fd=3"], { descriptors: [fd] });
    closeSync(fd);
    await process.until(() => statSync(place("pid")).size > 0);
    expect(readFileSync(place("pid"), "utf8")).toBe(`${process.pid}`);
    await end(process, control);
    expect(existsSync(place("pid"))).toBe(false);
  });
});

describe.runIf(process.getuid?.() === 0)("confinement, as root", () => {
  test.each([
    [[], "2"],
    [["--seccomp", "action=kill"], "2"],
    [["--seccomp", "action=log"], "2"],
    [["--seccomp", "action=none"], "0"],
  ])("--seccomp %s", async (more, mode) => {
    const { process, control } = await serve(["--flags", "startup-clear", ...more]);
    await process.until(() =>
      new RegExp(`^Seccomp:\\t${mode}$`, "m").test(readFileSync(`/proc/${process.pid}/status`, "utf8")),
    );
    await end(process, control);
  });

  test.each(["dir=/state", "dir=state", "backend-uri=dir://state"])(
    "--chroot and --runas, and all goes on inside, with %s",
    async (state) => {
      const nobody = 65534;
      mkdirSync(place("root"));
      mkdirSync(place("root/state"), { mode: 0o777 });
      chmodSync(place("root/state"), 0o777);
      const args = ["--tpmstate", state, "--ctrl", "type=unixio,path=/state/control", "--server"];
      const process = start([
        ...["socket", "--tpm2", ...args, "type=unixio,path=/state/data", "--flags", "startup-clear"],
        ...["--chroot", place("root"), "--runas", "nobody", "--log", "file=/state/log"],
      ]);
      const control = await process.connect(place("root/state/control"));
      const data = await process.connect(place("root/state/data"));
      expect(readlink(`/proc/${process.pid}/root`)).toBe(place("root"));
      expect(readFileSync(`/proc/${process.pid}/status`, "utf8")).toMatch(
        new RegExp(`^Uid:\\t${nobody}\\t${nobody}`, "m"),
      );
      // A key needs a thread, whose module is out of reach.
      expect(await codeOf(data, createPrimaryRsa(2048))).toBe(0);
      await end(process, control);
      expect(existsSync(place(`root/state/${STATE_FILE}`))).toBe(true);
      expect(readFileSync(place("root/state/log"), "utf8")).toBe("");
    },
  );

  test.each([
    [["--runas", "nobody-at-all"], /User 'nobody-at-all' does not exist/],
    [["--chroot", "/nowhere"], /chroot failed: \/nowhere: No such file or directory/],
  ])("%s is refused", async (more, message) => {
    expect(await refusal([...TPM(), ...SERVER(), ...more])).toMatch(message);
  });
});
