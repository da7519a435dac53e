/// Makes one number of the device and inode of a file, so that mounts below the shared directory do not collide.
///
/// Files of the root's own file system keep their inode number. Other devices are numbered as they are met, and the
/// number's bits are put in the path from the top down, where inode numbers hardly ever reach.
struct NinePDeviceTable {
  /// By their numbers.
  private var devices: [UInt64]

  init(root: UInt64) { devices = [root] }

  /// The path of a qid. A guest cannot make devices, so that the table stays small.
  mutating func path(device: UInt64, inode: UInt64) -> UInt64 {
    let number = devices.firstIndex(of: device) ?? devices.count
    if number == devices.count { devices.append(device) }
    return inode ^ Self.reversed(UInt64(number))
  }

  /// Bit 0 becomes bit 63.
  private static func reversed(_ number: UInt64) -> UInt64 {
    var result: UInt64 = 0
    for bit in 0..<UInt64(number.bitWidth - number.leadingZeroBitCount) where number >> bit & 1 != 0 {
      result |= 1 << (63 - bit)
    }
    return result
  }
}
