import CVNC

@testable import Display

/// The client's part of VNC's authentication, by the library's cipher.
enum VNCPassword {
  /// The answer to a challenge of 16 bytes.
  static func response(to challenge: [UInt8], password: String) -> [UInt8] {
    guard challenge.count == 16, let library = try? VNCLibrary.shared() else { return challenge }
    var bytes = challenge
    var text = password.utf8.map { CChar(bitPattern: $0) } + [0]
    // SAFETY: the function encrypts 16 bytes in place, with a password that ends in a zero.
    unsafe library.functions.encrypt(&bytes, &text)
    return bytes
  }
}
