import Foundation
import HostSystem
import Hypervisor
import SystemPackage

/// Counts the vmexits of another VMM's guest, without that VMM's help and without an exit.
struct PeerExitCounter {
  private enum Reader {
    case statistics([KVMStatistics])
    case debugfs(folder: String)
    case monitor(() throws -> ExitCounts?)
  }

  /// Where they are read.
  let source: PeerExitSource
  private let reader: Reader
  private let files: KernelFiles

  /// Where debugfs has KVM's folders.
  private static let debugFolder = "sys/kernel/debug/kvm"
  /// What /proc calls the descriptor of a vCPU's statistics, without the number.
  private static let statisticsLink = "anon_inode:kvm-vcpu-stats:"

  /// Finds the counters of the one VM that `process` made, with `vcpuCount` vCPUs.
  ///
  /// - Parameter monitor: What the VMM itself tells, where nothing better is there.
  /// - Throws: ``BenchFailure`` if there are none to read, with the reason.
  init(
    process: Int32, vcpuCount: Int, files: KernelFiles = KernelFiles(root: "/"),
    monitor: @escaping () throws -> ExitCounts? = { nil }
  ) throws {
    self.files = files
    let descriptors = Self.statisticsDescriptors(of: process)
    if descriptors.count == vcpuCount, let statistics = try? Self.statistics(descriptors, process: process) {
      source = .statisticsDescriptors
      reader = .statistics(statistics)
      return
    }
    let folders = files.entries(Self.debugFolder).filter { $0.hasPrefix("\(process)-") }
    guard let folder = folders.first, folders.count == 1 else {
      if try monitor() != nil {
        source = .monitor
        reader = .monitor(monitor)
        return
      }
      throw BenchFailure(
        "the exits of process \(process) cannot be counted: it tells none, it holds no descriptor of KVM's statistics (QEMU has "
          + "them from 8.1 on), and /\(Self.debugFolder) does not show it (needs root, and debugfs mounted)",
        exitCode: .unavailable)
    }
    source = .debugfs
    reader = .debugfs(folder: "\(Self.debugFolder)/\(folder)")
    _ = try exitCounts()
  }

  /// vmexits of all vCPUs so far. Nobody tells how often KVM_RUN returned to user space.
  func exitCounts() throws -> ExitCounts {
    switch reader {
    case .statistics(let vcpus): return try vcpus.reduce(ExitCounts()) { $0 + (try $1.exitCounts()) }
    case .monitor(let ask):
      guard let counts = try ask() else {
        throw BenchFailure("the VMM no longer tells its exits", exitCode: .unavailable)
      }
      return counts
    case .debugfs(let folder):
      func value(_ name: String) throws -> UInt64 {
        guard let value = files.text("\(folder)/\(name)").flatMap({ UInt64($0) }) else {
          throw BenchFailure("cannot read /\(folder)/\(name)", exitCode: .unavailable)
        }
        return value
      }
      return ExitCounts(
        total: try value("exits"), io: try value("io_exits"), mmio: try value("mmio_exits"),
        halt: try value("halt_exits"), hypercall: try value("hypercalls"), irq: try value("irq_exits"),
        irqInjections: try value("irq_injections"))
    }
  }

  /// The numbers of the descriptors of vCPU statistics that `process` holds, one a vCPU.
  private static func statisticsDescriptors(of process: Int32) -> [Int32] {
    let folder = "/proc/\(process)/fd"
    // Without the right to look there are none to see.
    let entries = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    var byVCPU: [String: Int32] = [:]
    for entry in entries {
      guard let number = Int32(entry),
        let target = try? FileManager.default.destinationOfSymbolicLink(atPath: "\(folder)/\(entry)"),
        target.hasPrefix(statisticsLink)
      else { continue }
      byVCPU[target] = number
    }
    return byVCPU.values.sorted()
  }

  private static func statistics(_ numbers: [Int32], process: Int32) throws -> [KVMStatistics] {
    let owner = try ProcessDescriptor(process: process)
    return try numbers.map { try KVMStatistics(descriptor: try owner.copy(ofDescriptor: $0)) }
  }
}

/// Where the vmexits of another VMM's guest are read.
///
/// The binary statistics of a VM or vCPU can only be asked for by the process that made it (KVM answers EIO to others). Once
/// that process has asked, anyone who may trace it can read on.
enum PeerExitSource: String, Codable, Sendable {
  /// The vCPUs' descriptors of binary statistics that the VMM holds, copied by pidfd_getfd.
  case statisticsDescriptors = "kvm_stats_fd"
  /// The VM's folder in debugfs.
  case debugfs
  /// The VMM's own monitor (QEMU's `query-stats`). Each look stops every vCPU once, which is an exit.
  case monitor
}
