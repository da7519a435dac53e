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
  /// What its requests may take of the I/O threads.
  public let share: DiskShare

  /// A disk; nil for a name that no disk can have: 1 to 64 letters, digits, '.', '_' and '-'.
  public init?(
    name: String, image: DiskImage, ownerID: UInt32, groupID: UInt32? = nil, share: DiskShare = DiskShare()
  ) {
    guard VextServiceRequest.isName(Array(name.utf8)) else { return nil }
    self.name = name
    self.image = image
    self.ownerID = ownerID
    self.groupID = groupID
    self.share = share
  }

  fileprivate init(_ plan: VextServiceDiskPlan, image: DiskImage) {
    name = plan.name
    self.image = image
    ownerID = plan.ownerID
    groupID = plan.groupID
    share = plan.share
  }

  /// Whether `peer` may open the disk.
  func admits(_ peer: SocketPeer) -> Bool {
    peer.userID == 0 || peer.userID == ownerID || groupID.map(peer.groupIDs.contains) == true
  }
}

/// A disk of a configuration, which may be open already or not.
public struct VextServiceDiskPlan: Sendable {
  let name: String
  let ownerID: UInt32
  let groupID: UInt32?
  let share: DiskShare
  let open: @Sendable () throws -> DiskImage

  /// A plan; nil for a name that no disk can have.
  ///
  /// - Parameter open: opens the image or device.
  public init?(
    name: String, ownerID: UInt32, groupID: UInt32?, share: DiskShare,
    open: @escaping @Sendable () throws -> DiskImage
  ) {
    guard VextServiceRequest.isName(Array(name.utf8)) else { return nil }
    self.name = name
    self.ownerID = ownerID
    self.groupID = groupID
    self.share = share
    self.open = open
  }

  /// The disk.
  public func disk() throws -> VextServiceDisk { VextServiceDisk(self, image: try open()) }

  /// `disk`, which is open already, as the plan wants it.
  func changed(_ disk: VextServiceDisk) -> VextServiceDisk { VextServiceDisk(self, image: disk.image) }
}
