import Glibc

/// Where a kernel is looked for when none is named.
public enum KernelSearch {
  /// The candidates on a host whose kernel is `release`, best first.
  public static func candidates(release: String) -> [String] {
    ["./bzImage", "arch/x86/boot/bzImage", "../../arch/x86/boot/bzImage"] + installed(release: release)
  }

  /// The candidates among installed kernels.
  public static func installed(release: String) -> [String] {
    ["/boot/vmlinuz-\(release)", "/boot/bzImage-\(release)"]
  }

  /// The first that can be read.
  public static func find(in candidates: [String]) throws(GuestRootError) -> String {
    guard let found = candidates.first(where: { unsafe access($0, R_OK) == 0 }) else {
      throw .noKernel(candidates: candidates)
    }
    return found
  }

  /// The running kernel's release, as `uname -r` prints it.
  public static func hostRelease() -> String {
    var name = utsname()
    guard unsafe uname(&name) == 0 else { return "" }
    return unsafe withUnsafeBytes(of: name.release) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
  }
}
