import { createHash } from "node:crypto";
import { afterEach, expect, test } from "vitest";
import { field, withTools } from "./tpm2-tools.ts";

const TPM_RC_NV_UNINITIALIZED = 0x14a;
const TPM_RC_NV_LOCKED = 0x148;
const TPM_RC_NV_RANGE = 0x146;
const TPM_RC_NV_DEFINED = 0x14c;
const TPM_RC_NV_AUTHORIZATION = 0x149;
const TPM_RC_HANDLE_1 = 0x18b;
const TPM_RC_ATTRIBUTES_PARAMETER_2 = 0x2c2;

const index = "0x1500001";
const ownerReadWrite = "'ownerread|ownerwrite|authread|authwrite'";

withTools("NV indices", (tpm) => {
  afterEach(async () => {
    const { stdout } = await tpm.run("tpm2_getcap handles-nv-index");
    for (const [handle] of stdout.matchAll(/0x15000[0-9A-F]+/gi)) await tpm.run(`tpm2_nvundefine -C o ${handle}`);
  });

  test("what was written is read, whole and in part", async () => {
    tpm.write("content", "0123456789abcdef");
    await tpm.run(
      `tpm2_nvdefine -C o -s 16 -a ${ownerReadWrite} ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
      `tpm2_nvread -C o -o whole ${index}`,
      `tpm2_nvread -C o -s 4 --offset 6 -o part ${index}`,
    );
    expect(tpm.read("whole").toString()).toBe("0123456789abcdef");
    expect(tpm.read("part").toString()).toBe("6789");
  });

  test("a write in the middle keeps what is around it", async () => {
    tpm.write("content", "0123456789abcdef");
    tpm.write("middle", "----");
    await tpm.run(
      `tpm2_nvdefine -C o -s 16 -a ${ownerReadWrite} ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
      `tpm2_nvwrite -C o --offset 6 -i middle ${index}`,
      `tpm2_nvread -C o -o whole ${index}`,
    );
    expect(tpm.read("whole").toString()).toBe("012345----abcdef");
  });

  test("the largest index is written and read in pieces", async () => {
    tpm.write("content", Buffer.alloc(2048, 0xa5));
    await tpm.run(
      `tpm2_nvdefine -C o -s 2048 -a ${ownerReadWrite} ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
      `tpm2_nvread -C o -o whole ${index}`,
    );
    expect(tpm.read("whole")).toEqual(tpm.read("content"));
  });

  test("an index that was never written cannot be read", async () => {
    await tpm.run(`tpm2_nvdefine -C o -s 16 -a ${ownerReadWrite} ${index}`);
    await tpm.refused(`tpm2_nvread -C o -s 16 ${index}`, TPM_RC_NV_UNINITIALIZED);
  });

  test("an index is defined once", async () => {
    await tpm.run(`tpm2_nvdefine -C o -s 16 -a ${ownerReadWrite} ${index}`);
    await tpm.refused(`tpm2_nvdefine -C o -s 16 -a ${ownerReadWrite} ${index}`, TPM_RC_NV_DEFINED);
  });

  test("nothing is written behind the end", async () => {
    tpm.write("content", "0123456789");
    await tpm.run(`tpm2_nvdefine -C o -s 8 -a ${ownerReadWrite} ${index}`);
    const raw = await tpm.server.with(
      (connection) =>
        connection.execute(
          Buffer.from(
            `8002 0000002d 00000137 40000001 01500001 00000009 40000009 0000 00 0000 000a ${"00".repeat(10)} 0000`.replaceAll(
              " ",
              "",
            ),
            "hex",
          ),
        ),
      tpm.protocol,
    );
    expect(raw.readUInt32BE(6)).toBe(TPM_RC_NV_RANGE);
  });

  test("the index's own password opens it", async () => {
    tpm.write("content", "secret thing");
    await tpm.run(
      `tpm2_nvdefine -C o -s 12 -a 'authread|authwrite|ownerread' -p indexpass ${index}`,
      `tpm2_nvwrite -C ${index} -P indexpass -i content ${index}`,
      `tpm2_nvread -C ${index} -P indexpass -o read ${index}`,
    );
    expect(tpm.read("read")).toEqual(tpm.read("content"));
    await tpm.refused(`tpm2_nvwrite -C o -i content ${index}`, TPM_RC_NV_AUTHORIZATION);
    await tpm.refused(`tpm2_nvread -C ${index} -P wrong -s 12 ${index}`, 0x98e);
    await tpm.run("tpm2_dictionarylockout -c");
  });

  test("a counter counts and never goes back, even when it is defined anew", async () => {
    const value = async () => {
      await tpm.run(`tpm2_nvread -C o -s 8 -o count ${index}`);
      return tpm.read("count").readBigUInt64BE();
    };
    await tpm.run(
      `tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=counter' ${index}`,
      `tpm2_nvincrement -C o ${index}`,
    );
    const first = await value();
    await tpm.run(`tpm2_nvincrement -C o ${index}`, `tpm2_nvincrement -C o ${index}`);
    expect(await value()).toBe(first + 2n);
    await tpm.run(
      `tpm2_nvundefine -C o ${index}`,
      `tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=counter' ${index}`,
    );
    await tpm.run(`tpm2_nvincrement -C o ${index}`);
    expect(await value()).toBeGreaterThan(first + 2n);
  });

  test("a counter is not written", async () => {
    tpm.write("content", "01234567");
    await tpm.run(`tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=counter' ${index}`);
    await tpm.refused(`tpm2_nvwrite -C o -i content ${index}`, 0x082);
  });

  test.each(["sha1", "sha256", "sha384", "sha512"])(
    "an extend index extends with its name's hash, %s",
    async (hash) => {
      tpm.write("data", "measured");
      await tpm.run(
        `tpm2_nvdefine -C o -g ${hash} -a 'ownerread|ownerwrite|nt=extend' ${index}`,
        `tpm2_nvextend -C o -i data ${index}`,
      );
      await tpm.run(`tpm2_nvextend -C o -i data ${index}`, `tpm2_nvread -C o -o value ${index}`);
      const extend = (old: Buffer) => createHash(hash).update(old).update("measured").digest();
      const zero = Buffer.alloc(createHash(hash).digest().length);
      expect(tpm.read("value").toString("hex")).toBe(extend(extend(zero)).toString("hex"));
    },
  );

  test("bits are set and stay set", async () => {
    await tpm.run(
      `tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=bits' ${index}`,
      `tpm2_nvsetbits -C o -i 0x8000000000000001 ${index}`,
    );
    await tpm.run(`tpm2_nvsetbits -C o -i 0x10 ${index}`, `tpm2_nvread -C o -s 8 -o bits ${index}`);
    expect(tpm.read("bits").toString("hex")).toBe("8000000000000011");
  });

  test("a write lock holds until the next start", async () => {
    tpm.write("content", "x");
    await tpm.run(
      `tpm2_nvdefine -C o -s 1 -a 'ownerread|ownerwrite|write_stclear' ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
      `tpm2_nvwritelock -C o ${index}`,
    );
    await tpm.refused(`tpm2_nvwrite -C o -i content ${index}`, TPM_RC_NV_LOCKED);
    await tpm.server.restart();
    await tpm.run(`tpm2_nvwrite -C o -i content ${index}`);
  });

  test("a write lock for ever survives the next start", async () => {
    tpm.write("content", "x");
    await tpm.run(
      `tpm2_nvdefine -C o -s 1 -a 'ownerread|ownerwrite|writedefine' ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
      `tpm2_nvwritelock -C o ${index}`,
    );
    await tpm.server.restart();
    await tpm.refused(`tpm2_nvwrite -C o -i content ${index}`, TPM_RC_NV_LOCKED);
  });

  test("a read lock holds until the next start", async () => {
    tpm.write("content", "x");
    await tpm.run(
      `tpm2_nvdefine -C o -s 1 -a 'ownerread|ownerwrite|read_stclear' ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
      `tpm2_nvreadlock -C o ${index}`,
    );
    await tpm.refused(`tpm2_nvread -C o -s 1 ${index}`, TPM_RC_NV_LOCKED);
    await tpm.server.restart();
    await tpm.run(`tpm2_nvread -C o -s 1 ${index}`);
  });

  test("the global lock locks the indices that ask for it", async () => {
    tpm.write("content", "x");
    await tpm.run(
      `tpm2_nvdefine -C o -s 1 -a 'ownerread|ownerwrite|globallock' ${index}`,
      `tpm2_nvdefine -C o -s 1 -a 'ownerread|ownerwrite' 0x1500002`,
      "tpm2_nvwritelock -C o --global",
    );
    await tpm.refused(`tpm2_nvwrite -C o -i content ${index}`, TPM_RC_NV_LOCKED);
    await tpm.run("tpm2_nvwrite -C o -i content 0x1500002");
    await tpm.server.restart();
    await tpm.run(`tpm2_nvwrite -C o -i content ${index}`);
  });

  test("the public area tells attributes, size and name", async () => {
    await tpm.run(`tpm2_nvdefine -C o -s 20 -g sha256 -a ${ownerReadWrite} ${index}`);
    const before = await tpm.run(`tpm2_nvreadpublic ${index}`);
    expect(field(before, "size")).toBe("20");
    tpm.write("content", "x");
    await tpm.run(`tpm2_nvwrite -C o -i content ${index}`);
    const after = await tpm.run(`tpm2_nvreadpublic ${index}`);
    expect(after.stdout).toMatch(/friendly: .*written/);
    expect(field(after, "name")).not.toBe(field(before, "name"));
  });

  test("an orderly index keeps its content over a resume and forgets it over a reset", async () => {
    tpm.write("content", "orderly content!");
    await tpm.run(
      `tpm2_nvdefine -C o -s 16 -a 'ownerread|ownerwrite|orderly' ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
    );
    await tpm.server.restart("state");
    await tpm.run(`tpm2_nvread -C o -o read ${index}`);
    expect(tpm.read("read")).toEqual(tpm.read("content"));
    await tpm.server.restart("clear");
    await tpm.refused(`tpm2_nvread -C o -s 16 ${index}`, TPM_RC_NV_UNINITIALIZED);
  });

  test("an index cleared at start forgets its content at start", async () => {
    tpm.write("content", "volatile content");
    await tpm.run(
      `tpm2_nvdefine -C o -s 16 -a 'ownerread|ownerwrite|clear_stclear' ${index}`,
      `tpm2_nvwrite -C o -i content ${index}`,
    );
    await tpm.server.restart();
    await tpm.refused(`tpm2_nvread -C o -s 16 ${index}`, TPM_RC_NV_UNINITIALIZED);
  });

  test("an index cannot be both counter and cleared at start", async () => {
    await tpm.refused(
      `tpm2_nvdefine -C o -s 8 -a 'ownerread|ownerwrite|nt=counter|clear_stclear' ${index}`,
      TPM_RC_ATTRIBUTES_PARAMETER_2,
    );
  });

  test("an undefined index is gone", async () => {
    await tpm.run(`tpm2_nvdefine -C o -s 1 -a ${ownerReadWrite} ${index}`, `tpm2_nvundefine -C o ${index}`);
    await tpm.refused(`tpm2_nvreadpublic ${index}`, TPM_RC_HANDLE_1);
  });

  test("the platform's index is not the owner's to undefine", async () => {
    await tpm.run(`tpm2_nvdefine -C p -s 1 -a 'ppread|ppwrite|platformcreate' 0x1400001`);
    await tpm.refused("tpm2_nvundefine -C o 0x1400001", TPM_RC_NV_AUTHORIZATION);
    await tpm.run("tpm2_nvundefine -C p 0x1400001");
  });

  test("an index that only a policy deletes is deleted by that policy", async () => {
    await tpm.run(
      "tpm2_startauthsession -S trial.ctx",
      "tpm2_policycommandcode -S trial.ctx -L policy TPM2_CC_NV_UndefineSpaceSpecial",
      "tpm2_flushcontext trial.ctx",
      "tpm2_nvdefine -C p -s 1 -L policy -a 'ppread|ppwrite|platformcreate|policydelete' 0x1400002",
    );
    await tpm.fails("tpm2_nvundefine -C p 0x1400002");
    await tpm.run(
      "tpm2_startauthsession --policy-session -S session.ctx",
      "tpm2_policycommandcode -S session.ctx TPM2_CC_NV_UndefineSpaceSpecial",
      "tpm2_nvundefine -C p -S session.ctx 0x1400002",
    );
  });
});
