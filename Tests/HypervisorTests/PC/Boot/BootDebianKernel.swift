import Glibc

/// The kernel of package linux-image-amd64, if this machine has it.
enum DebianKernel {
  static let path: String? = {
    guard let directory = unsafe opendir("/boot") else { return nil }
    defer { unsafe _ = closedir(directory) }
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name.hasPrefix("vmlinuz-"), name.hasSuffix("-amd64") { return "/boot/" + name }
    }
    return nil
  }()
}
