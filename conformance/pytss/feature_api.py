"""Checks of the TPM through FAPI, one function a check. The test runs `python3 feature_api.py TCTI NAME PROFILE`.

FAPI provisions the TPM, keeps objects in a folder of its own, and authorizes with sessions that are salted, bound and
encrypted wherever its profile says so.
"""

import hashlib
import json
import sys

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from tpm2_pytss import TSS2_Exception
from tpm2_pytss.FAPI import FAPI, FAPIConfig

CHECKS = {}
ZERO = "00" * 32


def check(function):
    CHECKS[function.__name__] = function
    return function


def digest(data):
    return hashlib.sha256(data).digest()


def refuses(action, *arguments):
    """What a policy or a password must keep away. The library leaves the object loaded: once a check, at its end."""
    try:
        action(*arguments)
    except TSS2_Exception:
        return
    raise AssertionError("was not refused")


def policy(fapi, name, *elements):
    path = f"/policy/{name}"
    fapi.import_object(path, json.dumps({"description": name, "policy": list(elements)}))
    return path


def pcr_policy(pcr, value):
    return {"type": "POLICYPCR", "pcrs": [{"pcr": pcr, "hashAlg": "TPM2_ALG_SHA256", "digest": value}]}


def unseal(fapi, secret):
    assert bytes(fapi.unseal("HS/SRK/sealed")) == secret


def verify(pem, signature, data):
    key = serialization.load_pem_public_key(pem.encode() if isinstance(pem, str) else pem)
    if isinstance(key, rsa.RSAPublicKey):
        key.verify(signature, data, padding.PSS(padding.MGF1(hashes.SHA256()), padding.PSS.AUTO), hashes.SHA256())
    else:
        key.verify(signature, data, ec.ECDSA(hashes.SHA256()))


@check
def signature_that_others_verify(fapi):
    fapi.create_key("HS/SRK/key", "sign, noda")
    signature, pem, _ = fapi.sign("HS/SRK/key", digest(b"text"), "RSA_PSS" if "RSA" in fapi.config.profile_name else None)
    verify(pem, signature, b"text")
    fapi.verify_signature("HS/SRK/key", digest(b"text"), signature)
    refuses(fapi.verify_signature, "HS/SRK/key", digest(b"other"), signature)


@check
def key_with_a_password(fapi):
    password = [b"right"]
    fapi.set_auth_callback(lambda path, description, user_data: password[0])
    fapi.create_key("HS/SRK/key", "sign, noda", auth_value="right")
    fapi.sign("HS/SRK/key", digest(b"text"))
    fapi.change_auth("HS/SRK/key", "changed")
    password[0] = b"changed"
    fapi.sign("HS/SRK/key", digest(b"text"))
    password[0] = b"right"
    refuses(fapi.sign, "HS/SRK/key", digest(b"text"))


@check
def persistent_key(fapi):
    fapi.create_key("HS/SRK/key", "sign, noda, 0x81000123")
    fapi.sign("HS/SRK/key", digest(b"text"))
    fapi.delete("HS/SRK/key")


@check
def key_below_a_key(fapi):
    fapi.create_key("HS/SRK/parent", "decrypt, restricted, noda")
    fapi.create_key("HS/SRK/parent/key", "sign, noda")
    fapi.sign("HS/SRK/parent/key", digest(b"text"))


@check
def quote_with_an_event_log(fapi):
    fapi.create_key("HS/SRK/key", "sign, restricted, noda")
    fapi.pcr_extend(16, b"event", '{"what": "an event"}')
    info, signature, log, _ = fapi.quote("HS/SRK/key", [7, 16], qualifying_data=b"nonce")
    fapi.verify_quote("HS/SRK/key", signature, info, qualifying_data=b"nonce", pcr_log=log)
    refuses(fapi.verify_quote, "HS/SRK/key", signature, info, b"other", log)
    value, log = fapi.pcr_read(16)
    assert bytes(value) == digest(bytes(32) + digest(b"event"))


@check
def nv_of_each_kind(fapi):
    fapi.create_nv("/nv/Owner/ordinary", 10, "noda")
    fapi.nv_write("/nv/Owner/ordinary", b"0123456789")
    assert bytes(fapi.nv_read("/nv/Owner/ordinary")[0]) == b"0123456789"
    fapi.create_nv("/nv/Owner/counter", 0, "counter, noda")
    fapi.nv_increment("/nv/Owner/counter")
    before = int.from_bytes(bytes(fapi.nv_read("/nv/Owner/counter")[0]), "big")
    fapi.nv_increment("/nv/Owner/counter")
    assert int.from_bytes(bytes(fapi.nv_read("/nv/Owner/counter")[0]), "big") == before + 1
    fapi.create_nv("/nv/Owner/bits", 0, "bitfield, noda")
    fapi.nv_set_bits("/nv/Owner/bits", 0x5)
    fapi.nv_set_bits("/nv/Owner/bits", 0x8000000000000000)
    assert int.from_bytes(bytes(fapi.nv_read("/nv/Owner/bits")[0]), "big") == 0x8000000000000005
    fapi.create_nv("/nv/Owner/extended", 0, "pcr, noda")
    fapi.nv_extend("/nv/Owner/extended", b"first", '{"n": 1}')
    fapi.nv_extend("/nv/Owner/extended", b"second", '{"n": 2}')
    assert bytes(fapi.nv_read("/nv/Owner/extended")[0]) == digest(digest(bytes(32) + b"first") + b"second")


@check
def nv_with_a_password(fapi):
    password = [b"right"]
    fapi.set_auth_callback(lambda path, description, user_data: password[0])
    fapi.create_nv("/nv/Owner/index", 4, "noda", auth_value="right")
    fapi.nv_write("/nv/Owner/index", b"1234")
    password[0] = b"wrong"
    refuses(fapi.nv_read, "/nv/Owner/index")
    password[0] = b"right"
    assert bytes(fapi.nv_read("/nv/Owner/index")[0]) == b"1234"


@check
def hierarchies_with_passwords(fapi):
    fapi.delete("/")
    passwords = {"HE": b"endorsement", "HS": b"storage", "LOCKOUT": b"lockout"}
    fapi.set_auth_callback(lambda path, description, user_data: next(v for k, v in passwords.items() if k in path))
    fapi.provision("endorsement", "storage", "lockout")
    fapi.create_key("HS/SRK/key", "sign, noda", auth_value="")
    fapi.create_nv("/nv/Owner/index", 4, "noda", auth_value="")
    fapi.nv_write("/nv/Owner/index", b"1234")
    fapi.change_auth("HS", "other")
    passwords["HS"] = b"other"
    fapi.delete("/nv/Owner/index")
    fapi.delete("/")


@check
def sealed_behind_a_pcr(fapi):
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=policy(fapi, "pcr", pcr_policy(16, ZERO)))
    unseal(fapi, b"kept")
    fapi.pcr_extend(16, b"event")
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_behind_a_password(fapi):
    password = [b"right"]
    fapi.set_auth_callback(lambda path, description, user_data: password[0])
    path = policy(fapi, "authvalue", {"type": "POLICYAUTHVALUE"}, {"type": "POLICYCOMMANDCODE", "code": "TPM2_CC_Unseal"})
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=path, auth_value="right")
    unseal(fapi, b"kept")
    password[0] = b"wrong"
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_behind_nv(fapi):
    fapi.create_nv("/nv/Owner/index", 4, "noda")
    fapi.nv_write("/nv/Owner/index", b"\0\0\0\7")
    path = policy(
        fapi, "nv", {"type": "POLICYNV", "nvPath": "/nv/Owner/index", "operandB": "00000005", "operation": "TPM2_EO_UNSIGNED_GT"}
    )
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=path)
    unseal(fapi, b"kept")
    fapi.nv_write("/nv/Owner/index", b"\0\0\0\5")
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_behind_a_secret(fapi):
    password = [b"right"]
    fapi.set_auth_callback(lambda path, description, user_data: password[0])
    fapi.create_nv("/nv/Owner/index", 4, "noda", auth_value="right")
    fapi.nv_write("/nv/Owner/index", b"1234")
    path = policy(fapi, "secret", {"type": "POLICYSECRET", "objectPath": "/nv/Owner/index"})
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=path)
    unseal(fapi, b"kept")
    password[0] = b"wrong"
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_behind_a_signature(fapi):
    key = ec.generate_private_key(ec.SECP256R1())
    other = ec.generate_private_key(ec.SECP256R1())
    signer = [key]
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo).decode()
    path = policy(fapi, "signed", {"type": "POLICYSIGNED", "publicKeyHint": "a key", "keyPEM": pem, "keyPEMhashAlg": "TPM2_ALG_SHA256"})
    fapi.set_sign_callback(
        lambda path, description, public_key, hint, hash_algorithm, challenge, user_data: signer[0].sign(
            challenge, ec.ECDSA(hashes.SHA256())
        )
    )
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=path)
    unseal(fapi, b"kept")
    signer[0] = other
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_behind_one_of_two(fapi):
    chosen = [1]
    fapi.set_branch_callback(lambda path, description, names, user_data: chosen[0])
    path = policy(
        fapi,
        "or",
        {
            "type": "POLICYOR",
            "branches": [
                {"name": "closed", "description": "never", "policy": [pcr_policy(16, "11" * 32)]},
                {"name": "open", "description": "now", "policy": [pcr_policy(16, ZERO)]},
            ],
        },
    )
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=path)
    unseal(fapi, b"kept")
    chosen[0] = 0
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_behind_an_authorized_policy(fapi):
    fapi.create_key("HS/SRK/authority", "sign, noda")
    inner = policy(fapi, "inner", pcr_policy(16, ZERO))
    outer = policy(fapi, "outer", {"type": "POLICYAUTHORIZE", "policyRef": [1, 2, 3], "keyPath": "HS/SRK/authority"})
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=outer)
    fapi.authorize_policy(inner, "HS/SRK/authority", b"\1\2\3")
    unseal(fapi, b"kept")
    fapi.pcr_extend(16, b"event")
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_behind_a_policy_in_nv(fapi):
    fapi.create_nv("/nv/Owner/policy", 34, "noda")
    inner = policy(fapi, "inner", pcr_policy(16, ZERO))
    outer = policy(fapi, "outer", {"type": "POLICYAUTHORIZENV", "nvPath": "/nv/Owner/policy"})
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=outer)
    fapi.write_authorize_nv("/nv/Owner/policy", inner)
    unseal(fapi, b"kept")
    fapi.pcr_extend(16, b"event")
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_at_a_locality_that_is_not_this_one(fapi):
    here = policy(fapi, "here", {"type": "POLICYLOCALITY", "locality": 1})
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=here)
    unseal(fapi, b"kept")
    fapi.delete("HS/SRK/sealed")
    there = policy(fapi, "there", {"type": "POLICYLOCALITY", "locality": 4})
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=there)
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def sealed_until_the_clock_says_so(fapi):
    clock = lambda operation: {"type": "POLICYCOUNTERTIMER", "operandB": f"{2**40:016x}", "operation": operation}
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=policy(fapi, "before", clock("TPM2_EO_UNSIGNED_LT")))
    unseal(fapi, b"kept")
    fapi.delete("HS/SRK/sealed")
    fapi.create_seal("HS/SRK/sealed", data=b"kept", policy_path=policy(fapi, "after", clock("TPM2_EO_UNSIGNED_GT")))
    refuses(fapi.unseal, "HS/SRK/sealed")


@check
def key_that_moves_to_another_parent(fapi):
    fapi.create_key("HS/SRK/parent", "decrypt, restricted, noda")
    path = policy(fapi, "duplicate", {"type": "POLICYDUPLICATIONSELECT", "newParentPath": "/ext/parent"})
    fapi.import_object("/ext/parent", fapi.export_key("HS/SRK/parent"))
    fapi.create_key("HS/SRK/key", "sign, exportable, noda", policy_path=path)
    exported = fapi.export_key("HS/SRK/key", "/ext/parent")
    assert {"duplicate", "encrypted_seed"} <= json.loads(exported).keys()


@check
def encryption(fapi):
    if "ECC" in fapi.config.profile_name:
        return refuses(fapi.encrypt, "HS/SRK", b"text")  # the library cannot
    fapi.create_key("HS/SRK/key", "decrypt, noda")
    assert bytes(fapi.decrypt("HS/SRK/key", fapi.encrypt("HS/SRK/key", b"text"))) == b"text"


@check
def imported_keys(fapi):
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    fapi.import_object("/ext/key", pem)
    fapi.verify_signature("/ext/key", digest(b"text"), key.sign(digest(b"text"), ec.ECDSA(utils.Prehashed(hashes.SHA256()))))


@check
def facts_and_random_numbers(fapi):
    info = json.loads(fapi.get_info())
    assert info["version"].startswith("tpm2-tss")
    assert len(fapi.get_random(100)) == 100
    assert fapi.get_random(32) != fapi.get_random(32)


def main():
    tcti, name, profile = sys.argv[1:]
    with FAPIConfig(temp_dirs=True, tcti=tcti, ek_cert_less="yes", profile_name=profile) as config:
        with FAPI() as fapi:
            fapi.set_auth_callback(lambda path, description, user_data: b"")
            fapi.provision()
            CHECKS[name](fapi)


main()
