/// Feature bits of the console (virtio 1.2 §5.3.3).
extension VirtioFeatures {
  /// VIRTIO_CONSOLE_F_SIZE: the configuration has the size of the window.
  static let consoleSize = VirtioFeatures(rawValue: 1 << 0)
  /// VIRTIO_CONSOLE_F_EMERG_WRITE: a character can be written without a queue.
  static let consoleEmergencyWrite = VirtioFeatures(rawValue: 1 << 2)
}
