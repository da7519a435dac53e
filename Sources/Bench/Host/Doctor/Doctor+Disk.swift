import Hypervisor

/// What holds the image: file system, device, queue. All are nil for an engine that touches no file.
extension Doctor {
  /// File systems in memory.
  private static let memoryFileSystems: Set<String> = ["tmpfs", "ramfs"]
  /// File systems in which another file system, another process or another machine answers.
  private static let indirectFileSystems: Set<String> = [
    "overlay", "nfs", "nfs4", "cifs", "smb3", "9p", "virtiofs", "ceph", "fuse", "aufs",
  ]
  /// File systems that write elsewhere than they were asked to.
  private static let copyingFileSystems: Set<String> = ["btrfs", "zfs", "bcachefs", "f2fs"]
  /// Space that file systems and flash need to find room quickly.
  private static let spoilingSpace = 0.05
  private static let notedSpace = 0.15

  private var storage: StorageDescription? { configuration.engine.usesStorage ? host.storage : nil }
  private var disks: [BlockDeviceDescription] { storage?.device?.disks ?? [] }

  var fileSystem: Finding? {
    guard let storage else { return nil }
    let why = "a run measures whatever is between the I/O thread and the device"
    guard let mount = storage.fileSystem else {
      return Finding(
        check: .fileSystem, severity: .ok, found: "\(storage.path) has no file system below it", why: why)
    }
    let found = "\(storage.path) is on \(mount.type) (\(mount.mountPoint))"
    let remedy = "a disk of your own: --disk /dev/..., or a folder on ext4 or xfs: --scratch"
    if Self.memoryFileSystems.contains(mount.type) {
      return Finding(
        check: .fileSystem, severity: .spoils, found: found,
        why: "it is memory: nothing of a disk is measured",
        remedy: remedy)
    }
    if Self.indirectFileSystems.contains(mount.type) || mount.type.hasPrefix("fuse.") {
      return Finding(
        check: .fileSystem, severity: .spoils, found: found,
        why: "another file system, process or machine answers, and may refuse or ignore O_DIRECT",
        remedy: remedy)
    }
    if Self.copyingFileSystems.contains(mount.type) {
      return Finding(
        check: .fileSystem, severity: .note, found: found,
        why: "it writes to new places and makes checksums: writes measure that as well", remedy: remedy)
    }
    return Finding(check: .fileSystem, severity: .ok, found: found, why: why)
  }

  var directIO: Finding? {
    guard let storage, configuration.usesDirectIO, let isAccepted = storage.acceptsDirectIO else {
      return nil
    }
    let why = "without O_DIRECT a read is a copy from the page cache"
    guard !isAccepted else {
      return Finding(check: .directIO, severity: .ok, found: "O_DIRECT is accepted", why: why)
    }
    return Finding(
      check: .directIO, severity: .spoils,
      found: "\(storage.fileSystem?.type ?? storage.path) refuses O_DIRECT",
      why: why, remedy: "--disk or --scratch on another file system, or --no-direct, which measures memory")
  }

  var diskSpace: Finding? {
    guard let mount = storage?.fileSystem, let size = mount.byteCount,
      let available = mount.availableByteCount,
      size > 0
    else { return nil }
    let share = Double(available) / Double(size)
    let severity: Finding.Severity =
      share < Self.spoilingSpace ? .spoils : share < Self.notedSpace ? .note : .ok
    return Finding(
      check: .diskSpace, severity: severity,
      found: "\(Self.percent(share)) of \(mount.mountPoint) are free (\(available >> 20) MiB)",
      why: "a nearly full file system scatters new files, and a nearly full SSD has to move data first",
      remedy: severity == .ok ? nil : "make room, then tell the SSD: fstrim \(mount.mountPoint)")
  }

  var scheduler: Finding? {
    let disks = disks.filter { $0.scheduler != nil }
    guard !disks.isEmpty else { return nil }
    let why = "it holds and reorders requests, takes a lock for it, and costs CPU time at each"
    let scheduled = disks.filter { $0.scheduler != "none" }
    guard !scheduled.isEmpty else {
      return Finding(
        check: .scheduler, severity: .ok,
        found: "no I/O scheduler on \(disks.map(\.name).joined(separator: ", "))", why: why)
    }
    // A rotating disk is slow enough for one to pay.
    let isFast = scheduled.contains { $0.name.hasPrefix("nvme") }
    let remedies = scheduled.map { "echo none > /sys/block/\($0.name)/queue/scheduler" }
    return Finding(
      check: .scheduler, severity: isFast ? .spoils : .note,
      found: "the I/O scheduler of "
        + scheduled.map { "\($0.name) is \($0.scheduler ?? "")" }.joined(separator: ", "),
      why: why, remedy: remedies.joined(separator: "; "))
  }

  var device: Finding? {
    guard let device = storage?.device else { return nil }
    if let file = device.backingFile {
      return Finding(
        check: .device, severity: .spoils, found: "\(device.name) is a loop device over \(file)",
        why: "each request goes through a thread of the kernel's and another file system",
        remedy: "--disk \(file)")
    }
    if let parts = device.parts {
      return Finding(
        check: .device, severity: .note,
        found: "\(device.name) is a volume over \(parts.map(\.name).joined(separator: ", "))",
        why: "mapping, encryption and mirroring take part in each request",
        remedy: "--disk with a partition of the device itself")
    }
    if device.queue?["rotational"] == "1", !device.name.hasPrefix("vd") {
      return Finding(
        check: .device, severity: .note, found: "\(device.name) rotates",
        why: "milliseconds of seeking hide what a data path costs",
        remedy: "--disk on an SSD, or --engine null")
    }
    return Finding(
      check: .device, severity: .ok,
      found: ([device.name] + [device.model].compactMap(\.self)).joined(separator: ", "),
      why: "volumes, loop devices and rotating disks hide what a data path costs")
  }
}
