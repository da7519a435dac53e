import Glibc

/// The process's limit of descriptors. A guest over the host's files needs one for each file that it uses.
public enum DescriptorLimit {
  /// Raises the limit to what the process may have at most. Where that fails, the guest gets EMFILE earlier.
  public static func raise() {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
    limit.rlim_cur = limit.rlim_max
    _ = unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
  }
}
