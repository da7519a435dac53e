import Hypervisor

/// `--disk PATH[,ro][,direct][,format=raw][,security=none|mapped|passthrough]`.
struct DiskOption: Equatable {
  /// The image, block device or folder.
  var path: String
  /// `ro`: the guest may not write.
  var isReadOnly = false
  /// `direct`: opened with O_DIRECT.
  var isDirect = false
  /// `format=raw`: its bytes are the disk's, whatever they look like.
  var acceptsAnyFormat = false
  /// `security=`: what becomes of owners, modes, devices and attributes that the guest sets in a folder; nil if not given.
  var security: NinePSecurity?

  /// Whether it names a target of the host's SCSI stack, as kvmtool has it.
  var isSCSI: Bool { path.hasPrefix("scsi:") }

  /// Reads `argument`, or answers nil for an empty path or an unknown suffix.
  init?(argument: String) {
    var parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    path = String(parts.removeFirst())
    guard !path.isEmpty else { return nil }
    for part in parts {
      switch part {
      case "ro": isReadOnly = true
      case "direct": isDirect = true
      case "format=raw": acceptsAnyFormat = true
      default:
        guard let security = NinePSecurity(option: part) else { return nil }
        self.security = security
      }
    }
  }
}
