import Foundation
import Glibc
import HostSystem
import SystemPackage
// Visible in all files of these tests.
@_exported import TestFolders

@testable import Hypervisor

/// Images in a folder.
extension TemporaryFolder {
  func write(_ name: String, _ buffer: HostBuffer, byteCount: Int? = nil) throws {
    try Data(buffer.bytes(0..<(byteCount ?? buffer.byteCount))).write(to: URL(filePath: file(name)))
  }

  /// The bytes of a file.
  func contents(_ name: String) throws -> HostBuffer {
    HostBuffer([UInt8](try Data(contentsOf: URL(filePath: file(name)))))
  }

  /// What QEMU reads from an image.
  func converted(_ name: String, format: String) throws -> HostBuffer {
    try QemuTools.image("convert", "-f", format, "-O", "raw", file(name), file("converted.raw"))
    return try contents("converted.raw")
  }

  /// Opens an image as a disk does.
  func open(_ name: String, isWritable: Bool = false, snapshot: String? = nil, anywhere: Bool = false) throws
    -> QcowImage
  {
    let descriptor = try OwnedDescriptor.open(file(name), flags: isWritable ? O_RDWR : O_RDONLY)
    var chain = try QcowBackingChain(
      descriptor: descriptor.rawValue, path: file(name), isAllowedAnywhere: anywhere)
    let host = QcowHostFile(descriptor)
    let header = try QcowHeader(host)
    return try QcowImage(
      host, header: header, backing: try chain.open(header, of: file(name)), snapshot: snapshot,
      isWritable: isWritable)
  }
}

extension QcowImage {
  /// The whole disk.
  func contents() throws -> HostBuffer {
    let buffer = HostBuffer(byteCount: Int(byteCount))
    try read(buffer, buffer.all, at: 0)
    return buffer
  }
}

extension HostBuffer {
  func hasSameBytes(as other: HostBuffer) -> Bool {
    guard byteCount == other.byteCount else { return false }
    guard let first = unsafe vector(all).base, let second = unsafe other.vector(all).base else { return true }
    return unsafe memcmp(first, second, byteCount) == 0
  }

  func fill(_ range: Range<Int>, with byte: UInt8) {
    store([UInt8](repeating: byte, count: range.count), at: range.lowerBound)
  }
}
