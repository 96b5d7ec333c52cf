#!/bin/sh
# libvirt's hook "qemu" (libvirt: docs/hooks), installed as /etc/libvirt/hooks/qemu.d/understudy: refuses to start a
# protected machine unless the agent has just allowed it, or has given it a standing permission here. It reads tmpfs and
# what libvirt gives it, runs no program, and whatever it cannot find out it lets pass: a machine that is nobody's
# business must never wait for it.
#
#   qemu-hook NAME OPERATION SUB-OPERATION EXTRA < definition
#
# UNDERSTUDY_RUN: for its specs.
run=${UNDERSTUDY_RUN:-/run/understudy}

case "$2 $3" in
  'prepare begin' | 'start begin' | 'migrate begin' | 'restore begin') ;;
  *) exit 0 ;;
esac
[ -d "$run/guard" ] || exit 0

# The first one is the machine's own.
uuid=
while [ -z "$uuid" ] && IFS= read -r line; do
  case $line in
    *'<uuid>'*'</uuid>'*)
      uuid=${line#*'<uuid>'}
      uuid=${uuid%%'</uuid>'*}
      ;;
  esac
done
[ -n "$uuid" ] || exit 0

# After a boot libvirt may come before the agent; then the guard, which comes before libvirt, says what is protected.
list=$run/guard/.protected
[ -r "$list" ] || list=$run/guard.alive
protected=
if [ -r "$list" ]; then
  while [ -z "$protected" ] && IFS= read -r line; do
    case $line in "$uuid" | "$uuid "*) protected=yes ;; esac
  done < "$list"
fi
[ -n "$protected" ] || exit 0

# An unarmed owner's machine that somebody shut down may be started by hand again: nobody else may start it then.
if [ -r "$run/guard/$uuid" ]; then
  read -r _ _ _ _ kind _ < "$run/guard/$uuid"
  if [ "$kind" = standing ]; then exit 0; fi
fi

until=
if [ -r "$run/guard/.start-$uuid" ]; then read -r until < "$run/guard/.start-$uuid"; fi
case $until in
  '' | *[!0-9]*) ;;
  *)
    read -r up _ < /proc/uptime
    if [ "${up%.*}${up#*.}0" -lt "$until" ]; then exit 0; fi
    ;;
esac

echo "Understudy protects $1: it may run on one host at a time, so Understudy alone starts it; start it from there, or end its protection first." >&2
exit 1
