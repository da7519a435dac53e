import SystemPackage

/// The open disks of a guest.
struct DiskSet {
  let blocks: [DiskImage]
  let vext: [DiskImage]

  init(_ configuration: GuestConfiguration) throws(GuestError) {
    blocks = try Self.open(configuration.disks, engine: configuration.engine, part: .disk)
    vext = try Self.open(configuration.vextDisks, engine: configuration.engine, part: .vext)
  }

  private static func open(
    _ disks: [GuestConfiguration.Disk], engine: BlockEngineKind, part: GuestError.Part
  ) throws(GuestError) -> [DiskImage] {
    var opened: [DiskImage] = []
    for disk in disks {
      opened.append(
        try GuestError.attributing(to: part) { () throws(DiskError) in
          try DiskImage(
            path: disk.path, readOnly: disk.isReadOnly, direct: disk.isDirect,
            formats: disk.formats, inMemory: engine == .memory)
        })
    }
    return opened
  }
}
