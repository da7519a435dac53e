import EmbeddedImage

/// The first process of a Linux guest, as the package's build embedded it.
public enum GuestInitImage {
  /// A static ELF executable for x86-64 Linux: `/init` of an initramfs, and `/virt/init` of a root directory.
  public static func bytes() -> [UInt8] { Base64Literal.decode(base64) }
}
