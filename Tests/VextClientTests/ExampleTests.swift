import Testing

@testable import ExampleClient

@Suite struct ExampleTests {
  @Test func `the client example reads back what it wrote, and the disk has it`() throws {
    let fixture = try ClientFixture()
    #expect(try ExampleClient.roundTrip(on: fixture.device, "a text") == "a text")
    #expect(fixture.onDisk(0, 7) == Array("a text\0".utf8))
  }
}
