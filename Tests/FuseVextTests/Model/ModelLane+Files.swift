import CLinux
import HostSystem
import SystemPackage

@testable import FuseVext

extension ModelLane {
  private static let largestFile = 700 << 10

  /// One operation on the contents of a file.
  func changeFile() throws {
    guard let file = random.element(files()) else { return try changeNames() }
    switch random.below(40) {
    case 0..<14: try write(to: file)
    case 14..<18: try append(to: file)
    case 18..<22: try changeSpace(.punchHole, of: file)
    case 22..<25: try changeSpace(.zeroRange(keepsSize: random.oneIn(2)), of: file)
    case 25..<28: try changeSpace(.allocate(keepsSize: random.oneIn(2)), of: file)
    case 28..<30: try truncate(file)
    case 30..<36: try compare(file, randomRange(of: file))
    case 36: try synchronize(file)
    case 37:
      try note("release \(file.inode.number)") { () throws(Errno) in
        try fileSystem.trim(file.inode, resources)
      }
    default: try checkAttributes(of: file)
    }
  }

  /// An offset near the beginning, at the border of two levels of a block map, or far away.
  private func randomOffset() -> Int {
    let size = fileSystem.blockByteCount
    let pointers = size / 4
    switch random.below(24) {
    case 0: return (12 + pointers - random.below(3)) * size + random.below(size)
    case 1: return (12 + pointers + pointers * pointers - random.below(3)) * size + random.below(size)
    case 2: return (12 + pointers + pointers * random.below(pointers)) * size
    case 3..<8: return random.below(Self.largestFile) / size * size
    default: return random.below(Self.largestFile)
    }
  }

  private func randomLength() -> Int {
    switch random.below(10) {
    case 0..<3: 1 + random.below(100)
    case 3..<6: (1 + random.below(8)) * fileSystem.blockByteCount
    case 6..<9: 1 + random.below(20_000)
    default: 1 + random.below(200_000)
    }
  }

  private func randomRange(of file: ModelFile) -> Range<Int> {
    let offset = random.oneIn(4) ? randomOffset() : random.below(max(file.content.byteCount, 1))
    return offset..<offset + randomLength()
  }

  func randomBytes(_ count: Int) -> [UInt8] {
    var word = random.next()
    return (0..<count).map { _ in
      word = word &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return UInt8(truncatingIfNeeded: word >> 56)
    }
  }

  private func write(to file: ModelFile) throws {
    let aligned = random.oneIn(3)
    let size = fileSystem.blockByteCount
    var offset = randomOffset()
    var length = randomLength()
    if aligned { (offset, length) = (offset / size * size, (length + size - 1) / size * size) }
    try write(randomBytes(length), at: offset, to: file)
  }

  private func append(to file: ModelFile) throws {
    guard file.content.byteCount < Self.largestFile else { return try truncate(file) }
    try write(randomBytes(randomLength()), at: file.content.byteCount, to: file)
  }

  func write(_ bytes: [UInt8], at offset: Int, to file: ModelFile) throws {
    file.touch(offset..<offset + bytes.count, size: true)
    // What is not aligned goes through a copy.
    let memory = source.slice(random.oneIn(2) ? 0 : 7, bytes.count)
    memory.copy(from: bytes)
    let isDone = try note("write \(file.inode.number) \(offset)+\(bytes.count)") { () throws(Errno) in
      _ = try fileSystem.write(
        file.inode, offset: UInt64(offset), memory, delays: !random.oneIn(3), resources)
    }
    if isDone { file.content.write(bytes, at: offset) }
  }

  private func truncate(_ file: ModelFile) throws {
    let count = random.oneIn(3) ? random.below(file.content.byteCount + 1) : randomOffset()
    file.touch(size: count)
    let isDone = try note("truncate \(file.inode.number) to \(count)") { () throws(Errno) in
      try fileSystem.truncate(file.inode, to: UInt64(count), resources)
    }
    if isDone { file.content.setByteCount(count) }
  }

  private func changeSpace(_ operation: FileSystem.SpaceOperation, of file: ModelFile) throws {
    try changeSpace(operation, of: file, randomRange(of: file))
  }

  func changeSpace(_ operation: FileSystem.SpaceOperation, of file: ModelFile, _ range: Range<Int>) throws {
    let keepsSize: Bool
    var zeroes = true
    switch operation {
    case .punchHole: keepsSize = true
    case .zeroRange(let keeps): keepsSize = keeps
    case .allocate(let keeps): (keepsSize, zeroes) = (keeps, false)
    }
    file.touch(range, size: !keepsSize)
    let isDone = try note(
      "\(operation) \(file.inode.number) \(range)", allows: [.noSpace, .notSupported]
    ) { () throws(Errno) in
      try fileSystem.changeSpace(
        operation, of: file.inode, offset: UInt64(range.lowerBound), byteCount: UInt64(range.count), resources
      )
    }
    guard isDone else { return try adopt(file, range) }
    if zeroes { file.content.zero(range) }
    if !keepsSize { file.content.setByteCount(max(file.content.byteCount, range.upperBound)) }
  }

  /// After an operation that found no space: each byte of the range is what it was, or zero.
  private func adopt(_ file: ModelFile, _ range: Range<Int>) throws {
    let range = range.clamped(to: 0..<file.content.byteCount)
    let wanted = file.content.bytes(range)
    let found = try read(file, range)
    try expect(
      found.count == wanted.count && zip(found, wanted).allSatisfy { $0 == $1 || $0 == 0 },
      "bytes differ after an operation that found no space")
    if found != wanted { file.content.write(found, at: range.lowerBound) }
  }

  private func synchronize(_ file: ModelFile) throws {
    let dataOnly = random.oneIn(2)
    let isDone = try note("fsync \(file.inode.number)") { () throws(Errno) in
      try fileSystem.synchronize(file.inode, dataOnly: dataOnly, resources)
    }
    guard isDone else { return }
    file.noteSynchronized()
    if !dataOnly { settle() }
  }

  // MARK: Comparing

  func read(_ file: ModelFile, _ range: Range<Int>) throws -> [UInt8] {
    var result: [UInt8] = []
    try note("read \(file.inode.number) \(range)", allows: []) { () throws(Errno) in
      while result.count < range.count {
        let bytes = try fileSystem.read(
          file.inode, offset: UInt64(range.lowerBound + result.count),
          byteCount: min(range.count - result.count, ServingResources.transferByteCount), resources)
        if bytes.isEmpty { break }
        result += bytes.bytes
      }
    }
    return result
  }

  func compare(_ file: ModelFile, _ range: Range<Int>) throws {
    let wanted = file.content.bytes(range)
    let found = try read(
      file, range.lowerBound..<max(range.lowerBound, min(range.upperBound, file.content.byteCount)))
    guard found != wanted else { return }
    let first = zip(found, wanted).enumerated().first { $1.0 != $1.1 }?.offset
    let place = first.map { "byte \(range.lowerBound + $0): \(found[$0]), not \(wanted[$0])" }
    try expect(false, "\(file.inode.number): \(found.count) bytes, not \(wanted.count); \(place ?? "")")
  }

  /// Compares all that was written, and some of what was not.
  func compareAll(of file: ModelFile) throws {
    let size = ModelContent.chunkByteCount
    for chunk in file.content.chunks.keys.sorted() { try compare(file, chunk * size..<(chunk + 1) * size) }
    for _ in 0..<4 {
      let offset = random.below(file.content.byteCount + 1)
      try compare(file, offset..<offset + 100_000)
    }
    try checkAttributes(of: file)
  }

  func checkAttributes(of file: ModelFile) throws {
    try note("getattr \(file.inode.number)", allows: []) { () throws(Errno) in
      let status = try fileSystem.attributes(of: file.inode.number, resources)
      if status.st_size != file.content.byteCount || Int(status.st_nlink) != file.nameCount {
        throw .outOfRange
      }
    }
  }

  // MARK: Shared files

  /// The stripes of a shared file belong to the lanes in turn, and have no blocks of their own.
  private static let stripeByteCount = 5000
  private static let stripeCount = 40

  /// This lane's stripes.
  var stripes: [Range<Int>] {
    (0..<Self.stripeCount).map { number in
      let first = (number * laneCount + index) * Self.stripeByteCount
      return first..<first + Self.stripeByteCount
    }
  }

  /// One operation on this lane's part of a file that all lanes use.
  func changeShared() throws {
    guard let file = random.element(shared) else { return }
    let stripe = stripes[random.below(Self.stripeCount)]
    let first = stripe.lowerBound + random.below(Self.stripeByteCount)
    let range = first..<first + 1 + random.below(stripe.upperBound - first)
    switch random.below(10) {
    case 0..<5: try write(randomBytes(range.count), at: range.lowerBound, to: file)
    case 5..<6: try changeSpace(.punchHole, of: file, range)
    case 6..<7: try changeSpace(.zeroRange(keepsSize: true), of: file, range)
    case 7..<9:
      let found = try read(file, range)
      // Other lanes may have made the file longer.
      let wanted = file.content.bytes(range)
      try expect(
        found.starts(with: wanted) && found.dropFirst(wanted.count).allSatisfy { $0 == 0 },
        "a stripe of a shared file differs: \(range)")
    default:
      let isDone = try note("fsync shared") { () throws(Errno) in
        try fileSystem.synchronize(file.inode, resources)
      }
      if isDone {
        file.noteSynchronized()
        settle()
      }
    }
  }
}
