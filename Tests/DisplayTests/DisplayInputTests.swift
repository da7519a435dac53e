import Hypervisor
import Testing

@testable import Display

/// What the guest's keyboard and mouse make of a viewer's input.
@Suite struct DisplayInputTests {
  private let fixture: ControllerFixture
  private let input: DisplayInput

  init() throws {
    fixture = try ControllerFixture()
    input = DisplayInput(fixture.controller)
  }

  @Test func `a key's press and release are codes of set 2`() {
    var input = input
    input.key(symbol: 0x61, isDown: true)
    input.key(symbol: 0x61, isDown: false)
    input.key(symbol: 0xFF52, isDown: true)
    input.key(symbol: 0xFF52, isDown: false)
    let keyboard = fixture.bytes().keyboard
    #expect(keyboard == [0x1C, 0xF0, 0x1C, 0xE0, 0x75, 0xE0, 0xF0, 0x75])
  }

  @Test func `a sign that needs Shift gets it from a viewer that does not hold it`() {
    var input = input
    input.key(symbol: 0x21, isDown: true)
    input.key(symbol: 0x21, isDown: false)
    #expect(fixture.bytes().keyboard == [0x12, 0x16, 0xF0, 0x12, 0xF0, 0x16])
  }

  @Test func `a sign without Shift comes through while a viewer of another layout holds Shift`() {
    var input = input
    input.key(symbol: 0xFFE2, isDown: true)
    input.key(symbol: 0x2F, isDown: true)
    #expect(fixture.bytes().keyboard == [0x59, 0xF0, 0x59, 0x4A, 0x59])
  }

  @Test func `a letter has the case that the viewer means, whatever Caps Lock of the guest`() {
    var input = input
    input.key(symbol: 0x41, isDown: true)
    #expect(fixture.bytes().keyboard == [0x12, 0x1C, 0xF0, 0x12])
    fixture.setLights(1 << 2)
    input.key(symbol: 0x41, isDown: true)
    #expect(fixture.bytes().keyboard == [0x1C])
    input.key(symbol: 0x61, isDown: true)
    #expect(fixture.bytes().keyboard == [0x12, 0x1C, 0xF0, 0x12])
  }

  @Test func `a key together with Ctrl or Alt comes as it is`() {
    var input = input
    fixture.setLights(1 << 2)
    input.key(symbol: 0xFFE3, isDown: true)
    input.key(symbol: 0x63, isDown: true)
    #expect(fixture.bytes().keyboard == [0x14, 0x21])
  }

  @Test func `a sign with Shift held, and a letter, come as they are`() {
    var input = input
    input.key(symbol: 0xFFE1, isDown: true)
    input.key(symbol: 0x3F, isDown: true)
    input.key(symbol: 0x41, isDown: true)
    #expect(fixture.bytes().keyboard == [0x12, 0x4A, 0x1C])
  }

  @Test func `the pointer's first place moves nothing, the next ones do`() {
    var input = input
    input.pointer(x: 100, y: 100, buttons: 0)
    #expect(fixture.bytes().mouse == [])
    input.pointer(x: 110, y: 95, buttons: 0)
    #expect(fixture.bytes().mouse == [0x08, 10, 5, 0])
    input.pointer(x: 109, y: 96, buttons: 1)
    #expect(fixture.bytes().mouse == [0x39, 0xFF, 0xFF, 0])
  }

  @Test func `buttons and the wheel are those of the mouse`() {
    var input = input
    input.pointer(x: 0, y: 0, buttons: 0b10)
    #expect(fixture.bytes().mouse == [0x0C, 0, 0, 0])
    input.pointer(x: 0, y: 0, buttons: 0b110)
    #expect(fixture.bytes().mouse == [0x0E, 0, 0, 0])
    input.pointer(x: 0, y: 0, buttons: 0)
    #expect(fixture.bytes().mouse == [0x08, 0, 0, 0])
    input.pointer(x: 0, y: 0, buttons: 0b1000)
    #expect(fixture.bytes().mouse == [0x08, 0, 0, 0xFF])
    input.pointer(x: 0, y: 0, buttons: 0)
    input.pointer(x: 0, y: 0, buttons: 0b1_0000)
    #expect(fixture.bytes().mouse == [0x08, 0, 0, 1])
  }

  @Test func `places far outside of the screen do no harm`() {
    var input = input
    input.pointer(x: .min, y: .max, buttons: .max)
    input.pointer(x: .max, y: .min, buttons: 0)
    #expect(!fixture.bytes().mouse.isEmpty)
  }

  @Test func `what a viewer held is released when it goes`() {
    var input = input
    input.key(symbol: 0xFFE3, isDown: true)
    input.pointer(x: 1, y: 1, buttons: 1)
    _ = fixture.bytes()
    input.releaseAll()
    let bytes = fixture.bytes()
    #expect(bytes.keyboard == [0xF0, 0x14])
    #expect(bytes.mouse == [0x08, 0, 0, 0])
  }
}
