import Glibc
import HostSystem
import Hypervisor
import Testing

/// Random changes to valid messages: every one is answered properly, and nothing happens outside the share.
@Suite struct NinePFuzzTests {
  private typealias T = NinePClient.T

  private static func mutated(_ message: [UInt8], _ random: inout SplitMix64) -> [UInt8] {
    var bytes = message
    // Fids that exist, most of the time.
    if bytes.count >= 11, bytes[4] != T.version, random.next() % 2 == 0 {
      bytes[7] = UInt8(random.next() % 4)
    }
    for _ in 0..<random.next() % 4 {
      let place = Int(random.next() % UInt64(bytes.count))
      switch random.next() % 6 {
      case 0: bytes[place] = UInt8(truncatingIfNeeded: random.next())
      case 1: bytes[place] ^= 1 << UInt8(random.next() % 8)
      case 2:
        bytes[place] = [0, 0xFF, 0x7F, 0x80, UInt8(ascii: "/"), UInt8(ascii: ".")][Int(random.next() % 6)]
      case 3: bytes.insert(UInt8(truncatingIfNeeded: random.next()), at: place)
      case 4 where bytes.count > 1: bytes.remove(at: place)
      default: bytes.replaceSubrange(place..., with: bytes[place...].reversed())
      }
    }
    // The right size, most of the time, or hardly anything gets past it.
    if random.next() % 8 != 0, bytes.count >= 4 {
      bytes.replaceSubrange(0..<4, with: [UInt8(bytes.count & 0xFF), UInt8(bytes.count >> 8), 0, 0])
    }
    return bytes
  }

  @Test(arguments: [1, 2, 3] as [UInt64])
  func `each of many changed messages is answered`(seed: UInt64) throws {
    let outside = NinePTemporaryDirectory()
    outside.makeDirectory("share")
    outside.write("secret", "the secret")
    let share = try NinePShare(path: outside.path("share"), tag: "fuzz", readOnly: false)
    let client = try NinePClient(share)
    let corpus = NinePCorpus.messages
    var random = SplitMix64(seed: seed)
    var (accepted, refused) = (0, 0)
    for turn in 0..<20_000 {
      let message = Self.mutated(corpus[Int(random.next() % UInt64(corpus.count))], &random)
      let room = random.next() % 16 == 0 ? Int(random.next() % 200) : 8192
      let answer = client.server.handle(message: message, replyByteCount: room)
      if answer.isEmpty, room < 11 { continue }
      var header = NinePAnswer(answer)
      let (size, type, tag) = (Int(header.u32()), header.u8(), header.u16())
      let isProper =
        size == answer.count && size <= room
        && (type == 7 && size == 11 || message.count > 4 && type == message[4] &+ 1)
        && (message.count < 7 || tag == UInt16(message[5]) | UInt16(message[6]) << 8)
      guard isProper else {
        Issue.record("message \(turn), \(message), was answered with \(answer)")
        return
      }
      if type == 7 { refused += 1 } else { accepted += 1 }
      // The session often ends by a mutation; go on with a new one.
      if turn % 50 == 49 {
        try client.begin(messageLimit: 8192)
        try client.attach(0)
        _ = try? client.walk(from: 0, to: 1, [])
        _ = try? client.walk(from: 0, to: 2, [])
        _ = try? client.call(T.lopen, NinePMessage().u32(2).u32(0))
      }
    }
    // Neither all noise nor all well-behaved.
    #expect(accepted > 1_000)
    #expect(refused > 2_000)
    #expect(outside.read("secret") == "the secret")
    let above = try NinePClient(outside, readOnly: true)
    let names = try above.entries(try above.open([])).map(\.name)
    #expect(names.sorted() == [".", "..", "secret", "share"])
  }

  @Test func `noise is answered too`() throws {
    let directory = NinePTemporaryDirectory()
    let client = try NinePClient(directory)
    var random = SplitMix64(seed: 9)
    for _ in 0..<20_000 {
      let count = Int(random.next() % 64)
      let message = (0..<count).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      #expect(client.server.handle(message: message, replyByteCount: 64).count >= 11)
    }
    try client.begin(messageLimit: 8192)
  }
}
