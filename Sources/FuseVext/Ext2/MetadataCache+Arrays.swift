import SystemPackage

extension MetadataCache {
  /// Bytes of the device.
  func read(byteOffset: UInt64, byteCount: Int) throws(Errno) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: byteCount)
    var failure: Errno?
    unsafe bytes.withUnsafeMutableBytes { buffer in
      do throws(Errno) { try unsafe read(byteOffset: byteOffset, into: buffer) } catch { failure = error }
    }
    if let failure { throw failure }
    return bytes
  }

  /// Changes bytes of the device.
  func write(byteOffset: UInt64, bytes: [UInt8]) throws(Errno) {
    var failure: Errno?
    unsafe bytes.withUnsafeBytes { buffer in
      do throws(Errno) { try unsafe write(byteOffset: byteOffset, from: buffer) } catch { failure = error }
    }
    if let failure { throw failure }
  }
}
