import CFuse
import HostSystem
import SystemPackage

/// Continues in a second process, while the process that the user started waits until the mount exists.
public enum Background {
  /// The end of the pipe on which ``tell(_:_:)`` reports; in the process that the user started never returns.
  ///
  /// Call it before any thread, mapping or device is there.
  public static func enter() throws(Errno) -> Int32 {
    try FuseConnection.continueInBackground()
  }

  /// The version of libfuse that runs.
  public static var libraryVersion: String { FuseConnection.libraryVersion ?? "3" }

  /// Ends the waiting process with `exitCode`.
  public static func tell(_ pipe: Int32, exitCode: Int32) {
    cfuse_tell_parent(pipe, UInt8(clamping: exitCode))
  }

  /// Reports the end of all changes of a mount on standard error and in the system log, because standard error has no
  /// reader in the background.
  static func report(_ text: String) { FuseConnection.report(text) }
}
