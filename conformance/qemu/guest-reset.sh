# Runs at each of two boots: leaves traces of every kind in the TPM and resets the machine without a word to it; then looks what is left.

if [ ! -e $RIG_DIR/first.done ]; then
  report_measurements first
  # Persistent: a key, an NV Index that is protected from guessing.
  tpm2_createprimary -Q -C o -g sha256 -G ecc -c primary.ctx
  tpm2_evictcontrol -Q -C o -c primary.ctx 0x81000010
  tpm2_readpublic -Q -c 0x81000010 -n $RIG_DIR/name
  tpm2_create -Q -C primary.ctx -G ecc -u key.pub -r key.priv
  tpm2_load -Q -C primary.ctx -u key.pub -r key.priv -c key.ctx
  echo message > message
  tpm2_sign -Q -c key.ctx -g sha256 -o signature message
  tpm2_verifysignature -c key.ctx -g sha256 -m message -s signature
  tpm2_nvdefine -Q -C o -s 8 -a 'authread|authwrite' -p secret 0x01500010
  printf 12345678 | tpm2_nvwrite -Q -P secret -C 0x01500010 -i - 0x01500010
  tpm2_nvread -P secret -C 0x01500010 0x01500010 | report first.nv
  # Volatile: a PCR, a saved context.
  tpm2_pcrextend 16:sha256=5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
  pcr16 | report first.pcr16
  cp key.ctx $RIG_DIR/key.ctx
  lockout_counter | report first.lockout
  echo > $RIG_DIR/first.done
  echo RIG reset
  # Another process must not return from here either: init would say that all is done.
  echo b > /proc/sysrq-trigger
  sleep 1000
fi

report_measurements second
tpm2_readpublic -Q -c 0x81000010 -n name
cmp name $RIG_DIR/name
lockout_counter | report second.lockout
tpm2_nvread -P secret -C 0x01500010 0x01500010 | report second.nv
pcr16 | report second.pcr16
if tpm2_flushcontext $RIG_DIR/key.ctx 2>/dev/null; then echo "a context survived the reset"; exit 10; fi
