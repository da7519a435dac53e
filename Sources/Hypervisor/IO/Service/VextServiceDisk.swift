import HostSystem

/// A disk of vextd's, and who may open it.
public struct VextServiceDisk: Sendable {
  /// By which clients ask for it.
  public let name: String
  /// The open image or block device.
  public let image: DiskImage
  /// The user who may open it beside root.
  public let ownerID: UInt32
  /// The group whose members may open it; nil: none.
  public let groupID: UInt32?

  /// A disk; nil for a name that no disk can have: 1 to 64 letters, digits, '.', '_' and '-'.
  public init?(name: String, image: DiskImage, ownerID: UInt32, groupID: UInt32? = nil) {
    guard VextServiceRequest.isName(Array(name.utf8)) else { return nil }
    self.name = name
    self.image = image
    self.ownerID = ownerID
    self.groupID = groupID
  }

  /// Whether `peer` may open the disk.
  func admits(_ peer: SocketPeer) -> Bool {
    peer.userID == 0 || peer.userID == ownerID || groupID.map(peer.groupIDs.contains) == true
  }
}
