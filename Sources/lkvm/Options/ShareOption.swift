import Hypervisor

/// `--9p DIR[,TAG[,ro]][,security=none|mapped|passthrough]`: a folder of the host's that the guest mounts by its tag.
struct ShareOption: Equatable {
  /// The folder.
  var directory: String
  /// The mount tag.
  var tag: String
  /// `ro`: the guest may not write.
  var isReadOnly = false
  /// `security=`: what becomes of the owners, modes, devices and attributes that the guest sets.
  var security = NinePSecurity.none

  /// The tag of a folder without one, as in kvmtool.
  static let defaultTag = "kvm_9p"

  /// Reads `argument`, or answers nil where the folder is missing, the tag is empty or a word is unknown.
  init?(argument: String) {
    let parts = argument.split(separator: ",", omittingEmptySubsequences: false)
    directory = String(parts[0])
    var words = parts.dropFirst()
    tag = Self.defaultTag
    if let first = words.first, !first.hasPrefix(NinePSecurity.optionPrefix) {
      tag = String(first)
      words.removeFirst()
    }
    guard !directory.isEmpty, !tag.isEmpty else { return nil }
    var hasSecurity = false
    for word in words {
      if word == "ro", !isReadOnly {
        isReadOnly = true
      } else if let security = NinePSecurity(option: word), !hasSecurity {
        (self.security, hasSecurity) = (security, true)
      } else {
        return nil
      }
    }
  }
}

extension NinePSecurity {
  /// What the word of an option begins with.
  static let optionPrefix = "security="

  /// Reads `security=none`, `security=mapped` or `security=passthrough`.
  init?(option word: Substring) {
    guard word.hasPrefix(Self.optionPrefix) else { return nil }
    self.init(rawValue: String(word.dropFirst(Self.optionPrefix.count)))
  }
}
