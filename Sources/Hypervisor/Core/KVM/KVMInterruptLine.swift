/// An interrupt line of KVM's in-kernel chips (KVM API §4.25).
public final class KVMInterruptLine: InterruptLine {
  private let vm: KVMVirtualMachine
  private let gsi: UInt32

  /// Line `gsi` of `vm`: 0 to 15 reach the PIC and the I/O APIC, 16 to 23 only the I/O APIC.
  public init(vm: KVMVirtualMachine, gsi: UInt32) {
    self.vm = vm
    self.gsi = gsi
  }

  /// Drives the line.
  public func set(active: Bool) {
    // Fails only without in-kernel chips, which every machine has.
    try? vm.setInterruptLine(gsi, active: active)
  }
}
