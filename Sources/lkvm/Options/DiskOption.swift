import Hypervisor

/// `--disk PATH[,ro][,direct][,format=raw][,snapshot=NAME][,backing=any][,security=none|mapped|passthrough]`.
struct DiskOption: Equatable {
  /// The image, block device or folder.
  var path: String
  /// `ro`: the guest may not write.
  var isReadOnly = false
  /// `direct`: opened with O_DIRECT.
  var isDirect = false
  /// `format=raw`: its bytes are the disk's, whatever they look like.
  var acceptsAnyFormat = false
  /// `snapshot=` and `backing=any`: how a qcow image is opened.
  var qcow = QcowOptions()
  /// `security=`: what becomes of owners, modes, devices and attributes that the guest sets in a folder; nil if not given.
  var security: NinePSecurity?

  /// The formats that an image may have.
  var formats: DiskFormats { acceptsAnyFormat ? .anyAsRaw : .qcow(qcow) }

  /// Whether all settings are ones that a folder has.
  var isForFolder: Bool { !isDirect && !acceptsAnyFormat && qcow == QcowOptions() }

  /// What an argument begins with that names a target of the host's SCSI stack, as kvmtool has it.
  static let targetPrefix = "scsi:"

  /// Reads `scsi:WWPN[:TPGT]`, or answers nil for a name that no target has.
  ///
  /// The number of a port group has no effect, as with kvmtool. The names of iSCSI have colons of their own, and no number behind
  /// them.
  static func target(argument: String) -> VhostSCSITarget? {
    let name = argument.dropFirst(targetPrefix.count)
    guard !name.hasPrefix("iqn."), let colon = name.firstIndex(of: ":") else {
      return VhostSCSITarget(name: String(name))
    }
    guard UInt16(name[name.index(after: colon)...]) != nil else { return nil }
    return VhostSCSITarget(name: String(name[..<colon]))
  }

  /// Reads `argument`, or answers nil for an empty path, an unknown suffix, or options of a qcow image beside `format=raw`.
  init?(argument: String) {
    var parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    path = String(parts.removeFirst())
    guard !path.isEmpty else { return nil }
    for part in parts {
      switch part {
      case "ro": isReadOnly = true
      case "direct": isDirect = true
      case "format=raw": acceptsAnyFormat = true
      case "backing=any": qcow.allowsAnyBackingFile = true
      case _ where part.hasPrefix("snapshot="):
        qcow.snapshot = String(part.dropFirst("snapshot=".count))
        guard qcow.snapshot?.isEmpty == false else { return nil }
      default:
        guard let security = NinePSecurity(option: part) else { return nil }
        self.security = security
      }
    }
    if acceptsAnyFormat, qcow != QcowOptions() { return nil }
  }
}
