import { EMPTY } from "@vtpm/wire";
import { TPM_CC } from "../../../spec/command-codes.ts";
import { TPM_ALG } from "../../../spec/constants.ts";
import { TPM_RH } from "../../../spec/handles.ts";
import { TPMA_SESSION } from "../../../spec/structures/index.ts";
import type { KEY_SLOT, OBJECT } from "../../../state/object.ts";
import { isAttribute, type Recipe, type World } from "../world.ts";
import { readable } from "./nv.ts";
import { obtain, pcrSelection } from "./objects.ts";
import { schemeFor } from "./policies.ts";
import type { NamedRecipe } from "./recipe.ts";
import { byCommonPolicy, startSession } from "./sessions.ts";

const signs = (key: OBJECT | KEY_SLOT): boolean =>
  isAttribute(key, "sign") && key.publicArea.type !== TPM_ALG.SYMCIPHER;

/** Who signs, and what is signed along. */
function* signer(world: World) {
  const { dice } = world;
  const key = dice.chance(0.3)
    ? undefined
    : yield* obtain(world, signs, "eccRestrictedSign", "eccSign", "rsaSign", "hmac");
  const signHandle = key?.handle ?? TPM_RH.NULL;
  const inScheme = key === undefined ? { scheme: TPM_ALG.NULL } : schemeFor(world, key.handle);
  return { signHandle, qualifyingData: dice.bytes(dice.pick([0, 8, 32])), inScheme };
}

function* certify(world: World): Recipe {
  const by = yield* signer(world);
  const target = world.dice.maybe(world.keys());
  if (target === undefined) return;
  const auth = isAttribute(target.key, "adminWithPolicy")
    ? yield* byCommonPolicy(world, TPM_CC.Certify, target.handle)
    : undefined;
  yield* world.run("Certify", { objectHandle: target.handle, ...by }, { auths: [auth] });
}

function* certifyCreation(world: World): Recipe {
  const by = yield* signer(world);
  const made = world.kept<object>("creation");
  if (made !== undefined) yield* world.run("CertifyCreation", { ...by, ...made });
}

function* quote(world: World): Recipe {
  const by = yield* signer(world);
  yield* world.run("Quote", { ...by, PCRselect: pcrSelection(world) });
}

function* time(world: World): Recipe {
  const by = yield* signer(world);
  yield* world.run("GetTime", { privacyAdminHandle: TPM_RH.ENDORSEMENT, ...by });
}

function* commandAudit(world: World): Recipe {
  const by = yield* signer(world);
  yield* world.run("GetCommandAuditDigest", { privacyHandle: TPM_RH.ENDORSEMENT, ...by });
}

function* sessionAudit(world: World): Recipe {
  const { dice } = world;
  const session = dice.maybe(world.liveSessions("hmac")) ?? (yield* startSession(world, "hmac"));
  if (session === undefined) return;
  // The session must have audited something.
  const audits = TPMA_SESSION.of({ continueSession: true, audit: true, auditExclusive: dice.chance(0.1) });
  yield* world.run("ReadPublic", { objectHandle: dice.maybe(world.objects())?.handle ?? TPM_RH.NULL }, {});
  const handle = TPM_RH.OWNER;
  yield* world.run(
    "SetPrimaryPolicy",
    { authHandle: handle, authPolicy: EMPTY, hashAlg: TPM_ALG.NULL },
    { auths: [world.bySession(session, handle, audits)] },
  );
  const by = yield* signer(world);
  yield* world.run("GetSessionAuditDigest", {
    privacyAdminHandle: TPM_RH.ENDORSEMENT,
    ...by,
    sessionHandle: world.ref(session.handle),
  });
}

function* certifyNv(world: World): Recipe {
  const { dice } = world;
  const by = yield* signer(world);
  const found = yield* readable(world, TPM_CC.NV_Certify);
  if (found === undefined) return;
  const { nvIndex, authHandle, auth, size } = found;
  const offset = dice.chance(0.4) ? 0 : dice.below(size + 1);
  const length = dice.chance(0.3) ? 0 : dice.below(size - offset + 1);
  const input = { ...by, authHandle, nvIndex, size: length, offset };
  yield* world.run("NV_Certify", input, { auths: [undefined, auth] });
}

const der = (tag: number, ...content: readonly Uint8Array[]): Uint8Array => {
  const size = content.reduce((sum, part) => sum + part.length, 0);
  const bytes = new Uint8Array(2 + size);
  bytes.set([tag, size]);
  let offset = 2;
  for (const part of content) {
    bytes.set(part, offset);
    offset += part.length;
  }
  return bytes;
};

/** A certificate with what the TPM does not fill in: names, validity, extensions with the key usage. */
function partialCertificate(world: World): Uint8Array {
  const { dice } = world;
  const text = (characters: string): Uint8Array => Uint8Array.from(characters, (c) => c.charCodeAt(0));
  const oid = (...bytes: number[]): Uint8Array => der(0x06, Uint8Array.from(bytes));
  const name = der(0x30, der(0x31, der(0x30, oid(0x55, 4, 3), der(0x0c, text("fuzz")))));
  const validity = der(0x30, der(0x17, text("240101000000Z")), der(0x17, text("340101000000Z")));
  const usage = dice.pick([
    [7, 0x80],
    [3, 0xb8],
    [5, 0xa0],
  ]);
  const keyUsage = der(
    0x30,
    oid(0x55, 0x1d, 0x0f),
    der(0x01, Uint8Array.of(0xff)),
    der(0x04, der(0x03, Uint8Array.from(usage))),
  );
  const extensions = der(0xa3, der(0x30, keyUsage));
  return der(0x30, name, validity, name, extensions);
}

function* certifyX509(world: World): Recipe {
  const { dice } = world;
  const x509 = (key: OBJECT | KEY_SLOT): boolean =>
    signs(key) && isAttribute(key, "x509sign") && !isAttribute(key, "restricted");
  const key = yield* obtain(world, x509, "eccSign", "rsaSign");
  const target = dice.maybe(world.keys((k) => [TPM_ALG.RSA, TPM_ALG.ECC].some((t) => t === k.publicArea.type)));
  if (key === undefined || target === undefined) return;
  const auth = isAttribute(target.key, "adminWithPolicy")
    ? yield* byCommonPolicy(world, TPM_CC.CertifyX509, target.handle)
    : undefined;
  yield* world.run(
    "CertifyX509",
    {
      objectHandle: target.handle,
      signHandle: key.handle,
      reserved: EMPTY,
      inScheme: schemeFor(world, key.handle),
      partialCertificate: partialCertificate(world),
    },
    { auths: [auth] },
  );
}

/** What a TPM swears to. */
export const ATTESTATION_RECIPES: readonly NamedRecipe[] = [
  { name: "certify", weight: 3, steps: certify },
  { name: "certify a creation", weight: 3, steps: certifyCreation },
  { name: "quote", weight: 3, steps: quote },
  { name: "attest the time", weight: 2, steps: time },
  { name: "attest the command audit", weight: 2, steps: commandAudit },
  { name: "attest a session's audit", weight: 3, steps: sessionAudit },
  { name: "certify an Index", weight: 3, steps: certifyNv },
  { name: "certify as X.509", weight: 3, steps: certifyX509 },
];
