# What a domU does: is its TPM there, is it the one of its last life, and then a command again and again.
export PATH=/bin:/sbin:/usr/bin
T=device:/dev/tpm0
i=0; while [ $i -lt 600 ] && [ ! -c /dev/tpm0 ]; do sleep 0.1; i=$((i+1)); done
[ -c /dev/tpm0 ] || { echo "DOMU no device"; exit 1; }
echo "DOMU device $(cat /sys/class/tpm/tpm0/tpm_version_major) $(tr '\n' ' ' < /sys/class/tpm/tpm0/timeouts)"
tpm2_getrandom -T $T --hex 8 > /dev/null || { echo "DOMU no answer"; exit 1; }
tpm2_createprimary -T $T -c /tmp/primary.ctx > /dev/null || { echo "DOMU no key"; exit 1; }
tpm2_flushcontext -T $T -t
tpm2_pcrextend -T $T 16:sha256=00000000000000000000000000000000000000000000000000000000000000ff || { echo "DOMU no extend"; exit 1; }
if tpm2_nvread -T $T 0x1500016 > /tmp/life 2>/dev/null; then
  echo "DOMU life $(cat /tmp/life)"
else
  tpm2_nvdefine -T $T -s 4 0x1500016 > /dev/null && echo "DOMU life 0000"
fi
grep -o 'life=[0-9]*' /proc/cmdline | cut -d= -f2 | tr -d '\n' | tpm2_nvwrite -T $T -i - 0x1500016 || echo "DOMU no write"
n=0
while [ ! -e /stop ]; do
  if tpm2_getrandom -T $T --hex 8 > /dev/null 2>&1; then n=$((n+1)); echo "DOMU tick $n"; else echo "DOMU tick failed"; fi
done
