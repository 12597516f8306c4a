#!/bin/sh
# First process in the test kernel: the machine's own root file system below a layer in memory, then the command.
# The kernel's command line names the directory on the host that holds the command and takes its outcome.
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

fail() { echo "test kernel: $1"; poweroff -f; }

mount -t proc proc /proc || fail 'no /proc'
for word in $(cat /proc/cmdline); do
  case $word in
    exchange=*) exchange=${word#exchange=} ;;
    project=*) project=${word#project=} ;;
    system=*) system=${word#system=} ;;
  esac
done

# Nothing that a test writes reaches the machine, but for the directory of the exchange.
mount -t tmpfs -o mode=755 layers /mnt || fail 'no layer in memory'
mkdir /mnt/upper /mnt/work /mnt/root /mnt/project
mount -t overlay -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work root /mnt/root || fail 'no overlay'
cd /mnt/root || fail 'no root'
mkdir -p exchange host
mount -t hostfs -o "$exchange" exchange exchange || fail 'no exchange'
mount --bind ".$project" /mnt/project || fail 'no project'
mount -t proc proc proc
mount -t sysfs sys sys
mount -t devtmpfs dev dev
mkdir -p dev/shm dev/pts
mount -t devpts pts dev/pts
mount -t tmpfs -o mode=1777 shm dev/shm
mount -t tmpfs -o mode=1777 tmp tmp
mount -t tmpfs -o mode=755 run run
# What has just been mounted may hide it.
[ -e ".$project/package.json" ] || { mkdir -p ".$project" && mount --bind /mnt/project ".$project"; }
mount -t fusectl fusectl sys/fs/fuse/connections
mount -t cgroup2 cgroup sys/fs/cgroup
pivot_root . host
umount -l /host
cd /
for name in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
  [ -e "/dev/${name%%:*}" ] || ln -s "/proc/self/${name#*:}" "/dev/${name%%:*}"
done
chmod 666 /dev/fuse
hostname testkernel
export HOME=/root

# A script that goes on as the first process.
[ -z "$system" ] || exec sh "$system"

dmesg --follow >/exchange/dmesg 2>&1 &
sh /exchange/command </dev/null
echo $? >/exchange/status.new
mv /exchange/status.new /exchange/status
dmesg >/exchange/dmesg.end 2>&1
sync
# Its farewell is for no one.
echo 0 >/proc/sys/kernel/printk
poweroff -f >/dev/null 2>&1
