#!/bin/sh
# /init of the lab's guest: modules, disks, network; then labguest takes over as process 1.
export PATH=/bin:/sbin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mount -t tmpfs tmpfs /run
while read -r module; do insmod "/modules/$module" || echo "labguest: $module not loaded"; done < /modules/order
for word in $(cat /proc/cmdline); do
  case $word in
    lab.name=*) name=${word#*=} ;;
    lab.address=*) address=${word#*=} ;;
  esac
done
hostname "$name"
# Tells the neighbours at once where this address lives now.
echo 1 > /proc/sys/net/ipv4/conf/all/arp_notify
echo 1 > /proc/sys/net/ipv4/conf/default/arp_notify
ip link set lo up
ip addr add "$address" dev eth0
ip link set eth0 up
mkdir -p /srv/a /srv/b
mount -t ext4 -o noatime /dev/vda /srv/a || echo "labguest: vda not mounted"
mount -t ext4 -o noatime /dev/vdb /srv/b || echo "labguest: vdb not mounted"
exec /sbin/labguest "$name"
