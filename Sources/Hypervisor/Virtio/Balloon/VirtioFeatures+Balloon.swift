/// Feature bits of the memory balloon (virtio 1.2 §5.5.3).
extension VirtioFeatures {
  /// VIRTIO_BALLOON_F_STATS_VQ: the driver reports the guest's memory usage.
  static let balloonStatistics = VirtioFeatures(rawValue: 1 << 1)
}
