import CFuse
import Glibc
import SystemPackage

/// Numbers of ioctl(2) (linux/fs.h) that FUSE passes on. FIEMAP is not among them: the kernel answers it without asking.
private enum IoctlCommand {
  static let getFlags: UInt32 = 0x8008_6601
  static let setFlags: UInt32 = 0x4008_6602
  static let getVersion: UInt32 = 0x8008_7601
  /// ext4's own number for the same.
  static let getVersionOfExt4: UInt32 = 0x8008_6603
  static let getExtendedFlags: UInt32 = 0x801C_581F
  static let setExtendedFlags: UInt32 = 0x401C_5820
  static let trim: UInt32 = 0xC018_5879
  static let getLabel: UInt32 = 0x8100_9431
  static let setLabel: UInt32 = 0x4100_9432
}

/// `struct fsxattr`.
private struct ExtendedFlags {
  var flags: UInt32
  var project: UInt32

  private static let byteCount = 28
  private static let projectOffset = 12

  init(flags: UInt32, project: UInt32) {
    self.flags = flags
    self.project = project
  }

  init(_ input: IoctlInput) throws(Errno) {
    try input.require(byteCount: Self.byteCount)
    flags = try input.number(at: 0)
    project = try input.number(at: Self.projectOffset)
  }

  /// The extents' sizes and their number are 0.
  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: Self.byteCount)
    bytes.replaceSubrange(0..<4, with: flags.bytes)
    bytes.replaceSubrange(Self.projectOffset..<Self.projectOffset + 4, with: project.bytes)
    return bytes
  }
}

/// `struct fstrim_range`.
private struct TrimRange {
  var start: UInt64
  var length: UInt64
  var smallest: UInt64

  init(_ input: IoctlInput) throws(Errno) {
    start = try input.number(at: 0)
    length = try input.number(at: 8)
    smallest = try input.number(at: 16)
  }

  var bytes: [UInt8] { start.bytes + length.bytes + smallest.bytes }
}

/// The argument of a command, which the kernel has copied.
private struct IoctlInput {
  let bytes: [UInt8]

  /// Throws `EINVAL` if the kernel passed fewer bytes.
  func require(byteCount: Int) throws(Errno) { if bytes.count < byteCount { throw .invalidArgument } }

  /// Throws `EINVAL` if the kernel passed fewer bytes.
  func number<Number: WireValue>(at offset: Int) throws(Errno) -> Number {
    try require(byteCount: offset + Number.byteCount)
    return bytes.span.load(at: offset)
  }

  /// The bytes up to the first zero.
  var text: [UInt8] { Array(bytes.prefix { $0 != 0 }) }
}

extension FuseServer {
  func control(
    _ command: UInt32, _ input: [UInt8], of node: fuse_ino_t, _ request: inout FuseRequest,
    _ resources: ServingResources
  ) throws(Errno) {
    let call = Ioctl(
      input: IoctlInput(bytes: input), number: try Self.inodeNumber(node), resources: resources)
    let answer = try perform(command, call)
    // Changed flags set the time of change, and the kernel does not ask again by itself.
    if command == IoctlCommand.setFlags || command == IoctlCommand.setExtendedFlags {
      forgetAttributes(of: node)
    }
    request.answer(control: answer)
  }

  private struct Ioctl {
    let input: IoctlInput
    let number: UInt32
    let resources: ServingResources

    func require(_ capability: Caller.Capability) throws(Errno) {
      guard resources.caller.has(capability) else { throw .notPermitted }
    }
  }

  /// Throws `ENOTTY` for commands that are not known, as ext4 does.
  private func perform(_ command: UInt32, _ call: Ioctl) throws(Errno) -> [UInt8] {
    let (number, resources) = (call.number, call.resources)
    switch command {
    case IoctlCommand.getFlags: return try fileSystem.traits(of: number, resources).flags.bytes
    case IoctlCommand.getVersion, IoctlCommand.getVersionOfExt4:
      return try fileSystem.traits(of: number, resources).generation.bytes
    case IoctlCommand.getExtendedFlags:
      let traits = try fileSystem.traits(of: number, resources)
      return ExtendedFlags(flags: traits.extendedFlags, project: traits.project).bytes
    case IoctlCommand.setFlags: try setFlags(.flags(try call.input.number(at: 0)), call)
    case IoctlCommand.setExtendedFlags:
      let wanted = try ExtendedFlags(call.input)
      try setFlags(.extended(wanted.flags, project: wanted.project), call)
    case IoctlCommand.getLabel: return try fileSystem.label(resources) + [0]
    case IoctlCommand.setLabel:
      try call.require(.administration)
      try fileSystem.setLabel(call.input.text, resources)
    case IoctlCommand.trim:
      try call.require(.administration)
      var range = try TrimRange(call.input)
      range.length = try fileSystem.trimFreeBlocks(
        from: range.start, byteCount: range.length, smallest: range.smallest, resources)
      return range.bytes
    default: throw Errno(rawValue: ENOTTY)
    }
    return []
  }

  private func setFlags(_ change: FileSystem.FlagChange, _ call: Ioctl) throws(Errno) {
    // Looked up by those alone who change it, which is rare.
    let mayJournalData = call.resources.caller.has(.resources)
    try fileSystem.setFlags(change, of: call.number, mayJournalData: mayJournalData, call.resources)
  }
}
