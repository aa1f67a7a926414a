. "$LIB/checks.sh"
wait_for test -e "$RIG_DIR/state.complete"
cp -r "$RIG_DIR/state" state
sysfs=/sys/class/tpm/tpm0

check "a server is ready" serve proxy.log --vtpm-proxy --state state
check "the devices appear" wait_for test -c /dev/tpmrm0
check "the kernel knows a TPM 2.0" test "$(cat $sysfs/tpm_version_major)" = 2
check "the kernel's own requests were answered in time" sh -c '! dmesg | grep -i "tpm.*\(error\|timed\|timeout\|fail\)"'
check "the kernel uses it as a source of random numbers" grep -q tpm-rng /sys/class/misc/hw_random/rng_available

export TPM2TOOLS_TCTI=device:/dev/tpmrm0
check "random numbers by /dev/tpm0" tpm2_getrandom -T device:/dev/tpm0 --hex 16
check "random numbers by /dev/tpmrm0" tpm2_getrandom --hex 16
check "capabilities" tpm2_getcap commands
check "a PCR is extended" tpm2_pcrextend "16:sha256=$(printf 5a%.0s $(seq 32))"
tpm2_pcrread sha256:16 -o pcr16 > /dev/null
check "sysfs agrees about it" test "$(tr A-F a-f < $sysfs/pcr-sha256/16)" = "$(od -An -tx1 -v pcr16 | tr -d ' \n')"
check "sysfs agrees about the others" test "$(cat $sysfs/pcr-sha256/0 $sysfs/pcr-sha1/0 | tr -d '0\n')" = ""

echo "to be signed" > text
check "a primary key" tpm2_createprimary -C o -G ecc -c primary.ctx
check "a key" tpm2_create -C primary.ctx -G ecc -u key.pub -r key.priv
check "the key is loaded" tpm2_load -C primary.ctx -u key.pub -r key.priv -c key.ctx
check "it signs" tpm2_sign -c key.ctx -g sha256 -o signature text
check "the signature is verified" tpm2_verifysignature -c key.ctx -g sha256 -m text -s signature
printf "a secret" > secret
check "data is sealed" tpm2_create -C primary.ctx -i secret -u sealed.pub -r sealed.priv
check "what is sealed is loaded" tpm2_load -C primary.ctx -u sealed.pub -r sealed.priv -c sealed.ctx
check "it is unsealed" sh -c 'test "$(tpm2_unseal -c sealed.ctx)" = "a secret"'
check "an RSA key is made within the kernel's patience" tpm2_createprimary -C o -G rsa2048 -c rsa.ctx
check "an NV Index is defined" tpm2_nvdefine 0x1800002 -C o -s 9
check "it is written" sh -c 'printf fromguest | tpm2_nvwrite 0x1800002 -C o -i -'
check "it is read" sh -c 'test "$(tpm2_nvread 0x1800002 -C o)" = fromguest'
check "what the host has written is read" sh -c 'test "$(tpm2_nvread 0x1800001 -C o)" = fromhost'

timeout -s KILL 0.5 tpm2_createprimary -T device:/dev/tpm0 -C o -G rsa2048 -c killed.ctx > /dev/null 2>&1
check "a client that is killed does no harm" tpm2_getrandom --hex 8

proxy=$server
check "another server gives another device" serve second.log --vtpm-proxy --ephemeral
check "it has the next number" wait_for test -c /dev/tpmrm1
check "it has a TPM of its own" sh -c '! tpm2_nvreadpublic -T device:/dev/tpmrm1 0x1800002'
check "a server that is killed takes its device along" stop KILL
check "that device is gone" wait_for absent /dev/tpm1 /dev/tpmrm1
check "the other one is not" tpm2_getrandom --hex 8

sh -c 'tpm2_createprimary -C n -G rsa2048 -c waiting.ctx; echo ended > client' > /dev/null 2>&1 &
server=$proxy
check "a server in use is stopped" stop
check "its devices are gone at once" absent /dev/tpm0 /dev/tpmrm0
check "no client is left waiting" wait_for test -e client
check "the server had nothing to complain of" test ! -s proxy.log.err
cp -r state "$RIG_DIR/state.after"

$NODE "$LIB/four-devices.js" > four.log 2>&1 & server=$!
check "four TPMs of one process" wait_for grep -q ready four.log
for n in 0 1 2 3; do
  check "device $n appears" wait_for test -c /dev/tpmrm$n
  check "device $n" tpm2_getrandom -T device:/dev/tpmrm$n --hex 8
  check "device $n has a PCR of its own" tpm2_pcrextend -T device:/dev/tpmrm$n "16:sha256=$(printf 0$n%.0s $(seq 32))"
done
cat /sys/class/tpm/tpm[0-3]/pcr-sha256/16 | sort -u > pcrs
check "all four differ" test "$(wc -l < pcrs)" = 4
check "the process ends" stop
check "all devices are gone" absent /dev/tpm0 /dev/tpm1 /dev/tpm2 /dev/tpm3
cat four.log
