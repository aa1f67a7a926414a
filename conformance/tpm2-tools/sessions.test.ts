import { beforeEach, expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

const TPM_RC_AUTH_FAIL_SESSION_1 = 0x98e;

withTools("sessions", (tpm) => {
  beforeEach(async () => {
    tpm.write("message", "a message");
    await tpm.run("tpm2_createprimary -C o -G ecc -c primary.ctx");
  });

  test.each([
    ["plain", ""],
    ["salted by an ECC key", "--tpmkey-context primary.ctx"],
    ["salted by an RSA key", "--tpmkey-context rsa.ctx"],
    ["bound", "--bind-context bound.ctx --bind-auth boundpass"],
    ["salted and bound", "--tpmkey-context primary.ctx --bind-context bound.ctx --bind-auth boundpass"],
    ["with SHA-384", "-g sha384"],
    ["salted, with SHA-512 and AES-256", "-g sha512 --tpmkey-context primary.ctx"],
  ])("an HMAC session, %s, authorizes and encrypts", async (_, options) => {
    if (options.includes("rsa.ctx")) await tpm.run("tpm2_createprimary -C o -G rsa -c rsa.ctx");
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc -p boundpass -u bound.pub -r bound.priv -c bound.ctx -a 'fixedtpm|fixedparent|sensitivedataorigin|userwithauth|sign|noda'",
      `tpm2_startauthsession --hmac-session ${options} -S session.ctx`,
      "tpm2_sessionconfig session.ctx --enable-decrypt --enable-encrypt --enable-continuesession",
      "tpm2_sign -c bound.ctx -p session:session.ctx+boundpass -g sha256 -o signature message",
      "tpm2_verifysignature -c bound.ctx -g sha256 -m message -s signature",
    );
    tpm.write("secret", "kept from the bus");
    await tpm.run("tpm2_create -C primary.ctx -P session:session.ctx -i secret -u sealed.pub -r sealed.priv");
    await tpm.run(
      "tpm2_flushcontext session.ctx",
      "tpm2_load -C primary.ctx -u sealed.pub -r sealed.priv -c sealed.ctx",
    );
    expect((await tpm.run("tpm2_unseal -c sealed.ctx")).stdout).toBe("kept from the bus");
  });

  test("a secret is unsealed through an encrypting session", async () => {
    tpm.write("secret", "kept from the bus");
    await tpm.run(
      "tpm2_create -C primary.ctx -i secret -p pass -u sealed.pub -r sealed.priv -c sealed.ctx",
      "tpm2_startauthsession --hmac-session --tpmkey-context primary.ctx -S session.ctx",
      "tpm2_sessionconfig session.ctx --enable-encrypt",
    );
    expect((await tpm.run("tpm2_unseal -c sealed.ctx -p session:session.ctx+pass")).stdout).toBe("kept from the bus");
  });

  test("a further session only encrypts", async () => {
    tpm.write("secret", "kept from the bus");
    await tpm.run(
      "tpm2_create -C primary.ctx -i secret -p pass -u sealed.pub -r sealed.priv -c sealed.ctx",
      "tpm2_startauthsession --hmac-session --tpmkey-context primary.ctx -S session.ctx",
      "tpm2_sessionconfig session.ctx --enable-encrypt",
    );
    expect((await tpm.run("tpm2_unseal -c sealed.ctx -p pass -S session.ctx")).stdout).toBe("kept from the bus");
  });

  test("a wrong password in an HMAC session is refused and the session goes on", async () => {
    await tpm.run(
      "tpm2_create -C primary.ctx -G ecc -p pass -u key.pub -r key.priv -c key.ctx",
      "tpm2_startauthsession --hmac-session -S session.ctx",
    );
    await tpm.refused(
      "tpm2_sign -c key.ctx -p session:session.ctx+wrong -g sha256 -o signature message",
      TPM_RC_AUTH_FAIL_SESSION_1,
    );
    await tpm.run(
      "tpm2_dictionarylockout -c",
      "tpm2_sign -c key.ctx -p session:session.ctx+pass -g sha256 -o signature message",
    );
  });

  test("an audit session's digest is attested", async () => {
    await tpm.run(
      "tpm2_createek -G ecc -c ek.ctx",
      "tpm2_createak -C ek.ctx -G ecc -g sha256 -s ecdsa -c ak.ctx -u ak.pem -f pem",
      "tpm2_startauthsession --audit-session -S session.ctx",
      "tpm2_getrandom 8 -o random -S session.ctx",
      "tpm2_getsessionauditdigest -c ak.ctx -g sha256 -m attestation -s signature -f plain -S session.ctx",
      "openssl dgst -sha256 -verify ak.pem -signature signature attestation",
    );
    expect(tpm.read("attestation").subarray(0, 6).toString("hex")).toBe("ff5443478016");
  });

  test("a saved session is used after it was loaded again, and a stale copy is not", async () => {
    await tpm.run("tpm2_startauthsession --policy-session -S session.ctx");
    const stale = tpm.read("session.ctx");
    await tpm.run("tpm2_policycommandcode -S session.ctx TPM2_CC_Unseal");
    tpm.write("stale.ctx", stale);
    await tpm.fails("tpm2_policycommandcode -S stale.ctx TPM2_CC_Unseal");
  });

  test("sessions are counted and flushed", async () => {
    for (const i of [1, 2, 3]) await tpm.run(`tpm2_startauthsession --policy-session -S ${i}.ctx`);
    expect((await tpm.run("tpm2_getcap handles-saved-session")).stdout.match(/^- 0x/gm)).toHaveLength(3);
    for (const i of [1, 2, 3]) await tpm.run(`tpm2_flushcontext ${i}.ctx`);
    expect((await tpm.run("tpm2_getcap handles-saved-session")).stdout).not.toMatch(/0x/);
  });

  test("all saved sessions are flushed at once", async () => {
    await tpm.run(
      "tpm2_startauthsession --policy-session -S one.ctx",
      "tpm2_startauthsession --hmac-session -S two.ctx",
      "tpm2_flushcontext --saved-session",
    );
    expect((await tpm.run("tpm2_getcap handles-saved-session")).stdout).not.toMatch(/0x/);
  });
});
