import Glibc

/// Where running guests and root file systems are kept: `~/.lkvm`, or what LKVM_HOME names.
enum LkvmHome {
  /// The folder, which need not be there.
  static var path: String {
    if let path = variable("LKVM_HOME") { return path }
    return "\(variable("HOME") ?? "/root")/.lkvm"
  }

  private static func variable(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    let text = unsafe String(cString: value)
    return text.isEmpty ? nil : text
  }
}
