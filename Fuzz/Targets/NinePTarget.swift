import Foundation
import Glibc
import Hypervisor

/// 9P messages over a shared directory: fields from a small world of fids and names, then bytes changed.
///
/// Each message is answered in the form that the protocol wants, and nothing changes outside the directory.
final class NinePTarget: FuzzTarget {
  /// Message types (9P2000.L) with their fields.
  private static let messages: [(type: UInt8, fields: [NinePField])] = [
    (8, [.fid]),  // statfs
    (12, [.fid, .flags]),  // lopen
    (14, [.fid, .name, .flags, .mode, .number32]),  // lcreate
    (16, [.fid, .name, .name, .number32]),  // symlink
    (18, [.fid, .name, .mode, .number32, .number32, .number32]),  // mknod
    (20, [.fid, .fid, .name]),  // rename
    (22, [.fid]),  // readlink
    (24, [.fid, .number64]),  // getattr
    (26, setattrFields),  // setattr
    (30, [.fid, .fid, .name]),  // xattrwalk
    (32, [.fid, .name, .number64, .flags]),  // xattrcreate
    (40, [.fid, .number64, .number32]),  // readdir
    (50, [.fid, .flags]),  // fsync
    (52, [.fid, .number8, .flags, .number64, .number64, .number32, .name]),  // lock
    (54, [.fid, .number8, .number64, .number64, .number32, .name]),  // getlock
    (70, [.fid, .fid, .name]),  // link
    (72, [.fid, .name, .mode, .number32]),  // mkdir
    (74, [.fid, .name, .fid, .name]),  // renameat
    (76, [.fid, .name, .flags]),  // unlinkat
    (104, [.fid, .noFid, .name, .name, .number32]),  // attach
    (108, [.number16]),  // flush
    (110, [.fid, .fid, .names]),  // walk
    (116, [.fid, .number64, .number32]),  // read
    (118, [.fid, .number64, .data]),  // write
    (120, [.fid]),  // clunk
    (122, [.fid]),  // remove
  ]
  private static let setattrFields: [NinePField] =
    [.fid, .flags, .mode, .number32, .number32] + [NinePField](repeating: .number64, count: 5)
  private static let version: UInt8 = 100
  private static let error: UInt8 = 7
  private static let secret = "nobody may read this"

  private let directory: ScratchDirectory

  init(directory: ScratchDirectory) { self.directory = directory }

  func run(_ input: inout FuzzInput) throws {
    let share = try makeShare(readOnly: input.happens(oneIn: 8))
    let server = try NinePServer(share: share)
    _ = server.handle(message: Self.versionMessage, replyByteCount: 8192)
    // The root as fid 0, a file as 1, a folder as 2, and the link that leads out as 3.
    _ = server.handle(
      message: NinePField.frame(104, [0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0]),
      replyByteCount: 8192)
    for (fid, name) in ["file", "folder", "link"].enumerated() {
      let body = [0, 0, 0, 0, UInt8(fid + 1), 0, 0, 0, 1, 0, UInt8(name.utf8.count), 0] + Array(name.utf8)
      _ = server.handle(message: NinePField.frame(110, body), replyByteCount: 8192)
    }
    while !input.isExhausted {
      let message = makeMessage(&input)
      let room = input.changed(8192 as UInt32, oneIn: 16)
      let byteCount = Int(min(room, 1 << 20))
      let answer = server.handle(message: message, replyByteCount: byteCount)
      try check(answer, to: message, room: byteCount)
    }
    server.reset()
    try FuzzFailure.check(
      try String(contentsOfFile: directory.file("outside/secret"), encoding: .utf8) == Self.secret,
      "a file outside the share was changed")
    let names = try FileManager.default.contentsOfDirectory(atPath: directory.file("outside")).sorted()
    try FuzzFailure.check(names == ["secret", "share"], "outside the share there is \(names)")
  }

  private static var versionMessage: [UInt8] {
    NinePField.frame(version, [0, 32, 0, 0, 8, 0] + Array("9P2000.L".utf8), tag: 0xFFFF)
  }

  private func makeShare(readOnly: Bool) throws -> NinePShare {
    let outside = directory.file("outside")
    let share = "\(outside)/share"
    if FileManager.default.fileExists(atPath: outside) { try FileManager.default.removeItem(atPath: outside) }
    try FileManager.default.createDirectory(atPath: "\(share)/folder", withIntermediateDirectories: true)
    try Self.secret.write(toFile: "\(outside)/secret", atomically: false, encoding: .utf8)
    try "contents".write(toFile: "\(share)/file", atomically: false, encoding: .utf8)
    try FileManager.default.createSymbolicLink(
      atPath: "\(share)/link", withDestinationPath: "../secret")
    try FileManager.default.createSymbolicLink(atPath: "\(share)/folder/up", withDestinationPath: "../..")
    return try NinePShare(path: share, tag: "fuzz", readOnly: readOnly)
  }

  private func makeMessage(_ input: inout FuzzInput) -> [UInt8] {
    if input.happens(oneIn: 64) { return Self.versionMessage }
    let (type, fields) = input.pick(Self.messages)
    var body = fields.flatMap { $0.bytes(&input) }
    if input.happens(oneIn: 8), !body.isEmpty { body[input.below(body.count)] = input.byte() }
    if input.happens(oneIn: 32) { body.removeLast(input.below(body.count + 1)) }
    if input.happens(oneIn: 32) { body += input.take(input.below(16)) }
    let size = input.changed(UInt32(body.count + 7), oneIn: 64)
    return NinePField.frame(
      input.changed(type, oneIn: 64), body, tag: input.interesting(), size: size)
  }

  private func check(_ answer: [UInt8], to message: [UInt8], room: Int) throws {
    // No room for an error: there is no answer.
    if answer.isEmpty, room < 11 { return }
    let isWhole = answer.count >= 7 && answer.count <= room
    let size = answer.prefix(4).reversed().reduce(0) { $0 << 8 | Int($1) }
    let isFramed = isWhole && size == answer.count
    let isOfType = isFramed && (answer[4] == Self.error && size == 11 || answer[4] == message[4] &+ 1)
    try FuzzFailure.check(
      isOfType && Array(answer[5...6]) == Array(message[5...6]), "\(message) was answered with \(answer)")
  }
}
