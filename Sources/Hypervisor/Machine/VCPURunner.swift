import CKVM
public import HostSystem
import SystemPackage
import Synchronization
import VextProtocol

/// One vCPU and its thread: runs the guest and answers its port and memory accesses until told to stop.
public final class VCPURunner: Sendable {
  /// The vCPU.
  public let vcpu: KVMVirtualCPU
  private let portBus: AddressBus
  private let memoryBus: AddressBus
  private let stopRequested = Atomic<Bool>(false)
  private let userExits = Atomic<UInt64>(0)
  private let state = Mutex(State())

  private struct State {
    var thread: HostThread?
    var outcome: VCPUOutcome?
  }

  init(vcpu: KVMVirtualCPU, portBus: AddressBus, memoryBus: AddressBus) {
    self.vcpu = vcpu
    self.portBus = portBus
    self.memoryBus = memoryBus
  }

  /// Returns of KVM_RUN to user space so far. Any thread.
  public var userExitCount: UInt64 { userExits.load(ordering: .relaxed) }

  /// How the vCPU ended, or nil while it runs. Any thread.
  public var outcome: VCPUOutcome? { state.withLock { $0.outcome } }

  /// The vCPU's thread, once started. Any thread.
  public var thread: HostThread? { state.withLock { $0.thread } }

  func start(name: String, cpus: CPUSet?) throws(Errno) {
    let thread = try HostThread(name: name, cpus: cpus) { [self] in
      let outcome = runUntilStopped()
      state.withLock { $0.outcome = outcome }
    }
    state.withLock { $0.thread = thread }
  }

  /// Asks the vCPU to leave the guest for good; returns at once.
  func requestStop() {
    stopRequested.store(true, ordering: .releasing)
    vcpu.requestExit()
    thread?.interrupt()
  }

  func join() { thread?.join() }

  private func runUntilStopped() -> VCPUOutcome {
    while !stopRequested.load(ordering: .acquiring) {
      do throws(KVMError) {
        let exit = try vcpu.runOnce()
        userExits.store(userExits.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
        if let outcome = handle(exit) { return outcome }
      } catch {
        return .crashed(describe("\(error)"))
      }
    }
    return .stopped
  }

  private func handle(_ exit: VMExit) -> VCPUOutcome? {
    switch exit {
    case .port(let port, let byteCount, let count, let isWrite):
      for item in 0..<count {
        if isWrite {
          portBus.write(
            UInt64(port.rawValue), byteCount: byteCount, value: vcpu.portItem(item, byteCount: byteCount))
        } else {
          let value = portBus.read(UInt64(port.rawValue), byteCount: byteCount)
          vcpu.setPortItem(item, byteCount: byteCount, value: value)
        }
      }
      return nil
    case .memory(let address, let byteCount, let isWrite, let value):
      if isWrite {
        memoryBus.write(address.rawValue, byteCount: byteCount, value: value)
      } else {
        vcpu.setMemoryResult(memoryBus.read(address.rawValue, byteCount: byteCount))
      }
      return nil
    case .interrupted, .halt: return nil
    case .shutdown, .systemEvent: return .reset
    case .failedEntry(let reason): return .crashed(describe("entry refused, reason \(hex(reason))"))
    case .internalError(let suberror, let data):
      let words = data.map(hex).joined(separator: " ")
      return .crashed(describe("KVM internal error \(suberror), data \(words)"))
    case .unknown(let reason): return .crashed(describe("unknown exit reason \(reason)"))
    }
  }

  /// The message, and the registers as they are now.
  private func describe(_ message: String) -> String {
    guard let r = try? vcpu.registers(), let s = try? vcpu.specialRegisters() else {
      return "vCPU \(vcpu.index): \(message); registers not readable"
    }
    return """
      vCPU \(vcpu.index): \(message)
        rip \(hex(r.rip)) rsp \(hex(r.rsp)) rflags \(hex(r.rflags)) cs \(hex(UInt64(s.cs.selector)))
        rax \(hex(r.rax)) rbx \(hex(r.rbx)) rcx \(hex(r.rcx)) rdx \(hex(r.rdx))
        rsi \(hex(r.rsi)) rdi \(hex(r.rdi)) rbp \(hex(r.rbp)) r8 \(hex(r.r8)) r9 \(hex(r.r9))
        r10 \(hex(r.r10)) r11 \(hex(r.r11)) r12 \(hex(r.r12)) r13 \(hex(r.r13)) r14 \(hex(r.r14)) r15 \(hex(r.r15))
        cr0 \(hex(s.cr0)) cr2 \(hex(s.cr2)) cr3 \(hex(s.cr3)) cr4 \(hex(s.cr4)) efer \(hex(s.efer))
      """
  }

  private func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}
