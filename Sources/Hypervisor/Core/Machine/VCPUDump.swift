import CKVM
import VextProtocol

/// A text dump of a vCPU: registers, code, the page-table walk to the code, and the stack.
struct VCPUDump {
  private static let codeBytesBefore: UInt64 = 16
  private static let codeBytesFrom: UInt64 = 24
  private static let stackWordCount: UInt64 = 16

  private let registers: kvm_regs
  private let special: kvm_sregs
  private let memory: GuestMemory
  private let symbols: KernelSymbols?

  /// Reads the registers. The vCPU's thread only, or any thread while that does not run.
  init(_ vcpu: KVMVirtualCPU, memory: GuestMemory, symbols: KernelSymbols? = nil) throws(KVMError) {
    self.symbols = symbols
    registers = try vcpu.registers()
    special = try vcpu.specialRegisters()
    self.memory = memory
  }

  private var paging: PageWalk.Paging {
    .init(cr0: special.cr0, cr3: special.cr3, cr4: special.cr4, efer: special.efer)
  }

  /// Whether the code is 64-bit, so that segments have no base (Intel SDM vol. 3A §3.4.4).
  private var is64Bit: Bool { paging.isLongMode && special.cs.l != 0 }

  private var codeAddress: UInt64 { is64Bit ? registers.rip : special.cs.base &+ registers.rip }
  private var stackAddress: UInt64 { is64Bit ? registers.rsp : special.ss.base &+ registers.rsp }

  /// Several lines, each indented by two spaces.
  var text: String {
    (generalLines + symbolLines + segmentLines + controlLines + codeLines + walkLines + stackLines)
      .map { "  " + $0 }.joined(separator: "\n")
  }

  private var generalLines: [String] {
    let r = registers
    let all: [(String, UInt64)] = [
      ("rip", r.rip), ("rsp", r.rsp), ("rflags", r.rflags), ("rbp", r.rbp),
      ("rax", r.rax), ("rbx", r.rbx), ("rcx", r.rcx), ("rdx", r.rdx),
      ("rsi", r.rsi), ("rdi", r.rdi), ("r8", r.r8), ("r9", r.r9),
      ("r10", r.r10), ("r11", r.r11), ("r12", r.r12), ("r13", r.r13), ("r14", r.r14), ("r15", r.r15),
    ]
    return Self.table(all)
  }

  private var symbolLines: [String] {
    guard let symbols, is64Bit else { return [] }
    let function = symbols.function(at: registers.rip, divideErrorHandler: divideErrorHandler)
    return ["rip is in \(function ?? "no function") of \(symbols.path)"]
  }

  /// Where the first gate of the interrupt descriptor table leads (Intel SDM vol. 3A §6.14.1).
  private var divideErrorHandler: UInt64? {
    guard let low = word(at: special.idt.base, 8), let high = word(at: special.idt.base &+ 8, 4) else {
      return nil
    }
    let address = low & 0xFFFF | (low >> 48) << 16 | high << 32
    return address == 0 ? nil : address
  }

  private var controlLines: [String] {
    let s = special
    return Self.table([
      ("cr0", s.cr0), ("cr2", s.cr2), ("cr3", s.cr3), ("cr4", s.cr4),
      ("cr8", s.cr8), ("efer", s.efer), ("apic_base", s.apic_base),
    ])
  }

  private var segmentLines: [String] {
    let s = special
    let segments = [
      ("cs", s.cs), ("ss", s.ss), ("ds", s.ds), ("es", s.es), ("fs", s.fs), ("gs", s.gs), ("tr", s.tr),
      ("ldt", s.ldt),
    ]
    return segments.map { name, segment in
      Self.pad(name, 3) + " \(Self.pad(hex(segment.selector), 6)) base \(Self.pad(hex(segment.base), 18)) "
        + "limit \(Self.pad(hex(segment.limit), 10)) type \(segment.type) present \(segment.present) "
        + "dpl \(segment.dpl) db \(segment.db) s \(segment.s) l \(segment.l) g \(segment.g)"
        + (segment.unusable != 0 ? " unusable" : "")
    } + [
      "gdt base \(hex(s.gdt.base)) limit \(hex(s.gdt.limit))",
      "idt base \(hex(s.idt.base)) limit \(hex(s.idt.limit))",
    ]
  }

  private var codeLines: [String] {
    let start = codeAddress &- Self.codeBytesBefore
    let bytes = (0..<Self.codeBytesBefore + Self.codeBytesFrom).map { offset -> String in
      let text = byte(at: start &+ offset).map(byteText) ?? "??"
      return offset == Self.codeBytesBefore ? "<\(text)>" : text
    }
    return ["code around rip: " + bytes.joined(separator: " ")]
  }

  private var walkLines: [String] {
    let walk = PageWalk(codeAddress, paging: paging, memory: memory)
    let steps = walk.steps.map { step in
      "  " + Self.pad(step.table, 4) + " entry at \(hex(step.address.rawValue)): \(hex(step.entry))"
    }
    let result =
      switch walk.outcome {
      case .mapped(let physical, 0): "paging is off: physical \(hex(physical.rawValue))"
      case .mapped(let physical, let pageByteCount):
        "physical \(hex(physical.rawValue)), in a page of \(pageByteCount / 1024) KiB"
      case .notPresent: "not present"
      case .tableOutsideMemory(let address): "no RAM at \(hex(address.rawValue))"
      case .nonCanonical: "not a canonical address"
      }
    return ["page tables of rip \(hex(codeAddress)):"] + steps + ["  " + result]
  }

  private var stackLines: [String] {
    let wordByteCount: UInt64 = is64Bit ? 8 : 4
    return ["stack:"]
      + stride(from: 0, to: Self.stackWordCount, by: 4).map { first in
        let words = (first..<first + 4).map { index in
          Self.pad(word(at: stackAddress &+ index * wordByteCount, wordByteCount).map { hex($0) } ?? "??", 18)
        }
        return "  \(hex(stackAddress &+ first * wordByteCount)): " + words.joined(separator: " ")
      }
  }

  /// The byte at a linear address; nil if there is no RAM behind it.
  private func byte(at linear: UInt64) -> UInt8? {
    guard let physical = PageWalk(linear, paging: paging, memory: memory).physical else { return nil }
    return try? memory.load(UInt8.self, at: physical)
  }

  private func word(at linear: UInt64, _ byteCount: UInt64) -> UInt64? {
    var value: UInt64 = 0
    for offset in 0..<byteCount {
      guard let byte = byte(at: linear &+ offset) else { return nil }
      value |= UInt64(byte) << (offset * 8)
    }
    return value
  }

  private static func table(_ registers: [(name: String, value: UInt64)]) -> [String] {
    stride(from: 0, to: registers.count, by: 4).map { first in
      registers[first..<min(first + 4, registers.count)]
        .map { pad($0.name, 3) + " " + pad(hex($0.value), 18) }.joined(separator: " ")
    }
  }

  private static func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.utf8.count))
  }
}
