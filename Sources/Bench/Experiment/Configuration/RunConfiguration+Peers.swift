import Hypervisor

extension RunConfiguration {
  /// Checks for settings that other VMMs do not support.
  ///
  /// - Throws: ``InvalidConfiguration`` for the first thing that is wrong.
  func validatePeers() throws(InvalidConfiguration) {
    guard !vmms.isEmpty else { throw InvalidConfiguration(description: "--vmm names no VMM") }
    guard Set(vmms).count == vmms.count else {
      throw InvalidConfiguration(description: "--vmm names a VMM twice; --repeat repeats it")
    }
    let peers = vmms.filter(\.isPeer)
    if vmmPath != nil, peers.count != 1 {
      throw InvalidConfiguration(
        description: "--vmm-path needs --vmm with one of qemu and kvmtool, whose program it is")
    }
    if peers.contains(.kvmtool), vmmPath == nil {
      throw InvalidConfiguration(
        description: "--vmm kvmtool needs --vmm-path, the kvmtool to run: Debian has no package of it")
    }
    for mode in modes where !vmms.contains(where: { $0.has(mode) }) {
      throw InvalidConfiguration(
        description: "--mode \(mode.rawValue) needs --vmm builtin: \(vmms[0].rawValue) has virtio-blk only")
    }
    for vmm in peers { try validate(vmm) }
  }

  private func validate(_ vmm: VMM) throws(InvalidConfiguration) {
    guard modes.contains(where: { vmm.has($0) }) else {
      throw InvalidConfiguration(
        description: "--vmm \(vmm.rawValue) needs --mode virtio-blk: it has no other")
    }
    guard guest == .linux || vmm == .qemu else {
      throw InvalidConfiguration(
        description: "--vmm \(vmm.rawValue) needs --guest linux; the guest is micro (\(guestReason))")
    }
    if let objection = vmm.objection(to: engine, usesDirectIO: usesDirectIO) {
      throw InvalidConfiguration(
        description: "--engine \(engine.rawValue) with --vmm \(vmm.rawValue): \(objection)")
    }
    guard ioThreadCount <= guestCount else {
      throw InvalidConfiguration(
        description:
          "--io-threads \(ioThreadCount) with --vmm \(vmm.rawValue): it has one I/O thread for each guest's disk"
      )
    }
  }
}
