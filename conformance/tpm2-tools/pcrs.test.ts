import { createHash } from "node:crypto";
import { expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

const banks = ["sha1", "sha256", "sha384", "sha512"] as const;
const TPM_RC_LOCALITY = 0x907;

withTools(
  "platform configuration registers",
  (tpm) => {
    const value = async (bank: string, index: number) => {
      await tpm.run(`tpm2_pcrread ${bank}:${index} -o value`);
      return tpm.read("value").toString("hex");
    };
    const size = (bank: string) => createHash(bank).digest().length;

    test.each(banks)("an extend of bank %s hashes the old value with the new", async (bank) => {
      const data = Buffer.alloc(size(bank), 0x5a);
      await tpm.run(
        `tpm2_pcrextend 10:${bank}=${data.toString("hex")}`,
        `tpm2_pcrextend 10:${bank}=${data.toString("hex")}`,
      );
      const once = createHash(bank)
        .update(Buffer.alloc(size(bank)))
        .update(data)
        .digest();
      expect(await value(bank, 10)).toBe(createHash(bank).update(once).update(data).digest("hex"));
    });

    test("one extend carries several banks and registers", async () => {
      const [one, two] = ["11".repeat(20), "22".repeat(32)];
      await tpm.run(`tpm2_pcrextend 8:sha1=${one},sha256=${two} 9:sha256=${two}`);
      const extended = createHash("sha256").update(Buffer.alloc(32)).update(Buffer.from(two, "hex")).digest("hex");
      expect(await value("sha256", 8)).toBe(extended);
      expect(await value("sha256", 9)).toBe(extended);
      expect(await value("sha1", 9)).toBe("00".repeat(20));
    });

    test("an event is hashed into every bank", async () => {
      tpm.write("event", "an event");
      await tpm.run("tpm2_pcrevent 12 event");
      for (const bank of banks) {
        const digest = createHash(bank).update("an event").digest();
        expect(await value(bank, 12)).toBe(
          createHash(bank)
            .update(Buffer.alloc(size(bank)))
            .update(digest)
            .digest("hex"),
        );
      }
    });

    test("an event without a register is only hashed", async () => {
      tpm.write("event", "an event");
      const { stdout } = await tpm.run("tpm2_pcrevent event");
      for (const bank of banks) expect(stdout).toContain(createHash(bank).update("an event").digest("hex"));
    });

    test("resettable registers are reset, others are not", async () => {
      tpm.write("event", "an event");
      await tpm.run("tpm2_pcrevent 16 event", "tpm2_pcrevent 23 event", "tpm2_pcrreset 16 23");
      expect(await value("sha256", 16)).toBe("00".repeat(32));
      await tpm.refused("tpm2_pcrreset 7", TPM_RC_LOCALITY);
    });

    test("registers of a dynamic launch begin with ones and belong to other localities", async () => {
      expect(await value("sha256", 17)).toBe("ff".repeat(32));
      await tpm.refused(`tpm2_pcrextend 17:sha256=${"00".repeat(32)}`, TPM_RC_LOCALITY);
    });

    test("all registers of all banks are read at once", async () => {
      const { stdout } = await tpm.run("tpm2_pcrread");
      expect(stdout.match(/0x[0-9A-F]{40,}/g)).toHaveLength(24 * banks.length);
    });

    test("banks are chosen and the choice holds from the next start", async () => {
      await tpm.run("tpm2_pcrallocate sha256:all+sha1:none+sha384:all+sha512:none");
      expect((await tpm.run("tpm2_getcap pcrs")).stdout).toMatch(/sha1: \[ 0, 1/);
      await tpm.server.restart();
      const { stdout } = await tpm.run("tpm2_getcap pcrs");
      expect(stdout).toMatch(/sha1: \[ \]/);
      expect(stdout).toMatch(/sha256: \[ 0, 1/);
      await tpm.run("tpm2_pcrevent 3 /etc/hostname", "tpm2_pcrread sha256:3");
    });

    test("registers begin anew at each start", async () => {
      await tpm.run("tpm2_pcrevent 5 /etc/hostname");
      await tpm.server.restart();
      expect(await value("sha256", 5)).toBe("00".repeat(32));
    });
  },
  { freshTpm: true },
);
