/// The first stage, in the initramfs: loads modules, mounts the root and becomes its init.
struct InitramfsStage {
  let start: StartArguments

  private static let newRoot: Text = "/newroot"

  /// Becomes the root's init. Returns an exit status only if the parameters name no root: then the initramfs is the root.
  func run(_ arena: inout InitArena) throws(StageFailure) -> UInt8 {
    InitTerminal.ensureStandardFiles()
    mountKernelFileSystems()
    InitTerminal.ensureStandardFiles()
    GuestEnd.tell(.running)
    ModuleLoader.loadAll(&arena)
    // A virtio console is there only now.
    InitTerminal.connectStandardFiles()

    let parameters = try attempt("read the kernel's command line") { () throws(Errno) in
      try InitParameters(&arena)
    }
    guard let root = RootFileSystem(parameters) else {
      return try RootStage(start: start).run(&arena)
    }
    try attempt("make /newroot") { () throws(Errno) in try Kernel.makeDirectory(Self.newRoot) }
    try root.mount(on: Self.newRoot, &arena)
    try RootHandover.carry(&arena)
    try switchRoot()
    try becomeInit(parameters)
  }

  private func mountKernelFileSystems() {
    for index in 0..<KernelFileSystem.early.count {
      KernelFileSystem.early[index].mount()
    }
  }

  /// Moves what is mounted into the new root, then the new root over the old.
  private func switchRoot() throws(StageFailure) {
    let detach: UInt64 = 2
    for index in 0..<KernelFileSystem.early.count {
      let path = KernelFileSystem.early[index].path
      moveMount(path, orDetach: detach)
    }
    try attempt("enter the new root") { () throws(Errno) in
      try Kernel.call(.chdir, Self.newRoot.address)
      try Kernel.mount(".", on: "/", type: "", .move)
      try Kernel.call(.chroot, Text(".").address)
      try Kernel.call(.chdir, Text("/").address)
    }
  }

  private func moveMount(_ path: Text, orDetach detach: UInt64) {
    let target: Text =
      switch path[1] {
      case UInt8(ascii: "p"): "/newroot/proc"
      case UInt8(ascii: "s"): "/newroot/sys"
      case UInt8(ascii: "d"): "/newroot/dev"
      default: "/newroot/run"
      }
    do throws(Errno) {
      try Kernel.mount(path, on: target, type: "", .move)
    } catch {
      // The root has no such directory: its init has to do without.
      Kernel.attempt(.umount2, path.address, detach)
    }
  }

  private func becomeInit(_ parameters: InitParameters) throws(StageFailure) -> Never {
    if let program = parameters.value("init=") {
      let cause = start.execute(program)
      report("the root's init is ", program)
      throw StageFailure(action: "run the init that the command line names", cause: cause)
    }
    let candidates: InlineArray<4, Text> = ["/sbin/init", "/etc/init", "/bin/init", "/bin/sh"]
    var cause = Errno.noEntry
    for index in 0..<candidates.count {
      cause = start.execute(candidates[index])
    }
    throw StageFailure(action: "find an init in the root", cause: cause)
  }
}
