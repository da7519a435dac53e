import SystemPackage
import VextProtocol

/// An initial RAM disk whose files are open, so that its size is known.
final class OpenInitrd {
  private enum Piece {
    case file(OpenFile)
    case bytes([UInt8])
    case archive(Initramfs)

    var byteCount: UInt64 {
      switch self {
      case .file(let file): file.file.byteCount
      case .bytes(let bytes): UInt64(bytes.count)
      case .archive(let archive): UInt64(archive.byteCount)
      }
    }
  }

  /// A class, because enums in arrays cannot hold a noncopyable file.
  private final class OpenFile {
    let file: BootFile
    init(_ subject: BootError.Subject) throws(BootError) { file = try BootFile(subject) }
  }

  private let pieces: [(offset: UInt64, piece: Piece)]
  let name: String
  let byteCount: UInt64

  init(_ source: InitrdSource) throws(BootError) {
    var pieces: [(offset: UInt64, piece: Piece)] = []
    var end: UInt64 = 0
    for piece in source.pieces {
      let opened: Piece =
        switch piece {
        case .file(let path): .file(try OpenFile(.initrd(path)))
        case .bytes(let bytes): .bytes(bytes)
        case .archive(let archive): .archive(archive)
        }
      // Linux finds a further archive only at a multiple of four bytes, and skips zero bytes before it.
      let offset = (end + 3) & ~3
      pieces.append((offset, opened))
      end = offset + opened.byteCount
    }
    self.pieces = pieces
    name = source.description
    byteCount = end
  }

  /// Reads all of it into RAM, which must be zero.
  func load(into memory: GuestMemory, at address: UInt64) throws(BootError) {
    for (offset, piece) in pieces {
      let isRAM: Bool
      switch piece {
      case .file(let open):
        isRAM = try open.file.load(
          at: 0, byteCount: open.file.byteCount, into: memory, at: address + offset)
      case .bytes(let bytes):
        isRAM = (try? memory.write(bytes, at: GuestAddress(address + offset))) != nil
      case .archive(let archive):
        isRAM = try Self.write(archive, into: memory, at: GuestAddress(address + offset))
      }
      guard isRAM else { throw .initrdTooBig(name, byteCount: byteCount, availableByteCount: 0) }
    }
  }

  /// Writes the archive into RAM.
  ///
  /// - Returns: whether the addresses are RAM.
  private static func write(
    _ archive: Initramfs, into memory: GuestMemory, at address: GuestAddress
  ) throws(BootError) -> Bool {
    let byteCount = archive.byteCount
    guard let target = memory.map.vector(address, byteCount: UInt64(byteCount)) else {
      return false
    }
    do throws(GuestRootError) {
      try archive.write(into: target) {
        descriptor, offset, whole in
        // Impossible if the archive does not begin at a page, or the file system has no mmap.
        guard let place = address.advanced(by: UInt64(offset)) else { return false }
        do throws(Errno) {
          try memory.overlay(
            descriptor: descriptor, fileOffset: 0, at: place, byteCount: UInt64(whole))
          return true
        } catch {
          return false
        }
      }
    } catch {
      throw .cannotMakeInitrd(error)
    }
    return true
  }
}
