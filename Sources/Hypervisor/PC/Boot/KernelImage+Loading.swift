import VextProtocol

extension KernelImage {
  /// The entry point and its mode.
  var entry: LinuxBoot.Entry {
    switch kind {
    case .bzImage(let image): .longMode(instruction: image.entry)
    case .elf(let kernel):
      if let entry = kernel.pvhEntry {
        .protectedMode(instruction: entry)
      } else {
        .longMode(instruction: kernel.entry)
      }
    case .realModeKernel: RealModeKernel.entry
    case .flatBinary: FlatBinary.entry
    }
  }

  /// The address of the parameters that the entry point expects.
  var parametersAddress: GuestAddress {
    switch entry {
    case .longMode: BootLayout.zeroPage
    case .protectedMode: BootLayout.pvhStartInfo
    case .realMode(_, _, let data, _): GuestAddress(UInt64(data) << 4)
    }
  }

  /// Returns the end of the kernel's memory; throws unless it lies below the PCI hole and within RAM.
  func checkedEnd(in memory: GuestMemory) throws(BootError) -> UInt64 {
    let end =
      switch kind {
      case .bzImage(let image): image.endAddress
      case .elf(let kernel): kernel.endAddress
      case .realModeKernel(let kernel): kernel.endAddress
      case .flatBinary: BootLayout.highMemory
      }
    let limit = BootLayout.lowMemoryEnd(memory.byteCount)
    guard end <= limit else {
      throw .kernelTooBig(file.subject, endAddress: end, lowMemoryByteCount: limit)
    }
    return end
  }

  /// Reads the payload into RAM, which must be zero.
  func load(into memory: GuestMemory) throws(BootError) {
    switch kind {
    case .bzImage(let image):
      try load(
        at: image.payloadOffset, byteCount: image.payloadByteCount, into: memory, at: image.loadAddress)
    case .elf(let kernel):
      for segment in kernel.segments {
        try load(
          at: segment.fileOffset, byteCount: segment.fileByteCount, into: memory, at: segment.address)
      }
    case .realModeKernel(let kernel):
      try load(
        at: UInt64(kernel.setupByteCount), byteCount: kernel.payloadByteCount, into: memory,
        at: BootLayout.highMemory)
    case .flatBinary:
      try load(at: 0, byteCount: file.byteCount, into: memory, at: parametersAddress.rawValue)
    }
  }

  private func load(
    at offset: UInt64, byteCount: UInt64, into memory: GuestMemory, at address: UInt64
  ) throws(BootError) {
    guard try file.load(at: offset, byteCount: byteCount, into: memory, at: address) else {
      throw .kernelTooBig(
        file.subject, endAddress: address + byteCount,
        lowMemoryByteCount: BootLayout.lowMemoryEnd(memory.byteCount))
    }
  }
}
