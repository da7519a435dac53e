import Glibc

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

  /// Returns the first candidate that can be read.
  public static func find(in candidates: [String]) throws(GuestRootError) -> String {
    guard let found = candidates.first(where: { unsafe access($0, R_OK) == 0 }) else {
      throw .noKernel(candidates: candidates)
    }
    return found
  }

  /// Returns the running kernel's release, as `uname -r` prints it.
  public static func hostRelease() -> String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: name.release) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
