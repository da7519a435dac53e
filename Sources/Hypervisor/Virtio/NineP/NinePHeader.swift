import SystemPackage

/// The header of every message: size[4] type[1] tag[2].
struct NinePHeader {
  /// Bytes of the message, these seven included.
  var byteCount: UInt32 = 0
  var type: UInt8 = 0
  var tag = NinePProtocol.noTag

  /// Makes the header of a message that is too short to have one.
  init() {}

  init(_ reader: inout NinePReader) throws(Errno) {
    byteCount = try reader.number()
    type = try reader.number()
    tag = try reader.number()
  }
}
