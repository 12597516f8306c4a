# The first process of the test kernel becomes a whole systemd, with udev, udisks and the project
# installed; it runs the command, and tells how it ended.
cd "$(dirname "$0")/../.." || exit
cp -a /exchange/packages/. /
# Of whatever the machine itself is.
rm -f /.dockerenv
node dist/cli/fuse4fs.cjs install --udisks >/exchange/install.log 2>&1
rm -f /etc/fstab /etc/systemd/system/*.wants/* /etc/machine-id
: >/etc/fstab
systemd-machine-id-setup >/dev/null 2>&1
mkdir -p /etc/systemd/system/sockets.target.wants
ln -s /usr/lib/systemd/system/fuse4fs-server.socket /etc/systemd/system/sockets.target.wants/

# Disks of this kernel have no bus. Those of the tests are tagged, but for one that looks like a stick; of mappings one is.
cat >/etc/udev/rules.d/80-disks.rules <<'RULES'
ENV{DM_NAME}=="stick*", ENV{FUSE4FS_AUTOMOUNT}="1"
KERNEL=="ubdf*", ENV{ID_BUS}="usb", GOTO="end"
KERNEL=="ubd[gh]*", GOTO="end"
KERNEL=="ubd*", ENV{FUSE4FS_AUTOMOUNT}="1"
LABEL="end"
RULES

cat >/etc/systemd/system/command.service <<'UNIT'
[Unit]
After=basic.target systemd-udev-trigger.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'sh /exchange/command >/exchange/output 2>&1 </dev/null; echo $? >/exchange/status.new; journalctl --no-pager -b >/exchange/journal; mv /exchange/status.new /exchange/status; sync; echo 0 >/proc/sys/kernel/printk; systemctl poweroff -ff'
UNIT
cat >/etc/systemd/system/command.target <<'UNIT'
[Unit]
Requires=basic.target
Wants=command.service systemd-udevd.service systemd-udev-trigger.service systemd-logind.service
UNIT
exec /lib/systemd/systemd --unit=command.target --show-status=no --log-target=journal
