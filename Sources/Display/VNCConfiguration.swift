import Glibc
import HostSystem
public import Hypervisor
import SystemPackage

/// Where a VNC server listens, and whom it lets in.
public struct VNCConfiguration: Equatable, Sendable {
  /// The port of VNC's display 0.
  public static let basePort: UInt16 = 5900
  /// The number of bytes of a password that VNC uses.
  public static let passwordByteCount = 8

  /// The address: by default the host's loopback interface, which other machines do not reach.
  public var address = IPv4Address(rawValue: 0x7F00_0001)
  /// The TCP port; 0 takes a free one.
  public var port = Self.basePort
  /// The file whose first line is the password; nil lets everybody in who reaches the port.
  public var passwordFile: String?

  /// The loopback interface, port 5900, no password.
  public init() {}

  /// Whether programs of this host alone reach the server.
  public var isLocal: Bool { address.rawValue >> 24 == 127 }

  /// Reads the password.
  ///
  /// - Returns: nil if there is none.
  func password() throws(DisplayError) -> [UInt8]? {
    guard let passwordFile else { return nil }
    let bytes: [UInt8]
    do throws(Errno) {
      // A FIFO without a writer is empty, and nobody waits for one.
      let file = try OwnedDescriptor.open(passwordFile, flags: O_NONBLOCK)
      bytes = try DescriptorBytes.read(file.rawValue, limit: 256)
    } catch {
      throw .cannotReadPassword(passwordFile, error)
    }
    let line = bytes.prefix { $0 != 0x0A && $0 != 0x0D && $0 != 0 }
    guard !line.isEmpty else { throw .noPassword(passwordFile) }
    return Array(line.prefix(Self.passwordByteCount))
  }
}
