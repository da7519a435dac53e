import CSeccomp
import Synchronization
import SystemPackage

/// The system calls that a thread may make (seccomp(2)). At any other call the kernel kills the process with SIGSYS.
///
/// The first thread that installs the filter compiles it, so that the threads of a process compile theirs at the same time.
public final class SystemCallFilter: Sendable {
  /// BPF_MAXINSNS of linux/bpf_common.h.
  static let instructionLimit = 4096

  private let rules: [SystemCallRule]
  private let library: SystemCallLibrary
  private let program = Mutex<[UInt64]?>(nil)

  /// Whether the running kernel has such filters.
  public static var isAvailable: Bool { cseccomp_is_available() != 0 }

  /// Makes a filter, and loads libseccomp for it. Rules for one call must not allow and refuse the same arguments.
  public init(_ rules: [SystemCallRule]) throws(SystemCallFilterError) {
    guard Self.isAvailable else { throw .noKernelSupport }
    library = try SystemCallLibrary.shared()
    self.rules = rules
  }

  /// Compiles the filter now. Any thread; later calls return at once.
  public func prepare() throws(SystemCallFilterError) { _ = try compiled() }

  /// Filters the calling thread's calls from now on, and those of threads and processes that it starts later; filters add up. Needs
  /// ``Privileges/forbidNew()``.
  public func install() throws(SystemCallFilterError) {
    try library.install(try compiled())
  }

  /// The same, but the calling thread then waits at each further call until a reader of the listener lets it go on.
  ///
  /// - Returns: the listener's descriptor.
  func installWithListener() throws(SystemCallFilterError) -> Int32 {
    try library.installWithListener(try compiled())
  }

  private func compiled() throws(SystemCallFilterError) -> [UInt64] {
    try program.withLock { (program) throws(SystemCallFilterError) in
      let compiled = if let program { program } else { try library.compile(rules) }
      program = compiled
      return compiled
    }
  }
}
