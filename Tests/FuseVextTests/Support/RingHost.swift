import Glibc
import Testing

@testable import FuseVext

/// Whether this host's kernel can send requests by rings (FUSE over io_uring).
enum RingHost {
  /// The reason why it cannot; nil if it can. Turns the module parameter on until the process ends.
  static let refusal: String? = {
    let path = FuseTransport.parameterPath
    let text = Command.text(of: path)
    if text.isEmpty { return "the kernel has no FUSE over io_uring (Linux 6.14)" }
    if text.first == "N" {
      guard Command.run("echo Y > \(path)").exitCode == 0 else {
        return "\(path) is N, and may not be changed"
      }
      _ = atexit { Command.run("echo N > \(FuseTransport.parameterPath)") }
    }
    return nil
  }()

  /// Skips a test with the option `io_uring` where the kernel cannot.
  static func canMount(_ option: String) throws {
    guard option == "io_uring", let refusal else { return }
    try Test.cancel("\(refusal)")
  }
}
