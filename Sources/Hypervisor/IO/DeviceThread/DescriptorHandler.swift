/// An object that handles ready descriptors. Only the device thread calls it, one call at a time.
public protocol DescriptorHandler: AnyObject, Sendable {
  /// Called when `descriptor` is ready for the watched interest or has an error, and again as long as that lasts.
  func descriptorIsReady(_ descriptor: Int32)
}
