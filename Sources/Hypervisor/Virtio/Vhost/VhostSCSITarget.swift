/// A target of the host's SCSI stack (LIO) that vhost_scsi offers to a guest, by its world wide port name.
public struct VhostSCSITarget: Equatable, Sendable {
  /// The beginnings of the names that vhost_scsi takes: of SAS, Fibre Channel and iSCSI.
  public static let prefixes = ["naa.", "fc.", "iqn."]
  /// TRANSPORT_IQN_LEN of the kernel, without the byte that ends the name.
  private static let nameByteLimit = 223

  /// The world wide port name, as the folder below /sys/kernel/config/target/vhost is called.
  public let name: String

  /// Takes a name; nil for one that no target of vhost_scsi has.
  public init?(name: String) {
    guard let prefix = Self.prefixes.first(where: name.hasPrefix), name.utf8.count > prefix.utf8.count,
      name.utf8.count <= Self.nameByteLimit, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) }),
      !name.contains("/")
    else { return nil }
    self.name = name
  }

  /// The structure vhost_scsi_target, in 32-bit words: the version of the interface (0, which the kernel ignores), 224 bytes of the
  /// name, and the number of a port group, which the kernel ignores since version 1: a guest gets all of them.
  var encoded: [UInt32] {
    var words = [UInt32](repeating: 0, count: 58)
    for (index, byte) in name.utf8.prefix(Self.nameByteLimit).enumerated() {
      words[1 + index / 4] |= UInt32(byte) << UInt32(index % 4 * 8)
    }
    return words
  }
}
