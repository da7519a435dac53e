import SystemPackage

/// New files of a few bytes.
enum SmallFile {
  /// Makes the file at `path`, which must not exist, with `content`.
  static func make(_ path: String, content: [UInt8]) throws {
    let descriptor = try FileDescriptor.open(
      FilePath(path), .writeOnly, options: [.create, .exclusiveCreate, .closeOnExec],
      permissions: [.ownerReadWrite])
    try descriptor.closeAfter { _ = try descriptor.writeAll(content) }
  }
}
