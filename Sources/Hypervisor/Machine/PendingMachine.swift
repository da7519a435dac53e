import HostSystem
import SystemPackage
import Synchronization

/// A machine that is being made by a thread of its own, while its maker looks at what the guest boots.
///
/// What KVM does for a new machine takes a millisecond of a processor, and more of waiting; the kernel, its modules and
/// the devices need none of it at first.
public final class PendingMachine: Sendable {
  /// What the thread works on.
  private final class Work: Sendable {
    let configuration: MachineConfiguration
    let path: String
    let outcome = Mutex<Result<Machine, MachineError>?>(nil)

    init(_ configuration: MachineConfiguration, path: String) {
      self.configuration = configuration
      self.path = path
    }

    func perform() {
      let made: Result<Machine, MachineError>
      do throws(MachineError) { made = .success(try makeMachine()) } catch { made = .failure(error) }
      outcome.withLock { $0 = made }
    }

    private func makeMachine() throws(MachineError) -> Machine {
      let system: KVMSystem
      do throws(KVMError) { system = try KVMSystem(path: path) } catch { throw .kvm(error) }
      return try Machine(configuration, system: system)
    }
  }

  /// What the machine is made of.
  public let configuration: MachineConfiguration
  private let work: Work
  /// Nil where there could be no thread: the machine is made by whoever waits for it.
  private let thread: HostThread?

  /// Begins to make the machine on the KVM whose device file is at `path`.
  public init(_ configuration: MachineConfiguration, kvm path: String = KVMSystem.defaultPath) {
    let work = Work(configuration, path: path)
    self.configuration = configuration
    self.work = work
    thread = try? HostThread(name: "\(configuration.name.prefix(8))-make", cpus: nil) { work.perform() }
  }

  /// Waits until the machine is made. What went wrong, opening KVM included, is told here and not before. Once.
  public func finish() throws(MachineError) -> Machine {
    if let thread { thread.join() } else { work.perform() }
    // Taken out, so that the machine lives no longer than its owner wants.
    guard let outcome = work.outcome.withLock({ $0.take() }) else {
      preconditionFailure("a pending machine is finished once")
    }
    return try outcome.get()
  }

  /// Whoever gives up meanwhile finds nothing of it afterwards.
  deinit { thread?.join() }
}
