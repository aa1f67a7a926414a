# Uses the TPM for ever, while the machine moves from one QEMU process to the next. The first command that fails ends it. Each round
# needs state of every kind: an NV counter, a PCR, a key that is loaded, a saved context, a session.
set -e
mkdir -p /tmp; cd /tmp
managed=device:/dev/tpmrm0 bare=device:/dev/tpm0
TPM2TOOLS_TCTI=$managed; export TPM2TOOLS_TCTI
tpm2 createprimary -Q -C o -G ecc -c primary.ctx
tpm2 create -Q -C primary.ctx -G ecc -u key.pub -r key.priv
tpm2 load -Q -C primary.ctx -u key.pub -r key.priv -c key.ctx
tpm2 nvdefine -Q -C o -s 8 -a 'ownerwrite|ownerread|nt=counter' 0x01500020
tpm2 pcrextend 16:sha256=5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
tpm2 createprimary -Q -T $bare -C e -G ecc -c loaded.ctx
tpm2 startauthsession -T $bare --policy-session -S session.ctx
echo message > message
while :; do
  tpm2 nvincrement -Q -C o 0x01500020
  tpm2 sign -Q -c key.ctx -g sha256 -o signature message
  tpm2 readpublic -Q -T $bare -c 0x80000000
  tpm2 policyrestart -T $bare -S session.ctx
  echo "ROUND $(tpm2 nvread -C o 0x01500020 | xxd -p) $(cat /sys/class/tpm/tpm0/pcr-sha256/16)"
done
