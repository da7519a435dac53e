import CLinux
import Glibc
import Synchronization
public import SystemPackage

/// An eventfd that another process shares and may change at any time: it can clear O_NONBLOCK, and take or add signals.
///
/// No method blocks. Any thread may call any method.
public struct ForeignEventDescriptor: ~Copyable, Sendable {
  private let descriptor: OwnedDescriptor

  /// Takes over `descriptor`, and adds a signal to it.
  ///
  /// - Parameter signaller: checks that the descriptor is an eventfd, without a call into a file that the process may serve itself.
  /// - Throws: `EINVAL` for a descriptor of another kind, which is closed then.
  public init(
    checking descriptor: consuming OwnedDescriptor, by signaller: EventSignaller
  ) throws(Errno) {
    try signaller.signal(descriptor.rawValue)
    self.descriptor = descriptor
  }

  /// The descriptor's number, for ``EventPoll`` and ``EventSignaller``.
  public var rawValue: Int32 { descriptor.rawValue }

  /// Clears the signals.
  public func drain() { _ = linux_foreign_eventfd_take(descriptor.rawValue) }
}

/// Signals eventfds of other processes without ever blocking.
///
/// write(2) blocks if the counter is at its maximum and the other process has cleared O_NONBLOCK. The completion of an asynchronous
/// read of /dev/null (`IOCB_FLAG_RESFD`) signals the eventfd in the kernel, which never waits. Any thread may call ``signal(_:)``.
public final class EventSignaller: Sendable {
  private let context: Mutex<aio_context_t>
  private let file: OwnedDescriptor

  /// - Throws: `EAGAIN` beyond the host's `fs.aio-max-nr`.
  public init() throws(Errno) {
    file = try OwnedDescriptor.open("/dev/null", flags: O_RDONLY)
    let context = aio_context_t(try check(linux_io_context()))
    self.context = Mutex(context)
  }

  deinit { _ = context.withLock { linux_io_destroy($0) } }

  /// Adds one signal to the eventfd `descriptor`, which the caller keeps open.
  ///
  /// - Throws: `EINVAL` if it is no eventfd, `EBADF` if it is not open.
  public func signal(_ descriptor: Int32) throws(Errno) {
    let file = self.file.rawValue
    let result = context.withLock { linux_io_signal($0, file, descriptor) }
    try check(result)
  }
}
