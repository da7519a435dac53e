import SystemPackage

extension Initramfs {
  /// Size of an entry's header in bytes: a magic and thirteen fields of eight hexadecimal digits.
  private static let headerByteCount = 110
  /// Maximum length of a name with its zero byte in Linux (PATH_MAX).
  private static let nameByteLimit = 4096
  /// Alignment of a host's file in the archive, in bytes.
  private static let pageByteCount = Int(GuestMemory.pageByteCount)
  private static let trailer = Entry(path: "TRAILER!!!", mode: 0)

  /// The offsets of an entry's parts.
  private struct Place {
    let start: Int
    /// Length of the name, its zero byte and the bytes up to the contents, without the format's own padding.
    let nameByteCount: Int
    let contents: Int
    let end: Int

    init(of entry: Entry, at start: Int) {
      self.start = start
      let shortest = entry.path.utf8.count + 1
      var nameByteCount = shortest
      if case .file(_, let byteCount) = entry.contents, byteCount >= pageByteCount {
        // More zero bytes after the name align the contents to a page, so that the file can be mapped.
        let wanted = (start + headerByteCount + shortest + pageByteCount - 1) & ~(pageByteCount - 1)
        nameByteCount = wanted - start - headerByteCount
        if nameByteCount > nameByteLimit { nameByteCount = shortest }
      }
      self.nameByteCount = nameByteCount
      contents = padded(start + headerByteCount + nameByteCount)
      end = padded(contents + entry.contents.byteCount)
    }
  }

  /// Size of the archive in bytes.
  public var byteCount: Int {
    (entries + [Self.trailer]).reduce(0) { Place(of: $1, at: $0).end }
  }

  private static func padded(_ byteCount: Int) -> Int { (byteCount + 3) & ~3 }

  /// Returns the archive. Reads the files that were added by path.
  public func archive() throws(GuestRootError) -> [UInt8] {
    let buffer = HostBuffer(byteCount: byteCount)
    try write(into: buffer.vector(buffer.all)) { _, _, _ in false }
    return buffer.bytes(buffer.all)
  }

  /// Writes the archive to `target`, which has room for ``byteCount`` bytes, such as the guest's memory before the guest
  /// runs.
  ///
  /// - Parameter overlay: maps the first bytes of an open file, whole pages, at an offset of `target`, and returns
  ///   whether it did; otherwise the bytes are read.
  func write(
    into target: IOVector,
    overlay: (_ descriptor: Int32, _ offset: Int, _ byteCount: Int) -> Bool
  ) throws(GuestRootError) {
    precondition(target.byteCount >= byteCount, "the archive needs more room")
    var offset = 0
    var number: UInt32 = 1
    for entry in entries + [Self.trailer] {
      guard let contentsByteCount = UInt32(exactly: entry.contents.byteCount), contentsByteCount < 1 << 31
      else {
        throw .tooLarge(path: entry.path, byteCount: entry.contents.byteCount)
      }
      let place = Place(of: entry, at: offset)
      Self.writeHeader(
        of: entry, at: place, number: number, contentsByteCount: contentsByteCount, in: target)
      offset = place.contents
      try Self.write(entry.contents, at: &offset, in: target, overlay: overlay)
      Self.zero(&offset, upTo: place.end, in: target)
      number += 1
    }
  }

  private static func writeHeader(
    of entry: Entry, at place: Place, number: UInt32, contentsByteCount: UInt32,
    in target: IOVector
  ) {
    var offset = place.start
    write("070701".utf8, at: &offset, in: target)
    let linkCount: UInt32 = 1
    let fields: [UInt32] = [
      number, entry.mode, 0 /* user */, 0 /* group */, linkCount, 0 /* time of change */, contentsByteCount,
      0, 0 /* the file system's device */, entry.device.major, entry.device.minor,
      UInt32(place.nameByteCount), 0, /* checksum, unused in this format */
    ]
    var digits: [UInt8] = []
    for field in fields {
      for shift in stride(from: UInt32(28), through: 0, by: -4) {
        let digit = UInt8(truncatingIfNeeded: field >> shift & 15)
        digits.append(digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") - 10 + digit)
      }
    }
    write(digits, at: &offset, in: target)
    write(entry.path.utf8, at: &offset, in: target)
    zero(&offset, upTo: place.contents, in: target)
  }

  private static func write(
    _ contents: Contents, at offset: inout Int, in target: IOVector,
    overlay: (_ descriptor: Int32, _ offset: Int, _ byteCount: Int) -> Bool
  ) throws(GuestRootError) {
    switch contents {
    case .none: break
    case .bytes(let bytes): write(bytes, at: &offset, in: target)
    case .file(let path, let byteCount):
      let place = part(of: target, from: offset, to: offset + byteCount)
      let readByteCount: Int
      do throws(Errno) {
        readByteCount = try HostFile.read(path, into: place) { descriptor, whole in
          offset % pageByteCount == 0 && overlay(descriptor, offset, whole)
        }
      } catch {
        throw .cannotRead(path: path, error)
      }
      guard readByteCount == byteCount else { throw .changedWhileRead(path: path) }
      offset += byteCount
    }
  }

  private static func write(
    _ bytes: some Collection<UInt8>, at offset: inout Int, in target: IOVector
  ) {
    let end = offset + bytes.count
    part(of: target, from: offset, to: end).store(Array(bytes).span)
    offset = end
  }

  private static func zero(_ offset: inout Int, upTo end: Int, in target: IOVector) {
    part(of: target, from: offset, to: end).zero()
    offset = end
  }

  private static func part(of target: IOVector, from start: Int, to end: Int) -> IOVector {
    precondition(start >= 0 && start <= end && end <= target.byteCount, "a part of the archive")
    return target.part(from: start, byteCount: end - start)
  }
}
