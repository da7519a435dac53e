import HostSystem
import Logging
import VextProtocol

/// The vCPU thread's handling of exits from KVM_RUN.
extension VCPURunner {
  /// System events of a guest (KVM API §5, KVM_EXIT_SYSTEM_EVENT).
  private enum SystemEvent {
    static let shutdown: UInt32 = 1
    static let reset: UInt32 = 2
  }

  /// The limit of an access delay: one minute.
  private static var longestDelayMilliseconds: UInt64 { 60_000 }

  /// Handles every exit except an interruption.
  ///
  /// - Returns: an outcome if the vCPU cannot go on.
  func handle(_ exit: VMExit) -> VCPUOutcome? {
    switch exit {
    case .port(let port, let byteCount, let count, let isWrite):
      delayAccess()
      for item in 0..<count { accessPort(UInt64(port.rawValue), item, byteCount, isWrite: isWrite) }
      return nil
    case .memory(let address, let byteCount, let isWrite, let value):
      delayAccess()
      accessMemory(address.rawValue, byteCount, isWrite: isWrite, value)
      return nil
    case .interrupted, .halt: return nil
    case .debug(let instruction):
      logger.info("rip \(hex(instruction))")
      return nil
    case .shutdown:
      end.end(.tripleFault)
      return .reset
    case .systemEvent(let type):
      switch type {
      case SystemEvent.shutdown: end.end(.poweredOff)
      case SystemEvent.reset: end.end(.reset)
      default: end.end(.panicked)  // KVM_SYSTEM_EVENT_CRASH; x86 has no others
      }
      return .reset
    case .failedEntry(let reason): return crash("entry refused, reason \(hex(reason))")
    case .internalError(let suberror, let data): return crash(.init(suberror: suberror, data: data))
    case .unknown(let reason): return crash("unknown exit reason \(reason)")
    }
  }

  /// Ends the machine with `message` and a dump of the vCPU.
  func crash(_ message: String) -> VCPUOutcome { crash(CrashReason(message)) }

  private func crash(_ reason: CrashReason) -> VCPUOutcome {
    let dump: String
    do throws(KVMError) { dump = try VCPUDump(vcpu, memory: memory).text } catch {
      dump = "  registers not readable: \(error)"
    }
    let text = "vCPU \(vcpu.index): \(reason.text(isSoftwareKVM: SoftwareKVM.isLoaded))\n\(dump)"
    end.end(.crashed(text))
    return .crashed(text)
  }

  private func delayAccess() {
    guard debug.accessDelayMilliseconds > 0 else { return }
    let milliseconds = min(debug.accessDelayMilliseconds, Self.longestDelayMilliseconds)
    HostClock.sleep(nanoseconds: milliseconds * 1_000_000)
  }

  private func accessPort(_ port: UInt64, _ item: Int, _ byteCount: Int, isWrite: Bool) {
    if debug.logsUnclaimedPorts, !portBus.isClaimed(port, byteCount: byteCount) {
      logger.info("port \(hex(port)): \(isWrite ? "write" : "read") of \(byteCount) bytes without a device")
    }
    if isWrite {
      portBus.write(port, byteCount: byteCount, value: vcpu.portItem(item, byteCount: byteCount))
    } else {
      vcpu.setPortItem(item, byteCount: byteCount, value: portBus.read(port, byteCount: byteCount))
    }
  }

  private func accessMemory(_ address: UInt64, _ byteCount: Int, isWrite: Bool, _ value: UInt64) {
    if debug.logsUnclaimedMemory, !memoryBus.isClaimed(address, byteCount: byteCount) {
      logger.info(
        "memory \(hex(address)): \(isWrite ? "write" : "read") of \(byteCount) bytes without a device")
    }
    if isWrite {
      memoryBus.write(address, byteCount: byteCount, value: value)
    } else {
      vcpu.setMemoryResult(memoryBus.read(address, byteCount: byteCount))
    }
  }
}

/// `value` in hexadecimal, such as 0x1f.
func hex(_ value: some BinaryInteger) -> String { "0x" + String(value, radix: 16) }
