/// Who is called when a descriptor is ready. The device thread alone calls it, one call at a time.
public protocol DescriptorHandler: AnyObject, Sendable {
  /// `descriptor` is ready for what it is watched for, or broken. It is called again while that lasts.
  func descriptorIsReady(_ descriptor: Int32)
}
