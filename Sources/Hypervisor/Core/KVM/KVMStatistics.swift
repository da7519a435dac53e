import CKVM
import Glibc
import HostSystem
import SystemPackage

/// A vCPU's binary statistics, read without root and without debugfs (KVM API §4.133). One thread at a time.
public final class KVMStatistics: @unchecked Sendable {
  private let descriptor: OwnedDescriptor
  private var offsets: [String: UInt64] = [:]

  /// Reads the layout of the statistics from a descriptor that KVM_GET_STATS_FD returned, to this or another process.
  public init(descriptor: consuming OwnedDescriptor) throws(KVMError) {
    self.descriptor = descriptor
    var header = kvm_stats_header()
    let headerCount = unsafe pread(self.descriptor.rawValue, &header, MemoryLayout<kvm_stats_header>.size, 0)
    guard headerCount == MemoryLayout<kvm_stats_header>.size else { throw Self.readFailure(headerCount) }
    let fixed = MemoryLayout<kvm_stats_desc>.size
    let stride = fixed + Int(header.name_size)
    var bytes = [UInt8](repeating: 0, count: stride * Int(header.num_desc))
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe pread(self.descriptor.rawValue, $0.baseAddress, $0.count, off_t(header.desc_offset))
    }
    guard count == bytes.count else { throw Self.readFailure(count) }
    for index in 0..<Int(header.num_desc) {
      let entry = bytes[index * stride..<(index + 1) * stride]
      // struct kvm_stats_desc: u32 flags, s16 exponent, u16 size, u32 offset, u32 bucket_size, then the name.
      let offset = entry.dropFirst(8).prefix(4).reversed().reduce(0 as UInt64) { $0 << 8 | UInt64($1) }
      let name = String(decoding: entry.dropFirst(fixed).prefix { $0 != 0 }, as: UTF8.self)
      offsets[name] = UInt64(header.data_offset) + offset
    }
  }

  /// The names of the statistics that this KVM offers.
  public var names: [String] { offsets.keys.sorted() }

  /// Reads the counters of vmexits now.
  public func exitCounts() throws(KVMError) -> ExitCounts {
    ExitCounts(
      total: try value("exits"), io: try value("io_exits"), mmio: try value("mmio_exits"),
      halt: try value("halt_exits"), hypercall: try value("hypercalls"), irq: try value("irq_exits"),
      irqInjections: try value("irq_injections"), user: 0)
  }

  /// Reads the statistic `name` now.
  public func value(_ name: String) throws(KVMError) -> UInt64 {
    guard let offset = offsets[name] else { throw .missingCapability("the statistic \(name)") }
    var value: UInt64 = 0
    let count = unsafe pread(descriptor.rawValue, &value, 8, off_t(offset))
    guard count == 8 else { throw Self.readFailure(count) }
    return value
  }

  private static func readFailure(_ count: Int) -> KVMError {
    .failed(request: "pread of KVM statistics", count < 0 ? Errno(rawValue: errno) : .ioError)
  }
}
