import CLinux
import Glibc
import HostSystem
import SystemPackage

/// Opens the backing files of an image, read-only: each file once, and none outside the image's folder unless that is allowed.
struct QcowBackingChain {
  /// The most files of a chain.
  private static let fileLimit = 32

  /// The folder that backing files lie in, with a slash at its end; nil: anywhere.
  private let folder: String?
  /// The files that are open, by device and inode.
  private var identities: [(device: UInt64, inode: UInt64)]
  /// The paths of the backing files that were opened.
  private(set) var paths: [String] = []

  /// A chain that begins with the image open as `descriptor`.
  init(descriptor: Int32, path: String, isAllowedAnywhere: Bool) throws(QcowError) {
    identities = [try Self.identity(of: descriptor)]
    if isAllowedAnywhere {
      folder = nil
    } else {
      let resolved = try Self.resolve(Self.folder(of: path))
      folder = resolved.hasSuffix("/") ? resolved : resolved + "/"
    }
  }

  /// Opens the backing file of the image with this header at `path`, and those behind it.
  mutating func open(_ header: QcowHeader, of path: String) throws(QcowError) -> QcowBacking {
    guard let name = header.backingName else { return .none }
    do throws(QcowError) {
      return try open(name, format: header.backingFormat, of: path)
    } catch {
      // The innermost file that fails is the one to name.
      if case .backing = error { throw error }
      throw .backing(name: name, error.description)
    }
  }

  private mutating func open(_ name: String, format: String?, of path: String) throws(QcowError)
    -> QcowBacking
  {
    guard !name.hasPrefix("json:"), !name.contains("://") else {
      throw .unsupported("a name that is not a path (json: or a URL)")
    }
    let resolved = try Self.resolve(name.hasPrefix("/") ? name : Self.folder(of: path) + "/" + name)
    if let folder, !resolved.hasPrefix(folder) {
      throw .readOnly("outside the image's folder; add backing=any to the disk to allow that")
    }
    guard identities.count < Self.fileLimit else {
      throw .unsupported("a chain of more than \(Self.fileLimit) files")
    }
    let descriptor = try qcowCall { () throws(Errno) in
      try OwnedDescriptor.open(resolved, flags: O_RDONLY | O_NOFOLLOW | O_NONBLOCK)
    }
    let identity = try Self.identity(of: descriptor.rawValue)
    guard !identities.contains(where: { $0 == identity }) else {
      throw .damaged("the backing chain is a circle")
    }
    guard linux_regular_file_size(descriptor.rawValue) >= 0 else {
      throw .unsupported("a file that is not regular")
    }
    paths.append(resolved)
    // Overlays share it; a guest that writes to it would change all of them.
    guard linux_file_lock(descriptor.rawValue, 0) != -EBUSY else {
      throw .readOnly("in use by a guest that writes to it")
    }
    identities.append(identity)
    let file = QcowHostFile(descriptor)
    if format == "raw" {
      return .raw(file, byteCount: try qcowCall { () throws(Errno) in try file.byteCount() })
    }
    return try openImage(file, format: format, path: resolved)
  }

  private mutating func openImage(
    _ file: QcowHostFile, format: String?, path: String
  ) throws(QcowError) -> QcowBacking {
    let start = try qcowCall { () throws(Errno) in try file.bytes(ImageFormat.firstByteCount, at: 0) }
    let found = ImageFormat(first: start)
    guard format == nil || format == "qcow" || format == "qcow2" else {
      throw .unsupported("the format '\(format ?? "")'")
    }
    guard found == .qcow || found == .qcow2 else {
      throw .unsupported(
        format == nil
          ? "a format that the image does not state (for a raw file: 'qemu-img rebase -u -F raw -b FILE IMAGE')"
          : "a file without a qcow header")
    }
    guard format == nil || format == found?.rawValue else {
      throw .damaged("the file is not a \(format ?? "") image")
    }
    let header = try QcowHeader(file)
    let backing = try open(header, of: path)
    return .image(
      try QcowImage(
        file, header: header, backing: backing, isWritable: false, report: { QcowDisk.warn(path, $0) }))
  }

  private static func identity(of descriptor: Int32) throws(QcowError) -> (device: UInt64, inode: UInt64) {
    let identity = try qcowCall { () throws(Errno) in try DirectoryFiles.identity(of: descriptor) }
    return (identity.device, identity.inode)
  }

  private static func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
  }

  /// The path without links (realpath(3)).
  private static func resolve(_ path: String) throws(QcowError) -> String {
    try qcowCall { () throws(Errno) in try NamedFiles.resolve(path) }
  }
}
