#!/bin/sh
# An external replication for the lab, kept by copying files: what docs/external.md asks of such a program, at its smallest.
# Both hosts reach RELAY, which stands for the wire between them; each has its own disks at the machine's path.
#
#   replica.sh copy MACHINE     owner: freezes the machine's file systems, copies its disks to the relay, thaws (repeated by a unit)
#   replica.sh receive MACHINE  the other host: puts the newest complete copy at the machine's path, for the first time
#   replica.sh state MACHINE    how old the newest complete copy is
#   replica.sh promote MACHINE  puts the newest complete copy at the machine's path; nothing to do where that was done
#   replica.sh demote MACHINE   the disks here are not written to any more
set -eu
verb=$1 machine=$2
relay=${RELAY:-/srv/relay}/$machine
images=/var/lib/libvirt/images
mine=/var/lib/lab-replica/$machine.primary
# Later than that the newest copy is no replication any more, s.
most=30

put() {
  [ -d "$relay/last" ] || { echo 'there is no complete copy' >&2; exit 1; }
  for disk in "$relay"/last/*.qcow2; do
    cp --sparse=always "$disk" "$images/.receiving"
    sync -f "$images/.receiving"
    mv "$images/.receiving" "$images/$(basename "$disk")"
  done
}

case $verb in
copy)
  mkdir -p "$relay" "$(dirname "$mine")"
  : >"$mine"
  rm -rf "$relay/new"
  mkdir "$relay/new"
  virsh -q domfsfreeze "$machine" >/dev/null
  at=$(date +%s)
  cp --sparse=always "$images/$machine"-vd?.qcow2 "$relay/new/" || broken=1
  virsh -q domfsthaw "$machine" >/dev/null
  [ -z "${broken:-}" ]
  sync -f "$relay/new"
  echo "$at" >"$relay/new/at"
  rm -rf "$relay/old"
  [ ! -d "$relay/last" ] || mv "$relay/last" "$relay/old"
  mv "$relay/new" "$relay/last"
  ;;
state)
  [ ! -e "$relay/broken" ] || { echo "broken: $(cat "$relay/broken")"; exit 0; }
  at=$(cat "$relay/last/at" 2>/dev/null || cat "$relay/old/at" 2>/dev/null) || { echo 'broken: nothing was copied yet'; exit 0; }
  age=$(($(date +%s) - at))
  # On the host that is to start from it an old copy is one all the same.
  [ -e "$mine" ] && [ "$age" -gt "$most" ] && { echo "broken: the last copy is $age s old"; exit 0; }
  echo "{\"state\": \"behind\", \"seconds\": $age, \"message\": \"the newest copy is $age s old\"}"
  ;;
promote)
  [ ! -e "$mine" ] || exit 0
  put
  mkdir -p "$(dirname "$mine")"
  : >"$mine"
  ;;
receive)
  [ -e "$mine" ] || put
  ;;
demote)
  rm -f "$mine"
  ;;
*)
  echo "unknown verb $verb" >&2
  exit 64
  ;;
esac
