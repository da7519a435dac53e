import CKVM
import HostSystem
import SystemPackage
import VextProtocol

/// The processor state in which firmware enters a kernel.
extension KVMVirtualCPU {
  /// Bits of CR0, CR4, EFER and RFLAGS (Intel SDM vol. 3A §2.3, §2.5; vol. 3A §2.2.1).
  private enum Control {
    static let cr0ProtectedMode: UInt64 = 1 << 0
    static let cr0ExtensionType: UInt64 = 1 << 4
    static let cr0NumericError: UInt64 = 1 << 5
    static let cr0WriteProtect: UInt64 = 1 << 16
    static let cr0Paging: UInt64 = 1 << 31
    static let cr4PhysicalAddressExtension: UInt64 = 1 << 5
    static let eferLongModeEnable: UInt64 = 1 << 8
    static let eferLongModeActive: UInt64 = 1 << 10
    /// The bit of RFLAGS that is always set; interrupts are off.
    static let flagsReserved: UInt64 = 1 << 1
  }

  /// Model-specific registers that a kernel expects firmware to have set (Intel SDM vol. 4, chapter 2).
  private enum ModelSpecificRegister {
    static let miscellaneousEnable: UInt32 = 0x1A0
    static let fastStrings: UInt64 = 1 << 0
    static let pageAttributeTable: UInt32 = 0x277
    /// Entries as after a reset: WB, WT, UC-, UC, and again.
    static let pageAttributes: UInt64 = 0x0007_0406_0007_0406
    static let memoryTypeDefault: UInt32 = 0x2FF
    /// MTRRs on, everything write-back.
    static let writeBackEnabled: UInt64 = 1 << 11 | 6
  }

  /// The local APIC's LINT0 takes the PIC's interrupts, its LINT1 is the NMI (Intel SDM vol. 3A §11.5.1).
  private enum LocalVector {
    static let lint0Offset = 0x350
    static let lint1Offset = 0x360
    static let externalInterrupt: UInt32 = 7 << 8
    static let nonMaskable: UInt32 = 4 << 8
  }

  /// Sets the registers that firmware sets, with the local APIC in virtual wire mode.
  func setFirmwareState() throws(KVMError) {
    let misc = try modelSpecificRegister(ModelSpecificRegister.miscellaneousEnable)
    try setModelSpecificRegister(
      ModelSpecificRegister.miscellaneousEnable, misc | ModelSpecificRegister.fastStrings)
    try setModelSpecificRegister(
      ModelSpecificRegister.pageAttributeTable, ModelSpecificRegister.pageAttributes)
    try setModelSpecificRegister(
      ModelSpecificRegister.memoryTypeDefault, ModelSpecificRegister.writeBackEnabled)
    try setVirtualWire()
  }

  /// Enters 64-bit mode over the identity map at `instruction`, with RSI at the zero page.
  func startInLongMode(at instruction: UInt64) throws(KVMError) {
    var special = try specialRegisters()
    Self.setSegments(&special, isLong: true)
    special.cr0 =
      Control.cr0ProtectedMode | Control.cr0ExtensionType | Control.cr0NumericError | Control.cr0WriteProtect
      | Control.cr0Paging
    special.cr3 = BootLayout.pageTables.rawValue
    special.cr4 = Control.cr4PhysicalAddressExtension
    special.efer = Control.eferLongModeEnable | Control.eferLongModeActive
    try setSpecialRegisters(special)
    var registers = kvm_regs()
    registers.rip = instruction
    registers.rsi = BootLayout.zeroPage.rawValue
    registers.rflags = Control.flagsReserved
    try setRegisters(registers)
  }

  /// Enters 32-bit protected mode without paging at `instruction`, with EBX at the start info (Xen, docs/misc/pvh).
  func startInProtectedMode(at instruction: UInt32) throws(KVMError) {
    var special = try specialRegisters()
    Self.setSegments(&special, isLong: false)
    special.cr0 = Control.cr0ProtectedMode | Control.cr0ExtensionType
    special.cr4 = 0
    special.efer = 0
    try setSpecialRegisters(special)
    var registers = kvm_regs()
    registers.rip = UInt64(instruction)
    registers.rbx = BootLayout.pvhStartInfo.rawValue
    registers.rflags = Control.flagsReserved
    try setRegisters(registers)
  }

  /// Enters real mode at `code`:`instruction`, with the other segments at `data` and interrupts off.
  func startInRealMode(
    code: UInt16, instruction: UInt16, data: UInt16, stack: UInt16
  ) throws(KVMError) {
    try startInRealMode(
      codeBase: UInt64(code) << 4, code: code, instruction: instruction, data: data, stack: stack)
  }

  /// Starts where a reset leaves a processor: at F000:FFF0, sixteen bytes below 4 GiB (Intel SDM vol. 3A §9.1.4).
  func startAtResetVector() throws(KVMError) {
    try startInRealMode(codeBase: 0xFFFF_0000, code: 0xF000, instruction: 0xFFF0, data: 0, stack: 0)
  }

  private func startInRealMode(
    codeBase: UInt64, code: UInt16, instruction: UInt16, data: UInt16, stack: UInt16
  ) throws(KVMError) {
    var special = try specialRegisters()
    Self.setRealMode(&special, codeBase: codeBase, code: code, data: data)
    try setSpecialRegisters(special)
    var registers = kvm_regs()
    registers.rip = UInt64(instruction)
    registers.rsp = UInt64(stack)
    registers.rflags = Control.flagsReserved
    // A reset leaves the processor's signature there.
    registers.rdx = try self.registers().rdx
    try setRegisters(registers)
  }

  /// Sets the segments and control registers of real mode.
  private static func setRealMode(
    _ special: inout kvm_sregs, codeBase: UInt64, code: UInt16, data: UInt16
  ) {
    var segment = kvm_segment()
    segment.selector = data
    segment.base = UInt64(data) << 4
    segment.limit = 0xFFFF
    segment.type = 3  // read and write, accessed
    segment.present = 1
    segment.s = 1
    (special.ds, special.es, special.fs, special.gs, special.ss) =
      (segment, segment, segment, segment, segment)
    segment.selector = code
    segment.base = codeBase
    segment.type = 11  // execute and read, accessed
    special.cs = segment
    special.gdt.base = 0
    special.gdt.limit = 0xFFFF
    special.idt.base = 0
    special.idt.limit = 0xFFFF
    special.cr0 = Control.cr0ExtensionType
    special.cr3 = 0
    special.cr4 = 0
    special.efer = 0
  }

  private static func setSegments(_ special: inout kvm_sregs, isLong: Bool) {
    var code = kvm_segment()
    code.selector = BootstrapTables.Selector.code
    code.limit = 0xFFFF_FFFF
    code.type = 11  // execute and read, accessed
    code.present = 1
    code.s = 1
    code.g = 1
    code.l = isLong ? 1 : 0
    code.db = isLong ? 0 : 1
    var data = code
    data.selector = BootstrapTables.Selector.data
    data.type = 3  // read and write, accessed
    data.l = 0
    data.db = 1
    special.cs = code
    (special.ds, special.es, special.fs, special.gs, special.ss) = (data, data, data, data, data)
    special.gdt.base = BootLayout.gdt.rawValue
    special.gdt.limit = BootstrapTables.gdtLimit
    special.idt.base = 0
    special.idt.limit = 0
    var task = kvm_segment()
    task.limit = 0x67
    task.type = 11  // busy TSS, which VT-x insists on
    task.present = 1
    special.tr = task
  }

  private func setVirtualWire() throws(KVMError) {
    try updateLocalAPIC { registers in
      registers[LocalVector.lint0Offset / 4] = LocalVector.externalInterrupt
      registers[LocalVector.lint1Offset / 4] = LocalVector.nonMaskable
    }
  }

  private func modelSpecificRegister(_ number: UInt32) throws(KVMError) -> UInt64 {
    var table = Self.registerTable(number, 0)
    let result = KVMCall.make(descriptor.rawValue, CKVM_GET_MSRS, &table)
    try Self.checkOne("KVM_GET_MSRS", number, result)
    return table[0, 1]
  }

  private func setModelSpecificRegister(_ number: UInt32, _ value: UInt64) throws(KVMError) {
    var table = Self.registerTable(number, value)
    let result = KVMCall.make(descriptor.rawValue, CKVM_SET_MSRS, &table)
    try Self.checkOne("KVM_SET_MSRS", number, result)
  }

  /// A table of one register (struct kvm_msrs): its number, then its value.
  private static func registerTable(_ number: UInt32, _ value: UInt64) -> KVMTable {
    var table = KVMTable(wordsPerEntry: MemoryLayout<kvm_msr_entry>.stride / 8, count: 1)
    table[0, 0] = UInt64(number)
    table[0, 1] = value
    return table
  }

  /// Checks the result of a call that returns the number of registers it set: 0 is a refusal.
  private static func checkOne(_ request: String, _ number: UInt32, _ result: Int32) throws(KVMError) {
    let name = "\(request) of register 0x\(String(number, radix: 16))"
    guard try kvmResult(name, result) == 1 else { throw .failed(request: name, .invalidArgument) }
  }
}
