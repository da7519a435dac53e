import CFuse
import HostSystem
import SystemPackage

/// Leaves the process that the user started waiting until the mount is there, and goes on in another.
public enum Background {
  /// The end of the pipe on which ``tell(_:_:)`` reports; in the process that the user started never returns.
  ///
  /// Call it before any thread, mapping or device is there.
  public static func enter() throws(Errno) -> Int32 {
    var pipe: Int32 = -1
    try check(unsafe cfuse_fork(&pipe))
    return pipe
  }

  /// The version of libfuse that runs.
  public static var libraryVersion: String {
    guard let text = unsafe fuse_pkgversion() else { return "3" }
    return unsafe String(cString: text)
  }

  /// Ends the process that waits, with `exitCode`.
  public static func tell(_ pipe: Int32, exitCode: Int32) {
    cfuse_tell_parent(pipe, UInt8(clamping: exitCode))
  }

  /// Says on standard error, and in the system's log, what ends all changes of a mount: in the background nobody reads the former.
  static func report(_ text: String) {
    unsafe text.withCString { unsafe cfuse_report($0) }
  }
}
