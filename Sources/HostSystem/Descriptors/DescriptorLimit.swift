import CLinux

/// The process's limit of descriptors. A guest over the host's files needs one for each file that it uses.
public enum DescriptorLimit {
  /// Raises the limit to what the process may have at most. Where that fails, the guest gets EMFILE earlier.
  public static func raise() {
    _ = linux_raise_descriptor_limit()
  }
}
