import CKVM
public import VextProtocol

/// Puts vCPUs straight into 64-bit mode at CPL 3, without any start-up code in the guest.
///
/// The guest gets an identity map of its RAM and of the PCI hole in 2 MiB pages that CPL 3 may use (the first
/// page is left out, so that null dereferences fault), a GDT, an IDT made of the entry points that it names,
/// and a TSS for each vCPU whose I/O bitmap allows every port. Layout, from ``tablesStart`` on:
///
/// ```
/// PML4 | PDPT | PT of the first 2 MiB | PDs, one a GiB | GDT | IDT | per vCPU: TSS (3 pages), ring-0 stack (1 page)
/// ```
///
/// Intel SDM vol. 3A §3.5 (GDT), §4.5 (4-level paging), §6.14 (64-bit IDT), §8.7 (64-bit TSS).
public struct LongModeBoot {
  /// An interrupt gate: the ring-0 handler of a vector.
  public struct Gate: Sendable {
    /// The vector.
    public var vector: UInt8
    /// The handler's address.
    public var handler: GuestAddress

    /// Makes a gate.
    public init(vector: UInt8, handler: GuestAddress) {
      self.vector = vector
      self.handler = handler
    }
  }

  /// The initial state of a vCPU.
  public struct Entry: Sendable {
    /// First instruction, at CPL 3.
    public var instruction: GuestAddress
    /// Top of the stack, 16-byte aligned; the entry sees it as after a call (8 mod 16).
    public var stackTop: GuestAddress
    /// First argument (RDI).
    public var argument0: UInt64
    /// Second argument (RSI).
    public var argument1: UInt64
    /// A value in the lowest 8 bytes of the vCPU's 4 KiB ring-0 stack, for its handlers.
    public var ring0Tag: UInt64

    /// Makes an initial state.
    public init(
      instruction: GuestAddress, stackTop: GuestAddress, argument0: UInt64, argument1: UInt64,
      ring0Tag: UInt64
    ) {
      self.instruction = instruction
      self.stackTop = stackTop
      self.argument0 = argument0
      self.argument1 = argument1
      self.ring0Tag = ring0Tag
    }
  }

  private enum Selector {
    static let kernelCode: UInt16 = 0x08
    static let userData: UInt16 = 0x18 | 3
    static let userCode: UInt16 = 0x20 | 3
    static let firstTSS: UInt16 = 0x28
  }

  private enum Size {
    static let page: UInt64 = 4096
    static let gibibyte: UInt64 = 1 << 30
    static let largePage: UInt64 = 1 << 21
    /// The TSS proper, then an I/O bitmap of 8 KiB and its closing byte (SDM vol. 1 §19.5.2).
    static let tssLimit: UInt32 = 0x68 + 8192
    static let perVCPU: UInt64 = 4 * page
  }

  /// The start of the structures.
  public let tablesStart: GuestAddress
  /// The first byte behind the structures.
  public let tablesEnd: GuestAddress
  private let vcpuCount: Int
  private let gibibytes: UInt64
  private let spuriousVector: UInt8

  /// Writes everything except the vCPUs' registers into `memory`, from the page-aligned address `start` on.
  ///
  /// - Throws: an error of `memory` if it is too small.
  public init(
    memory: GuestMemory, tablesAt start: GuestAddress, vcpuCount: Int, gates: [Gate], spuriousVector: UInt8
  ) throws(GuestMemoryError) {
    let ramEnd =
      memory.byteCount <= GuestMemory.pciHoleStart
      ? GuestMemory.highStart : GuestMemory.highStart + memory.byteCount - GuestMemory.pciHoleStart
    gibibytes = (ramEnd + Size.gibibyte - 1) / Size.gibibyte
    tablesStart = start
    let pages = 3 + gibibytes + 2
    tablesEnd = GuestAddress(start.rawValue + pages * Size.page + UInt64(vcpuCount) * Size.perVCPU)
    self.vcpuCount = vcpuCount
    self.spuriousVector = spuriousVector
    try writePageTables(memory)
    try writeDescriptors(memory, gates)
  }

  private func page(_ index: UInt64) -> UInt64 { tablesStart.rawValue + index * Size.page }
  /// The task-state selector of vCPU `index`.
  public func taskSelector(of index: Int) -> UInt16 { Selector.firstTSS + UInt16(index) * 16 }

  /// The address of the global descriptor table, which has `gdtByteCount` bytes.
  public var gdtAddress: GuestAddress { GuestAddress(gdt) }
  /// The size of the global descriptor table in bytes.
  public var gdtByteCount: Int { Int(Selector.firstTSS) + vcpuCount * 16 }
  /// The address of the interrupt descriptor table.
  public var idtAddress: GuestAddress { GuestAddress(idt) }
  /// The size of the interrupt descriptor table in bytes.
  public static let idtByteCount = 256 * 16

  private var gdt: UInt64 { page(3 + gibibytes) }
  private var idt: UInt64 { page(4 + gibibytes) }
  private func tss(_ vcpu: Int) -> UInt64 { page(5 + gibibytes) + UInt64(vcpu) * Size.perVCPU }
  private func ring0Stack(_ vcpu: Int) -> UInt64 { tss(vcpu) + 3 * Size.page }

  private func writePageTables(_ memory: GuestMemory) throws(GuestMemoryError) {
    let presentWritableUser: UInt64 = 0b111
    let large: UInt64 = 1 << 7
    try memory.store(page(1) | presentWritableUser, at: GuestAddress(page(0)))
    for entry in 1..<512 as Range<UInt64> {
      try memory.store(entry * Size.page | presentWritableUser, at: GuestAddress(page(2) + entry * 8))
    }
    for gibibyte in 0..<gibibytes {
      let directory = page(3 + gibibyte)
      try memory.store(directory | presentWritableUser, at: GuestAddress(page(1) + gibibyte * 8))
      for entry in 0..<512 as Range<UInt64> {
        let address = gibibyte * Size.gibibyte + entry * Size.largePage
        let value = address == 0 ? page(2) | presentWritableUser : address | presentWritableUser | large
        try memory.store(value, at: GuestAddress(directory + entry * 8))
      }
    }
  }

  private func writeDescriptors(_ memory: GuestMemory, _ gates: [Gate]) throws(GuestMemoryError) {
    let flat: [UInt64] = [
      0,
      0x00AF_9B00_0000_FFFF,  // 08h: code, 64-bit, DPL 0
      0x00CF_9300_0000_FFFF,  // 10h: data, DPL 0
      0x00CF_F300_0000_FFFF,  // 18h: data, DPL 3
      0x00AF_FB00_0000_FFFF,  // 20h: code, 64-bit, DPL 3
    ]
    for (index, descriptor) in flat.enumerated() {
      try memory.store(descriptor, at: GuestAddress(gdt + UInt64(index) * 8))
    }
    for vcpu in 0..<vcpuCount {
      let base = tss(vcpu)
      let limit = UInt64(Size.tssLimit)
      let low =
        limit & 0xFFFF | (base & 0xFF_FFFF) << 16 | 0x8B << 40 | (limit >> 16 & 0xF) << 48
        | (base >> 24 & 0xFF) << 56
      let descriptor = gdt + UInt64(Selector.firstTSS) + UInt64(vcpu) * 16
      try memory.store(low, at: GuestAddress(descriptor))
      try memory.store(base >> 32, at: GuestAddress(descriptor + 8))
      try memory.store(ring0Stack(vcpu) + Size.page, at: GuestAddress(base + 4))  // RSP0
      try memory.store(0x68 as UInt16, at: GuestAddress(base + 0x66))  // I/O bitmap base
      try memory.store(0xFF as UInt8, at: GuestAddress(base + limit))
    }
    for gate in gates {
      let handler = gate.handler.rawValue
      let low =
        handler & 0xFFFF | UInt64(Selector.kernelCode) << 16 | 0x8E << 40 | (handler >> 16 & 0xFFFF) << 48
      try memory.store(low, at: GuestAddress(idt + UInt64(gate.vector) * 16))
      try memory.store(handler >> 32, at: GuestAddress(idt + UInt64(gate.vector) * 16 + 8))
    }
  }

  /// Prepares vCPU `index` for firmware that loads the task register: its TSS is available, and its ring-0 stack has
  /// `tag`.
  public func prepareForFirmware(
    vcpu index: Int, ring0Tag tag: UInt64, memory: GuestMemory
  ) throws(GuestMemoryError) {
    try storeTag(tag, of: index, memory: memory)
    // LTR takes an available TSS and marks it busy (type 9, then 11).
    try memory.store(0x89 as UInt8, at: GuestAddress(gdt + UInt64(taskSelector(of: index)) + 5))
  }

  private func storeTag(_ tag: UInt64, of vcpu: Int, memory: GuestMemory) throws(GuestMemoryError) {
    try memory.store(tag, at: GuestAddress(ring0Stack(vcpu)))
  }

  /// Gives `vcpu` the initial state `entry`. Call it before the vCPU's thread runs.
  public func prepare(
    _ vcpu: KVMVirtualCPU, memory: GuestMemory, entry: Entry
  ) throws {
    try storeTag(entry.ring0Tag, of: vcpu.index, memory: memory)
    var special = try vcpu.specialRegisters()
    let data = Self.segment(Selector.userData, type: 3, isCode: false)
    special.cs = Self.segment(Selector.userCode, type: 11, isCode: true)
    (special.ss, special.ds, special.es, special.fs, special.gs) = (data, data, data, data, data)
    special.tr = kvm_segment()
    special.tr.selector = taskSelector(of: vcpu.index)
    special.tr.base = tss(vcpu.index)
    special.tr.limit = Size.tssLimit
    special.tr.type = 11  // busy 64-bit TSS
    special.tr.present = 1
    special.ldt = kvm_segment()
    special.ldt.unusable = 1
    special.gdt.base = gdt
    special.gdt.limit = UInt16(gdtByteCount - 1)
    special.idt.base = idt
    special.idt.limit = UInt16(Self.idtByteCount - 1)
    special.cr0 = 1 << 31 | 1 << 16 | 1 << 5 | 1 << 4 | 1 << 1 | 1  // PG, WP, NE, ET, MP, PE
    special.cr3 = tablesStart.rawValue
    special.cr4 = 1 << 10 | 1 << 9 | 1 << 7 | 1 << 5  // OSXMMEXCPT, OSFXSR, PGE, PAE
    let hasXSAVE = vcpu.hasXSAVE
    if hasXSAVE { special.cr4 |= 1 << 18 }  // OSXSAVE
    special.efer = 1 << 11 | 1 << 10 | 1 << 8  // NXE, LMA, LME
    let bootstrap: UInt64 = vcpu.index == 0 ? 1 << 8 : 0
    special.apic_base = 0xFEE0_0000 | 1 << 11 | 1 << 10 | bootstrap  // enabled, x2APIC
    try vcpu.setSpecialRegisters(special)
    if hasXSAVE { try vcpu.enableVectorState() }
    try vcpu.enableLocalAPIC(spuriousVector: spuriousVector)
    var registers = kvm_regs()
    registers.rip = entry.instruction.rawValue
    registers.rsp = entry.stackTop.rawValue - 8
    registers.rdi = entry.argument0
    registers.rsi = entry.argument1
    registers.rflags = 1 << 9 | 3 << 12 | 1 << 1  // IF, IOPL 3, reserved
    try vcpu.setRegisters(registers)
    try vcpu.setRunnable()
  }

  private static func segment(_ selector: UInt16, type: UInt8, isCode: Bool) -> kvm_segment {
    var segment = kvm_segment()
    segment.selector = selector
    segment.limit = 0xFFFF_FFFF
    segment.type = type
    segment.present = 1
    segment.dpl = 3
    segment.s = 1
    segment.g = 1
    segment.l = isCode ? 1 : 0
    segment.db = isCode ? 0 : 1
    return segment
  }
}
