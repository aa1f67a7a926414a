import { expect, test } from "vitest";
import { withToolsOverEachProtocol } from "./tpm2-tools.ts";

const TPM_RC_INITIALIZE = 0x100;
const TPM_RC_VALUE_PARAMETER_1 = 0x1c4;

withToolsOverEachProtocol(
  "starting and stopping",
  (tpm) => {
    test("a command before startup is refused", async () => {
      await tpm.refused("tpm2_getrandom 8", TPM_RC_INITIALIZE);
    });

    test("startup works once", async () => {
      await tpm.run("tpm2_startup -c");
      expect(await tpm.server.with((raw) => raw.code(0x144, Buffer.from([0, 0])))).toBe(TPM_RC_INITIALIZE);
      await tpm.run("tpm2_getrandom 8");
    });

    test("resuming without a saved state is refused", async () => {
      await tpm.refused("tpm2_startup", TPM_RC_VALUE_PARAMETER_1);
    });

    test("a saved state is resumed with its PCRs", async () => {
      await tpm.run(
        "tpm2_startup -c",
        "tpm2_pcrevent 3 /etc/hostname",
        "tpm2_pcrread sha256:3 -o before",
        "tpm2_shutdown",
      );
      await tpm.server.restartProcess();
      await tpm.run("tpm2_startup", "tpm2_pcrread sha256:3 -o after");
      expect(tpm.read("after")).toEqual(tpm.read("before"));
    });

    test("after an orderly shutdown startup clear begins with empty PCRs", async () => {
      await tpm.run("tpm2_startup -c", "tpm2_pcrread sha256:3 -o empty", "tpm2_pcrevent 3 /etc/hostname");
      await tpm.run("tpm2_shutdown -c");
      await tpm.server.restartProcess();
      await tpm.run("tpm2_startup -c", "tpm2_pcrread sha256:3 -o after");
      expect(tpm.read("after")).toEqual(tpm.read("empty"));
    });
  },
  { startup: false, freshTpm: true },
);

withToolsOverEachProtocol("self-test and random numbers", (tpm) => {
  test("the full self-test passes", async () => {
    await tpm.run("tpm2_selftest --fulltest", "tpm2_selftest");
    expect((await tpm.run("tpm2_gettestresult")).stdout).toMatch(/status:\s*success/);
  });

  test("an incremental self-test leaves nothing to do", async () => {
    expect((await tpm.run("tpm2_incrementalselftest rsa ecc sha256 aes")).stdout).toMatch(/status/);
  });

  test("supported parameters pass and unsupported ones do not", async () => {
    await tpm.run("tpm2_testparms rsa2048 ecc256 aes128cfb", "tpm2_testparms ecc384:ecdsa aes256 hmac:sha256");
    await tpm.fails("tpm2_testparms rsa2304");
  });

  test.each([1, 16, 32, 48])("getrandom gives %i bytes, new ones each time", async (size) => {
    await tpm.run(`tpm2_getrandom -o one ${size}`, `tpm2_getrandom -o two ${size}`);
    expect(tpm.read("one")).toHaveLength(size);
    if (size > 1) expect(tpm.read("one")).not.toEqual(tpm.read("two"));
  });

  test("stirred random numbers stay random", async () => {
    tpm.write("seed", "a seed");
    await tpm.run("tpm2_stirrandom seed", "tpm2_getrandom --hex 20");
  });
});
