import Hypervisor

/// The guests' TSC.
enum TimestampCounter {
  /// Ticks per millisecond in a guest of this host, whichever VMM makes it: asked of a machine that never runs.
  static func guestKilohertz() throws -> UInt64 {
    let machine = try Machine(
      MachineConfiguration(name: "probe", memoryByteCount: 2 << 20, vcpuCount: 1), system: KVMSystem())
    return try machine.vcpus[0].vcpu.tscKilohertz
  }
}
