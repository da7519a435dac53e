import CGuest

/// Ends this process.
func exit(_ status: UInt8) -> Never {
  while true { Kernel.attempt(.exitGroup, UInt64(status)) }
}

/// The end of the guest.
enum GuestEnd {
  /// The status when not even the command could be started.
  static var failureStatus: UInt8 { 127 }

  /// Ends the other processes, writes everything to the disks, tells lkvm `status`, or that the system could not be started
  /// where that is nil, and switches the machine off.
  static func end(status: UInt8?) -> Never {
    endOtherProcesses()
    InitTerminal.drain()
    Kernel.attempt(.sync)
    if let status {
      // The kernel prints nothing behind the command's output: level 0 also hides "Power down". Without /proc the message appears.
      try? Kernel.writeFile("/proc/sys/kernel/printk", "0\n")
      if let port = exitPort(), !writePort(port, status) {
        report("the kernel lets no process write ports: the exit status is lost")
      }
    } else {
      tell(.startFailed)
    }
    // Without ACPI the kernel knows no way to switch off, and would halt for ever: a reset always ends lkvm.
    let powerOff: UInt64 = 0x4321_FEDC
    let restart: UInt64 = 0x0123_4567
    reboot(Kernel.exists("/sys/firmware/acpi") ? powerOff : restart)
    reboot(restart)
    exit(status ?? failureStatus)
  }

  /// Asks the processes to end, then ends those that did not.
  private static func endOtherProcesses() {
    let everyProcess = UInt64.max
    let terminate: UInt64 = 15
    let kill: UInt64 = 9
    Kernel.attempt(.kill, everyProcess, terminate)
    if reap(forMilliseconds: 500) { return }
    Kernel.attempt(.kill, everyProcess, kill)
    _ = reap(forMilliseconds: 500)
  }

  /// Takes care of ended processes; whether none is left.
  private static func reap(forMilliseconds limit: Int64) -> Bool {
    let withoutWaiting: UInt64 = 1
    let pause: Int64 = 10
    var waited: Int64 = 0
    while waited < limit {
      do throws(Errno) {
        let ended = try Kernel.call(.wait4, .max, 0, withoutWaiting, 0)
        if ended == 0 {
          Kernel.sleep(milliseconds: pause)
          waited += pause
        }
      } catch {
        return error == .noChild
      }
    }
    return false
  }

  /// Where lkvm waits for the status: port F4h, unless `lkvm.exit=` says another (decimal), or `none`.
  private static func exitPort() -> UInt16? {
    var arena = InitArena()
    let parameters = try? InitParameters(&arena)
    guard let wanted = parameters?.value("lkvm.exit=") else { return 0xF4 }
    // ioperm knows no higher ports.
    guard let port = wanted.number(), port < 0x400 else { return nil }
    return UInt16(truncatingIfNeeded: port)
  }

  /// The progress that the init reports to lkvm (`GuestProgress` of Hypervisor).
  enum Progress: UInt8 {
    case running = 0
    case readsInput = 1
    case startFailed = 2
  }

  /// Tells lkvm how far the start is, by the port after that of the status.
  static func tell(_ progress: Progress) {
    guard let port = exitPort(), port < 0x3FF else { return }
    _ = writePort(port + 1, progress.rawValue)
  }

  private static func writePort(_ port: UInt16, _ value: UInt8) -> Bool {
    guard Kernel.attempt(.ioperm, UInt64(port), 1, 1) else { return false }
    init_out8(port, value)
    return true
  }

  private static func reboot(_ command: UInt64) {
    Kernel.attempt(.reboot, 0xFEE1_DEAD, 0x2812_1969, command)
  }
}
