import CKVM
import HostSystem
import SystemPackage

/// A vCPU's binary statistics, read without root and without debugfs (KVM API §4.133). One thread at a time.
public final class KVMStatistics: @unchecked Sendable {
  private let descriptor: OwnedDescriptor
  private var offsets: [String: UInt64] = [:]

  /// Reads the layout of the statistics from a descriptor that KVM_GET_STATS_FD returned, to this or another process.
  public init(descriptor: consuming OwnedDescriptor) throws(KVMError) {
    self.descriptor = descriptor
    // struct kvm_stats_header: flags, name_size, num_desc, id_offset, desc_offset, data_offset.
    let header = try Self.read(self.descriptor, MemoryLayout<kvm_stats_header>.size, at: 0)
    let (nameByteCount, descriptionCount) = (Int(header.number(at: 4)), Int(header.number(at: 8)))
    let (descriptionOffset, dataOffset) = (header.number(at: 16), header.number(at: 20))
    let fixed = MemoryLayout<kvm_stats_desc>.size
    let stride = fixed + nameByteCount
    let bytes = try Self.read(self.descriptor, stride * descriptionCount, at: UInt64(descriptionOffset))
    for index in 0..<descriptionCount {
      let entry = bytes[index * stride..<(index + 1) * stride]
      // struct kvm_stats_desc: u32 flags, s16 exponent, u16 size, u32 offset, u32 bucket_size, then the name.
      let offset = UInt64(bytes.number(at: index * stride + 8))
      let name = String(decoding: entry.dropFirst(fixed).prefix { $0 != 0 }, as: UTF8.self)
      offsets[name] = UInt64(dataOffset) + offset
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
    let bytes = try Self.read(descriptor, 8, at: offset)
    return UInt64(bytes.number(at: 0)) | UInt64(bytes.number(at: 4)) << 32
  }

  private static func read(
    _ descriptor: borrowing OwnedDescriptor, _ byteCount: Int, at offset: UInt64
  ) throws(KVMError) -> [UInt8] {
    let bytes: [UInt8]
    do throws(Errno) {
      bytes = try DescriptorBytes.read(descriptor.rawValue, limit: byteCount, at: Int64(clamping: offset))
    } catch {
      throw .failed(request: "pread of KVM statistics", error)
    }
    guard bytes.count == byteCount else { throw .failed(request: "pread of KVM statistics", .ioError) }
    return bytes
  }
}

extension [UInt8] {
  /// The little-endian number of 32 bits at `offset`, which lies wholly within the array.
  fileprivate func number(at offset: Int) -> UInt32 {
    self[offset..<offset + 4].reversed().reduce(0) { $0 << 8 | UInt32($1) }
  }
}
