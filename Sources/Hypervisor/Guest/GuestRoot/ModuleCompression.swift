import SystemPackage

/// How a module's file is compressed, by the end of its name. The libraries are loaded when a module needs one.
enum ModuleCompression: String {
  case xz
  case zstd = "zst"
  case gzip = "gz"

  /// More than any module has.
  private static let byteLimit = 256 << 20

  /// nil for a file that is not compressed, or in a way that is not known here.
  init?(path: String) {
    guard let dot = path.lastIndex(of: ".") else { return nil }
    self.init(rawValue: String(path[path.index(after: dot)...]))
  }

  private var format: CompressionLibrary.Format {
    switch self {
    case .xz: .xz
    case .zstd: .zstd
    case .gzip: .gzip
    }
  }

  /// The module in the file at `path`.
  func contents(of path: String) throws(GuestRootError) -> [UInt8] {
    let compressed: [UInt8]
    do throws(Errno) { compressed = try HostFile.contents(of: path) } catch {
      throw .cannotRead(path: path, error)
    }
    let library: CompressionLibrary
    do throws(CompressionLibrary.Missing) { library = try CompressionLibrary(format) } catch {
      throw .noLibrary(error.name, forModule: path)
    }
    // Without a size the guess is that modules shrink to a quarter or so.
    var room = library.contentByteCount(of: compressed) ?? max(compressed.count * 6, 1 << 16)
    while room <= Self.byteLimit {
      switch library.decompress(compressed, room: room) {
      case .contents(let bytes): return bytes
      case .needsRoom: room *= 2
      case .damaged: throw .damagedModule(path: path)
      }
    }
    throw .tooLarge(path: path, byteCount: room)
  }
}
