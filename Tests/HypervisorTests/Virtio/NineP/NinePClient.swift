import Hypervisor
import Testing

/// The guest's end of 9P2000.L, small: it speaks to a server in the same process.
final class NinePClient {
  /// Request types.
  enum T {
    static let statfs: UInt8 = 8
    static let lopen: UInt8 = 12
    static let lcreate: UInt8 = 14
    static let symlink: UInt8 = 16
    static let mknod: UInt8 = 18
    static let rename: UInt8 = 20
    static let readlink: UInt8 = 22
    static let getattr: UInt8 = 24
    static let setattr: UInt8 = 26
    static let xattrwalk: UInt8 = 30
    static let xattrcreate: UInt8 = 32
    static let readdir: UInt8 = 40
    static let fsync: UInt8 = 50
    static let lock: UInt8 = 52
    static let getlock: UInt8 = 54
    static let link: UInt8 = 70
    static let mkdir: UInt8 = 72
    static let renameat: UInt8 = 74
    static let unlinkat: UInt8 = 76
    static let version: UInt8 = 100
    static let auth: UInt8 = 102
    static let attach: UInt8 = 104
    static let flush: UInt8 = 108
    static let walk: UInt8 = 110
    static let read: UInt8 = 116
    static let write: UInt8 = 118
    static let clunk: UInt8 = 120
    static let remove: UInt8 = 122
  }

  struct Attributes {
    var qid: NinePAnswer.Qid
    var mode: UInt32
    var user: UInt32
    var group: UInt32
    var linkCount: UInt64
    var deviceNumber: UInt64
    var byteCount: UInt64
    var access: [UInt64]
    var modification: [UInt64]
  }

  struct Entry: Equatable {
    var qid: NinePAnswer.Qid
    var offset: UInt64
    var type: UInt8
    var name: String
  }

  static let noFid: UInt32 = .max
  /// The fid of the root.
  static let root: UInt32 = 0

  let server: NinePServer
  let messageLimit: Int
  private var nextFid: UInt32 = 1

  /// A client that has attached as `user`.
  init(
    _ share: NinePShare, user: UInt32 = 0, messageLimit: UInt32 = 8192, descriptorLimit: Int? = nil
  ) throws {
    server = try NinePServer(share: share, descriptorLimit: descriptorLimit)
    self.messageLimit = Int(messageLimit)
    try begin(messageLimit: messageLimit)
    try attach(Self.root, user: user)
  }

  convenience init(
    _ directory: NinePTemporaryDirectory, readOnly: Bool = false, security: NinePSecurity = .none,
    user: UInt32 = 0
  ) throws {
    try self.init(
      NinePShare(path: directory.path, tag: "test", readOnly: readOnly, security: security), user: user)
  }

  func begin(messageLimit: UInt32, version: String = "9P2000.L") throws {
    var answer = try call(T.version, NinePMessage().u32(messageLimit).string(version))
    #expect(answer.u32() == min(messageLimit, 1 << 20))
    #expect(answer.string() == version)
  }

  func attach(_ fid: UInt32, user: UInt32 = 0, name: String = "") throws {
    let message = NinePMessage().u32(fid).u32(Self.noFid).string("root").string(name).u32(user)
    _ = try call(T.attach, message)
  }

  /// Sends a request and returns the body of its answer.
  func call(_ type: UInt8, _ message: NinePMessage, replyByteCount: Int? = nil) throws -> NinePAnswer {
    let answer = server.handle(
      message: message.framed(type, tag: 7), replyByteCount: replyByteCount ?? max(messageLimit, 4096))
    var header = NinePAnswer(answer)
    #expect(Int(header.u32()) == answer.count)
    let answerType = header.u8()
    #expect(header.u16() == 7)
    if answerType == 7 { throw NinePRefusal(Int32(header.u32())) }
    #expect(answerType == type + 1)
    return NinePAnswer(answer.dropFirst(7))
  }

  func newFid() -> UInt32 {
    defer { nextFid += 1 }
    return nextFid
  }

  /// Walks `names` and returns the new fid; ENOENT where the walk ends early.
  func walk(_ names: [String], from fid: UInt32 = root) throws -> UInt32 {
    let new = newFid()
    let qids = try walk(from: fid, to: new, names)
    if qids.count < names.count { throw NinePRefusal(2) }
    return new
  }

  @discardableResult
  func walk(from fid: UInt32, to new: UInt32, _ names: [String]) throws -> [NinePAnswer.Qid] {
    let message = names.reduce(NinePMessage().u32(fid).u32(new).u16(UInt16(names.count))) { $0.string($1) }
    var answer = try call(T.walk, message)
    return (0..<answer.u16()).map { _ in answer.qid() }
  }

  func open(_ names: [String], flags: UInt32 = 0) throws -> UInt32 {
    let fid = try walk(names)
    _ = try call(T.lopen, NinePMessage().u32(fid).u32(flags))
    return fid
  }

  func create(
    _ name: String, in directory: [String] = [], flags: UInt32 = 2, mode: UInt32 = 0o644, group: UInt32 = 0
  )
    throws -> UInt32
  {
    let fid = try walk(directory)
    _ = try call(T.lcreate, NinePMessage().u32(fid).string(name).u32(flags).u32(mode).u32(group))
    return fid
  }

  func read(_ fid: UInt32, at offset: UInt64 = 0, count: UInt32 = 4096) throws -> [UInt8] {
    var answer = try call(T.read, NinePMessage().u32(fid).u64(offset).u32(count))
    return answer.bytes(Int(answer.u32()))
  }

  func readText(_ names: [String]) throws -> String {
    let fid = try open(names)
    defer { try? clunk(fid) }
    return String(decoding: try read(fid), as: UTF8.self)
  }

  @discardableResult
  func write(_ fid: UInt32, _ data: [UInt8], at offset: UInt64 = 0) throws -> Int {
    var answer = try call(T.write, NinePMessage().u32(fid).u64(offset).data(data))
    return Int(answer.u32())
  }

  func clunk(_ fid: UInt32) throws { _ = try call(T.clunk, NinePMessage().u32(fid)) }

  func mkdir(_ name: String, in fid: UInt32 = root, mode: UInt32 = 0o755, group: UInt32 = 0) throws {
    _ = try call(T.mkdir, NinePMessage().u32(fid).string(name).u32(mode).u32(group))
  }

  func attributes(_ fid: UInt32) throws -> Attributes {
    var answer = try call(T.getattr, NinePMessage().u32(fid).u64(0x7FF))
    #expect(answer.u64() == 0x7FF)
    let qid = answer.qid()
    let (mode, user, group) = (answer.u32(), answer.u32(), answer.u32())
    let (links, device, size) = (answer.u64(), answer.u64(), answer.u64())
    _ = answer.bytes(16)
    return Attributes(
      qid: qid, mode: mode, user: user, group: group, linkCount: links, deviceNumber: device, byteCount: size,
      access: [answer.u64(), answer.u64()], modification: [answer.u64(), answer.u64()])
  }

  func setAttributes(
    _ fid: UInt32, valid: UInt32, mode: UInt32 = 0, user: UInt32 = 0, group: UInt32 = 0, size: UInt64 = 0,
    access: [UInt64] = [0, 0], modification: [UInt64] = [0, 0]
  ) throws {
    let message = NinePMessage().u32(fid).u32(valid).u32(mode).u32(user).u32(group).u64(size)
    _ = try call(
      T.setattr, (access + modification).reduce(message) { $0.u64($1) })
  }

  /// The bytes of an attribute, or with an empty name the names of all.
  func attribute(_ name: String, of fid: UInt32) throws -> [UInt8] {
    let value = newFid()
    _ = try call(T.xattrwalk, NinePMessage().u32(fid).u32(value).string(name))
    defer { try? clunk(value) }
    return try read(value)
  }

  func setAttribute(_ name: String, _ value: [UInt8], of fid: UInt32) throws {
    let new = newFid()
    try walk(from: fid, to: new, [])
    _ = try call(
      T.xattrcreate, NinePMessage().u32(new).string(name).u64(UInt64(value.count)).u32(0))
    if !value.isEmpty { try write(new, value) }
    try clunk(new)
  }

  /// Entries from `offset` on, of one answer.
  func entries(_ fid: UInt32, at offset: UInt64 = 0, count: UInt32 = 4096) throws -> [Entry] {
    var answer = try call(T.readdir, NinePMessage().u32(fid).u64(offset).u32(count))
    var list = NinePAnswer(answer.bytes(Int(answer.u32())))
    var entries: [Entry] = []
    while !list.isEmpty {
      entries.append(Entry(qid: list.qid(), offset: list.u64(), type: list.u8(), name: list.string()))
    }
    return entries
  }
}
