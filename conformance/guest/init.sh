#!/bin/sh
# The first process of a guest. Words of the kernel's command line: rig.dir=DIR, a directory of the host that is shared for
# reading and writing at the same path; rig.root=9p, the host's root as the guest's, its changes in memory; rig.script=FILE, what to run.
export PATH=/bin:/sbin:/usr/bin:/usr/sbin HOME=/root
mount -t proc proc /proc; mount -t sysfs sys /sys; mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm; mount -t devpts devpts /dev/pts; mount -t tmpfs tmpfs /dev/shm; mount -t tmpfs tmpfs /run
for w in $(cat /proc/cmdline); do case $w in rig.root=*) R=${w#*=};; rig.dir=*) D=${w#*=};; rig.script=*) S=${w#*=};; esac; done
for m in $(cat /lib/modules/order); do insmod /lib/modules/$m.ko 2>&1 | grep -v 'No such device'; done
ip link set lo up
T=
if [ "$R" = 9p ]; then
  T=/mnt/root; mkdir -p /mnt/lower /mnt/changes $T
  mount -t 9p -o ro,trans=virtio,version=9p2000.L,msize=524288,cache=loose host /mnt/lower || echo "RIG no root"
  mount -t tmpfs tmpfs /mnt/changes; mkdir /mnt/changes/upper /mnt/changes/work
  mount -t overlay -o lowerdir=/mnt/lower,upperdir=/mnt/changes/upper,workdir=/mnt/changes/work overlay $T
  for d in proc sys dev run; do mkdir -p $T/$d; mount --rbind /$d $T/$d; done
fi
if [ -n "$D" ]; then mkdir -p $T$D; mount -t 9p -o trans=virtio,version=9p2000.L,msize=524288,cache=none rig $T$D; fi
if [ -n "$T" ]; then RIG_DIR=$D chroot $T /bin/sh $S; else RIG_DIR=$D sh $S; fi
echo "RIG-EXIT $?"
sync
poweroff -f
