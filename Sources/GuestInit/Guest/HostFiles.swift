/// The host's files, shared by 9p.
enum HostFiles {
  /// What every 9p mount of lkvm's needs.
  static var transportOptions: Text { "trans=virtio,version=9p2000.L,msize=262144" }

  /// Mounts the share "hostfs" on /host as `lkvm.host=` says: `ro`, `rw` or `none`, then further mount options after a
  /// comma. The default is read-only with `cache=mmap`: only pages that a process maps are cached, so that the guest sees what the host
  /// changes.
  static func mount(_ parameters: InitParameters, _ arena: inout InitArena) {
    let wanted = parameters.value("lkvm.host=") ?? "ro,cache=mmap"
    if wanted == "none" || Kernel.isMountPoint("/host") { return }
    do throws(Errno) {
      let comma = wanted.index(of: UInt8(ascii: ","))
      let options =
        if let comma { try arena.join(transportOptions, wanted.dropFirst(comma)) } else { transportOptions }
      try Kernel.makeDirectory("/host")
      try Kernel.mount(
        "hostfs", on: "/host", type: "9p", wanted.starts(with: "rw") ? [] : .readOnly, options: options)
    } catch {
      report("cannot mount the host's files on /host: ", error.text)
    }
  }
}
