import { expect, test } from "vitest";
import type { Scenario } from "../scenario.ts";
import { withTools } from "./tpm2-tools.ts";

/** Fills a TPM with everything that must last. */
async function fill(tpm: Scenario): Promise<void> {
  tpm.write("content", "kept content 123");
  tpm.write("message", "a message");
  await tpm.run(
    "tpm2_createprimary -C o -G ecc -c primary.ctx",
    "tpm2_evictcontrol -C o -c primary.ctx 0x81000001",
    "tpm2_create -C 0x81000001 -G rsa -p keypass -u key.pub -r key.priv -c key.ctx",
    "tpm2_evictcontrol -C o -c key.ctx 0x81000002",
    "tpm2_nvdefine -C o -s 16 -a 'ownerread|ownerwrite' 0x1500001",
    "tpm2_nvwrite -C o -i content 0x1500001",
    "tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=counter' 0x1500002",
    "tpm2_nvincrement -C o 0x1500002",
    "tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=bits' 0x1500003",
    "tpm2_nvsetbits -C o -i 0x42 0x1500003",
    "tpm2_nvread -C o -s 8 -o count 0x1500002",
    "tpm2_createprimary -C e -G rsa -c ek.ctx",
    "tpm2_readpublic -c ek.ctx -n ek.name",
    "tpm2_dictionarylockout -s -n 9 -t 10 -l 11",
    "tpm2_clearcontrol -C l s",
    "tpm2_changeauth -c e endorsepass",
    "tpm2_changeauth -c l lockpass",
    "tpm2_changeauth -c o ownerpass",
  );
}

/** Everything is still there. */
async function check(tpm: Scenario): Promise<void> {
  await tpm.run(
    "tpm2_sign -c 0x81000002 -p keypass -g sha256 -s rsassa -o signature message",
    "tpm2_verifysignature -c 0x81000002 -g sha256 -m message -s signature",
    "tpm2_load -C 0x81000001 -u key.pub -r key.priv -c again.ctx",
    "tpm2_nvread -C o -P ownerpass -o content.again 0x1500001",
    "tpm2_nvread -C o -P ownerpass -s 8 -o count.again 0x1500002",
    "tpm2_nvread -C o -P ownerpass -s 8 -o bits 0x1500003",
    "tpm2_createprimary -C e -P endorsepass -G rsa -c ek.ctx",
    "tpm2_readpublic -c ek.ctx -n ek.again",
  );
  expect(tpm.read("content.again")).toEqual(tpm.read("content"));
  expect(tpm.read("count.again")).toEqual(tpm.read("count"));
  expect(tpm.read("bits").toString("hex")).toBe("0000000000000042");
  expect(tpm.read("ek.again")).toEqual(tpm.read("ek.name"));
  const { stdout } = await tpm.run("tpm2_getcap properties-variable");
  expect(stdout).toMatch(/TPM2_PT_MAX_AUTH_FAIL: 0x9$/m);
  expect(stdout).toMatch(/disableClear:\s+1/);
  await tpm.refused("tpm2_clear -c l lockpass", 0x120);
}

withTools(
  "what lasts",
  (tpm) => {
    test("everything persistent is there after a restart", async () => {
      await fill(tpm);
      await tpm.server.restart();
      await check(tpm);
    });

    test("everything persistent is there after the server was ended by signal alone", async () => {
      await fill(tpm);
      await tpm.server.restartProcess();
      await tpm.server.startup();
      await check(tpm);
    });

    test("everything that was acknowledged is there after kill -9", async () => {
      await fill(tpm);
      await tpm.server.kill();
      await tpm.server.start();
      await check(tpm);
    });

    test("every single write that was acknowledged is there after kill -9", async () => {
      await tpm.run("tpm2_nvdefine -C o -s 4 -a 'ownerread|ownerwrite' 0x1500001");
      for (let round = 1; round <= 5; round++) {
        const value = Buffer.alloc(4);
        value.writeUInt32BE(round);
        tpm.write("value", value);
        await tpm.run("tpm2_nvwrite -C o -i value 0x1500001");
        await tpm.server.kill();
        await tpm.server.start();
        await tpm.run("tpm2_nvread -C o -o read 0x1500001");
        expect(tpm.read("read")).toEqual(value);
      }
    });

    test("an undefined index and an evicted key stay away after kill -9", async () => {
      await tpm.run(
        "tpm2_createprimary -C o -G ecc -c key.ctx",
        "tpm2_evictcontrol -C o -c key.ctx 0x81000001",
        "tpm2_nvdefine -C o -s 4 -a 'ownerread|ownerwrite' 0x1500001",
        "tpm2_evictcontrol -C o -c 0x81000001",
        "tpm2_nvundefine -C o 0x1500001",
      );
      await tpm.server.kill();
      await tpm.server.start();
      expect((await tpm.run("tpm2_getcap handles-persistent")).stdout).not.toContain("0x");
      expect((await tpm.run("tpm2_getcap handles-nv-index")).stdout).not.toContain("0x");
    });

    test("a resume brings back sessions, contexts and registers", async () => {
      await tpm.run(
        "tpm2_createprimary -C o -G ecc -c primary.ctx",
        "tpm2_startauthsession --policy-session -S session.ctx",
        "tpm2_policypcr -S session.ctx -l sha256:0",
        "tpm2_pcrevent 9 /etc/hostname",
        "tpm2_pcrread sha256:9 -o before",
      );
      await tpm.server.restart("state");
      await tpm.run(
        "tpm2_pcrread sha256:9 -o after",
        "tpm2_readpublic -c primary.ctx",
        "tpm2_policycommandcode -S session.ctx TPM2_CC_Unseal",
      );
      expect(tpm.read("after")).toEqual(tpm.read("before"));
    });

    test("a reset makes saved contexts useless", async () => {
      await tpm.run(
        "tpm2_createprimary -C o -G ecc -c primary.ctx",
        "tpm2_startauthsession --policy-session -S session.ctx",
      );
      await tpm.server.restart();
      await tpm.fails("tpm2_policycommandcode -S session.ctx TPM2_CC_Unseal");
    });
  },
  { freshTpm: true },
);
