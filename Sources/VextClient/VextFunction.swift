import CLinux
import Glibc
import HostSystem
import SystemPackage
import VextProtocol

/// A vext PCI function in sysfs (docs/vext-protocol.md §2).
public struct VextFunction: Equatable, Sendable {
  /// The folder of the PCI functions in sysfs.
  public static let sysfsPath = "/sys/bus/pci/devices"

  /// The PCI address (domain, bus, device and function), such as `0000:00:05.0`.
  public let address: String
  private let directory: SysfsDirectory

  init(address: String, directory: SysfsDirectory) {
    self.address = address
    self.directory = directory
  }

  /// Returns all vext functions of the machine, in the order of their addresses.
  public static func all(sysfsPath: String = sysfsPath) throws(VextClientError) -> [VextFunction] {
    let devices = SysfsDirectory(sysfsPath)
    do throws(SysfsError) {
      var functions: [VextFunction] = []
      for address in try devices.entries() {
        let directory = devices[address]
        guard try directory.identifier("vendor") == VextPCIIdentity.vendor,
          try directory.identifier("device") == VextPCIIdentity.device
        else { continue }
        functions.append(VextFunction(address: address, directory: directory))
      }
      return functions
    } catch {
      throw VextClientError(error)
    }
  }

  /// Locks the file `resource0` for this process and those that inherit the descriptor, and returns the descriptor.
  ///
  /// The lock ends with the last copy of the descriptor. Waits up to `timeout`, because the guardian of a killed process
  /// holds a copy until the device is idle.
  ///
  /// - Throws: `inUse` if another process holds the lock.
  func lock(timeout nanoseconds: UInt64) throws(VextClientError) -> OwnedDescriptor {
    let descriptor = try naming("\(directory.path)/resource0") { () throws(Errno) in
      try OwnedDescriptor.open("\(directory.path)/resource0", flags: O_RDWR | O_SYNC)
    }
    let deadline = HostClock.monotonicNanoseconds() + nanoseconds
    while true {
      let result = linux_try_exclusive_lock(descriptor.rawValue)
      if result == 0 { return descriptor }
      guard result == -EWOULDBLOCK else {
        throw .system("\(directory.path)/resource0", Errno(rawValue: -result))
      }
      guard HostClock.monotonicNanoseconds() < deadline else { throw .inUse(address: address) }
      HostClock.sleep(nanoseconds: 5_000_000)
    }
  }

  /// Enables the function's memory and bus mastering (docs/vext-protocol.md §2).
  func enable() throws(VextClientError) {
    if let driver = try driver() { throw .boundToDriver(address: address, driver: driver) }
    // The kernel counts how often a function is enabled; once is enough, and no other user needs it disabled.
    if try text("enable") == "0" {
      try write("1\n", to: "enable")
    }
    let path = "\(directory.path)/config"
    try naming(path) { () throws(Errno) in
      let file = try OwnedDescriptor.open(path, flags: O_RDWR)
      var command: UInt16 = 0
      // SAFETY: both calls get the two bytes of `command`.
      let count = try check(
        unsafe linux_pread(file.rawValue, &command, 2, PCICommand.offset))
      guard count == 2 else { throw .ioError }
      let wanted = UInt16(littleEndian: command) | PCICommand.memorySpace | PCICommand.busMaster
      guard wanted != UInt16(littleEndian: command) else { return }
      command = wanted.littleEndian
      guard try check(unsafe linux_pwrite(file.rawValue, &command, 2, PCICommand.offset)) == 2 else {
        throw .ioError
      }
    }
  }

  private func driver() throws(VextClientError) -> String? {
    do throws(SysfsError) {
      let link = directory["driver"]
      return try link.entries().isEmpty ? nil : try link.resolved().map { String($0.name) }
    } catch {
      throw VextClientError(error)
    }
  }

  private func text(_ name: String) throws(VextClientError) -> String? {
    do { return try directory.text(name) } catch { throw VextClientError(error) }
  }

  private func write(_ text: String, to name: String) throws(VextClientError) {
    let path = "\(directory.path)/\(name)"
    try naming(path) { () throws(Errno) in
      let file = try OwnedDescriptor.open(path, flags: O_WRONLY)
      let bytes = Array(text.utf8)
      // SAFETY: the array has its count of bytes.
      try check(
        unsafe bytes.withUnsafeBytes { unsafe linux_pwrite(file.rawValue, $0.baseAddress, $0.count, 0) })
    }
  }
}

/// The command register of a PCI function's configuration space (PCI 3.0 §6.2.2).
private enum PCICommand {
  static let offset: Int64 = 0x04
  static let memorySpace: UInt16 = 1 << 1
  static let busMaster: UInt16 = 1 << 2
}

extension SysfsDirectory {
  /// The attribute `name` as a hexadecimal number that begins with `0x`; nil if it is not such a number.
  fileprivate func identifier(_ name: String) throws(SysfsError) -> UInt16? {
    guard let text = try text(name), text.hasPrefix("0x") else { return nil }
    return UInt16(text.dropFirst(2), radix: 16)
  }
}

extension VextClientError {
  fileprivate init(_ error: SysfsError) {
    switch error {
    case .unreadable(let path, let errno): self = .system(path, errno)
    case .malformed(let path, _), .noCPUs(let path): self = .system(path, .ioError)
    case .unknownAffinity(let errno): self = .system("sched_getaffinity", errno)
    }
  }
}
