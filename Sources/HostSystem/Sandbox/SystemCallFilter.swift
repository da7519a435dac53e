import CSeccomp
import SystemPackage

/// The system calls that a thread may make (seccomp(2)). At any other call the kernel kills the process with SIGSYS.
///
/// Each thread that installs the filter compiles it, so that the threads of a process do so at the same time.
public struct SystemCallFilter: Sendable {
  private let rules: [SystemCallRule]

  /// Whether the running kernel has such filters.
  public static var isAvailable: Bool { cseccomp_is_available() != 0 }

  /// Makes a filter. Of several rules for one call the first whose conditions hold decides.
  ///
  /// - Throws: ``SystemCallFilterError/noKernelSupport``. A rule that cannot be compiled fails at ``install()``.
  public init(_ rules: [SystemCallRule]) throws(SystemCallFilterError) {
    guard Self.isAvailable else { throw .noKernelSupport }
    self.rules = rules
  }

  /// Filters the calling thread's calls from now on, and those of threads and processes that it starts later; filters add up. Needs
  /// ``Privileges/forbidNew()``.
  public func install() throws(SystemCallFilterError) {
    _ = try install(SystemCallProgram(rules, otherwise: .kill), flags: 0)
  }

  /// The same, but the calling thread then waits at each further call until a reader of the listener lets it go on.
  ///
  /// - Returns: the listener's descriptor.
  func installWithListener() throws(SystemCallFilterError) -> Int32 {
    try install(SystemCallProgram(rules, otherwise: .ask), flags: CSECCOMP_WITH_LISTENER)
  }

  private func install(_ program: SystemCallProgram, flags: UInt32) throws(SystemCallFilterError) -> Int32 {
    try SystemCallInterface.install(program.instructions, flags: flags)
  }
}
