#!/bin/sh
# Prints what NUMATopology and StorageLocation read of this host's sysfs, one attribute (`path = text`) or link
# (`path -> target`) a line: `record.sh > NAME.sysfs` makes a topology for the placement tests.
set -eu
cd "${1:-/sys}"

attribute() {
  if [ -r "$1" ]; then printf '%s = %s\n' "$1" "$(cat "$1")"; fi
}

link() {
  printf '%s -> %s\n' "$1" "$(readlink "$1")"
}

attribute devices/system/cpu/present
attribute devices/system/cpu/online
for cpu in $(ls -dv devices/system/cpu/cpu[0-9]*); do
  for name in core_id physical_package_id thread_siblings_list; do attribute "$cpu/topology/$name"; done
done
attribute devices/system/node/online
for node in $(ls -dv devices/system/node/node[0-9]* 2>/dev/null); do
  for name in cpulist distance; do attribute "$node/$name"; done
  printf '%s = %s\n' "$node/meminfo" "$(grep MemTotal: "$node/meminfo")"
done

# Each block device: its link, and what its ancestors know of nodes, of parts and of NVMe controllers.
for device in dev/block/*; do
  link "$device"
  directory=$(realpath --relative-to=. "$device")
  # An attribute that every block device has makes the directory exist in the copy.
  printf '%s/dev = %s\n' "$directory" "${device##*/}"
  while [ "$directory" != . ]; do
    attribute "$directory/numa_node"
    for part in "$directory"/slaves/* "$directory"/nvme[0-9]*; do
      if [ -L "$part" ]; then link "$part"; fi
    done
    directory=$(dirname "$directory")
  done
done | sort -u
