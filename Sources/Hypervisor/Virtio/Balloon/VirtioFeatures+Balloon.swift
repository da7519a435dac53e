/// Feature bits of the memory balloon (virtio 1.2 §5.5.3).
extension VirtioFeatures {
  /// VIRTIO_BALLOON_F_STATS_VQ: the driver tells how the guest's memory is used.
  static let balloonStatistics = VirtioFeatures(rawValue: 1 << 1)
  /// VIRTIO_BALLOON_F_DEFLATE_ON_OOM: a guest that runs out of memory takes pages back by itself.
  static let balloonDeflateOnOutOfMemory = VirtioFeatures(rawValue: 1 << 2)
}
