import { expect, test } from "vitest";
import { withResourceManager } from "./abrmd.ts";

withResourceManager("the resource manager", (tpm) => {
  test("finds its commands and gives random numbers", async () => {
    expect((await tpm.run("tpm2_getrandom --hex 16")).stdout).toMatch(/^[0-9a-f]{32}$/);
  });

  test("swaps more objects than the TPM holds", async () => {
    tpm.write("message", "a message");
    await tpm.run("tpm2_createprimary -C o -G ecc -c primary.ctx");
    for (const i of [1, 2, 3, 4, 5])
      await tpm.run(`tpm2_create -C primary.ctx -G ecc -u ${i}.pub -r ${i}.priv -c ${i}.ctx`);
    for (const i of [1, 2, 3, 4, 5])
      await tpm.run(
        `tpm2_sign -c ${i}.ctx -g sha256 -o signature message`,
        `tpm2_verifysignature -c ${i}.ctx -g sha256 -m message -s signature`,
      );
  });

  test("keeps policy sessions between programs", async () => {
    tpm.write("secret", "sealed");
    await tpm.run(
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_createpolicy --policy-pcr -l sha256:0 -L policy",
      "tpm2_create -C primary.ctx -i secret -L policy -u sealed.pub -r sealed.priv -c sealed.ctx",
      "tpm2_startauthsession --policy-session -S session.ctx",
      "tpm2_policypcr -S session.ctx -l sha256:0",
    );
    expect((await tpm.run("tpm2_unseal -c sealed.ctx -p session:session.ctx")).stdout).toBe("sealed");
  });

  test("serves programs side by side", async () => {
    tpm.write("message", "a message");
    const work = async (name: string) => {
      await tpm.run(
        `tpm2_createprimary -C o -G ecc -c ${name}.primary.ctx`,
        `tpm2_create -C ${name}.primary.ctx -G ecc -u ${name}.pub -r ${name}.priv -c ${name}.ctx`,
        `tpm2_sign -c ${name}.ctx -g sha256 -o ${name}.signature message`,
        `tpm2_verifysignature -c ${name}.ctx -g sha256 -m message -s ${name}.signature`,
      );
    };
    await Promise.all(["a", "b", "c", "d"].map(work));
  });
});
