import SystemPackage

/// The open disks of a guest.
struct DiskSet {
  let blocks: [DiskImage]
  let vext: [DiskImage]

  init(_ configuration: GuestConfiguration) throws(GuestError) {
    blocks = try Self.open(configuration.disks, part: .disk)
    vext = try Self.open(configuration.vextDisks, part: .vext)
  }

  private static func open(
    _ disks: [GuestConfiguration.Disk], part: GuestError.Part
  ) throws(GuestError) -> [DiskImage] {
    var opened: [DiskImage] = []
    for disk in disks {
      opened.append(
        try GuestError.attributing(to: part) { () throws(DiskError) in
          try DiskImage(
            path: disk.path, readOnly: disk.isReadOnly, direct: disk.isDirect,
            formats: disk.formats)
        })
    }
    return opened
  }
}
