import EmbeddedImage

/// The freestanding guest, as the package's build embedded it.
public enum MicroGuestImage {
  /// The flat image, to be copied to guest-physical ``ImageHeader/loadAddress``; memory behind it up to
  /// ``ImageLayout/endAddress`` must be zero.
  public static func bytes() -> [UInt8] { Base64Literal.decode(base64) }
}
