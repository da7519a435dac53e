/// The second stage, in the root: what a running system needs, then the command, then the end of the guest.
struct RootStage {
  let start: StartArguments

  /// Returns the exit status of the command.
  func run(_ arena: inout InitArena) throws(StageFailure) -> UInt8 {
    InitTerminal.ensureStandardFiles()
    for index in 0..<KernelFileSystem.early.count { KernelFileSystem.early[index].mount() }
    for index in 0..<KernelFileSystem.late.count { KernelFileSystem.late[index].mount() }
    makeDeviceLinks()
    InitTerminal.ensureStandardFiles()

    let parameters = try attempt("read the kernel's command line") { () throws(Errno) in
      try InitParameters(&arena)
    }
    HostFiles.mount(parameters, &arena)
    setHostName(&arena)
    Network.bringUp(parameters, &arena)

    let command = try attempt("prepare the command") { () throws(Errno) in
      try GuestCommand(start: start, &arena)
    }
    let terminal = try attempt("find the console") { () throws(Errno) in
      try InitTerminal(parameters, &arena)
    }
    terminal.takeOver(parameters)
    let input = try attempt("make a pipe for the command's input") { () throws(Errno) -> InputPipe? in
      guard InputPipe.isWanted(parameters) else { return nil }
      let input = try InputPipe()
      try input.startWriting()
      return input
    }
    let child = try attempt("start a process") { () throws(Errno) in try Kernel.call(.fork) }
    if child == 0 {
      input?.useAsStandardInput()
      InitTerminal.enterForeground()
      exit(command.execute(&arena))
    }
    input?.close()
    GuestEnd.tell(.readsInput)
    return waitFor(child)
  }

  /// What shells and programs expect in /dev besides devices.
  private func makeDeviceLinks() {
    func link(_ path: Text, to target: Text) { Kernel.attempt(.symlink, target.address, path.address) }
    link("/dev/fd", to: "/proc/self/fd")
    link("/dev/stdin", to: "/proc/self/fd/0")
    link("/dev/stdout", to: "/proc/self/fd/1")
    link("/dev/stderr", to: "/proc/self/fd/2")
  }

  private func setHostName(_ arena: inout InitArena) {
    guard var lines = try? arena.lines(of: "/etc/hostname") else { return }
    if let name = lines.next(), !name.isEmpty {
      Kernel.attempt(.sethostname, name.address, UInt64(name.count))
    }
  }

  /// Waits for the end of `child`, and takes care of every orphan that ends before. Returns the exit status as
  /// shells have it: 128 and the signal's number for a process that a signal ended.
  private func waitFor(_ child: UInt64) -> UInt8 {
    var status: Int32 = 0
    while true {
      let ended = Kernel.withAddress(of: &status) { try? Kernel.call(.wait4, .max, $0, 0, 0) }
      guard ended == child else { continue }
      let signal = UInt8(truncatingIfNeeded: status & 0x7F)
      return signal == 0 ? UInt8(truncatingIfNeeded: status >> 8) : 128 + signal
    }
  }
}
