#!/bin/sh
# Prints what HostDescription, StorageDescription, ProcessRights and CPUTicks read of this host's /proc and /sys, one file
# (`path = text`, line feeds written as \n) or link (`path -> target`) a line. `record.sh > NAME.tree` makes a host for the
# tests; read it through before you keep it: the kernel's command line and the mounts are in it.
set -eu
cd "${1:-/}"

file() {
  if [ -f "$1" ] && [ -r "$1" ]; then
    text=$(head -n "${2:-1000}" "$1" 2> /dev/null | sed 's/\\/\\\\/g' | awk 'NR > 1 { printf "\\n" } { printf "%s", $0 }')
    printf '%s = %s\n' "$1" "$text"
  fi
}

file proc/cpuinfo 60
for name in meminfo loadavg version cmdline self/mountinfo self/limits self/status; do file "proc/$name"; done
file proc/stat 1
for name in kernel/osrelease kernel/numa_balancing kernel/io_uring_disabled kernel/nmi_watchdog vm/swappiness fs/aio-max-nr fs/aio-nr
do file "proc/sys/$name"; done
for name in sys/module/kvm*/parameters/* sys/devices/system/cpu/vulnerabilities/* sys/kernel/mm/transparent_hugepage/* \
  sys/kernel/mm/ksm/run sys/kernel/mm/hugepages/*/*_hugepages sys/devices/system/node/node*/hugepages/*/*_hugepages \
  sys/devices/system/node/node*/cpulist sys/devices/system/node/node*/meminfo \
  sys/devices/system/cpu/cpu*/cpufreq/* sys/devices/system/cpu/cpu0/cpuidle/*/* sys/devices/system/cpu/cpuidle/* \
  sys/devices/system/cpu/cpufreq/boost sys/devices/system/cpu/intel_pstate/* sys/devices/system/cpu/smt/* \
  sys/devices/system/cpu/isolated sys/devices/system/cpu/nohz_full sys/devices/system/cpu/online \
  sys/devices/system/clocksource/clocksource0/*_clocksource \
  sys/class/dmi/id/sys_vendor sys/class/dmi/id/product_name
do file "$name"; done

# Each block device that holds something: its links, what it is, its queue, and the node of what it is attached to.
for device in sys/dev/block/*; do
  directory=$(realpath --relative-to=. "$device")
  if [ "$(cat "$directory/size")" = 0 ]; then continue; fi
  printf '%s -> %s\n' "$device" "$(readlink "$device")"
  link=sys/class/block/${directory##*/}
  printf '%s -> %s\n' "$link" "$(readlink "$link")"
  for name in "$directory"/size "$directory"/partition "$directory"/queue/* "$directory"/device/model "$directory"/loop/backing_file
  do file "$name"; done
  for part in "$directory"/slaves/*; do
    if [ -L "$part" ]; then printf '%s -> %s\n' "$part" "$(readlink "$part")"; fi
  done
  while [ "$directory" != . ]; do
    file "$directory/numa_node"
    directory=$(dirname "$directory")
  done
done
