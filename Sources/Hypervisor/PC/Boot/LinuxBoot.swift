import VextProtocol

/// Boots an unmodified kernel: writes it, its initial RAM disk and all firmware tables into new guest memory, and sets
/// the vCPUs' initial state.
///
/// Control thread only, before the machine starts. Layout: ``BootLayout``.
public struct LinuxBoot: Sendable {
  /// The entry point and mode of the bootstrap processor.
  enum Entry: Equatable, Sendable {
    /// In 64-bit mode with RSI at the zero page (boot.rst, "64-bit Boot Protocol").
    case longMode(instruction: UInt64)
    /// In 32-bit protected mode with EBX at the start info (PVH).
    case protectedMode(instruction: UInt32)
    /// In real mode at `code`:`instruction`, with the other segments at `data` (boot.rst, "Running the Kernel").
    case realMode(code: UInt16, instruction: UInt16, data: UInt16, stack: UInt16)
  }

  /// The highest end of an initial RAM disk for kernels that do not name it.
  private static let defaultInitrdAddressMax: UInt64 = 0x7FFF_FFFF

  let entry: Entry
  /// The kernel's first instruction.
  public var firstInstruction: GuestAddress {
    switch entry {
    case .longMode(let instruction): GuestAddress(instruction)
    case .protectedMode(let instruction): GuestAddress(UInt64(instruction))
    case .realMode(let code, let instruction, _, _): GuestAddress(UInt64(code) << 4 + UInt64(instruction))
    }
  }
  /// The memory map for the kernel.
  public let memoryMap: E820Map
  /// The place of the initial RAM disk; nil without one.
  public let initrd: (address: GuestAddress, byteCount: UInt64)?
  private let vcpuCount: Int

  /// Writes everything except the vCPUs' registers into `memory`, which must be new: the rest of it must be zero.
  ///
  /// - Parameter videoMode: the mode of the frame buffer in a machine with a display, which also has a mouse.
  public init(
    _ image: KernelImage, initrd source: InitrdSource?, commandLine: String, memory: GuestMemory,
    vcpuCount: Int, videoMode: VideoMode? = nil
  ) throws(BootError) {
    switch image.entry {
    case .longMode: break
    case .protectedMode, .realMode: if videoMode != nil { throw .noFrameBuffer(image.path) }
    }
    guard (1...BootLayout.vcpuLimit).contains(vcpuCount) else {
      throw .badVCPUCount(vcpuCount, limit: BootLayout.vcpuLimit)
    }
    guard memory.byteCount >= BootLayout.minimumMemory else {
      throw .memoryTooSmall(byteCount: memory.byteCount, minimum: BootLayout.minimumMemory)
    }
    let text = Array(commandLine.utf8)
    guard text.count <= image.commandLineLimit else {
      throw .commandLineTooLong(byteCount: text.count, limit: image.commandLineLimit)
    }
    // Both sizes are known before any payload is read, so that errors show at once.
    let openInitrd: OpenInitrd? = if let source { try OpenInitrd(source) } else { nil }
    let kernelEnd = try image.checkedEnd(in: memory)
    let initrd = try Self.place(openInitrd, image: image, kernelEnd: kernelEnd, memory: memory)
    try image.load(into: memory)
    if let openInitrd, let initrd { try openInitrd.load(into: memory, at: initrd.address) }

    self.vcpuCount = vcpuCount
    self.initrd = initrd.map { (GuestAddress($0.address), $0.byteCount) }
    memoryMap = E820Map(memoryByteCount: memory.byteCount, videoMode: videoMode)
    entry = image.entry
    let parameters = try Self.parameters(
      image, initrd: initrd, memoryMap: memoryMap, videoMode: videoMode)
    do throws(GuestMemoryError) {
      try Self.writeFirmware(memory, vcpuCount: vcpuCount, hasMouse: videoMode != nil)
      try memory.write(text + [0], at: BootLayout.commandLine)
      // A flat binary has none.
      if !parameters.isEmpty { try memory.write(parameters, at: image.parametersAddress) }
      switch entry {
      case .longMode, .protectedMode: try BootstrapTables.write(to: memory)
      case .realMode: try RealModeServices.write(to: memory, map: memoryMap)
      }
    } catch {
      // All of these structures lie below ``BootLayout/minimumMemory``.
      throw .memoryTooSmall(byteCount: memory.byteCount, minimum: BootLayout.minimumMemory)
    }
  }

  /// Places the RAM disk as high as the kernel allows, as boot loaders do, because the kernel's own memory is low.
  private static func place(
    _ initrd: OpenInitrd?, image: KernelImage, kernelEnd: UInt64, memory: GuestMemory
  ) throws(BootError) -> (address: UInt64, byteCount: UInt64)? {
    guard let initrd, initrd.byteCount > 0 else { return nil }
    let page = GuestMemory.pageByteCount
    var addressMax = defaultInitrdAddressMax
    switch image.kind {
    case .bzImage(let bzImage): addressMax = bzImage.initrdAddressMax
    case .realModeKernel(let kernel): addressMax = kernel.initrdAddressMax
    case .elf, .flatBinary: break
    }
    let end = min(addressMax + 1, BootLayout.lowMemoryEnd(memory.byteCount)) & ~(page - 1)
    let start = (kernelEnd + page - 1) & ~(page - 1)
    let available = end > start ? end - start : 0
    guard initrd.byteCount <= available else {
      throw .initrdTooBig(initrd.name, byteCount: initrd.byteCount, availableByteCount: available)
    }
    return ((end - initrd.byteCount) & ~(page - 1), initrd.byteCount)
  }

  /// Writes the tables that a kernel searches for in the BIOS's memory.
  private static func writeFirmware(
    _ memory: GuestMemory, vcpuCount: Int, hasMouse: Bool
  ) throws(GuestMemoryError) {
    // BIOS data area: segment of the extended area, and KiB of conventional memory.
    try memory.store(UInt16(BootLayout.extendedBIOSData >> 4), at: GuestAddress(0x40E))
    try memory.store(UInt16(BootLayout.extendedBIOSData >> 10), at: GuestAddress(0x413))
    try memory.write(
      MPTable(at: BootLayout.mpTable.rawValue, vcpuCount: vcpuCount).bytes, at: BootLayout.mpTable)
    try memory.write(
      ACPITables(at: BootLayout.acpiTables.rawValue, vcpuCount: vcpuCount, hasMouse: hasMouse).bytes,
      at: BootLayout.acpiTables)
  }

  private static func parameters(
    _ image: KernelImage, initrd: (address: UInt64, byteCount: UInt64)?, memoryMap: E820Map,
    videoMode: VideoMode?
  ) throws(BootError) -> [UInt8] {
    let commandLine = BootLayout.commandLine.rawValue
    let rootPointer = BootLayout.acpiTables.rawValue
    switch image.entry {
    case .longMode:
      var page = ZeroPage(image.kind)
      page.setCommandLine(at: commandLine)
      page.setMemoryMap(memoryMap)
      page.setACPIRootPointer(rootPointer)
      if let videoMode { page.setScreen(videoMode, at: BootLayout.frameBuffer) }
      if let initrd { page.setInitrd(at: initrd.address, byteCount: initrd.byteCount) }
      return page.bytes
    case .protectedMode:
      return PVHStartInfo(
        at: BootLayout.pvhStartInfo.rawValue, commandLine: commandLine, initrd: initrd, memoryMap: memoryMap,
        acpiRootPointer: rootPointer
      ).bytes
    case .realMode:
      guard case .realModeKernel(let kernel) = image.kind else { return [] }
      return try kernel.setup(image.file, initrd: initrd)
    }
  }

  /// Gives the vCPUs their initial state: the first one at the kernel's entry with interrupts off, the others waiting for
  /// INIT and SIPI.
  ///
  /// Call it before the vCPUs' threads run.
  ///
  /// - Precondition: the number of vCPUs is that of the boot.
  public func prepare(_ vcpus: [KVMVirtualCPU]) throws(BootError) {
    precondition(vcpus.count == vcpuCount, "the tables tell of \(vcpuCount) vCPUs, not of \(vcpus.count)")
    do throws(KVMError) {
      for vcpu in vcpus { try vcpu.setFirmwareState() }
      switch entry {
      case .longMode(let instruction): try vcpus[0].startInLongMode(at: instruction)
      case .protectedMode(let instruction): try vcpus[0].startInProtectedMode(at: instruction)
      case .realMode(let code, let instruction, let data, let stack):
        try vcpus[0].startInRealMode(code: code, instruction: instruction, data: data, stack: stack)
      }
    } catch {
      throw .kvm(error)
    }
  }
}
