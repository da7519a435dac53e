import HostSystem
import SystemPackage
import Synchronization

/// A machine that a separate thread is making, while the maker writes the guest's kernel into the machine's memory.
///
/// KVM needs more than a millisecond to create a machine. The kernel, its modules and the devices do not need the machine
/// at first.
public final class PendingMachine: Sendable {
  /// The result of the thread: a value or an error. Unlike Result, its metadata needs no search for conformances at each
  /// start.
  private enum Outcome<Value: Sendable>: Sendable {
    case made(Value)
    case failed(MachineError)

    init(_ make: () throws(MachineError) -> Value) {
      do { self = .made(try make()) } catch { self = .failed(error) }
    }

    func get() throws(MachineError) -> Value {
      switch self {
      case .made(let value): return value
      case .failed(let error): throw error
      }
    }
  }

  /// The state that the thread works on.
  private final class Work: Sendable {
    let configuration: MachineConfiguration
    let path: String
    let memory: Outcome<GuestMemory>
    let machine = Mutex<Outcome<Machine>?>(nil)

    init(_ configuration: MachineConfiguration, path: String) {
      self.configuration = configuration
      self.path = path
      memory = Outcome { () throws(MachineError) in try configuration.makeMemory() }
    }

    func perform() {
      let outcome = Outcome { () throws(MachineError) in try makeMachine() }
      machine.withLock { $0 = outcome }
    }

    private func makeMachine() throws(MachineError) -> Machine {
      let memory = try memory.get()
      let system: KVMSystem
      do throws(KVMError) { system = try KVMSystem(path: path) } catch { throw .kvm(error) }
      return try Machine(configuration, memory: memory, system: system)
    }
  }

  /// The configuration of the machine.
  public let configuration: MachineConfiguration
  private let work: Work
  /// The thread that makes the machine; nil if it could not be started, in which case ``finish()`` makes the machine.
  private let thread: HostThread?

  /// Begins to make the machine on the KVM whose device file is at `path`.
  public init(_ configuration: MachineConfiguration, kvm path: String = KVMSystem.defaultPath) {
    let work = Work(configuration, path: path)
    self.configuration = configuration
    self.work = work
    thread = try? HostThread(
      name: "\(configuration.name.prefix(8))-make", cpus: Self.freeCPUs()
    ) { work.perform() }
  }

  /// The CPUs for the thread: all but the current one, because Linux may start the thread on its maker's CPU, where it
  /// would wait. Nil if there is no other CPU.
  private static func freeCPUs() -> CPUSet? {
    guard let cpus = try? HostThread.currentCPUsBesideOwn(), !cpus.isEmpty else { return nil }
    return cpus
  }

  /// The machine's RAM, which exists already: the caller can fill it without waiting.
  public func memory() throws(MachineError) -> GuestMemory { try work.memory.get() }

  /// Waits until the machine is made, and keeps it or the error for ``finish()``: for a process that gives up what making it needs.
  public func settle() {
    if let thread { thread.join() } else if work.machine.withLock({ $0 == nil }) { work.perform() }
  }

  /// Waits until the machine is made. Call it once. Throws every error of the creation, including that of opening KVM.
  public func finish() throws(MachineError) -> Machine {
    settle()
    // Taken out, so that the machine lives no longer than its owner wants.
    guard let outcome = work.machine.withLock({ $0.take() }) else {
      preconditionFailure("a pending machine is finished once")
    }
    return try outcome.get()
  }

  /// Waits for the thread, so that a caller that gives up leaves nothing running.
  deinit { thread?.join() }
}
