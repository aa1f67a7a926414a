import { expect, test } from "vitest";
import { withToolsOverEachProtocol } from "./tpm2-tools.ts";

withToolsOverEachProtocol("capabilities", (tpm) => {
  test.each([
    ["algorithms", /^rsa:/m],
    ["commands", /^TPM2_CC_CreatePrimary:/m],
    ["properties-fixed", /TPM2_PT_FAMILY_INDICATOR:\s+raw: 0x322E3000/],
    ["properties-variable", /TPM2_PT_PERMANENT:/],
    ["ecc-curves", /TPM2_ECC_NIST_P256: 0x3/],
    ["pcrs", /sha256: \[ 0, 1, 2/],
    ["handles-pcr", /0x0/],
    ["handles-permanent", /0x4000000A/],
    ["handles-transient", /^/],
    ["handles-persistent", /^/],
    ["handles-nv-index", /^/],
    ["handles-loaded-session", /^/],
    ["handles-saved-session", /^/],
  ])("%s are told", async (capability, pattern) => {
    expect((await tpm.run(`tpm2_getcap ${capability}`)).stdout).toMatch(pattern);
  });

  test("every command and algorithm a tool may ask about is listed", async () => {
    const commands = (await tpm.run("tpm2_getcap commands")).stdout;
    for (const name of [
      "NV_Write",
      "PCR_Extend",
      "Unseal",
      "Quote",
      "Import",
      "ZGen_2Phase",
      "EncryptDecrypt2",
      "PolicyAuthorizeNV",
      "CreateLoaded",
    ])
      expect(commands).toContain(`TPM2_CC_${name}:`);
    const algorithms = (await tpm.run("tpm2_getcap algorithms")).stdout;
    for (const name of [
      "rsa",
      "sha1",
      "sha256",
      "sha384",
      "sha512",
      "hmac",
      "aes",
      "rsassa",
      "rsapss",
      "oaep",
      "ecdsa",
      "ecdh",
      "ecdaa",
      "sm2",
      "cfb",
      "camellia",
    ])
      expect(algorithms).toMatch(new RegExp(`^${name}:`, "m"));
  });

  test("loaded objects and permanent handles are listed while they are there", async () => {
    await tpm.run("tpm2_createprimary -C o -G ecc -c key.ctx", "tpm2_evictcontrol -C o -c key.ctx 0x81000042");
    expect((await tpm.run("tpm2_getcap handles-persistent")).stdout.trim()).toBe("- 0x81000042");
    await tpm.run("tpm2_evictcontrol -C o -c 0x81000042");
  });

  test("a command sent as bytes is answered as bytes", async () => {
    tpm.write("command", Buffer.from("80010000000c0000017b0008", "hex"));
    await tpm.run("tpm2_send -o response command");
    expect(tpm.read("response").subarray(0, 12).toString("hex")).toBe("800100000014000000000008");
  });
});
