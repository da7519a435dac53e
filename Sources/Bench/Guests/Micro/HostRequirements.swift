import HostSystem
import Hypervisor
import SystemPackage

/// What every run needs of the host.
enum HostRequirements {
  /// - Throws: ``BenchFailure`` if /dev/kvm cannot be used.
  static func checkKVM() throws {
    do throws(KVMError) {
      _ = try KVMSystem()
    } catch {
      throw BenchFailure(
        "\(error)",
        exitCode: error == .cannotOpen(path: KVMSystem.defaultPath, .permissionDenied)
          ? .noPermission : .unavailable)
    }
  }

  /// - Throws: ``BenchFailure`` if the kernel does not let `engine` work.
  static func checkEngine(_ engine: BlockEngineKind) throws {
    do throws(IOUringUnavailable) {
      try engine.checkAvailability()
    } catch {
      throw BenchFailure("--engine \(error)", exitCode: .unavailable)
    }
  }

  /// - Throws: ``BenchFailure`` if `guestCount` guests of `byteCount` bytes do not fit into memory.
  static func checkMemory(guestCount: Int, byteCount: UInt64) throws {
    let (needed, overflow) = byteCount.multipliedReportingOverflow(by: UInt64(guestCount))
    if let available = KernelFiles(root: "/").memoryByteCount("MemAvailable"), overflow || needed > available
    {
      throw BenchFailure(
        "\(guestCount) guest(s) of \(byteCount >> 20) MiB need more memory than the \(available >> 20) MiB that are "
          + "available", exitCode: .unavailable)
    }
  }
}
