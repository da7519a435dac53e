import SystemPackage

extension Initramfs {
  /// Bytes of an entry's header: a magic and thirteen fields of eight hexadecimal digits.
  private static let headerByteCount = 110
  private static let trailer = Entry(path: "TRAILER!!!", mode: 0)

  /// The size of the archive.
  public var byteCount: Int {
    var total = Self.byteCount(of: Self.trailer)
    for entry in entries { total += Self.byteCount(of: entry) }
    return total
  }

  /// Header with name, and contents: both padded to a multiple of four bytes.
  private static func byteCount(of entry: Entry) -> Int {
    padded(headerByteCount + entry.path.utf8.count + 1) + padded(entry.contents.byteCount)
  }

  private static func padded(_ byteCount: Int) -> Int { (byteCount + 3) & ~3 }

  /// The archive. Reads the files that were added by path.
  public func archive() throws(GuestRootError) -> [UInt8] {
    let byteCount = byteCount
    var failure: GuestRootError?
    let bytes = unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { buffer, count in
      do throws(GuestRootError) {
        unsafe try write(
          into: UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[..<byteCount]))
        count = byteCount
      } catch {
        failure = error
      }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Writes the archive to `target`, which has room for ``byteCount`` bytes, such as the guest's memory before the
  /// guest runs.
  @unsafe
  public func write(into target: UnsafeMutableRawBufferPointer) throws(GuestRootError) {
    precondition(target.count >= byteCount, "the archive needs more room")
    var offset = 0
    var number: UInt32 = 1
    for entry in entries + [Self.trailer] {
      guard let contentsByteCount = UInt32(exactly: entry.contents.byteCount), contentsByteCount < 1 << 31
      else {
        throw .tooLarge(path: entry.path, byteCount: entry.contents.byteCount)
      }
      let end = offset + Self.byteCount(of: entry)
      unsafe Self.writeHeader(
        of: entry, number: number, contentsByteCount: contentsByteCount, at: &offset, in: target)
      unsafe try Self.write(entry.contents, at: &offset, in: target)
      unsafe Self.zero(&offset, upTo: end, in: target)
      number += 1
    }
  }

  private static func writeHeader(
    of entry: Entry, number: UInt32, contentsByteCount: UInt32, at offset: inout Int,
    in target: UnsafeMutableRawBufferPointer
  ) {
    let start = offset
    unsafe write("070701".utf8, at: &offset, in: target)
    let linkCount: UInt32 = 1
    let fields: [UInt32] = [
      number, entry.mode, 0 /* user */, 0 /* group */, linkCount, 0 /* time of change */, contentsByteCount,
      0, 0 /* the file system's device */, entry.device.major, entry.device.minor,
      UInt32(entry.path.utf8.count + 1), 0, /* checksum, unused in this format */
    ]
    for field in fields {
      for shift in stride(from: UInt32(28), through: 0, by: -4) {
        let digit = UInt8(truncatingIfNeeded: field >> shift & 15)
        unsafe target[offset] = digit < 10 ? UInt8(ascii: "0") + digit : UInt8(ascii: "A") - 10 + digit
        offset += 1
      }
    }
    unsafe write(entry.path.utf8, at: &offset, in: target)
    unsafe zero(&offset, upTo: start + padded(headerByteCount + entry.path.utf8.count + 1), in: target)
  }

  private static func write(
    _ contents: Contents, at offset: inout Int, in target: UnsafeMutableRawBufferPointer
  ) throws(GuestRootError) {
    switch contents {
    case .none: break
    case .bytes(let bytes): unsafe write(bytes, at: &offset, in: target)
    case .file(let path, let byteCount):
      let place = unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + byteCount])
      let readByteCount: Int
      do throws(Errno) {
        readByteCount = unsafe try HostFile.read(path, into: place)
      } catch {
        throw .cannotRead(path: path, error)
      }
      guard readByteCount == byteCount else { throw .changedWhileRead(path: path) }
      offset += byteCount
    }
  }

  private static func write(
    _ bytes: some Collection<UInt8>, at offset: inout Int, in target: UnsafeMutableRawBufferPointer
  ) {
    let end = offset + bytes.count
    unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<end]).copyBytes(from: bytes)
    offset = end
  }

  private static func zero(
    _ offset: inout Int, upTo end: Int, in target: UnsafeMutableRawBufferPointer
  ) {
    while offset < end {
      unsafe target[offset] = 0
      offset += 1
    }
  }
}
