import Glibc
import HostSystem
import SystemPackage

/// Changes of an image or a block device by others while it is mounted.
extension FileDevice {
  /// Whether the file has become shorter, or the device is gone. A write behind the end of a file would make it longer again, with
  /// zeros where data were.
  var isShorter: Bool {
    let end = lseek(descriptor.rawValue, 0, SEEK_END)
    return end < 0 || UInt64(end) < byteCount
  }

  /// Why nothing may be written any more; nil as long as everything is as it was.
  public func problem() -> String? {
    if isShorter {
      return isBlockDevice ? "the device is gone or has become smaller" : "the image has become shorter"
    }
    guard !isBlockDevice else { return nil }
    do throws(Errno) {
      let status = try FileDescriptor(rawValue: descriptor.rawValue).stat()
      if hadName, status.linkCount == 0 { return "the image was removed or replaced" }
    } catch {
      return "the image is gone"
    }
    return loopUser().map { "the image is used by \($0) too" }
  }

  /// The loop device that uses the image, unless both only read.
  func loopUser() -> String? {
    guard !isBlockDevice, let user = LoopDevices.user(of: descriptor.rawValue) else { return nil }
    return isReadOnly && user.isReadOnly ? nil : user.path
  }

  /// As ``loopUser()``, after up to a second: the kernel takes its time to detach what was just unmounted.
  func lastingLoopUser() -> String? {
    for _ in 0..<20 {
      if loopUser() == nil { return nil }
      HostClock.sleep(nanoseconds: 50_000_000)
    }
    return loopUser()
  }
}
