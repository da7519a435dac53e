import HostSystem
import SystemPackage
import Testing
import VextProtocol

@testable import Hypervisor

/// Runs of memory, tables of them, and buffers: the types behind which the module keeps its pointers.
@Suite struct IOVectorTests {
  /// Pieces of these lengths, one behind the other in a buffer of the bytes 0, 1, 2 ...
  private final class Pieces {
    let buffer: HostBuffer
    let table: FixedTable<IOVector>

    init(_ lengths: [Int]) throws {
      let byteCount = lengths.reduce(0, +)
      buffer = HostBuffer((0..<byteCount).map { UInt8(truncatingIfNeeded: $0) })
      table = try FixedTable(emptyVectors: max(1, lengths.count))
      var start = 0
      for (index, length) in lengths.enumerated() {
        table[index] = buffer.vector(start..<start + length)
        start += length
      }
    }

    var vectors: IOVectors { table.vectors(from: 0, count: table.count) }
  }

  @Test func `a part of a vector never leaves it`() {
    let buffer = HostBuffer([1, 2, 3, 4])
    let vector = buffer.vector(buffer.all)
    #expect(vector.part(from: 1, byteCount: 2).bytes == [2, 3])
    #expect(vector.part(from: 3, byteCount: 9).bytes == [4])
    #expect(vector.part(from: 9, byteCount: 9).bytes == [])
    #expect(vector.part(from: -1, byteCount: -1).bytes == [])
    #expect(buffer.byteCount == 4)
  }

  @Test func `the last byte can be split off, and an empty vector has none`() {
    let buffer = HostBuffer([1, 2])
    var vector = buffer.vector(buffer.all)
    let last = vector.popLast()
    last.store(9)
    let first = vector.popLast()
    let none = vector.popLast()
    none.store(7)
    #expect(first.bytes == [1])
    #expect(none.byteCount == 0)
    #expect(buffer.bytes(buffer.all) == [1, 9])
  }

  @Test func `bytes that have no room are not stored`() {
    let buffer = HostBuffer([0, 0, 0, 8])
    buffer.vector(0..<3).store([1, 2, 3, 4].span)
    #expect(buffer.bytes(buffer.all) == [1, 2, 3, 8])
    buffer.vector(0..<4).copy(to: buffer.vector(2..<3))
    #expect(buffer.bytes(buffer.all) == [1, 2, 1, 8])
  }

  @Test func `sixteen bytes are moved out of pieces of any length`() throws {
    for lengths in [[16], [1, 15], [7, 0, 9], [20]] {
      let pieces = try Pieces(lengths)
      let vectors = pieces.vectors
      var words: (UInt64, UInt64) = (0, 0)
      var done = 0
      for index in 0..<vectors.count { done += vectors[index].move(to: &words, from: done) }
      #expect(done == 16)
      #expect(words.0 == 0x0706_0504_0302_0100)
      #expect(words.1 == 0x0F0E_0D0C_0B0A_0908)
      #expect(vectors.byteCount == lengths.reduce(0, +) - 16)
    }
  }

  @Test func `a run of bytes goes through pieces, empty ones included, and ends with them`() throws {
    let pieces = try Pieces([3, 0, 2, 4])
    #expect(pieces.vectors.byteCount == 9)
    #expect(pieces.vectors.read(4, at: 2) == [2, 3, 4, 5])
    #expect(pieces.vectors.read(100, at: 7) == [7, 8])
    #expect(pieces.vectors.read(1, at: 9) == [])
    #expect(pieces.vectors.write([90, 91, 92].span, at: 4) == 3)
    #expect(pieces.vectors.write([99, 98].span, at: 8) == 1)
    #expect(pieces.buffer.bytes(pieces.buffer.all) == [0, 1, 2, 3, 90, 91, 92, 7, 99])
    #expect(IOVectors().read(1) == [])
  }

  @Test func `a file's bytes fill a run up to the file's end`() throws {
    let file = VirtioTemporaryDisk(byteCount: 8)
    let descriptor = try OwnedDescriptor.open(file.path, flags: 2)
    let buffer = HostBuffer([UInt8](repeating: 5, count: 12))
    try buffer.vector(0..<4).write(to: descriptor.rawValue, at: 2)
    #expect(try buffer.vector(0..<12).fill(from: descriptor.rawValue, at: 1) == 7)
    #expect(buffer.bytes(0..<12) == file.read(1, 7) + [5, 5, 5, 5, 5])
    #expect(file.read(2, 4) == [5, 5, 5, 5])
    #expect(throws: Errno.badFileDescriptor) { try buffer.vector(0..<1).fill(from: -1, at: 0) }
  }

  @Test func `an index beyond a table of a power of two wraps`() throws {
    let table = try FixedTable(repeating: 7 as UInt64, count: 8)
    table[wrapping: 9] = 1
    table[7] = 2
    var values: [UInt64] = []
    for index in 0..<8 { values.append(table[index]) }
    let last = table[wrapping: .max]
    #expect(values == [7, 1, 7, 7, 7, 7, 7, 2])
    #expect(last == 2)
    let odd = try FixedTable(repeating: 3 as UInt8, count: 5)
    let value = odd[wrapping: .max]
    #expect(value == 3)
    #expect(throws: Errno.invalidArgument) { _ = try FixedTable(repeating: 0 as UInt8, count: 0) }
    #expect(throws: Errno.invalidArgument) { _ = try FixedTable(repeating: 0 as UInt64, count: .max) }
  }

  @Test func `rows of vectors do not overlap and are empty at first`() throws {
    let table = try FixedTable<IOVector>(emptyVectors: 4 * 8)
    let buffer = HostBuffer(byteCount: 3)
    let row = table.row(wrapping: 3, length: 8, count: 8)
    row[7] = buffer.vector(buffer.all)
    var filled: [Int] = []
    for index in 0..<32 where table[index].byteCount > 0 { filled.append(index) }
    let wrapped = table.row(wrapping: 7, length: 8, count: 8)
    #expect(row.count == 8)
    #expect(filled == [31])
    #expect(wrapped[7].byteCount == 3)
  }

  @Test func `numbers of a buffer have either byte order`() {
    let buffer = HostBuffer([1, 2, 3, 4])
    let (big, little) = (buffer.load(UInt16.self, at: 1), buffer.loadLittleEndian(UInt16.self, at: 1))
    #expect(big == 0x0203 && little == 0x0302)
    buffer.storeLittleEndian(0x0A0B as UInt16, at: 2)
    #expect(buffer.bytes(buffer.all) == [1, 2, 0x0B, 0x0A])
  }

  @Test func `words are copied only from aligned runs in RAM, and no more than the table has`() throws {
    let memory = try GuestMemory(byteCount: 1 << 20)
    try memory.store(0x1122 as UInt64, at: GuestAddress((1 << 20) - 8))
    let table = try FixedTable(repeating: 0 as UInt64, count: 2)
    let map = memory.map
    let isCopied = [
      map.copyWords(at: GuestAddress((1 << 20) - 8), count: 1, to: table),
      map.copyWords(at: GuestAddress((1 << 20) - 8), count: 2, to: table),
      map.copyWords(at: GuestAddress(4), count: 1, to: table),
      map.copyWords(at: GuestAddress(0), count: 3, to: table),
      map.copyWords(at: GuestAddress(0), count: -1, to: table),
    ]
    #expect(isCopied == [true, false, false, false, false])
    let first = table[0]
    #expect(first == 0x1122)
  }

  @Test func `a map of regions that leave their mapping is refused`() throws {
    let mapping = try Mapping.anonymous(byteCount: 8192)
    func isAccepted(_ regions: [(UInt64, UInt64)]) -> Bool {
      let regions = regions.map {
        GuestMemoryRegion(address: GuestAddress(0), byteCount: $0.1, fileOffset: $0.0)
      }
      return GuestMemoryMap(regions, in: mapping) != nil
    }
    #expect(isAccepted([(4096, 4096)]))
    #expect(!isAccepted([]))
    #expect(!isAccepted([(4096, 4097)]))
    #expect(!isAccepted([(.max, 4096)]))
    #expect(!isAccepted([(0, 1), (1, 1), (2, 1)]))
  }
}
