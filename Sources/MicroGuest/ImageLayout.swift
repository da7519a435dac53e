/// What the first words of a guest image say about the rest: addresses in the guest, checked to lie in the image.
public struct ImageLayout: Equatable, Sendable {
  /// Where each vCPU starts, at CPL 3.
  public let entryAddress: UInt64
  /// The entry stub of exception 0.
  public let exceptionStubsAddress: UInt64
  /// Bytes from one exception's stub to the next.
  public let exceptionStubStride: UInt64
  /// The stub for ``WorkloadLayout/interruptVector``.
  public let interruptStubAddress: UInt64
  /// The stub for ``WorkloadLayout/spuriousVector``.
  public let spuriousStubAddress: UInt64
  /// First byte after the image in memory, zero-initialized data included.
  public let endAddress: UInt64

  /// Exceptions that have a stub.
  public static let exceptionCount: UInt64 = 32

  /// Reads the header of `image`; nil if `image` is not a guest image that fits where it belongs.
  public init?(image: [UInt8]) {
    let wordCount = ImageHeader.endWord + 1
    guard image.count >= wordCount * 8 else { return nil }
    func word(_ index: Int) -> UInt64 {
      image[index * 8..<index * 8 + 8].reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }
    guard word(ImageHeader.magicWord) == ImageHeader.magic else { return nil }
    entryAddress = word(ImageHeader.entryWord)
    exceptionStubsAddress = word(ImageHeader.exceptionStubsWord)
    exceptionStubStride = word(ImageHeader.exceptionStrideWord)
    interruptStubAddress = word(ImageHeader.interruptStubWord)
    spuriousStubAddress = word(ImageHeader.spuriousStubWord)
    endAddress = word(ImageHeader.endWord)

    let base = ImageHeader.loadAddress
    let stored = base..<base + UInt64(image.count)
    guard endAddress >= stored.upperBound, endAddress <= base + ImageHeader.byteLimit,
      exceptionStubStride > 0, exceptionStubStride <= 4096, stored.contains(exceptionStubsAddress),
      [
        entryAddress, exceptionStubsAddress + (Self.exceptionCount - 1) * exceptionStubStride,
        interruptStubAddress, spuriousStubAddress,
      ].allSatisfy(stored.contains)
    else { return nil }
  }
}
