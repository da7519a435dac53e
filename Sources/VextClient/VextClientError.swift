public import SystemPackage

/// The reason why a vext function could not be opened.
public enum VextClientError: Error, Equatable {
  /// The machine has no vext function.
  case noFunction
  /// There is no PCI function at this address, or it is not a vext function.
  case noSuchFunction(address: String)
  /// Another process uses the function.
  case inUse(address: String)
  /// A driver of the kernel is bound to the function.
  case boundToDriver(address: String, driver: String)
  /// The registers are not those of a vext device.
  case wrongMagic(address: String, magic: UInt32)
  /// The device speaks a version of the protocol that this library does not know.
  case unknownVersion(address: String, version: UInt32)
  /// A register has a value that the protocol excludes.
  case badRegister(address: String, name: String, value: UInt64)
  /// The size of the memory is zero, not a multiple of 2 MiB, or too large.
  case badPoolSize(byteCount: Int)
  /// The kernel shows no physical addresses (`/proc/self/pagemap`): the process lacks CAP_SYS_ADMIN.
  case addressesHidden
  /// The memory cannot be kept in its place: see docs/vext-client.md.
  case cannotPin(Errno)
  /// The device's blocks are larger than the memory's pages, so that no page can be a segment.
  case blocksTooLarge(byteCount: Int)
  /// Another system call failed; the text names its object.
  case system(String, Errno)
}

extension VextClientError: CustomStringConvertible {
  /// The error message: one line.
  public var description: String {
    switch self {
    case .noFunction: "no vext function on the PCI bus"
    case .noSuchFunction(let address): "\(address): no such vext function"
    case .inUse(let address): "\(address): in use"
    case .boundToDriver(let address, let driver): "\(address): in use by the kernel's driver \(driver)"
    case .wrongMagic(let address, let magic): "\(address): no vext device (magic \(Self.hex(UInt64(magic))))"
    case .unknownVersion(let address, let version): "\(address): unknown protocol version \(version)"
    case .badRegister(let address, let name, let value):
      "\(address): the device's \(name) is \(Self.hex(value))"
    case .badPoolSize(let byteCount):
      "memory of \(byteCount) bytes: it must be a multiple of 2 MiB, up to 64 GiB"
    case .addressesHidden:
      "/proc/self/pagemap shows no physical addresses: CAP_SYS_ADMIN is needed"
    case .cannotPin(let errno):
      "memory cannot be pinned (\(errno)): reserve huge pages (sysctl vm.nr_hugepages), allow io_uring, or set "
        + "vm.compact_unevictable_allowed=0"
    case .blocksTooLarge(let byteCount):
      "the device's blocks of \(byteCount) bytes need huge pages: reserve them by sysctl vm.nr_hugepages"
    case .system(let what, let errno): "\(what): \(errno)"
    }
  }

  private static func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

/// Runs `body`, and names the failed object in the error.
func naming<Result: ~Copyable>(
  _ what: @autoclosure () -> String, _ body: () throws(Errno) -> Result
) throws(VextClientError) -> Result {
  do { return try body() } catch { throw .system(what(), error) }
}
