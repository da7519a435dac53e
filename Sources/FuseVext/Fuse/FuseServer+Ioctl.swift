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
private struct ExtendedFlags: BitwiseCopyable {
  var flags: UInt32 = 0
  var extentSize: UInt32 = 0
  var extentCount: UInt32 = 0
  var project: UInt32 = 0
  var copyOnWriteExtentSize: UInt32 = 0
  // Words: 28 bytes, without more at the end.
  var padding0: UInt32 = 0
  var padding1: UInt32 = 0
}

/// `struct fstrim_range`.
private struct TrimRange: BitwiseCopyable {
  var start: UInt64
  var length: UInt64
  var smallest: UInt64
}

extension FuseServer {
  static func addIoctl(_ operations: inout fuse_lowlevel_ops) {
    unsafe operations.ioctl = { handle, node, command, _, _, _, input, inputByteCount, _ in
      unsafe serve(handle) { (request, server, worker) throws(Errno) in
        let input = unsafe UnsafeRawBufferPointer(start: input, count: input == nil ? 0 : inputByteCount)
        let call = try unsafe Ioctl(
          input: input, number: FuseServer.inodeNumber(node), worker: worker)
        let answer = try server.perform(command, call)
        // Changed flags set the time of change, and the kernel does not ask again by itself.
        if command == IoctlCommand.setFlags || command == IoctlCommand.setExtendedFlags {
          server.forgetAttributes(of: node)
        }
        unsafe answer.withUnsafeBytes { unsafe request.answer(control: $0) }
      }
    }
  }

  /// The arguments of a command.
  @safe
  private struct Ioctl {
    private let input: UnsafeRawBufferPointer
    let number: UInt32
    let worker: Worker

    init(input: UnsafeRawBufferPointer, number: UInt32, worker: Worker) {
      unsafe self.input = unsafe input
      self.number = number
      self.worker = worker
    }

    /// Throws `EINVAL` if the kernel passed fewer bytes.
    func argument<Argument: BitwiseCopyable>(as type: Argument.Type = Argument.self) throws(Errno) -> Argument
    {
      guard unsafe input.count >= MemoryLayout<Argument>.size else { throw .invalidArgument }
      return unsafe input.loadUnaligned(as: Argument.self)
    }

    /// The bytes up to the first zero.
    var text: [UInt8] { unsafe Array(input.prefix { $0 != 0 }) }

    func require(_ capability: Caller.Capability) throws(Errno) {
      guard worker.caller.has(capability) else { throw .notPermitted }
    }
  }

  /// Throws `ENOTTY` for commands that are not known, as ext4 does.
  private func perform(_ command: UInt32, _ call: Ioctl) throws(Errno) -> [UInt8] {
    let (number, worker) = (call.number, call.worker)
    switch command {
    case IoctlCommand.getFlags: return bytes(of: try fileSystem.traits(of: number, worker).flags)
    case IoctlCommand.getVersion, IoctlCommand.getVersionOfExt4:
      return bytes(of: try fileSystem.traits(of: number, worker).generation)
    case IoctlCommand.getExtendedFlags:
      let traits = try fileSystem.traits(of: number, worker)
      return bytes(of: ExtendedFlags(flags: traits.extendedFlags, project: traits.project))
    case IoctlCommand.setFlags: try setFlags(.flags(try call.argument()), call)
    case IoctlCommand.setExtendedFlags:
      let wanted = try call.argument(as: ExtendedFlags.self)
      try setFlags(.extended(wanted.flags, project: wanted.project), call)
    case IoctlCommand.getLabel: return try fileSystem.label(worker) + [0]
    case IoctlCommand.setLabel:
      try call.require(.administration)
      try fileSystem.setLabel(call.text, worker)
    case IoctlCommand.trim:
      try call.require(.administration)
      var range = try call.argument(as: TrimRange.self)
      range.length = try fileSystem.trimFreeBlocks(
        from: range.start, byteCount: range.length, smallest: range.smallest, worker)
      return bytes(of: range)
    default: throw Errno(rawValue: ENOTTY)
    }
    return []
  }

  private func setFlags(_ change: FileSystem.FlagChange, _ call: Ioctl) throws(Errno) {
    // Looked up by those alone who change it, which is rare.
    let mayJournalData = call.worker.caller.has(.resources)
    try fileSystem.setFlags(change, of: call.number, mayJournalData: mayJournalData, call.worker)
  }
}

private func bytes<Value: BitwiseCopyable>(of value: Value) -> [UInt8] {
  unsafe withUnsafeBytes(of: value) { unsafe Array($0) }
}
