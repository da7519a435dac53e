import HostSystem
import SystemPackage

/// Answers the commands for a running guest. The control thread only.
extension Guest: ControlHandler {
  /// Time limit for the guest's memory statistics, in nanoseconds.
  private static let balloonTimeoutNanoseconds: UInt64 = 2_000_000_000

  /// Whether it is paused.
  public var state: ControlState { machine.isPaused ? .paused : .running }

  /// Pauses all vCPUs.
  public func pause() -> ControlReply {
    reply { () throws(KVMError) in
      try machine.pause() ? .done : .failed(machine.isRunning ? "it is paused already" : "it does not run")
    }
  }

  /// Continues the vCPUs.
  public func resume() -> ControlReply {
    reply { () throws(KVMError) in
      try machine.resume() ? .done : .failed(machine.isRunning ? "it is running already" : "it does not run")
    }
  }

  /// Ends the guest at once, as if its power were cut; what it wrote to its disks stays.
  public func stop() -> ControlReply {
    machine.end(.stopped)
    return .done
  }

  /// Presses the power button.
  public func pressPowerButton() -> ControlReply {
    platform.power.pressPowerButton()
      ? .done : .failed("it does not listen to its power button: use stop without --graceful")
  }

  /// Returns a text dump of every vCPU.
  public func dump() -> ControlReply {
    let symbols = configuration.kernel.flatMap {
      KernelSymbols.beside(kernel: $0.path, release: $0.kernelRelease)
    }
    return reply { () throws(KVMError) in
      var text = ""
      for index in machine.vcpus.indices { text += try machine.describe(vcpu: index, symbols: symbols) ?? "" }
      return .text(text)
    }
  }

  /// Sends a vCPU a non-maskable interrupt.
  public func injectNMI(vcpu: Int) -> ControlReply {
    reply { () throws(KVMError) in
      try machine.injectNMI(vcpu: vcpu)
        ? .done : .failed("there is no vCPU \(vcpu): it has \(machine.vcpus.count)")
    }
  }

  /// Sends a "system request" key to the console.
  public func sendSysrq(_ key: UInt8) -> ControlReply {
    let isTaken =
      switch configuration.console {
      case .serial: serialPorts.first?.sysRq(key) ?? false
      case .virtio: devices.console?.sysRq(key) ?? false
      }
    return isTaken ? .done : .failed("its console takes no input now")
  }

  /// Takes memory from the guest, or gives it back.
  public func changeBalloon(deltaMiB: Int) -> ControlReply {
    guard let balloon = devices.balloon else { return .failed("it has no balloon: run it with --balloon") }
    guard balloon.hasDriver else {
      return .failed("its system has no driver for the balloon (virtio_balloon)")
    }
    let (wanted, overflow) = Int(balloon.targetPageCount / 256).addingReportingOverflow(deltaMiB)
    guard !overflow, wanted >= 0, UInt64(wanted) << 20 <= machine.memory.byteCount else {
      return .failed(
        "a balloon of \(wanted) MiB: it holds from 0 to \(machine.memory.byteCount >> 20) MiB")
    }
    balloon.setTarget(mib: UInt64(wanted))
    return .done
  }

  /// Returns vmexits, disks, networks and memory as `name: value` lines.
  public func statistics() -> ControlReply {
    do {
      var metrics = try GuestMetrics(exits: exitCounts())
      metrics.disks = diskMetrics
      for network in devices.networks {
        metrics.networks.append(network.countsFrames ? network.statistics : nil)
      }
      if let balloon = devices.balloon {
        metrics.balloonMiB = UInt64(balloon.actualPageCount) / 256
        do throws(BalloonError) {
          metrics.memory = try balloon.requestStatistics(
            timeoutNanoseconds: Self.balloonTimeoutNanoseconds)
        } catch {
          metrics.memoryUnavailable = error.description
        }
      }
      return .text(metrics.text)
    } catch {
      return .failed("\(error)")
    }
  }

  /// Number of vmexits of all vCPUs so far. Any thread.
  public func exitCounts() throws(KVMError) -> ExitCounts {
    try machine.exitCounts()
  }

  /// The counters of each disk, in the order of the disks. Any thread.
  ///
  /// The names of virtio-blk disks begin with disk0, disk1 and so on, those of vext disks with vext0 and so on.
  public var diskMetrics: [(name: String, value: UInt64)] {
    let disks = devices.blocks.enumerated().map { ("disk\($0)", $1.statistics) }
    let vext = devices.vextDevices.enumerated().map { ("vext\($0)", $1.statistics) }
    return (disks + vext).flatMap { $1.metrics(prefix: $0) }
  }

  private func reply(_ body: () throws(KVMError) -> ControlReply) -> ControlReply {
    do { return try body() } catch { return .failed(error.description) }
  }
}
