import Glibc
import Hypervisor
import Testing

/// Messages that a well-behaved guest does not send: each is answered with an error, and the session goes on.
@Suite struct NinePHostileTests {
  private typealias T = NinePClient.T
  private let directory = NinePTemporaryDirectory()

  init() { directory.write("file", "text") }

  /// The error of a raw message.
  private func refusal(_ client: NinePClient, _ message: [UInt8]) -> Int32? {
    var answer = NinePAnswer(client.server.handle(message: message, replyByteCount: 8192))
    guard answer.u32() == 11, answer.u8() == 7 else { return nil }
    _ = answer.u16()
    return Int32(answer.u32())
  }

  /// The session still works.
  private func works(_ client: NinePClient) throws { #expect(try client.readText(["file"]) == "text") }

  @Test func `a size that is not the message's is refused`() throws {
    let client = try NinePClient(directory)
    let body = NinePMessage().u32(0).u64(0x7FF)
    for size in [0, 1, 6, 20, 8192, .max] as [UInt32] {
      #expect(refusal(client, body.framed(T.getattr, size: size)) == EPROTO, "size \(size)")
    }
    // A size that cuts fields off.
    for size in 7..<19 as Range<UInt32> {
      #expect(refusal(client, body.framed(T.getattr, size: size)) == EPROTO, "size \(size)")
    }
    // Without even a header there is no tag to answer to.
    for count in 0..<7 {
      #expect(refusal(client, Array(body.framed(T.getattr).prefix(count))) == EPROTO, "\(count) bytes")
    }
    try works(client)
  }

  @Test func `a message that is larger than agreed is refused`() throws {
    let client = try NinePClient(directory)
    let large = NinePMessage().u32(0).u64(0).data([UInt8](repeating: 1, count: 8192))
    #expect(refusal(client, large.framed(T.write)) == EMSGSIZE)
    // Within a large agreement, only data may be long.
    try client.begin(messageLimit: 1 << 20)
    try client.attach(0)
    let long = (0..<16).reduce(NinePMessage().u32(0).u32(9).u16(16)) { message, _ in
      message.string(String(repeating: "x", count: 2000))
    }
    #expect(refusal(client, long.framed(T.walk)) == EMSGSIZE)
    try works(client)
  }

  @Test func `a reply without room becomes an error, or is dropped if that has no room either`() throws {
    let client = try NinePClient(directory)
    let message = NinePMessage().u32(0).u64(0x7FF).framed(T.getattr)
    #expect(client.server.handle(message: message, replyByteCount: 200).count == 160)
    #expect(client.server.handle(message: message, replyByteCount: 159).count == 11)
    #expect(client.server.handle(message: message, replyByteCount: 11).count == 11)
    for room in 0..<11 { #expect(client.server.handle(message: message, replyByteCount: room).isEmpty) }
    let fid = try client.open(["file"])
    let read = NinePMessage().u32(fid).u64(0).u32(100).framed(T.read)
    for room in 0..<11 { #expect(client.server.handle(message: read, replyByteCount: room).isEmpty) }
    try works(client)
  }

  @Test func `every request that is cut short is refused`() throws {
    let client = try NinePClient(directory)
    for (index, message) in NinePCorpus.messages.enumerated() where message[4] != T.version {
      for count in 7..<message.count {
        var cut = Array(message.prefix(count))
        cut.replaceSubrange(0..<4, with: [UInt8(truncatingIfNeeded: count), UInt8(count >> 8), 0, 0])
        let error = refusal(client, cut)
        #expect(error != nil, "message \(index) of \(count) bytes")
      }
    }
    try works(client)
  }

  @Test func `nothing goes before the version`() throws {
    let server = try NinePServer(share: NinePShare(path: directory.path, tag: "x", readOnly: false))
    for type in UInt8.min...UInt8.max where type != T.version {
      let answer = server.handle(
        message: NinePMessage().u32(0).u64(0).framed(type), replyByteCount: 4096)
      #expect(Array(answer.dropFirst(4)) == [7, 1, 0, UInt8(EPROTO), 0, 0, 0])
    }
  }

  @Test func `version: unknown dialects, small messages, and the end of the old session`() throws {
    let client = try NinePClient(directory)
    var answer = try client.call(T.version, NinePMessage().u32(8192).string("9P2000.u"))
    _ = answer.u32()
    #expect(answer.string() == "unknown")
    #expect(throws: NinePRefusal(EPROTO)) { try client.attach(0) }
    #expect(throws: NinePRefusal(EMSGSIZE)) { try client.begin(messageLimit: 4095) }
    try client.begin(messageLimit: .max)
    // Fid 0 went with the old session.
    #expect(throws: NinePRefusal(EBADF)) { try client.attributes(0) }
    try client.attach(0)
    try works(client)
  }

  @Test func `unknown requests and authentication are not supported`() throws {
    let client = try NinePClient(directory)
    let known = Set(NinePCorpus.messages.map { $0[4] })
    for type in UInt8.min...UInt8.max where !known.contains(type) {
      #expect(throws: NinePRefusal(EOPNOTSUPP), "request \(type)") {
        try client.call(type, NinePMessage().u32(0))
      }
    }
    #expect(throws: NinePRefusal(EOPNOTSUPP)) {
      try client.call(T.auth, NinePMessage().u32(5).string("root").string("").u32(0))
    }
    try works(client)
  }

  @Test func `flush of any tag is answered, and tags may repeat`() throws {
    let client = try NinePClient(directory)
    for tag in [0, 7, 0xFFFF] as [UInt16] {
      #expect(try client.call(T.flush, NinePMessage().u16(tag)).isEmpty)
    }
    for tag in [7, 7, 0xFFFF] as [UInt16] {
      let answer = client.server.handle(
        message: NinePMessage().u32(0).framed(T.statfs, tag: tag), replyByteCount: 4096)
      #expect(Array(answer[4..<7]) == [9, UInt8(tag & 0xFF), UInt8(tag >> 8)])
    }
  }

  @Test func `attach refuses authentication, other trees and numbers in use`() throws {
    let client = try NinePClient(directory)
    #expect(throws: NinePRefusal(EINVAL)) { try client.attach(0) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.attach(NinePClient.noFid) }
    #expect(throws: NinePRefusal(ENOENT)) { try client.attach(1, name: "/etc") }
    #expect(throws: NinePRefusal(EINVAL)) {
      try client.call(T.attach, NinePMessage().u32(1).u32(0).string("").string("").u32(0))
    }
    try client.attach(900, name: "/")
    try works(client)
  }

  @Test func `fids that are unknown, in use or open where they must not be`() throws {
    let client = try NinePClient(directory)
    let open = try client.open(["file"])
    let path = try client.walk(["file"])
    for message in NinePCorpus.messages where ![T.version, T.auth, T.attach, T.flush].contains(message[4]) {
      var unknown = message
      unknown.replaceSubrange(7..<11, with: [0xEF, 0xBE, 0xAD, 0xDE])
      #expect(refusal(client, unknown) == EBADF, "request \(message[4])")
    }
    #expect(throws: NinePRefusal(EINVAL)) { try client.walk(from: 0, to: path, []) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.walk(from: 0, to: NinePClient.noFid, []) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.walk(from: open, to: open, []) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.call(T.lopen, NinePMessage().u32(open).u32(0)) }
    #expect(throws: NinePRefusal(EBADF)) { try client.read(path) }
    #expect(throws: NinePRefusal(EBADF)) { try client.write(path, [1]) }
    #expect(throws: NinePRefusal(EBADF)) { try client.write(open, [1]) }
    #expect(throws: NinePRefusal(EBADF)) { try client.entries(path) }
    #expect(throws: NinePRefusal(EISDIR)) { try client.read(try client.open([])) }
    #expect(throws: NinePRefusal(ENOTDIR)) { try client.mkdir("x", in: path) }
    try works(client)
  }

  @Test func `a walk of more than sixteen names is refused`() throws {
    let client = try NinePClient(directory)
    #expect(throws: NinePRefusal(EINVAL)) {
      try client.walk(from: 0, to: 9, [String](repeating: "..", count: 17))
    }
    #expect(try client.walk(from: 0, to: 9, [String](repeating: "..", count: 16)).count == 16)
    // More names announced than there are.
    #expect(throws: NinePRefusal(EPROTO)) {
      try client.call(T.walk, NinePMessage().u32(0).u32(10).u16(3).string("..").string(".."))
    }
    #expect(throws: NinePRefusal(EPROTO)) {
      try client.call(T.walk, NinePMessage().u32(0).u32(10).u16(1).u16(500).adding([65]))
    }
  }

  @Test func `there is an end to fids`() throws {
    let fidLimit: UInt32 = 1 << 18
    let client = try NinePClient(directory)
    for number in 1..<fidLimit { try client.walk(from: 0, to: number, []) }
    #expect(throws: NinePRefusal(ENFILE)) { try client.walk(from: 0, to: fidLimit, []) }
    #expect(throws: NinePRefusal(ENFILE)) { try client.attach(fidLimit) }
    try client.clunk(1)
    try client.walk(from: 0, to: fidLimit, ["file"])
  }

  @Test func `offsets and counts out of range`() throws {
    let client = try NinePClient(directory)
    let fid = try client.open(["file"], flags: 2)
    for offset in [1 << 63, .max] as [UInt64] {
      #expect(throws: NinePRefusal(EINVAL)) { try client.read(fid, at: offset) }
      #expect(throws: NinePRefusal(EINVAL)) { try client.write(fid, [1], at: offset) }
    }
    #expect(throws: NinePRefusal(EINVAL)) { try client.write(fid, [1, 2], at: 1 << 63 - 1) }
    #expect(try client.read(fid, at: 1 << 62).isEmpty)
    #expect(try client.read(fid, count: 0).isEmpty)
    #expect(try client.write(fid, []) == 0)
    // More data announced than sent.
    #expect(throws: NinePRefusal(EPROTO)) {
      try client.call(T.write, NinePMessage().u32(fid).u64(0).u32(5).adding([1, 2, 3, 4]))
    }
    #expect(throws: NinePRefusal(EPROTO)) {
      try client.call(T.write, NinePMessage().u32(fid).u64(0).u32(.max))
    }
    let folder = try client.open([])
    #expect(try client.entries(folder, count: 0).isEmpty)
    #expect(throws: NinePRefusal(EINVAL)) { try client.entries(folder, count: 5) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.entries(folder, at: .max) }
    #expect(try client.entries(folder, count: .max).count == 3)
    try works(client)
  }

  @Test func `attributes that are too large, incomplete or overfull`() throws {
    let client = try NinePClient(directory)
    func create(_ size: UInt64, flags: UInt32 = 0, name: String = "user.x") throws -> UInt32 {
      let fid = try client.walk(["file"])
      _ = try client.call(
        T.xattrcreate, NinePMessage().u32(fid).string(name).u64(size).u32(flags))
      return fid
    }
    #expect(throws: NinePRefusal(E2BIG)) { try create(65_537) }
    #expect(throws: NinePRefusal(E2BIG)) { try create(.max) }
    #expect(throws: NinePRefusal(EINVAL)) { try create(1, flags: 4) }
    #expect(throws: NinePRefusal(EINVAL)) { try create(1, name: "") }
    #expect(throws: NinePRefusal(EINVAL)) { try create(1, name: "user.\0") }
    #expect(throws: NinePRefusal(ENAMETOOLONG)) { try create(1, name: String(repeating: "x", count: 256)) }
    let fid = try create(4)
    #expect(throws: NinePRefusal(EINVAL)) { try client.write(fid, [1], at: 1) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.write(fid, [1, 2, 3, 4, 5]) }
    #expect(throws: NinePRefusal(EINVAL)) { try client.read(fid) }
    try client.write(fid, [1, 2])
    #expect(throws: NinePRefusal(EINVAL)) { try client.clunk(fid) }
    #expect(throws: NinePRefusal(EBADF)) { try client.clunk(fid) }
    // All that are being written together have a limit, which clunk gives back.
    let many = try (0..<64).map { _ in try create(65_536) }
    #expect(throws: NinePRefusal(ENOSPC)) { try create(1) }
    for fid in many { #expect(throws: NinePRefusal(EINVAL)) { try client.clunk(fid) } }
    _ = try create(1)
    // Reading one is no writing.
    let source = try client.walk(["file"])
    _ = try client.call(T.xattrwalk, NinePMessage().u32(source).u32(500).string(""))
    #expect(throws: NinePRefusal(EINVAL)) { try client.write(500, [1]) }
    #expect(throws: NinePRefusal(EINVAL)) {
      try client.call(T.xattrwalk, NinePMessage().u32(source).u32(500).string(""))
    }
    try works(client)
  }

  @Test func `targets of symbolic links have an end and no zero`() throws {
    let client = try NinePClient(directory)
    func link(_ target: String) throws {
      _ = try client.call(T.symlink, NinePMessage().u32(0).string("link").string(target).u32(0))
    }
    #expect(throws: NinePRefusal(ENAMETOOLONG)) { try link(String(repeating: "x", count: 4096)) }
    #expect(throws: NinePRefusal(EINVAL)) { try link("a\0b") }
    #expect(throws: NinePRefusal(ENOENT)) { try link("") }
    #expect(directory.status("link") == nil)
  }
}
