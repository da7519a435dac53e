import Testing

@testable import MicroGuest

@Suite("The micro guest's image")
struct ImageTests {
  private let embedded: [UInt8]
  private let layout: ImageLayout

  // Expectations see only what is small, since they print what they see.
  init() throws {
    embedded = MicroGuestImage.bytes()
    let layout = ImageLayout(image: embedded)
    self.layout = try #require(layout)
  }

  /// Whether the image is refused once word `index` of its header is replaced.
  private func isRefused(word index: Int, _ value: UInt64) -> Bool {
    var bytes = embedded
    for byte in 0..<8 { bytes[index * 8 + byte] = UInt8(truncatingIfNeeded: value >> (UInt64(byte) * 8)) }
    return ImageLayout(image: bytes) == nil
  }

  /// Whether the image is refused once it is cut off.
  private func isRefused(byteCount: Int) -> Bool {
    ImageLayout(image: Array(embedded.prefix(byteCount))) == nil
  }

  @Test func `the embedded image has a header and fits below its limit`() {
    #expect(layout.endAddress >= ImageHeader.loadAddress + UInt64(embedded.count))
    #expect(layout.endAddress <= ImageHeader.loadAddress + ImageHeader.byteLimit)
    #expect(layout.exceptionStubStride == 16)
  }

  @Test func `every exception stub but the general protection's pushes its vector`() {
    let withErrorCode: Set<UInt64> = [8, 10, 11, 12, 14, 17, 21, 29, 30]
    for vector in 0..<ImageLayout.exceptionCount where vector != 13 {
      let address = layout.exceptionStubsAddress + vector * layout.exceptionStubStride
      let start = Int(address - ImageHeader.loadAddress)
      let pushImmediate: UInt8 = 0x6A
      let expected: [UInt8] =
        (withErrorCode.contains(vector) ? [] : [pushImmediate, 0]) + [pushImmediate, UInt8(vector)]
      #expect(Array(embedded[start..<start + expected.count]) == expected, "vector \(vector)")
    }
  }

  @Test func `bytes without the magic are not an image`() {
    #expect(isRefused(word: ImageHeader.magicWord, 0))
  }

  @Test func `an image shorter than its header is refused`() {
    #expect(isRefused(byteCount: 0))
    #expect(isRefused(byteCount: 55))
  }

  @Test(arguments: [
    ImageHeader.entryWord, ImageHeader.exceptionStubsWord, ImageHeader.exceptionStrideWord,
    ImageHeader.interruptStubWord, ImageHeader.spuriousStubWord, ImageHeader.endWord,
  ])
  func `an address outside the image is refused`(word: Int) {
    #expect(isRefused(word: word, 0))
    #expect(isRefused(word: word, .max))
  }
}
