#!/bin/sh
# Stands for a storage array with synchronous replication: its state is what lies in a file, promoting is noted.
#
#   array.sh state | promote | demote      in /srv/array
#   array.sh VERB FOLDER MACHINE           the machine's disks lie in FOLDER, which both hosts reach, and promoting fences: what the
#                                          other host has open takes no writes any more, as a demoted volume does
set -eu
verb=$1 folder=${2:-/srv/array} machine=${3:-}
# Whose host has it: a start where it was needs no fence.
primary=$folder/$machine.primary
# An old file is let go of, and takes writes again, only when no process can have it open any more.
keep=6

# ext4 refuses writes to an immutable file also through what has been opened before.
fence() {
  [ ! -e "$1" ] || mv "$1" "$1.fenced.$(date +%s%N)"
  chattr +i "$(newest "$1")"
}
newest() { ls -r "$1".fenced.* | head -n 1; }
copy() {
  cp --sparse=always "$(newest "$1")" "$1.new"
  mv "$1.new" "$1"
}
forget() {
  ls -r "$1".fenced.* | tail -n +$((keep + 1)) | while read -r old; do
    chattr -i "$old"
    rm -f "$old"
  done
}

# One that is cut short goes on where it was; two at once come one after the other.
take() {
  exec 9>"$folder/$machine.lock"
  flock 9
  [ "$(cat "$primary" 2>/dev/null || true)" != "$(hostname)" ] || return 0
  for step in fence copy forget; do
    for target in vda vdb; do "$step" "$folder/$machine-$target.qcow2"; done
  done
  hostname >"$primary.new"
  mv "$primary.new" "$primary"
}

case $verb in
state) cat "$folder/state" ;;
promote | demote)
  if [ "$verb" = promote ] && [ -n "$machine" ]; then take; fi
  echo "$(hostname) $verb" >>"$folder/did"
  ;;
*) exit 64 ;;
esac
