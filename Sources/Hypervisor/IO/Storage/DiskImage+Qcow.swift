import CLinux
import Glibc
import HostSystem
import SystemPackage

extension DiskImage {
  /// The backing files that the image at `path` is opened with, for rules of a sandbox; none for other images.
  ///
  /// Loads the libraries that decompress its clusters, which a sandbox forbids later. The error of an image that cannot be opened
  /// is that of ``init(path:readOnly:direct:formats:inMemory:)``.
  public static func backingFiles(of path: String, formats: DiskFormats) -> [String] {
    guard let options = formats.options else { return [] }
    return inspect(path) { descriptor, header in
      var chain = try QcowBackingChain(
        descriptor: descriptor, path: path, isAllowedAnywhere: options.allowsAnyBackingFile)
      _ = try QcowExpander(header)
      // The files up to a failure, so that the image's own error is that failure and not the sandbox.
      _ = try? chain.open(header, of: path)
      return chain.paths
    } ?? []
  }

  /// The size in bytes of the disk in the qcow image at `path`; nil for another file, or a damaged image.
  public static func qcowByteCount(of path: String) -> UInt64? {
    inspect(path) { _, header in header.virtualByteCount }
  }

  /// Reads the header of the qcow image at `path` before the image is opened; nil for another file, or if `body` fails.
  private static func inspect<Result>(
    _ path: String, _ body: (Int32, QcowHeader) throws -> Result
  ) -> Result? {
    do {
      let descriptor = try OwnedDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
      guard linux_regular_file_size(descriptor.rawValue) >= 0, let format = try format(of: path),
        format == .qcow || format == .qcow2
      else { return nil }
      return try body(descriptor.rawValue, try QcowHeader(try qcowHostFile(descriptor.rawValue)))
    } catch {
      return nil
    }
  }

  /// Opens the image at `path` if it is of the qcow family; nil if it may be raw.
  static func openQcow(
    _ descriptor: Int32, _ path: String, _ kind: mode_t, _ formats: DiskFormats, readOnly: Bool, direct: Bool
  ) throws(DiskError) -> QcowDisk? {
    if formats == .anyAsRaw { return nil }
    let format = try format(of: path)
    guard let format, !format.mayBeginRawDisk else {
      guard formats.options?.snapshot == nil else { throw .noSnapshots(path: path) }
      return nil
    }
    // The clusters of an image grow behind its end, which a block device does not have.
    guard format == .qcow || format == .qcow2, let options = formats.options, kind == S_IFREG else {
      throw .foreignFormat(path: path, format)
    }
    guard !direct else { throw .directUnsupported(path: path, format) }
    do throws(QcowError) {
      let file = try qcowCall { () throws(Errno) in try qcowHostFile(descriptor) }
      let header = try QcowHeader(file)
      var chain = try QcowBackingChain(
        descriptor: descriptor, path: path, isAllowedAnywhere: options.allowsAnyBackingFile)
      let image = try QcowImage(
        file, header: header, backing: try chain.open(header, of: path), snapshot: options.snapshot,
        isWritable: !readOnly, report: { QcowDisk.warn(path, $0) })
      guard image.byteCount >= 512 else { throw .damaged("its disk is smaller than one block") }
      return try qcowCall { () throws(Errno) in try QcowDisk(image, path: path) }
    } catch {
      throw .qcow(path: path, format, error)
    }
  }

  private static func qcowHostFile(_ descriptor: Int32) throws(Errno) -> QcowHostFile {
    QcowHostFile(OwnedDescriptor(adopting: try check(linux_duplicate(descriptor))))
  }

  /// What the image at `path` looks like. Reads through the page cache, which accepts any offset and length.
  private static func format(of path: String) throws(DiskError) -> ImageFormat? {
    func bytes(_ descriptor: Int32, _ offset: off_t, _ count: Int) -> [UInt8] {
      // A read error here will show again when the disk is used, with its own message.
      (try? DescriptorBytes.read(descriptor, limit: count, at: Int64(offset))) ?? []
    }
    let file: OwnedDescriptor
    do throws(Errno) {
      file = try OwnedDescriptor.open(path, flags: O_RDONLY)
    } catch {
      throw .cannotOpen(path: path, error)
    }
    let end = lseek(file.rawValue, 0, SEEK_END)
    return ImageFormat(
      first: bytes(file.rawValue, 0, ImageFormat.firstByteCount),
      last: bytes(
        file.rawValue, max(end - off_t(ImageFormat.lastByteCount), 0), ImageFormat.lastByteCount))
  }
}

extension DiskHandle {
  /// The properties of a disk in a qcow image.
  init(descriptor: Int32, isReadOnly: Bool, formatted: QcowDisk) {
    let image = formatted.image
    self.init(
      descriptor: descriptor, byteCount: image.byteCount / 512 * 512, blockByteCount: 512, isDirect: false,
      isReadOnly: isReadOnly, canDiscard: image.canDiscard, formatted: formatted)
  }
}
