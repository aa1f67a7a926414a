import { beforeEach, expect, test } from "vitest";
import { withTools } from "./tpm2-tools.ts";

const TPM_RC_ATTRIBUTES_HANDLE_1 = 0x182;

withTools("duplication", (tpm) => {
  beforeEach(async () => {
    await tpm.run(
      "tpm2_createprimary -C o -G ecc -c primary.ctx",
      "tpm2_create -C primary.ctx -G rsa -a 'restricted|decrypt|sensitivedataorigin|userwithauth' -u parent.pub -r parent.priv -c parent.ctx",
      "tpm2_readpublic -c parent.ctx -n parent.name",
      "tpm2_startauthsession -S trial.ctx",
      "tpm2_policycommandcode -S trial.ctx -L policy TPM2_CC_Duplicate",
      "tpm2_flushcontext trial.ctx",
    );
    tpm.write("message", "a message");
  });

  const duplicable =
    "tpm2_create -C primary.ctx -G ecc -p pass -L policy -a 'sensitivedataorigin|userwithauth|sign' -u key.pub -r key.priv -c key.ctx";
  const session = [
    "tpm2_startauthsession --policy-session -S session.ctx",
    "tpm2_policycommandcode -S session.ctx TPM2_CC_Duplicate",
  ];

  test.each([
    ["without inner wrapper", "-G null", ""],
    ["with an inner AES wrapper", "-G aes -o inner.key", "-k inner.key"],
  ])("a key goes to a new parent, %s, and works there", async (_, wrapper, unwrap) => {
    await tpm.run(
      duplicable,
      ...session,
      `tpm2_duplicate -C parent.ctx -c key.ctx ${wrapper} -p session:session.ctx -r dup.priv -s seed`,
      "tpm2_flushcontext session.ctx",
      `tpm2_import -C parent.ctx ${unwrap} -u key.pub -i dup.priv -r new.priv -s seed`.replace(
        "-u key.pub",
        "-u key.pub",
      ),
      "tpm2_load -C parent.ctx -u key.pub -r new.priv -c new.ctx",
      "tpm2_sign -c new.ctx -p pass -g sha256 -o signature message",
      "tpm2_verifysignature -c key.ctx -g sha256 -m message -s signature",
    );
  });

  test("a key wrapped outside for a parent's public key is imported", async () => {
    await tpm.run(
      "openssl genrsa -out key.pem 2048",
      "tpm2_duplicate -U parent.pub -G rsa -k key.pem -u key.pub -r dup.priv -s seed",
      "tpm2_import -C parent.ctx -u key.pub -i dup.priv -r new.priv -s seed -G rsa".replace(" -G rsa", ""),
      "tpm2_load -C parent.ctx -u key.pub -r new.priv -c new.ctx",
      "tpm2_sign -c new.ctx -g sha256 -s rsassa -f plain -o signature message",
      "openssl pkey -in key.pem -pubout -out public.pem",
      "openssl dgst -sha256 -verify public.pem -signature signature message",
    );
  });

  test("a key with fixedParent is not duplicated", async () => {
    await tpm.run("tpm2_create -C primary.ctx -G ecc -L policy -u key.pub -r key.priv -c key.ctx", ...session);
    await tpm.refused(
      "tpm2_duplicate -C parent.ctx -c key.ctx -G null -p session:session.ctx -r dup.priv -s seed",
      TPM_RC_ATTRIBUTES_HANDLE_1,
    );
  });

  test("a password does not allow duplication", async () => {
    await tpm.run(duplicable);
    await tpm.fails("tpm2_duplicate -C parent.ctx -c key.ctx -G null -p pass -r dup.priv -s seed");
  });

  test("policy duplication select fixes the new parent", async () => {
    await tpm.run(
      "tpm2_createprimary -C e -G ecc -c other.ctx",
      "tpm2_startauthsession -S trial.ctx",
      "tpm2_policyduplicationselect -S trial.ctx -N parent.name -L policy",
      "tpm2_flushcontext trial.ctx",
      duplicable,
      "tpm2_readpublic -c key.ctx -n key.name",
      "tpm2_startauthsession --policy-session -S session.ctx",
      "tpm2_policyduplicationselect -S session.ctx -N parent.name -n key.name",
    );
    await tpm.fails("tpm2_duplicate -C other.ctx -c key.ctx -G null -p session:session.ctx -r dup.priv -s seed");
    await tpm.run("tpm2_duplicate -C parent.ctx -c key.ctx -G null -p session:session.ctx -r dup.priv -s seed");
    expect(tpm.read("dup.priv").length).toBeGreaterThan(32);
  });
});
