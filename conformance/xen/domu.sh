# What a domU does: is its TPM there, is it the one of its last life, and then a command again and again.
export PATH=/bin:/sbin:/usr/bin
export TPM2TOOLS_TCTI=device:/dev/tpm0
device() {
  i=0; while [ $i -lt 600 ] && [ ! -c /dev/tpm0 ]; do sleep 0.1; i=$((i+1)); done
  [ -c /dev/tpm0 ] || { echo "DOMU no device"; exit 1; }
}
device
if grep -q rebind /proc/cmdline; then
  # The module itself is in use: the kernel takes its random numbers from the TPM.
  cd /sys/bus/xen/drivers/vtpm && echo vtpm-0 > unbind && [ ! -c /dev/tpm0 ] && echo vtpm-0 > bind && device && echo "DOMU bound again"
  cd /
fi
echo "DOMU device $(cat /sys/class/tpm/tpm0/tpm_version_major) $(tr '\n' ' ' < /sys/class/tpm/tpm0/timeouts)"
tpm2_getrandom --hex 8 > /dev/null || { echo "DOMU no answer"; exit 1; }
tpm2_createprimary -c /tmp/primary.ctx > /dev/null || { echo "DOMU no key"; exit 1; }
tpm2_flushcontext -t
tpm2_pcrextend 10:sha256=00000000000000000000000000000000000000000000000000000000000000ff || { echo "DOMU no extend"; exit 1; }
if tpm2_nvread 0x1500016 > /tmp/life 2>/dev/null; then
  echo "DOMU life $(cat /tmp/life)"
else
  tpm2_nvdefine -s 4 0x1500016 > /dev/null && echo "DOMU life 0000"
fi
grep -o 'life=[0-9]*' /proc/cmdline | cut -d= -f2 | tr -d '\n' | tpm2_nvwrite -i - 0x1500016 || echo "DOMU no write"
if grep -q measure /proc/cmdline; then
  echo "DOMU measured $(python3 -I -S /measure.py /dev/tpm0 2>/tmp/measure.log || cat /tmp/measure.log)"
fi
n=0
while [ ! -e /stop ]; do
  # While a domain resumes the driver makes its device anew, with the next number where a program has the old one open.
  export TPM2TOOLS_TCTI=device:$(ls /dev/tpm[0-9] | tail -n 1)
  if tpm2_pcrread sha256:10 -o /tmp/pcr > /dev/null 2>&1; then n=$((n+1)); echo "DOMU tick $n $(xxd -p -c 32 /tmp/pcr)"; else echo "DOMU tick failed"; fi
done
