import Hypervisor

/// A command line of `lkvm run` that is taken apart without the argument parser.
///
/// The parser reflects on every option of every command, which takes longer than all else before a guest's first
/// instruction. Here is what most guests are started with. Whatever is unusual is nil and goes to the parser, so
/// nothing is refused here, and both say the same of what they both take.
struct QuickRunLine: Equatable {
  private(set) var settings = RunSettings()
  private(set) var kernelFile: String?
  private(set) var command: [String] = []

  /// Reads the arguments behind the program's name.
  init?(_ arguments: [String]) {
    guard arguments.first == "run" else { return nil }
    var rest = arguments.dropFirst()
    while let word = rest.popFirst() {
      if word == "--" {
        command = Array(rest)
        break
      }
      if word.hasPrefix("-") {
        guard take(flag: word) || takeOption(word, &rest) else { return nil }
      } else {
        guard !word.isEmpty, kernelFile == nil else { return nil }
        kernelFile = word
      }
    }
    guard kernelFile == nil || settings.kernel.kernel == nil else { return nil }
  }

  private mutating func take(flag: String) -> Bool {
    switch flag {
    case "--balloon": Self.set(&settings.devices.balloon)
    case "--huge-pages": Self.set(&settings.machine.hugePages)
    case "--nodefaults": Self.set(&settings.kernel.nodefaults)
    case "--rng": Self.set(&settings.devices.rng)
    case "--stats": Self.set(&settings.debugging.stats)
    default: false
    }
  }

  private mutating func takeOption(_ name: String, _ rest: inout ArraySlice<String>) -> Bool {
    guard let value = rest.popFirst(), !value.isEmpty, !value.hasPrefix("-") else { return false }
    switch name {
    case "--name": return Self.set(&settings.machine.name, value)
    case "-c", "--cpus":
      guard let count = Int(value), (1...BootLayout.vcpuLimit).contains(count) else { return false }
      return Self.set(&settings.machine.cpus, count)
    case "-m", "--mem":
      guard let size = MemorySize(argument: value), size.byteCount > 0 else { return false }
      return Self.set(&settings.machine.mem, size)
    case "-k", "--kernel": return Self.set(&settings.kernel.kernel, value)
    case "-i", "--initrd": return Self.set(&settings.kernel.initrd, value)
    case "-p", "--params": settings.kernel.params.append(value)
    case "-d", "--disk":
      guard let disk = DiskOption(argument: value), !disk.isSCSI else { return false }
      settings.devices.disk.append(disk)
    case "--9p":
      guard let share = ShareOption(argument: value) else { return false }
      settings.devices.shares.append(share)
    case "-n", "--network": settings.devices.network.append(value)
    case "--stats-file": return Self.set(&settings.debugging.statsFile, value)
    default: return false
    }
    return true
  }

  /// What is given twice is the parser's business.
  private static func set(_ flag: inout Bool) -> Bool {
    defer { flag = true }
    return !flag
  }

  private static func set<Value>(_ target: inout Value?, _ value: Value) -> Bool {
    defer { target = value }
    return target == nil
  }
}
