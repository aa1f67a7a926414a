import { expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

const TPM_RC_AUTH_FAIL_SESSION_1 = 0x98e;
const TPM_RC_LOCKOUT = 0x921;

withTools(
  "dictionary attacks",
  (tpm) => {
    const makeKey = () => {
      tpm.write("message", "a message");
      return tpm.run(
        "tpm2_createprimary -C o -G ecc -c primary.ctx",
        "tpm2_create -C primary.ctx -G ecc -p pass -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign'",
      );
    };
    const sign = (password: string) => `tpm2_sign -c key.ctx -p ${password} -g sha256 -o signature message`;
    const counter = async () => {
      const { stdout } = await tpm.run("tpm2_getcap properties-variable");
      return Number(/TPM2_PT_LOCKOUT_COUNTER: (\S+)/.exec(stdout)?.[1]);
    };

    test("too many wrong passwords lock, and the lockout authorization unlocks", async () => {
      await makeKey();
      await tpm.run("tpm2_dictionarylockout -s -n 3 -t 1000 -l 1000");
      for (const failures of [1, 2, 3]) {
        await tpm.refused(sign("wrong"), TPM_RC_AUTH_FAIL_SESSION_1);
        expect(await counter()).toBe(failures);
      }
      await tpm.refused(sign("pass"), TPM_RC_LOCKOUT);
      await tpm.run("tpm2_dictionarylockout -c", sign("pass"));
      expect(await counter()).toBe(0);
    });

    test("failures are counted over a restart and a power cut", async () => {
      await makeKey();
      await tpm.run("tpm2_dictionarylockout -s -n 5 -t 1000 -l 1000");
      await tpm.refused(sign("wrong"), TPM_RC_AUTH_FAIL_SESSION_1);
      await tpm.refused(sign("wrong"), TPM_RC_AUTH_FAIL_SESSION_1);
      await tpm.server.restart();
      expect(await counter()).toBe(2);
      await tpm.run(
        "tpm2_createprimary -C o -G ecc -c primary.ctx",
        "tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx",
      );
      await tpm.refused(sign("wrong"), TPM_RC_AUTH_FAIL_SESSION_1);
      await tpm.server.kill();
      await tpm.server.start();
      expect(await counter()).toBeGreaterThanOrEqual(3);
    });

    test("parameters are told as they were set", async () => {
      await tpm.run("tpm2_dictionarylockout -s -n 7 -t 11 -l 13");
      const { stdout } = await tpm.run("tpm2_getcap properties-variable");
      expect(stdout).toMatch(/TPM2_PT_MAX_AUTH_FAIL: 0x7$/m);
      expect(stdout).toMatch(/TPM2_PT_LOCKOUT_INTERVAL: 0xB$/m);
      expect(stdout).toMatch(/TPM2_PT_LOCKOUT_RECOVERY: 0xD$/m);
    });

    test("a wrong lockout password locks the lockout authorization itself", async () => {
      await tpm.run("tpm2_changeauth -c l lockpass");
      await tpm.refused("tpm2_dictionarylockout -c -p wrong", TPM_RC_AUTH_FAIL_SESSION_1);
      await tpm.refused("tpm2_dictionarylockout -c -p lockpass", TPM_RC_LOCKOUT);
    });

    test("objects outside the protection may be guessed at", async () => {
      tpm.write("message", "a message");
      await tpm.run(
        "tpm2_createprimary -C o -G ecc -c primary.ctx",
        "tpm2_create -C primary.ctx -G ecc -p pass -u key.pub -r key.priv -c key.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda'",
      );
      for (let i = 0; i < 4; i++) await tpm.refused(sign("wrong"), 0x9a2);
      expect(await counter()).toBe(0);
    });
  },
  { freshTpm: true },
);
