import CSeccomp
import Glibc
import Synchronization
import SystemPackage

/// What the threads of a process give up, by their kind.
///
/// They belong to the process as signals and limits do, because the kernel hands them from each thread to the threads that it
/// starts: a thread with restrictions must not start one of another kind. Threads that exist already keep their rights.
public struct ThreadRestrictions: Sendable {
  /// The filter of each kind; a kind without one may make any call.
  public var filters: [ThreadKind: SystemCallFilter] = [:]
  /// The capabilities that each kind keeps; a kind without a value keeps all.
  public var capabilities: [ThreadKind: Capabilities] = [:]
  /// Reports what filters would not let through; nil: they kill the process.
  public var reporter: SystemCallReporter?
  /// Removes what the process would leave behind. A thread that cannot restrict itself calls it, and then ends the process.
  public var cleanUp: (@Sendable () -> Void)?

  private static let current = Mutex<ThreadRestrictions?>(nil)
  private static let isEnding = Atomic<Bool>(false)

  /// No restrictions yet.
  public init() {}

  /// Makes threads apply these restrictions from now on. Once per process, before the threads are started.
  public func activate() {
    cseccomp_prepare_library()
    Self.current.withLock { $0 = self }
  }

  /// Ends the process because the calling thread, named `thread`, could not restrict itself. Of several such threads one says so.
  static func endProcess(thread: String, _ failure: SystemCallFilterError) -> Never {
    while isEnding.exchange(true, ordering: .relaxed) { pause() }
    let program = CommandLine.arguments.first.flatMap { $0.split(separator: "/").last } ?? "error"
    StandardError.write(
      .error, "the thread \(thread) could not give up its rights: \(failure)", from: String(program))
    current.withLock { $0 }?.cleanUp?()
    _exit(EX_OSERR)
  }

  /// Restricts the calling thread for good, and forbids it new privileges; does nothing while restrictions are off, or none
  /// for `kind`.
  public static func applyToCurrentThread(as kind: ThreadKind) throws(SystemCallFilterError) {
    guard let restrictions = current.withLock({ $0 }),
      restrictions.filters[kind] != nil || restrictions.capabilities[kind] != nil
    else { return }
    do throws(Errno) {
      try Privileges.forbidNew()
      if let kept = restrictions.capabilities[kind] { try kept.limitCurrentThread() }
    } catch { throw .failed(error) }
    guard let filter = restrictions.filters[kind] else { return }
    if let reporter = restrictions.reporter {
      try reporter.install(filter, on: kind)
    } else {
      try filter.install()
    }
  }
}
