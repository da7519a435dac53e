/// Reads a cpio archive by the format's description alone, for comparison with what was written.
struct GuestRootCpioReader {
  struct Entry: Equatable {
    var name: String
    var mode: UInt32
    var deviceMajor: UInt32
    var deviceMinor: UInt32
    var contents: [UInt8]
    /// Where the contents begin in the archive.
    var start = 0
  }

  enum Failure: Error { case badMagic(offset: Int), cutOff, noTrailer, afterTrailer }

  static func entries(of archive: [UInt8]) throws -> [Entry] {
    var entries: [Entry] = []
    var offset = 0
    while true {
      guard offset + 110 <= archive.count else { throw Failure.cutOff }
      guard Array(archive[offset..<offset + 6]) == Array("070701".utf8) else {
        throw Failure.badMagic(offset: offset)
      }
      let header = offset
      func field(_ index: Int) throws -> UInt32 {
        let digits = String(
          decoding: archive[(header + 6 + index * 8)..<(header + 14 + index * 8)], as: UTF8.self)
        guard let value = UInt32(digits, radix: 16) else { throw Failure.cutOff }
        return value
      }
      let (byteCount, nameByteCount) = (Int(try field(6)), Int(try field(11)))
      let nameStart = header + 110
      let start = (nameStart + nameByteCount + 3) / 4 * 4
      guard nameByteCount > 0, start + byteCount <= archive.count, archive[nameStart + nameByteCount - 1] == 0
      else {
        throw Failure.cutOff
      }
      // Zero bytes behind the name bring a file's contents to the start of a page.
      let name = String(
        decoding: archive[nameStart..<nameStart + nameByteCount - 1].prefix { $0 != 0 }, as: UTF8.self)
      offset = (start + byteCount + 3) / 4 * 4
      if name == "TRAILER!!!" {
        guard offset == archive.count else { throw Failure.afterTrailer }
        return entries
      }
      entries.append(
        Entry(
          name: name, mode: try field(1), deviceMajor: try field(9), deviceMinor: try field(10),
          contents: Array(archive[start..<start + byteCount]), start: start))
    }
  }
}
