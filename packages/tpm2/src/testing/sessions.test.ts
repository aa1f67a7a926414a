import { createECDH, generateKeyPairSync } from "node:crypto";
import { type Bytes, concatBytes, EMPTY } from "@vtpm/wire";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { PolicyAuthValue } from "../commands/enhanced-authorization/PolicyAuthValue.ts";
import { HierarchyChangeAuth } from "../commands/hierarchy/HierarchyChangeAuth.ts";
import { NV_Read } from "../commands/non-volatile-storage/NV_Read.ts";
import { NV_Write } from "../commands/non-volatile-storage/NV_Write.ts";
import { GetRandom } from "../commands/random-number-generator/GetRandom.ts";
import { StirRandom } from "../commands/random-number-generator/StirRandom.ts";
import { TPM_CC } from "../spec/command-codes.ts";
import { TPM_ALG } from "../spec/constants.ts";
import { TPM_RH } from "../spec/handles.ts";
import type { TPMT_SYM_DEF_NULLABLE } from "../spec/structures/index.ts";
import { hash, saltForP256, saltForRsa, text } from "./caller-crypto.ts";
import { givenIndex, givenP256Key, givenPersistent, givenRsaKey } from "./given.ts";
import { extended, noPolicy } from "./policy-digests.ts";
import { AES_128_CFB, type StartOptions, startPolicy, startSession } from "./start-session.ts";
import type { TestSession } from "./test-session.ts";
import { TestTpm } from "./test-tpm.ts";

const bytesOf = (base64: string | undefined): Bytes => new Uint8Array(Buffer.from(base64 ?? "", "base64url"));

const RSA = (() => {
  const { n, p } = generateKeyPairSync("rsa", { modulusLength: 2048 }).privateKey.export({ format: "jwk" });
  return { modulus: bytesOf(n), prime: bytesOf(p) };
})();

const P256 = (() => {
  const d = hash(TPM_ALG.SHA256, text("private"));
  const ecdh = createECDH("prime256v1");
  ecdh.setPrivateKey(d);
  const point = new Uint8Array(ecdh.getPublicKey());
  return { d, point: { x: point.slice(1, 33), y: point.slice(33) } };
})();

const CIPHERS: readonly TPMT_SYM_DEF_NULLABLE[] = [
  { algorithm: TPM_ALG.XOR, keyBits: TPM_ALG.SHA256 },
  { algorithm: TPM_ALG.XOR, keyBits: TPM_ALG.SHA1 },
  AES_128_CFB,
  { ...AES_128_CFB, keyBits: 192 },
  { ...AES_128_CFB, keyBits: 256 },
  { algorithm: TPM_ALG.CAMELLIA, keyBits: 128, mode: TPM_ALG.CFB },
  { algorithm: TPM_ALG.CAMELLIA, keyBits: 256, mode: TPM_ALG.CFB },
  { algorithm: TPM_ALG.TDES, keyBits: 192, mode: TPM_ALG.CFB },
];

const hashAlg = fc.constantFrom(TPM_ALG.SHA1, TPM_ALG.SHA256, TPM_ALG.SHA384, TPM_ALG.SHA512);
const symmetric = fc.constantFrom(...CIPHERS);
const authValue = fc.uint8Array({ maxLength: 32 });
const salting = fc.constantFrom("none", "RSA", "ECC");
const nonceSize = fc.integer({ min: 16, max: 20 });

/** An authValue as it counts: zeros at its end are no part of it. */
function counted(auth: Bytes): Bytes {
  let size = auth.length;
  while (size > 0 && auth[size - 1] === 0) size--;
  return auth.slice(0, size);
}

/** Options that salt a session with a key loaded for it. */
function salted(tpm: TestTpm, kind: string): StartOptions {
  if (kind === "RSA") {
    const tpmKey = givenRsaKey(tpm, RSA.modulus, RSA.prime);
    const salt = hash(TPM_ALG.SHA256, text("salt")).slice(0, 20);
    return { tpmKey, salt, encryptedSalt: saltForRsa(RSA.modulus, TPM_ALG.SHA256, salt) };
  }
  if (kind === "ECC") {
    const tpmKey = givenP256Key(tpm, P256.point, P256.d);
    const { salt, encrypted } = saltForP256(P256.point, TPM_ALG.SHA256);
    return { tpmKey, salt, encryptedSalt: encrypted };
  }
  return {};
}

const changing = (attributes: number): boolean => attributes % 2 === 1;

describe("a caller that computes HMACs and ciphers by itself", () => {
  test("is understood in unbound, bound and salted HMAC sessions, and understands what it is answered", () => {
    const arrangement = fc.record({
      hashAlg,
      symmetric,
      salting,
      nonceSize,
      ownerAuth: authValue,
      indexAuth: authValue,
      bind: fc.constantFrom("nothing", "owner", "index"),
      steps: fc.array(
        fc.record({
          what: fc.constantFrom("read", "write", "change owner", "random"),
          encrypt: fc.boolean(),
          decrypt: fc.boolean(),
          audit: fc.boolean(),
          data: fc.uint8Array({ minLength: 1, maxLength: 32 }),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    });
    fc.assert(
      fc.property(arrangement, ({ bind, steps, ...given }) => {
        const tpm = TestTpm.started();
        let ownerAuth = counted(given.ownerAuth);
        const indexAuth = counted(given.indexAuth);
        givenPersistent(tpm, { ownerAuth });
        const attributes = { OWNERREAD: true, OWNERWRITE: true, NO_DA: true } as const;
        const nvIndex = givenIndex(tpm, { data: new Uint8Array(32), authValue: given.indexAuth, attributes });
        const bound = {
          nothing: {},
          owner: { bind: TPM_RH.OWNER, bindAuth: ownerAuth },
          index: { bind: nvIndex, bindAuth: indexAuth },
        }[bind];
        const session = startSession(tpm, { ...given, ...salted(tpm, given.salting), ...bound });
        // The binding is to the entity with its Name and authValue of then, and ends when the session audits.
        let isBound = true;
        for (const { what, encrypt, decrypt, audit, data } of steps) {
          const canDecrypt = what === "write" || what === "change owner";
          const canEncrypt = what === "read" || what === "random";
          session.with({
            continueSession: true,
            encrypt: encrypt && canEncrypt,
            decrypt: decrypt && canDecrypt,
            audit,
          });
          const authorizes = what === "change owner" ? "owner" : "index";
          session.knowing(what === "random" ? EMPTY : authorizes === "owner" ? ownerAuth : indexAuth);
          session.leavesOutAuthValue = isBound && bind === authorizes && what !== "random";
          if (what === "change owner") {
            session.nextAuthValue = counted(data);
            const answer = tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: data }, [session]);
            expect(answer.text).toBe("TPM_RC_SUCCESS");
            ownerAuth = counted(data);
            if (bind === "owner") isBound = false;
          } else if (what === "write") {
            expect(tpm.run(NV_Write, { authHandle: nvIndex, nvIndex, data, offset: 0 }, [session]).rc).toBe(0);
            expect(tpm.tpm.state.nv.indices.get(nvIndex)?.data.slice(0, data.length)).toEqual(data);
          } else if (what === "read") {
            const answer = tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 32, offset: 0 }, [session]);
            expect(answer.out.data).toEqual(tpm.tpm.state.nv.indices.get(nvIndex)?.data);
          } else {
            if (!encrypt && !audit) session.with({ continueSession: true, encrypt: true });
            expect(tpm.run(GetRandom, { bytesRequested: data.length }, [session]).out.randomBytes).toHaveLength(
              data.length,
            );
          }
          if (audit && bind !== "nothing") isBound = false;
        }
        expect(changing(session.answeredAttributes)).toBe(true);
      }),
      { numRuns: 250 },
    );
  });

  test("is understood in policy sessions, bound or salted, that need the authValue", () => {
    const arrangement = fc.record({
      hashAlg,
      symmetric,
      salting,
      nonceSize,
      auth: authValue,
      ownerAuth: authValue,
      bound: fc.boolean(),
    });
    fc.assert(
      fc.property(arrangement, ({ auth, ownerAuth, bound, ...given }) => {
        const tpm = TestTpm.started();
        givenPersistent(tpm, { ownerAuth: counted(ownerAuth) });
        const authPolicy = extended(noPolicy(given.hashAlg), TPM_CC.PolicyAuthValue);
        // The Index must use the session's hash, else its policy is another one.
        const nvIndex = givenIndex(tpm, {
          nameAlg: given.hashAlg,
          authPolicy,
          authValue: auth,
          data: new Uint8Array(4),
          attributes: { POLICYREAD: true, POLICYWRITE: true, NO_DA: true },
        });
        const bind = bound ? { bind: TPM_RH.OWNER, bindAuth: counted(ownerAuth) } : {};
        const session = startPolicy(tpm, { ...given, ...salted(tpm, given.salting), ...bind });
        session.leavesOutAuthValue = false;
        session.knowing(counted(auth));
        for (const data of [text("abcd"), text("wxyz")]) {
          tpm.run(PolicyAuthValue, { policySession: session.handle });
          session.with({ continueSession: true, decrypt: true });
          const written = tpm.run(NV_Write, { authHandle: nvIndex, nvIndex, data, offset: 0 }, [session]);
          expect(written.text).toBe("TPM_RC_SUCCESS");
          tpm.run(PolicyAuthValue, { policySession: session.handle });
          session.with({ continueSession: true, encrypt: true });
          const read = tpm.run(NV_Read, { authHandle: nvIndex, nvIndex, size: 4, offset: 0 }, [session]);
          expect(read.out?.data).toEqual(data);
        }
      }),
      { numRuns: 100 },
    );
  });

  test("may let one session authorize, one encrypt and one audit, in any order that is allowed", () => {
    const arrangement = fc.record({
      first: hashAlg,
      second: hashAlg,
      third: hashAlg,
      cipher: symmetric,
      other: symmetric,
    });
    fc.assert(
      fc.property(arrangement, ({ first, second, third, cipher, other }) => {
        const tpm = TestTpm.started();
        const nvIndex = givenIndex(tpm, { authValue: text("index"), attributes: { NO_DA: true } });
        const authorizing = startSession(tpm, { hashAlg: first }).knowing(text("index"));
        const decrypting = startSession(tpm, { hashAlg: second, symmetric: cipher, bind: TPM_RH.OWNER });
        const encrypting = startSession(tpm, { hashAlg: third, symmetric: other, bind: TPM_RH.OWNER });
        decrypting.with({ continueSession: true, decrypt: true });
        encrypting.with({ continueSession: true, encrypt: true });
        const input = { authHandle: nvIndex, nvIndex };
        const data = text("12345678");
        for (const sessions of [
          [authorizing, decrypting],
          [authorizing, decrypting.with({ continueSession: true, decrypt: true, audit: true })],
        ]) {
          expect(tpm.run(NV_Write, { ...input, data, offset: 0 }, sessions).text).toBe("TPM_RC_SUCCESS");
        }
        const read = tpm.run(NV_Read, { ...input, size: 8, offset: 0 }, [authorizing, encrypting]);
        expect(read.out.data).toEqual(data);
      }),
      { numRuns: 60 },
    );
  });

  test("a changed bit anywhere in what a session vouches for is found out", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { ownerAuth: text("owner") });
    const newAuth = text("new");
    fc.assert(
      fc.property(fc.nat(), (seed) => {
        const before = tpm.tpm.state;
        const session = startSession(tpm, { symmetric: AES_128_CFB }).knowing(text("owner"));
        const send = tpm.send.bind(tpm);
        tpm.send = (command) => {
          const at = 10 + (seed % (8 * (command.length - 10)));
          const changed = command.slice();
          const place = Math.min(at, command.length - 1);
          changed[place] = (changed[place] ?? 0) ^ (1 << (seed % 8));
          return send(changed);
        };
        const answer = tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth }, [session]);
        tpm.send = send;
        expect(answer.rc).not.toBe(0);
        expect(tpm.tpm.state.nv.persistent.ownerAuth).toEqual(text("owner"));
        tpm.tpm.state = before;
      }),
      { numRuns: 500 },
    );
  });

  test("a command that was sent once is refused the second time", () => {
    const tpm = TestTpm.started();
    givenPersistent(tpm, { ownerAuth: text("owner") });
    const session = startSession(tpm).knowing(text("owner"));
    const sent: Bytes[] = [];
    const send = tpm.send.bind(tpm);
    tpm.send = (command) => {
      sent.push(command);
      return send(command);
    };
    session.nextAuthValue = text("owner");
    expect(tpm.run(HierarchyChangeAuth, { authHandle: TPM_RH.OWNER, newAuth: text("owner") }, [session]).rc).toBe(0);
    const [first = EMPTY] = sent;
    expect(new DataView(send(first).buffer).getUint32(6)).toBe(0x9a2);
  });

  test("a session that shall not continue is gone afterwards", () => {
    const tpm = TestTpm.started();
    const session = startSession(tpm, { symmetric: AES_128_CFB }).with({ encrypt: true });
    expect(tpm.run(GetRandom, { bytesRequested: 8 }, [session]).rc).toBe(0);
    expect(tpm.run(GetRandom, { bytesRequested: 8 }, [session]).text).toBe("TPM_RC_REFERENCE_S0");
    expect(tpm.tpm.state.ram.sessions.size).toBe(0);
  });

  test("an empty parameter is encrypted like any other", () => {
    const tpm = TestTpm.started();
    const sessions: readonly TestSession[] = CIPHERS.slice(0, 3).map((each) => startSession(tpm, { symmetric: each }));
    for (const session of sessions) {
      session.with({ continueSession: true, decrypt: true });
      expect(tpm.run(StirRandom, { inData: EMPTY }, [session]).text).toBe("TPM_RC_SUCCESS");
      expect(tpm.run(StirRandom, { inData: concatBytes(text("a")) }, [session]).text).toBe("TPM_RC_SUCCESS");
    }
  });
});
