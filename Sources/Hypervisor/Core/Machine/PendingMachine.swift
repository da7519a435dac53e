import HostSystem
import SystemPackage
import Synchronization

/// A machine that is being made by a thread of its own, while its maker puts what the guest boots into its memory.
///
/// What KVM does for a new machine takes a millisecond of a processor, and more of waiting; the kernel, its modules and
/// the devices need none of it at first.
public final class PendingMachine: Sendable {
  /// What was made, or why it was not. Unlike Result's, its metadata takes no search for conformances, at every start.
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

  /// What the thread works on.
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
    thread = try? HostThread(
      name: "\(configuration.name.prefix(8))-make", cpus: Self.freeCPUs()
    ) { work.perform() }
  }

  /// Where the thread runs: Linux may start it on its maker's CPU, and then it waits for its maker. Nil leaves that to
  /// Linux where there is no choice.
  private static func freeCPUs() -> CPUSet? {
    guard let cpus = try? HostThread.currentCPUsBesideOwn(), !cpus.isEmpty else { return nil }
    return cpus
  }

  /// The machine's RAM, which is there already: whoever fills it need not wait.
  public func memory() throws(MachineError) -> GuestMemory { try work.memory.get() }

  /// Waits until the machine is made. What went wrong, opening KVM included, is told here and not before. Once.
  public func finish() throws(MachineError) -> Machine {
    if let thread { thread.join() } else { work.perform() }
    // Taken out, so that the machine lives no longer than its owner wants.
    guard let outcome = work.machine.withLock({ $0.take() }) else {
      preconditionFailure("a pending machine is finished once")
    }
    return try outcome.get()
  }

  /// Whoever gives up meanwhile finds nothing of it afterwards.
  deinit { thread?.join() }
}
