import ArgumentParser
import Hypervisor

extension BlockEngineKind: ExpressibleByArgument {}
extension DataPathMode: ExpressibleByArgument {}
extension ExitCounting: ExpressibleByArgument {}
extension FioEngine: ExpressibleByArgument {}
extension GuestChoice: ExpressibleByArgument {}
extension ImageType: ExpressibleByArgument {}
extension RWKind: ExpressibleByArgument {}

extension ByteSize: ExpressibleByArgument {
  init?(argument: String) {
    self.init(argument)
  }

  var defaultValueDescription: String { description }
}

extension TimeSpan: ExpressibleByArgument {
  init?(argument: String) {
    self.init(argument)
  }

  var defaultValueDescription: String { description }
}

extension Percentage: ExpressibleByArgument {
  init?(argument: String) {
    self.init(argument)
  }
}

extension CPUList: ExpressibleByArgument {
  init?(argument: String) {
    self.init(argument)
  }
}

/// One or more modes, separated by commas.
struct ModeList: ExpressibleByArgument {
  /// The modes, in the order given.
  let modes: [DataPathMode]

  /// The modes that `argument` names, or nil if one of them does not exist.
  init?(argument: String) {
    var modes: [DataPathMode] = []
    for name in argument.split(separator: ",", omittingEmptySubsequences: false) {
      guard let mode = DataPathMode(rawValue: String(name)) else { return nil }
      modes.append(mode)
    }
    self.modes = modes
  }

  static var allValueStrings: [String] { DataPathMode.allCases.map(\.rawValue) }
}
