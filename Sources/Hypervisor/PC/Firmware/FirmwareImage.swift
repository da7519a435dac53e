import HostSystem
import SystemPackage
import VextProtocol

/// A firmware image, such as SeaBIOS, in memory of its own.
///
/// The machine finds it at the end of the first 4 GiB, where a processor starts after a reset, and a copy of its last part below 1 MiB.
public final class FirmwareImage: Sendable {
  /// Maximum size of an image in bytes.
  public static let byteLimit: UInt64 = 16 << 20
  /// Maximum size in bytes of the copy below 1 MiB.
  ///
  /// Chipsets of PCs decode 128 KiB there, and firmware that is larger copies the rest itself. This board has no registers for that, so
  /// that it copies all that such firmware would.
  static let shadowByteLimit = 256 << 10

  /// The path that was opened.
  public let path: String
  /// The image's size in bytes, a multiple of the page size.
  let byteCount: UInt64
  private let buffer: HostBuffer

  /// Reads the file at `path`.
  public init(path: String) throws(BootError) {
    let subject = BootError.Subject.firmware(path)
    let file = try BootFile(subject)
    guard file.byteCount <= Self.byteLimit else {
      throw .firmwareTooBig(subject, byteCount: file.byteCount, limit: Self.byteLimit)
    }
    guard file.byteCount.isMultiple(of: GuestMemory.pageByteCount) else {
      throw .firmwareNotOfPages(subject, byteCount: file.byteCount)
    }
    let mapping: Mapping
    do throws(Errno) { mapping = try Mapping.anonymous(byteCount: Int(file.byteCount)) } catch {
      throw .readFailed(subject, error)
    }
    buffer = HostBuffer(mapping)
    buffer.store(try file.prefix(Int(file.byteCount)), at: 0)
    byteCount = file.byteCount
    self.path = path
  }

  /// The image's guest-physical address: it ends at 4 GiB.
  var address: GuestAddress { GuestAddress(GuestMemory.highStart - byteCount) }

  /// The image's address in this process, for KVM.
  var host: HostAddress { HostAddress(UInt64(buffer.vector(buffer.all).address)) }

  /// The last bytes of the image, for the addresses below 1 MiB.
  var shadow: [UInt8] { buffer.bytes(max(0, buffer.byteCount - Self.shadowByteLimit)..<buffer.byteCount) }
}
