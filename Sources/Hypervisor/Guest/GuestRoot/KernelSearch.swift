import HostSystem
import SystemPackage

/// The search for a kernel if the user names none.
public enum KernelSearch {
  /// The candidate paths on a host whose kernel is `release`, best first.
  public static func candidates(release: String) -> [String] {
    ["./bzImage", "arch/x86/boot/bzImage", "../../arch/x86/boot/bzImage"] + installed(release: release)
  }

  /// The candidate paths of installed kernels.
  public static func installed(release: String) -> [String] {
    ["/boot/vmlinuz-\(release)", "/boot/bzImage-\(release)"]
  }

  /// Returns the first candidate that can be read. If none can, the error says why the first one that exists could not.
  public static func find(in candidates: [String]) throws(GuestRootError) -> String {
    var failure: GuestRootError?
    for path in candidates {
      do throws(Errno) {
        try NamedFiles.checkReadable(path)
        return path
      } catch {
        guard error != .noSuchFileOrDirectory, error != .notDirectory else { continue }
        failure = failure ?? .cannotRead(path: path, error)
      }
    }
    throw failure ?? .noKernel(candidates: candidates)
  }

  /// Returns the running kernel's release, as `uname -r` prints it.
  public static func hostRelease() -> String { NamedFiles.kernelRelease() }
}
