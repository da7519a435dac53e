import Testing

@testable import Hypervisor

/// The keys that are meant for the terminal itself.
@Suite struct TerminalEscapeTests {
  private func actions(_ bytes: [UInt8]) -> [EscapeFilter.Action] {
    var filter = EscapeFilter()
    return bytes.map { filter.next($0) }
  }

  @Test func `ordinary keys go to the guest`() {
    #expect(actions(Array("x?".utf8)) == [.send(.byte(0x78)), .send(.byte(0x3F))])
  }

  @Test func `Ctrl-A and x end the machine`() {
    #expect(actions([1, 0x78]) == [.nothing, .quit])
  }

  @Test func `Ctrl-A twice, or Ctrl-A and a, send Ctrl-A`() {
    #expect(actions([1, 1, 0x78]) == [.nothing, .send(.byte(1)), .send(.byte(0x78))])
    #expect(actions([1, 0x61]) == [.nothing, .send(.byte(1))])
  }

  @Test func `Ctrl-A and b send a break`() {
    #expect(actions([1, 0x62]) == [.nothing, .send(.break)])
  }

  @Test(arguments: Array("h?".utf8))
  func `Ctrl-A and h list the keys`(key: UInt8) {
    #expect(actions([1, key]) == [.nothing, .help])
  }

  @Test func `a command that does not exist is swallowed whole`() {
    #expect(actions([1, 0x7A, 0x7A]) == [.nothing, .nothing, .send(.byte(0x7A))])
  }
}
