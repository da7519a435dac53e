/// What firmware may ask of the machine: items by their selector, some of which are files with a name (QEMU docs/specs/fw_cfg.rst).
///
/// Numbers are little-endian, except in the directory of files, where they are big-endian.
package struct FirmwareItems: Sendable {
  /// Selectors with a fixed meaning.
  enum Selector {
    static let signature: UInt16 = 0x00
    static let features: UInt16 = 0x01
    static let ramByteCount: UInt16 = 0x03
    static let hasNoGraphics: UInt16 = 0x04
    static let cpuCount: UInt16 = 0x05
    static let cpuLimit: UInt16 = 0x0F
    static let directory: UInt16 = 0x19
    static let firstFile: UInt16 = 0x20
  }

  /// Bits of the item `features`.
  enum Feature {
    static let ports: UInt32 = 1 << 0
    static let dma: UInt32 = 1 << 1
  }

  private static let nameByteCount = 56

  /// The bytes of each item.
  private(set) var items: [UInt16: [UInt8]] = [:]
  private var files: [(name: String, selector: UInt16)] = []

  /// The items of a machine.
  ///
  /// - Parameter bootSlots: PCI slots of the disks, in the order in which the firmware tries to boot them.
  package init(memoryByteCount: UInt64, vcpuCount: Int, bootSlots: [Int]) {
    items[Selector.signature] = Array("QEMU".utf8)
    items[Selector.features] = Self.bytes(Feature.ports | Feature.dma)
    items[Selector.ramByteCount] = Self.bytes(memoryByteCount)
    // The firmware then shows its screen on the first serial port.
    items[Selector.hasNoGraphics] = Self.bytes(1 as UInt16)
    items[Selector.cpuCount] = Self.bytes(UInt16(truncatingIfNeeded: vcpuCount))
    items[Selector.cpuLimit] = Self.bytes(UInt16(truncatingIfNeeded: vcpuCount))
    add("etc/e820", E820Map(memoryByteCount: memoryByteCount).firmwareRecords)
    add("etc/boot-cpus", Self.bytes(UInt16(truncatingIfNeeded: vcpuCount)))
    add("etc/sercon-port", Self.bytes(UInt64(SerialPort.Location.com1.base.rawValue)))
    add("bootorder", bootSlots.isEmpty ? [] : Self.bootOrder(bootSlots))
    let tables = ACPITables(at: 0, vcpuCount: vcpuCount, hasMouse: false)
    let loader = FirmwareTableLoader(tables)
    add(FirmwareTableLoader.rootPointerFile, loader.rootPointer)
    add(FirmwareTableLoader.tablesFile, loader.tables)
    add("etc/table-loader", loader.commands)
    items[Selector.directory] = directory
  }

  private mutating func add(_ name: String, _ bytes: [UInt8]) {
    guard !bytes.isEmpty else { return }
    let selector = Selector.firstFile + UInt16(files.count)
    files.append((name, selector))
    items[selector] = bytes
  }

  /// The directory: the number of files, then size, selector, two reserved bytes and name of each.
  private var directory: [UInt8] {
    var directory = LittleEndianBytes()
    directory.append(UInt32(files.count).byteSwapped)
    for file in files {
      directory.append(UInt32(items[file.selector, default: []].count).byteSwapped)
      directory.append(file.selector.byteSwapped)
      directory.append(0 as UInt16)
      directory.append(file.name, byteCount: Self.nameByteCount, padding: 0)
    }
    return directory.bytes
  }

  /// The disks as paths of Open Firmware, one a line, with a zero byte at the end.
  private static func bootOrder(_ slots: [Int]) -> [UInt8] {
    let paths = slots.map { "/pci@i0cf8/scsi@\(String($0, radix: 16))/disk@0,0" }
    return Array(paths.joined(separator: "\n").utf8) + [0]
  }

  private static func bytes(_ value: some FixedWidthInteger) -> [UInt8] {
    LittleEndianBytes(encoding: [value]).bytes
  }
}

extension E820Map {
  /// RAM, and what firmware must not give away above it; the firmware knows the rest itself.
  fileprivate var firmwareRecords: [UInt8] {
    guard let low = entries.last(where: { $0.kind == .memory && $0.start < GuestMemory.highStart }) else {
      return []
    }
    // Conventional memory, the area below 1 MiB and the rest are one run for firmware.
    let memory = Entry(0, to: low.start + low.byteCount, .memory)
    return ([memory] + entries.filter { $0.start >= BootLayout.fixedDevices }).flatMap(\.bytes)
  }
}
