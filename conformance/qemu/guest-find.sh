# Finds what was left here, and what was changed elsewhere, in a TPM that has come back.
tpm2_readpublic -Q -c 0x81000020 -n qemu.name
cmp qemu.name $TRAVELS/qemu.name
tpm2_readpublic -Q -c 0x81000021 -n proxy.name
cmp proxy.name $TRAVELS/proxy.name
tpm2_nvread -C o 0x1800001 | report nv.qemu
tpm2_nvread -C o 0x1800002 | report nv.proxy
tpm2_load -Q -C 0x81000020 -u $TRAVELS/sealed.pub -r $TRAVELS/sealed.priv -c sealed.ctx
if tpm2_unseal -c sealed.ctx -p pcr:sha256:23 2> /dev/null; then echo "it is open to all"; exit 10; fi
tpm2_pcrextend 23:sha256=5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
tpm2_unseal -c sealed.ctx -p pcr:sha256:23 | report secret
echo message > message
tpm2_verifysignature -c 0x81000021 -g sha256 -m $TRAVELS/message -s $TRAVELS/signature
