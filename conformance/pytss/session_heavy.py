"""Checks of the TPM through ESAPI, one function a check. The test runs `python3 session_heavy.py NAME`.

The library verifies the HMAC of every response in a session and decrypts what the TPM encrypted, so a check that
ends has seen correct answers; what it asserts beyond that, it asserts here.
"""

import hashlib
import hmac
import os
import sys

from tpm2_pytss import *  # noqa: F403
from tpm2_pytss.utils import *  # noqa: F403

TEMPLATE_STORAGE = "ecc256:aes128cfb"
SYMMETRIC = {
    "none": TPMT_SYM_DEF(algorithm=TPM2_ALG.NULL),
    "aes128": TPMT_SYM_DEF(algorithm=TPM2_ALG.AES, keyBits=TPMU_SYM_KEY_BITS(aes=128), mode=TPMU_SYM_MODE(aes=TPM2_ALG.CFB)),
    "aes256": TPMT_SYM_DEF(algorithm=TPM2_ALG.AES, keyBits=TPMU_SYM_KEY_BITS(aes=256), mode=TPMU_SYM_MODE(aes=TPM2_ALG.CFB)),
    "xor": TPMT_SYM_DEF(algorithm=TPM2_ALG.XOR, keyBits=TPMU_SYM_KEY_BITS(exclusiveOr=TPM2_ALG.SHA256)),
}
HASHES = {"sha1": TPM2_ALG.SHA1, "sha256": TPM2_ALG.SHA256, "sha384": TPM2_ALG.SHA384, "sha512": TPM2_ALG.SHA512}
ENCRYPT = TPMA_SESSION.ENCRYPT
DECRYPT = TPMA_SESSION.DECRYPT
CONTINUE = TPMA_SESSION.CONTINUESESSION
AUDIT = TPMA_SESSION.AUDIT
STORAGE_KEY = (
    TPMA_OBJECT.RESTRICTED | TPMA_OBJECT.DECRYPT | TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT
    | TPMA_OBJECT.SENSITIVEDATAORIGIN | TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.NODA
)
SIGN_KEY = (
    TPMA_OBJECT.SIGN_ENCRYPT | TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT
    | TPMA_OBJECT.SENSITIVEDATAORIGIN | TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.NODA
)
SEALED = TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT | TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.NODA
POLICY_ONLY = TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT | TPMA_OBJECT.NODA

CHECKS = {}


def check(function):
    CHECKS[function.__name__] = function
    return function


def primary(ectx, auth=b"", template=TEMPLATE_STORAGE, attributes=STORAGE_KEY, hierarchy=ESYS_TR.OWNER):
    sensitive = TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(userAuth=TPM2B_AUTH(auth)))
    handle, public, _, _, _ = ectx.create_primary(sensitive, TPM2B_PUBLIC.parse(template, objectAttributes=attributes), hierarchy)
    return handle


def hmac_session(ectx, tpm_key=ESYS_TR.NONE, bind=ESYS_TR.NONE, symmetric="aes128", hash_name="sha256", attributes=CONTINUE, kind=TPM2_SE.HMAC):
    session = ectx.start_auth_session(
        tpm_key=tpm_key, bind=bind, session_type=kind, symmetric=SYMMETRIC[symmetric], auth_hash=HASHES[hash_name]
    )
    ectx.trsess_set_attributes(session, attributes, 0xFF)
    return session


def seal(ectx, parent, secret, auth=b"", policy=b"", session=ESYS_TR.PASSWORD, attributes=SEALED):
    sensitive = TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(userAuth=TPM2B_AUTH(auth), data=TPM2B_SENSITIVE_DATA(secret)))
    public = TPM2B_PUBLIC.parse("keyedhash", objectAttributes=attributes, authPolicy=policy)
    private, public, _, _, _ = ectx.create(parent, sensitive, public, session1=session)
    handle = ectx.load(parent, private, public, session1=session)
    ectx.tr_set_auth(handle, auth)
    return handle


def refused(code, function, *args, **kwargs):
    try:
        function(*args, **kwargs)
    except TSS2_Exception as error:
        assert error.rc == code, f"refused with {error.rc:#x} instead of {code:#x}"
        return
    raise AssertionError(f"not refused with {code:#x}")


@check
def sessions_of_every_kind_encrypt_both_ways(ectx):
    for symmetric in ("aes128", "aes256", "xor"):
        for hash_name in HASHES:
            for salted in (False, True):
                for bound in (False, True):
                    key = primary(ectx, b"keyauth")
                    ectx.tr_set_auth(key, b"keyauth")
                    session = hmac_session(
                        ectx,
                        tpm_key=key if salted else ESYS_TR.NONE,
                        bind=key if bound else ESYS_TR.NONE,
                        symmetric=symmetric,
                        hash_name=hash_name,
                        attributes=CONTINUE | ENCRYPT | DECRYPT,
                    )
                    secret = os.urandom(24)
                    sealed = seal(ectx, key, secret, b"sealauth", session=session)
                    assert bytes(ectx.unseal(sealed, session1=session)) == secret
                    for handle in (sealed, session, key):
                        ectx.flush_context(handle)


@check
def rsa_keys_salt_sessions(ectx):
    key = primary(ectx, template="rsa2048:aes128cfb")
    session = hmac_session(ectx, tpm_key=key, attributes=CONTINUE | ENCRYPT | DECRYPT)
    sealed = seal(ectx, key, b"secret", session=session)
    assert bytes(ectx.unseal(sealed, session1=session)) == b"secret"


@check
def a_wrong_authorization_fails_and_the_session_goes_on(ectx):
    key = primary(ectx)
    sealed = seal(ectx, key, b"secret", b"right")
    session = hmac_session(ectx, tpm_key=key)
    ectx.tr_set_auth(sealed, b"wrong")
    refused(0x9A2, ectx.unseal, sealed, session1=session)
    ectx.tr_set_auth(sealed, b"right")
    assert bytes(ectx.unseal(sealed, session1=session)) == b"secret"


@check
def sessions_that_do_not_continue_end(ectx):
    key = primary(ectx)
    session = hmac_session(ectx, attributes=TPMA_SESSION(0))
    seal_public = TPM2B_PUBLIC.parse("ecc256", objectAttributes=SIGN_KEY)
    ectx.create(key, TPM2B_SENSITIVE_CREATE(), seal_public, session1=session)
    _, handles = ectx.get_capability(TPM2_CAP.HANDLES, 0x02000000, 10)
    assert len(handles.data.handles) == 0


@check
def three_sessions_share_a_command(ectx):
    key = primary(ectx, b"keyauth")
    ectx.tr_set_auth(key, b"keyauth")
    auth = hmac_session(ectx, symmetric="none")
    decrypting = hmac_session(ectx, tpm_key=key, attributes=CONTINUE | DECRYPT)
    encrypting = hmac_session(ectx, symmetric="xor", attributes=CONTINUE | ENCRYPT)
    sensitive = TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(data=TPM2B_SENSITIVE_DATA(b"secret")))
    public = TPM2B_PUBLIC.parse("keyedhash", objectAttributes=SEALED)
    private, public, _, _, _ = ectx.create(key, sensitive, public, session1=auth, session2=decrypting, session3=encrypting)
    sealed = ectx.load(key, private, public, session1=auth)
    assert bytes(ectx.unseal(sealed, session1=auth, session2=encrypting)) == b"secret"


@check
def audit_sessions_hash_every_command_and_are_attested(ectx):
    key = primary(ectx, template="ecc256:ecdsa-sha256:null", attributes=SIGN_KEY, hierarchy=ESYS_TR.ENDORSEMENT)
    session = hmac_session(ectx, attributes=CONTINUE | AUDIT)
    for _ in range(3):
        ectx.get_random(8, session1=session)
    ectx.read_clock()
    ectx.get_random(8, session1=session)
    info, signature = ectx.get_session_audit_digest(key, session, b"nonce", TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL))
    attest = TPMS_ATTEST.unmarshal(bytes(info))[0]
    assert attest.type == TPM2_ST.ATTEST_SESSION_AUDIT and bytes(attest.extraData) == b"nonce"
    assert len(bytes(attest.attested.sessionAudit.sessionDigest)) == 32
    digest = hashlib.sha256(bytes(info)).digest()
    ectx.verify_signature(key, digest, signature)


@check
def exclusive_audit_sessions_notice_other_commands(ectx):
    session = hmac_session(ectx, attributes=CONTINUE | AUDIT)
    ectx.get_random(8, session1=session)
    ectx.trsess_set_attributes(session, CONTINUE | AUDIT | TPMA_SESSION.AUDITEXCLUSIVE, 0xFF)
    ectx.get_random(8, session1=session)
    ectx.trsess_set_attributes(session, CONTINUE | AUDIT, 0xFF)
    ectx.get_random(8)
    ectx.get_random(8, session1=session)


@check
def pcr_policies_open_and_close(ectx):
    key = primary(ectx)
    pcrs = TPML_PCR_SELECTION.parse("sha256:16")
    ectx.pcr_reset(ESYS_TR.PCR16)
    trial = hmac_session(ectx, kind=TPM2_SE.TRIAL)
    ectx.policy_pcr(trial, b"", pcrs)
    policy = bytes(ectx.policy_get_digest(trial))
    ectx.flush_context(trial)
    sealed = seal(ectx, key, b"secret", policy=policy, attributes=POLICY_ONLY)
    session = hmac_session(ectx, kind=TPM2_SE.POLICY, tpm_key=key, attributes=CONTINUE | ENCRYPT)
    ectx.policy_pcr(session, b"", pcrs)
    assert bytes(ectx.unseal(sealed, session1=session)) == b"secret"
    ectx.pcr_extend(ESYS_TR.PCR16, TPML_DIGEST_VALUES([TPMT_HA(hashAlg=TPM2_ALG.SHA256, digest=TPMU_HA(sha256=b"\x01" * 32))]))
    ectx.policy_restart(session)
    ectx.policy_pcr(session, b"", pcrs)
    refused(0x99D, ectx.unseal, sealed, session1=session)
    ectx.pcr_reset(ESYS_TR.PCR16)


@check
def authvalue_policies_prove_knowledge(ectx):
    key = primary(ectx)
    trial = hmac_session(ectx, kind=TPM2_SE.TRIAL)
    ectx.policy_auth_value(trial)
    policy = bytes(ectx.policy_get_digest(trial))
    ectx.flush_context(trial)
    sealed = seal(ectx, key, b"secret", b"pass", policy, attributes=POLICY_ONLY)
    for salted in (False, True):
        session = hmac_session(ectx, kind=TPM2_SE.POLICY, tpm_key=key if salted else ESYS_TR.NONE, attributes=CONTINUE | ENCRYPT)
        ectx.policy_auth_value(session)
        assert bytes(ectx.unseal(sealed, session1=session)) == b"secret"
        ectx.flush_context(session)


@check
def policy_signed_with_nonce_and_expiration(ectx):
    key = primary(ectx)
    signer = primary(ectx, template="ecc256:ecdsa-sha256:null", attributes=SIGN_KEY, hierarchy=ESYS_TR.ENDORSEMENT)

    def sign(session_nonce, expiration):
        data = session_nonce + expiration.to_bytes(4, "big", signed=True)
        digest = hashlib.sha256(data).digest()
        ticket = TPMT_TK_HASHCHECK(tag=TPM2_ST.HASHCHECK, hierarchy=TPM2_RH.NULL)
        return ectx.sign(signer, digest, TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL), ticket)

    trial = hmac_session(ectx, kind=TPM2_SE.TRIAL)
    ectx.policy_signed(signer, trial, b"", b"", b"", 0, sign(b"", 0))
    policy = bytes(ectx.policy_get_digest(trial))
    ectx.flush_context(trial)
    sealed = seal(ectx, key, b"secret", policy=policy, attributes=POLICY_ONLY)
    session = hmac_session(ectx, kind=TPM2_SE.POLICY)
    nonce = bytes(ectx.trsess_get_nonce_tpm(session))
    timeout, ticket = ectx.policy_signed(signer, session, nonce, b"", b"", -60, sign(nonce, -60))
    assert bytes(ectx.unseal(sealed, session1=session)) == b"secret"
    ectx.flush_context(session)
    later = hmac_session(ectx, kind=TPM2_SE.POLICY)
    name = bytes(ectx.tr_get_name(signer))
    ectx.policy_ticket(later, timeout, b"", b"", name, ticket)
    assert bytes(ectx.unseal(sealed, session1=later)) == b"secret"
    ectx.flush_context(later)
    other = hmac_session(ectx, kind=TPM2_SE.POLICY)
    refused(0x1CF, ectx.policy_signed, signer, other, nonce, b"", b"", 0, sign(nonce, 0))


@check
def nv_through_hmac_sessions(ectx):
    key = primary(ectx)
    session = hmac_session(ectx, tpm_key=key, attributes=CONTINUE | ENCRYPT | DECRYPT)
    public = TPM2B_NV_PUBLIC(TPMS_NV_PUBLIC(
        nvIndex=0x1000001, nameAlg=TPM2_ALG.SHA256, dataSize=64,
        attributes=TPMA_NV.AUTHREAD | TPMA_NV.AUTHWRITE | TPMA_NV.OWNERREAD | TPMA_NV.OWNERWRITE | TPMA_NV.NO_DA,
    ))
    index = ectx.nv_define_space(b"nvauth", public, session1=session)
    ectx.tr_set_auth(index, b"nvauth")
    for offset in range(0, 64, 16):
        ectx.nv_write(index, bytes([offset]) * 16, offset, auth_handle=index, session1=session)
    content = bytes(ectx.nv_read(index, 64, 0, auth_handle=index, session1=session))
    assert content == b"".join(bytes([offset]) * 16 for offset in range(0, 64, 16))
    refused(0x146, ectx.nv_read, index, 64, 1, auth_handle=index, session1=session)
    ectx.nv_undefine_space(index, session1=session)


@check
def hmac_and_hash_sequences(ectx):
    data = os.urandom(3000)
    sequence = ectx.hash_sequence_start(b"seqauth", TPM2_ALG.SHA256)
    ectx.tr_set_auth(sequence, b"seqauth")
    session = hmac_session(ectx)
    ectx.sequence_update(sequence, data[:1024], session1=session)
    ectx.sequence_update(sequence, data[1024:2048], session1=session)
    result, ticket = ectx.sequence_complete(sequence, data[2048:], hierarchy=ESYS_TR.OWNER, session1=session)
    assert bytes(result) == hashlib.sha256(data).digest() and ticket.hierarchy == TPM2_RH.OWNER
    key_bytes = os.urandom(32)
    sensitive = TPM2B_SENSITIVE_CREATE(TPMS_SENSITIVE_CREATE(data=TPM2B_SENSITIVE_DATA(key_bytes)))
    attributes = TPMA_OBJECT.SIGN_ENCRYPT | TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.NODA
    key, _, _, _, _ = ectx.create_primary(sensitive, TPM2B_PUBLIC.parse("hmac:sha256", objectAttributes=attributes))
    assert bytes(ectx.hmac(key, data[:900], TPM2_ALG.NULL, session1=session)) == hmac.new(key_bytes, data[:900], "sha256").digest()


@check
def event_sequences_extend_every_bank(ectx):
    ectx.pcr_reset(ESYS_TR.PCR23)
    sequence = ectx.hash_sequence_start(b"", TPM2_ALG.NULL)
    ectx.sequence_update(sequence, b"one ")
    digests = ectx.event_sequence_complete(ESYS_TR.PCR23, sequence, b"two")
    banks = {value.hashAlg: bytes(value) for value in digests}
    for name, algorithm in HASHES.items():
        assert banks[algorithm] == hashlib.new(name, b"one two").digest()
    _, _, values = ectx.pcr_read("sha384:23")
    assert bytes(values[0]) == hashlib.sha384(bytes(48) + hashlib.sha384(b"one two").digest()).digest()
    ectx.pcr_reset(ESYS_TR.PCR23)


@check
def derived_keys_depend_on_label_and_context(ectx):
    attributes = TPMA_OBJECT.RESTRICTED | TPMA_OBJECT.DECRYPT | TPMA_OBJECT.FIXEDTPM | TPMA_OBJECT.FIXEDPARENT | TPMA_OBJECT.SENSITIVEDATAORIGIN | TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.NODA
    public = TPMT_PUBLIC(type=TPM2_ALG.KEYEDHASH, nameAlg=TPM2_ALG.SHA256, objectAttributes=attributes)
    public.parameters.keyedHashDetail.scheme.scheme = TPM2_ALG.XOR
    public.parameters.keyedHashDetail.scheme.details.exclusiveOr.hashAlg = TPM2_ALG.SHA256
    public.parameters.keyedHashDetail.scheme.details.exclusiveOr.kdf = TPM2_ALG.KDF1_SP800_108
    parent, _, _, _, _ = ectx.create_primary(TPM2B_SENSITIVE_CREATE(), TPM2B_PUBLIC(public))

    def derive(label, context):
        template = bytes.fromhex("0023 000b 00040452 0000 0010 0010 0003 0010")
        template += len(label).to_bytes(2, "big") + label + len(context).to_bytes(2, "big") + context
        handle, _, out = ectx.create_loaded(parent, TPM2B_SENSITIVE_CREATE(), TPM2B_TEMPLATE(template))
        point = out.publicArea.unique.ecc
        ectx.flush_context(handle)
        return bytes(point.x), bytes(point.y)

    one = derive(b"label", b"context")
    assert derive(b"label", b"context") == one
    assert derive(b"label", b"other") != one
    assert derive(b"labe", b"lcontext") != one


@check
def rsa_and_ecc_through_sessions(ectx):
    key = primary(ectx)
    session = hmac_session(ectx, tpm_key=key, attributes=CONTINUE | ENCRYPT | DECRYPT)
    decrypting = SIGN_KEY & ~TPMA_OBJECT.SIGN_ENCRYPT | TPMA_OBJECT.DECRYPT
    private, public, _, _, _ = ectx.create(key, TPM2B_SENSITIVE_CREATE(), TPM2B_PUBLIC.parse("rsa2048", objectAttributes=decrypting), session1=session)
    rsa = ectx.load(key, private, public, session1=session)
    scheme = TPMT_RSA_DECRYPT(scheme=TPM2_ALG.OAEP)
    scheme.details.oaep.hashAlg = TPM2_ALG.SHA256
    cipher = ectx.rsa_encrypt(rsa, b"message", scheme, b"label\0", session1=session)
    assert bytes(ectx.rsa_decrypt(rsa, cipher, scheme, b"label\0", session1=session)) == b"message"
    ectx.flush_context(rsa)
    private, public, _, _, _ = ectx.create(key, TPM2B_SENSITIVE_CREATE(), TPM2B_PUBLIC.parse("ecc256", objectAttributes=decrypting), session1=session)
    ecc = ectx.load(key, private, public, session1=session)
    z, point = ectx.ecdh_key_gen(ecc, session1=session)
    again = ectx.ecdh_zgen(ecc, point, session1=session)
    assert bytes(again.point.x) == bytes(z.point.x)


@check
def symmetric_keys_through_sessions(ectx):
    key = primary(ectx)
    session = hmac_session(ectx, tpm_key=key, attributes=CONTINUE | ENCRYPT | DECRYPT)
    attributes = TPMA_OBJECT.SIGN_ENCRYPT | TPMA_OBJECT.DECRYPT | TPMA_OBJECT.USERWITHAUTH | TPMA_OBJECT.SENSITIVEDATAORIGIN | TPMA_OBJECT.NODA
    private, public, _, _, _ = ectx.create(key, TPM2B_SENSITIVE_CREATE(), TPM2B_PUBLIC.parse("aes128cfb", objectAttributes=attributes), session1=session)
    aes = ectx.load(key, private, public, session1=session)
    plain = os.urandom(500)
    cipher, iv = ectx.encrypt_decrypt_2(aes, False, TPM2_ALG.CFB, b"\0" * 16, plain, session1=session)
    again, _ = ectx.encrypt_decrypt_2(aes, True, TPM2_ALG.CFB, b"\0" * 16, cipher, session1=session)
    assert bytes(again) == plain


@check
def credentials_through_sessions(ectx):
    ek = primary(ectx, hierarchy=ESYS_TR.ENDORSEMENT)
    ak = primary(ectx, template="ecc256:ecdsa-sha256:null", attributes=SIGN_KEY)
    blob, secret = ectx.make_credential(ek, b"the credential", ectx.tr_get_name(ak))
    one = hmac_session(ectx, tpm_key=ek, attributes=CONTINUE | ENCRYPT)
    two = hmac_session(ectx, symmetric="none")
    assert bytes(ectx.activate_credential(ak, ek, blob, secret, session1=one, session2=two)) == b"the credential"


@check
def contexts_survive_a_flush(ectx):
    key = primary(ectx)
    session = hmac_session(ectx, kind=TPM2_SE.POLICY)
    ectx.policy_command_code(session, TPM2_CC.Unseal)
    digest = bytes(ectx.policy_get_digest(session))
    saved = ectx.context_save(session)
    saved_key = ectx.context_save(key)
    ectx.flush_context(key)
    session = ectx.context_load(saved)
    assert bytes(ectx.policy_get_digest(session)) == digest
    key = ectx.context_load(saved_key)
    seal(ectx, key, b"secret")


@check
def hierarchies_change_their_authorization_in_sessions(ectx):
    key = primary(ectx)
    session = hmac_session(ectx, tpm_key=key, attributes=CONTINUE | DECRYPT)
    ectx.hierarchy_change_auth(ESYS_TR.OWNER, b"ownerauth", session1=session)
    ectx.tr_set_auth(ESYS_TR.OWNER, b"ownerauth")
    bound = hmac_session(ectx, bind=ESYS_TR.OWNER, attributes=CONTINUE | DECRYPT | ENCRYPT)
    public = TPM2B_PUBLIC.parse(TEMPLATE_STORAGE, objectAttributes=STORAGE_KEY)
    ectx.create_primary(TPM2B_SENSITIVE_CREATE(), public, ESYS_TR.OWNER, session1=bound)
    ectx.hierarchy_change_auth(ESYS_TR.OWNER, b"", session1=bound)
    ectx.tr_set_auth(ESYS_TR.OWNER, b"")


@check
def attestation_of_every_kind_verifies(ectx):
    key = primary(ectx, template="ecc256:ecdsa-sha256:null", attributes=SIGN_KEY | TPMA_OBJECT.RESTRICTED, hierarchy=ESYS_TR.ENDORSEMENT)
    session = hmac_session(ectx)
    second = hmac_session(ectx)
    null_scheme = TPMT_SIG_SCHEME(scheme=TPM2_ALG.NULL)

    def verify(info, signature, kind):
        assert TPMS_ATTEST.unmarshal(bytes(info))[0].type == kind
        ectx.verify_signature(key, hashlib.sha256(bytes(info)).digest(), signature)

    verify(*ectx.quote(key, TPML_PCR_SELECTION.parse("sha256:0,1"), b"nonce", null_scheme, session1=session), TPM2_ST.ATTEST_QUOTE)
    verify(*ectx.get_time(key, b"nonce", null_scheme, session1=session, session2=second), TPM2_ST.ATTEST_TIME)
    verify(*ectx.certify(key, key, b"nonce", null_scheme, session1=session, session2=second), TPM2_ST.ATTEST_CERTIFY)
    verify(*ectx.get_command_audit_digest(key, b"nonce", null_scheme, session1=session, session2=second), TPM2_ST.ATTEST_COMMAND_AUDIT)


def main():
    ectx = ESAPI(sys.argv[1])
    CHECKS[sys.argv[2]](ectx)
    ectx.close()


if len(sys.argv) == 1:
    print("\n".join(CHECKS))
else:
    main()
