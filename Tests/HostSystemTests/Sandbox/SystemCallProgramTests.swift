import CSeccomp
import Glibc
import SystemPackage
import Testing

@testable import HostSystem

/// Compiled filters, run by an interpreter of their own. ExploitTests run them in the kernel.
@Suite struct SystemCallProgramTests {
  /// A call as the kernel describes it (`struct seccomp_data`).
  private struct Call {
    var number: Int
    var architecture = CSECCOMP_ARCHITECTURE
    var arguments: [UInt64] = [0, 0, 0, 0, 0, 0]

    /// The word at a byte offset of the structure.
    func word(at offset: Int) throws -> UInt32 {
      switch offset {
      case 0: return UInt32(truncatingIfNeeded: number)
      case 4: return architecture
      case 16..<64 where offset.isMultiple(of: 4):
        return UInt32(truncatingIfNeeded: arguments[(offset - 16) / 8] >> (offset % 8 == 0 ? 0 : 32))
      default: throw Errno.invalidArgument
      }
    }
  }

  /// What `program` answers to `call`.
  private static func answer(_ program: SystemCallProgram, _ call: Call) throws -> UInt32 {
    var accumulator: UInt32 = 0
    var index = 0
    while true {
      try #require(program.instructions.indices.contains(index))
      let instruction = program.instructions[index]
      index += 1
      switch instruction.code {
      case 0x20: accumulator = try call.word(at: Int(instruction.k))
      case 0x54: accumulator &= instruction.k
      case 0x15: index += Int(accumulator == instruction.k ? instruction.jt : instruction.jf)
      case 0x35: index += Int(accumulator >= instruction.k ? instruction.jt : instruction.jf)
      case 0x05: index += Int(instruction.k)
      case 0x06: return instruction.k
      default: throw Errno.invalidArgument
      }
    }
  }

  private static let killed: UInt32 = 0x8000_0000
  private static let allowed: UInt32 = 0x7FFF_0000
  private static let failed: UInt32 = 0x0005_0000

  private static func condition(_ argument: UInt32, _ mask: UInt64, _ value: UInt64)
    -> SystemCallRule.Condition
  {
    SystemCallRule.Condition(argument: argument, mask: mask, value: value)
  }

  @Test func `exactly the calls of the rules are allowed, whatever their arguments`() throws {
    let names: [SystemCallRule] = ["read", "openat", "futex", "set_mempolicy_home_node", "exit_group"]
    let program = try SystemCallProgram(names, otherwise: .kill)
    let numbers = [0, 257, 202, 450, 231]
    for number in -1..<1024 {
      let arguments: [UInt64] = [.max, 1, 2, 3, 4, .max]
      let answer = try Self.answer(program, Call(number: number, arguments: arguments))
      #expect(answer == (numbers.contains(number) ? Self.allowed : Self.killed), "\(number)")
    }
  }

  @Test func `without rules every call is refused`() throws {
    let program = try SystemCallProgram([], otherwise: .kill)
    for number in 0..<512 { #expect(try Self.answer(program, Call(number: number)) == Self.killed) }
  }

  @Test func `calls of other architectures and of x32 are refused`() throws {
    let program = try SystemCallProgram(["read", "write"], otherwise: .kill)
    // i386, and the bit that marks calls of x32.
    for number in [0, 1, 3, 4] {
      #expect(try Self.answer(program, Call(number: number, architecture: 0x4000_0003)) == Self.killed)
      #expect(try Self.answer(program, Call(number: number | 0x4000_0000)) == Self.killed)
    }
  }

  @Test func `conditions compare all 64 bits of an argument that their mask has`() throws {
    let program = try SystemCallProgram(
      [
        SystemCallRule("mmap", where: [Self.condition(2, 4, 0), Self.condition(5, .max, 0x1_0000_0002)]),
        "read",
      ], otherwise: .kill)
    for (third, sixth, answer) in [
      (0, 0x1_0000_0002, Self.allowed), (3, 0x1_0000_0002, Self.allowed),
      (0xFFFF_FFFF_FFFF_FFFB, 0x1_0000_0002, Self.allowed), (4, 0x1_0000_0002, Self.killed),
      (0, 2, Self.killed), (0, 0x1_0000_0003, Self.killed),
    ] as [(UInt64, UInt64, UInt32)] {
      let call = Call(number: 9, arguments: [0, 0, third, 0, 0, sixth])
      #expect(try Self.answer(program, call) == answer, "\(third) \(sixth)")
    }
    #expect(try Self.answer(program, Call(number: 0)) == Self.allowed)
  }

  @Test func `of several rules for one call the first whose conditions hold decides`() throws {
    let program = try SystemCallProgram(
      [
        "close", SystemCallRule("openat", where: [Self.condition(2, 3, 0)]), SystemCallRule.ioctl(0x5401),
        SystemCallRule("access", error: 13), SystemCallRule.ioctl(0x8004_5402),
        SystemCallRule("openat", error: 13),
      ], otherwise: .kill)
    let refusal = Self.failed | 13
    for (number, argument, value, answer) in [
      (3, 0, 0, Self.allowed), (257, 2, 0x80000, Self.allowed), (257, 2, 1, refusal), (21, 0, 0, refusal),
      (16, 1, 0x5401, Self.allowed), (16, 1, 0x8004_5402, Self.allowed), (16, 1, 0x5403, Self.killed),
      // An ioctl request has 32 bits; libraries may extend its sign.
      (16, 1, 0xFFFF_FFFF_8004_5402, Self.allowed), (17, 0, 0, Self.killed),
    ] as [(Int, Int, UInt64, UInt32)] {
      var call = Call(number: number)
      call.arguments[argument] = value
      #expect(try Self.answer(program, call) == answer, "\(number) \(value)")
    }
  }

  @Test func `a call with more rules than a short jump skips lets other calls be found`() throws {
    let requests = (0..<200).map { SystemCallRule.ioctl(0xAE00 + $0) }
    let others: [SystemCallRule] = ["openat", "read", "exit", "close", "futex", "pread64", "statx"]
    let program = try SystemCallProgram(requests + others, otherwise: .kill)
    for number in 0..<512 where number != 16 {
      let isAllowed = [0, 3, 17, 60, 202, 257, 332].contains(number)
      #expect(try Self.answer(program, Call(number: number)) == (isAllowed ? Self.allowed : Self.killed))
    }
    for request in [0xADFF, 0xAE00, 0xAEC7, 0xAEC8] as [UInt64] {
      let answer = try Self.answer(program, Call(number: 16, arguments: [0, request, 0, 0, 0, 0]))
      #expect(answer == ((0xAE00...0xAEC7).contains(request) ? Self.allowed : Self.killed))
    }
  }

  @Test func `a filter that asks never kills`() throws {
    let program = try SystemCallProgram(["read", SystemCallRule.ioctl(1)], otherwise: .ask)
    let asked: UInt32 = 0x7FC0_0000
    for call in [Call(number: 1), Call(number: 16), Call(number: 0, architecture: 0x4000_0003)] {
      #expect(try Self.answer(program, call) == asked)
    }
    #expect(try Self.answer(program, Call(number: 0)) == Self.allowed)
  }

  @Test func `rules that no program can have are named`() {
    #expect(throws: SystemCallFilterError.badRule("no_such_call", .noFunction)) {
      _ = try SystemCallProgram(["read", "no_such_call"], otherwise: .kill)
    }
    for condition in [Self.condition(6, 1, 0), Self.condition(0, 1, 2)] {
      #expect(throws: SystemCallFilterError.badRule("read", .invalidArgument)) {
        _ = try SystemCallProgram([SystemCallRule("read", where: [condition])], otherwise: .kill)
      }
    }
    let many = (0..<2000).map { SystemCallRule.ioctl($0) }
    #expect(throws: SystemCallFilterError.failed(.argListTooLong)) {
      _ = try SystemCallProgram(many, otherwise: .kill)
    }
  }
}
