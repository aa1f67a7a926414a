# Leaves what persists in a TPM that is to move on: a key, an Index, and a secret under that key which one value of a PCR opens.
mkdir $RIG_DIR/travels
tpm2_createprimary -Q -C o -g sha256 -G ecc -c primary.ctx
tpm2_evictcontrol -Q -C o -c primary.ctx 0x81000020
tpm2_readpublic -Q -c 0x81000020 -n $RIG_DIR/travels/qemu.name
tpm2_nvdefine -Q -C o -s 8 0x1800001
printf fromqemu | tpm2_nvwrite -Q -C o -i - 0x1800001
tpm2_pcrextend 23:sha256=5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
tpm2_createpolicy -Q --policy-pcr -l sha256:23 -L policy
printf "a secret" | tpm2_create -Q -C 0x81000020 -L policy -i - -u $RIG_DIR/travels/sealed.pub -r $RIG_DIR/travels/sealed.priv
