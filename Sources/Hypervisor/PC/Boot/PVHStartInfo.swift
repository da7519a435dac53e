/// PVH's start info, version 1 (Xen, public/arch-x86/hvm/start_info.h): the structure, one module's entry, the memory
/// map.
struct PVHStartInfo {
  private static let magic: UInt32 = 0x336E_C578
  private static let byteCount: UInt64 = 56
  private static let moduleByteCount: UInt64 = 32

  let bytes: [UInt8]

  /// Makes the structures for the address `address`.
  init(
    at address: UInt64, commandLine: UInt64, initrd: (address: UInt64, byteCount: UInt64)?,
    memoryMap: E820Map,
    acpiRootPointer: UInt64
  ) {
    let module = address + Self.byteCount
    var info = LittleEndianBytes()
    info.append(Self.magic)
    info.append(1 as UInt32)  // version
    info.append(0 as UInt32)  // flags
    info.append((initrd == nil ? 0 : 1) as UInt32)
    info.append(initrd == nil ? 0 : module)
    info.append(commandLine)
    info.append(acpiRootPointer)
    info.append(module + Self.moduleByteCount)
    info.append(UInt32(memoryMap.entries.count))
    info.append(0 as UInt32)
    // The module: its address, its size, no command line of its own.
    info.append(initrd?.address ?? 0)
    info.append(initrd?.byteCount ?? 0)
    info.appendZeroes(16)
    for entry in memoryMap.entries {
      info.append(entry.bytes)
      info.append(0 as UInt32)
    }
    bytes = info.bytes
  }
}
