import { closeSync, statSync, writeFileSync } from "node:fs";
import { TPM_RC } from "@vtpm/tpm2";
import { concatBytes, toHex } from "@vtpm/wire";
import { describe, expect, test } from "vitest";
import { sendMessage } from "../../native/socket-message.ts";
import { uint32s } from "../../server/words.ts";
import { boundSocket } from "../../testing/bound-socket.ts";
import { getRandom, responseCode, startup } from "../../testing/commands.ts";
import { codeOf, end, exchange, expectAnswer, freePort, swtpmFixture } from "../../testing/swtpm-fixture.ts";
import { WireClient } from "../../testing/wire-client.ts";

const swtpm = swtpmFixture();
const { place, start, serve, pairOf, TPM, CONTROL } = swtpm;

describe("where commands come from", () => {
  test.each(["--port", "-p"])("%s: a connection for each", async (option) => {
    const port = await freePort();
    const process = start([...TPM(), option, `${port}`, "--flags", "startup-clear"]);
    for (let i = 0; i < 2; i++) {
      const data = await process.connect(port);
      expect(await codeOf(data, getRandom(4))).toBe(0);
      expect(await data.end()).toBe(0);
    }
  });

  test.each([
    ["port", (port: number) => `type=tcp,port=${port}`, {}],
    ["address", (port: number) => `type=tcp,port=${port},bindaddr=127.0.0.1`, {}],
    ["environment", () => "type=tcp", "TPM_PORT"],
    ["no type", (port: number) => `port=${port}`, {}],
  ] as const)("--server with TCP: %s", async (_, server, variable) => {
    const port = await freePort();
    const environment = typeof variable === "string" ? { [variable]: `${port}` } : {};
    const process = start([...TPM(), "--server", server(port), "--flags", "startup-clear"], { environment });
    const data = await process.connect(port);
    for (let i = 0; i < 2; i++) expect(await codeOf(data, getRandom(4))).toBe(0);
    data.close();
    const next = await process.connect(port);
    expect(await codeOf(next, getRandom(4))).toBe(0);
    next.close();
  });

  test("--server with disconnect", async () => {
    const process = start([...TPM(), "--server", `type=unixio,path=${place("data")},disconnect`]);
    const data = await process.connect(place("data"));
    data.send(getRandom(4));
    await data.response();
    expect(await data.end()).toBe(0);
  });

  test("--server and --ctrl take the place of what is there, with the mode that is asked for", async () => {
    writeFileSync(place("data"), "");
    const more = ["--server", `type=unixio,path=${place("data")},mode=0600,uid=${process.getuid?.()}`];
    const { process: served, control } = await serve(more);
    expect(statSync(place("data")).mode & 0o777).toBe(0o600);
    expect(statSync(place("control")).mode & 0o777).toBe(0o770);
    await end(served, control);
  });

  test("--server type=tcp,fd=N: a connection, with which the program ends", async () => {
    const { ours, theirs } = pairOf("stream");
    const process = start([...TPM(), "--server", "type=tcp,fd=3", "--flags", "startup-clear"], {
      descriptors: [theirs],
    });
    expect(responseCode(await exchange(ours, getRandom(4)))).toBe(0);
    for (const fd of swtpm.descriptors.splice(0)) closeSync(fd);
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("--server and --ctrl type=unixio,fd=N: listening sockets", async () => {
    const listening = [boundSocket("stream", place("data")), boundSocket("stream", place("control"))];
    const process = start([...TPM(), "--server", "type=unixio,fd=3", "--ctrl", "type=unixio,fd=4"], {
      descriptors: listening,
    });
    for (const fd of listening) closeSync(fd);
    const client = await process.connect(place("control"));
    await expectAnswer(client, uint32s(2, 0), "00000000");
    const commands = await process.connect(place("data"));
    expect(await codeOf(commands, startup(0))).toBe(0);
    await end(process, client);
  });

  test.each(["stream", "datagram"] as const)("--fd: a %s socket", async (type) => {
    const { ours, theirs } = pairOf(type);
    const process = start([...TPM(), ...CONTROL(), "--fd", "3", "--flags", "startup-clear"], { descriptors: [theirs] });
    expect(responseCode(await exchange(ours, getRandom(4)))).toBe(0);
    const control = await process.connect(place("control"));
    sendMessage(ours, getRandom(5), []);
    await expectAnswer(control, uint32s(16), "0000001f");
    await end(process, control);
  });

  test("--terminate: the program ends with the connection, not between them", async () => {
    const { process, data } = await serve(["--terminate", "--flags", "startup-clear"]);
    expect(await codeOf(data, getRandom(4))).toBe(0);
    data.close();
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("one client at a time, the others wait", async () => {
    const { process, control, data } = await serve(["--flags", "startup-clear"]);
    const waiting = await WireClient.open(place("data"));
    waiting.send(getRandom(8));
    expect(await codeOf(data, getRandom(4))).toBe(0);
    data.close();
    expect((await waiting.response()).length).toBe(20);
    waiting.close();
    await end(process, control);
  });

  test("the send-command header", async () => {
    const { process, control, data } = await serve(["--flags", "startup-clear"]);
    data.send(uint32s(8), Uint8Array.of(3), uint32s(12), getRandom(4));
    expect(responseCode(await data.framedResponse())).toBe(0);
    await end(process, control);
  });

  test.each([
    [[], 0, TPM_RC.FAILURE],
    [["--locality", "allow-set-locality"], 4, 0],
    [["--locality", "allow-set-locality"], 5, 0x107],
    [["--locality", "allow-set-locality,reject-locality-4"], 4, 0x107],
  ])("SetLocality of the vTPM proxy: %s, %i", async (more, locality, code) => {
    const { process, control, data } = await serve([...more, "--flags", "startup-clear"]);
    const command = Uint8Array.of(0x80, 1, 0, 0, 0, 11, 0x20, 0, 0x10, 0, locality);
    expect(await codeOf(data, command)).toBe(code);
    await end(process, control);
  });
});

describe("the control channel", () => {
  test("on a Unix socket where koffi is not installed: all but SET_DATAFD", async () => {
    const without = place("without-koffi.cjs");
    writeFileSync(
      without,
      `const { Module } = require("node:module"); const resolve = Module._resolveFilename;
       Module._resolveFilename = function (name, ...rest) {
         if (name === "koffi") throw Object.assign(new Error("not here"), { code: "MODULE_NOT_FOUND" });
         return resolve.call(this, name, ...rest);
       };`,
    );
    const { control } = await serve([], { environment: { NODE_OPTIONS: `--require ${without}` } });
    await expectAnswer(control, uint32s(2, 0), "00000000");
    await expectAnswer(control, uint32s(0x10), "0000001f");
  });

  test("on TCP", async () => {
    const port = await freePort();
    const process = start([...TPM(), "--ctrl", `type=tcp,port=${port},bindaddr=127.0.0.1`]);
    const control = await process.connect(port);
    await expectAnswer(control, uint32s(1), "000000000001ffff");
    await end(process, control);
  });

  test.each(["stream", "datagram"] as const)("on an inherited %s socket", async (type) => {
    const { ours, theirs } = pairOf(type);
    const process = start([...TPM(), "--ctrl", "type=unixio,clientfd=3"], { descriptors: [theirs] });
    expect(toHex(await exchange(ours, uint32s(1)))).toBe("000000000001ffff");
    expect(toHex(await exchange(ours, uint32s(3)))).toBe("00000000");
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("with terminate: the program ends with the connection", async () => {
    const process = start([...TPM(), "--ctrl", `type=unixio,path=${place("control")},terminate`]);
    const control = await process.connect(place("control"));
    await expectAnswer(control, uint32s(1), "000000000001ffff");
    control.close();
    expect(await process.ended).toMatchObject({ status: 0, stderr: "" });
  });

  test("without it: the next client is served", async () => {
    const { process, control } = await serve();
    control.close();
    await end(process, await process.connect(place("control")));
  });

  test("refuses locality 4 where that is asked for", async () => {
    const { process, control } = await serve(["--locality", "reject-locality-4"]);
    await expectAnswer(control, concatBytes(uint32s(5), Uint8Array.of(4)), "0000003d");
    await end(process, control);
  });
});
