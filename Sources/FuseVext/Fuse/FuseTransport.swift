import Glibc
import HostSystem
import SystemPackage

/// The way by which requests of the kernel come, and answers go.
public enum FuseTransport: Equatable, Sendable {
  /// The faster one that the kernel has.
  case automatic
  /// FUSE over io_uring (Linux 6.14): a queue for each CPU, one system call for an answer and the next request.
  case ring
  /// read(2) and writev(2) on /dev/fuse.
  case device

  /// The module parameter that turns FUSE over io_uring on.
  static let parameterPath = "/sys/module/fuse/parameters/enable_uring"

  /// Whether requests shall come by rings.
  ///
  /// - Parameters:
  ///   - parameter: The text of the module parameter; nil if the kernel has none.
  ///   - checkRings: Throws if this process can have no rings.
  /// - Throws: The reason why there are none if the user asked for them.
  func usesRings(
    parameter: String? = Self.parameter, checkRings: () throws(IOUringUnavailable) -> Void = Self.checkRings
  ) throws(MountFailure) -> Bool {
    if self == .device { return false }
    let reason: String
    switch parameter?.first {
    case nil:
      reason = "this kernel has no FUSE over io_uring (Linux 6.14 with CONFIG_FUSE_IO_URING); use '-o read'"
    case "Y"?, "1"?:
      do throws(IOUringUnavailable) {
        try checkRings()
        return true
      } catch {
        reason = "\(error); use '-o read'"
      }
    default:
      reason =
        "the module parameter fuse.enable_uring is N; run 'echo Y > \(Self.parameterPath)' as root, or use '-o read'"
    }
    if self == .ring { throw .fuse("option 'io_uring': \(reason)") }
    return false
  }

  private static var parameter: String? {
    do throws(SysfsError) {
      return try SysfsDirectory("/sys/module/fuse/parameters").text("enable_uring")
    } catch {
      // Who may not read it cannot know that it is on.
      return nil
    }
  }

  private static func checkRings() throws(IOUringUnavailable) { try IOUring.checkAvailability() }

  /// The number of the kernel's queues: one for each CPU that the machine may have.
  static var queueCount: Int {
    let configured = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_CONF))))
    do throws(SysfsError) {
      guard let text = try SysfsDirectory("/sys/devices/system/cpu").text("possible"),
        let cpus = CPUSet(parsing: text)
      else { return configured }
      return max(1, cpus.count)
    } catch {
      return configured
    }
  }

  /// The queues in which each thread has places: every thread at least one, and every queue of some thread.
  static func queues(threadCount: Int, queueCount: Int) -> [[UInt16]] {
    var queues = [[UInt16]](repeating: [], count: threadCount)
    for place in 0..<max(threadCount, queueCount) {
      queues[place % threadCount].append(UInt16(truncatingIfNeeded: place % queueCount))
    }
    return queues
  }
}
