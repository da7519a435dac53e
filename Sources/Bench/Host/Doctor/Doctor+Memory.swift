import HostSystem
import Hypervisor

/// Memory: nodes, pages, swap.
extension Doctor {
  /// The pages of 2 MiB that a queue of VextClient takes with its pool of 16 MiB (docs/vext-client.md).
  private static let clientPageCount = 16
  private static let clientPageBytes: UInt64 = 2 << 20

  private var hasNodes: Bool { host.numaNodes.count > 1 }

  /// Nil on a kernel without NUMA, and where there is one node.
  var numaBalancing: Finding? {
    guard hasNodes, let balancing = host.kernelSettings?.numaBalancing else { return nil }
    let why =
      "the kernel unmaps pages to see who uses them, and moves them and threads between nodes during a run"
    guard balancing != 0 else {
      return Finding(check: .numaBalancing, severity: .ok, found: "automatic NUMA balancing is off", why: why)
    }
    return Finding(
      check: .numaBalancing, severity: .spoils, found: "automatic NUMA balancing is on", why: why,
      remedy: "sysctl kernel.numa_balancing=0")
  }

  /// Nil where there is one node.
  var storageNode: Finding? {
    guard hasNodes, configuration.engine.usesStorage, let placement = environment.placement else {
      return nil
    }
    let why = "each request then crosses the link between the nodes, both its entry and its data"
    guard let node = host.storage?.node else {
      return Finding(
        check: .storageNode, severity: .note, found: "the NUMA node of the disk is not known", why: why,
        remedy: "name the right one, if you know it: --numa-node")
    }
    let ioThreadsAway = placement.ioThreadCPUs.filter { environment.topology?.cpu($0)?.node != node }
    guard placement.memoryNode != node || !ioThreadsAway.isEmpty else {
      return Finding(
        check: .storageNode, severity: .ok, found: "disk, memory and I/O threads are on NUMA node \(node)",
        why: why)
    }
    return Finding(
      check: .storageNode, severity: .spoils,
      found: "the disk is on NUMA node \(node), the memory on node \(placement.memoryNode)"
        + (ioThreadsAway.isEmpty ? "" : ", and I/O threads are on other nodes"), why: why,
      remedy: "--numa-node \(node), and no --io-thread-cpus or --vcpu-cpus of another node")
  }

  var transparentHugePages: Finding? {
    let setting = host.transparentHugePages
    guard setting != "unknown" else { return nil }
    let why = "whether a guest's memory gets huge pages is then chance, and differs from boot to boot"
    guard setting == "always" else {
      return Finding(
        check: .transparentHugePages, severity: .ok, found: "transparent huge pages: \(setting)", why: why)
    }
    return Finding(
      check: .transparentHugePages, severity: .note, found: "transparent huge pages: always", why: why,
      remedy: "echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
  }

  /// Only a guest has use for them: it is there that VextClient runs.
  var hugePages: Finding? {
    guard host.processor?.isVirtual ?? false, let pages = host.hugePages else { return nil }
    let free = pages.filter { $0.pageBytes == Self.clientPageBytes }.reduce(0) { $0 + $1.freeCount }
    let why =
      "VextClient, should it run in this guest, pins small pages without them: more to translate for each request"
    let found = "\(free) huge pages of 2 MiB are free"
    guard free < Self.clientPageCount else {
      return Finding(check: .hugePages, severity: .ok, found: found, why: why)
    }
    return Finding(
      check: .hugePages, severity: .note, found: found, why: why,
      remedy: "sysctl vm.nr_hugepages=\(Self.clientPageCount), for each queue")
  }

  var pageMerging: Finding? {
    guard let merging = host.kernelSettings?.pageMerging else { return nil }
    let why = "it reads memory all the time, and a write to a page that it merged is a fault"
    guard merging == 1 else {
      return Finding(check: .pageMerging, severity: .ok, found: "KSM merges no pages", why: why)
    }
    return Finding(
      check: .pageMerging, severity: .note, found: "KSM merges pages", why: why,
      remedy: "echo 0 > /sys/kernel/mm/ksm/run")
  }

  var swap: Finding? {
    guard let used = host.kernelSettings?.usedSwapBytes else { return nil }
    let why = "memory was short: what was swapped out comes back from a disk, perhaps the measured one"
    guard used > 0 else {
      return Finding(check: .swap, severity: .ok, found: "swap is not in use", why: why)
    }
    return Finding(
      check: .swap, severity: .note, found: "\(used >> 20) MiB of swap are in use", why: why,
      remedy: "swapoff -a, if memory holds it; swapon -a afterwards")
  }
}
