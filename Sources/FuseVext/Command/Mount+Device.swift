import CExt2
import HostSystem
import SystemPackage

/// Opens the device that the command line names.
extension Mount {
  /// Opens the device, or the part of it that the options select.
  static func open(_ options: MountOptions, forReplay: Bool = false) throws(MountFailure) -> any BlockDevice {
    guard options.vextAddress == nil else { return try part(of: try openVext(options), options) }
    let readOnly = options.isReadOnly && !forReplay
    if !options.usesPageCache, let device = try openDirect(options, readOnly: readOnly) { return device }
    return try part(of: try openFile(options, readOnly: readOnly, usesPageCache: true), options)
  }

  /// The device for direct I/O, which moves whole logical blocks; nil if the file system has smaller ones, or begins between
  /// two. The page cache makes whole blocks of them.
  private static func openDirect(_ options: MountOptions, readOnly: Bool) throws(MountFailure)
    -> (any BlockDevice)?
  {
    let file = try openFile(options, readOnly: readOnly, usesPageCache: false)
    do throws(MountFailure) {
      let device = try part(of: file, options)
      guard file.logicalBlockByteCount > 512 else { return device }
      return try hasSmallBlocks(device, options) ? nil : device
    } catch .noSuchPart(let name, let text) {
      if file.logicalBlockByteCount > 512 { return nil }
      throw .noSuchPart(name, text)
    }
  }

  private static func openVext(_ options: MountOptions) throws(MountFailure) -> any BlockDevice {
    let address = options.vextAddress ?? ""
    return try VextImageDevice(
      address: address.isEmpty ? nil : address,
      poolByteCount: FuseThreads.bufferByteCount(
        threadCount: options.servingThreadCount,
        queueCount: options.transport == .ring ? FuseTransport.queueCount : 0))
  }

  private static func openFile(_ options: MountOptions, readOnly: Bool, usesPageCache: Bool)
    throws(MountFailure) -> FileDevice
  {
    let device: FileDevice
    do throws(Errno) {
      device = try FileDevice(path: options.device, readOnly: readOnly, usesPageCache: usesPageCache)
    } catch {
      throw error == .resourceBusy
        ? MountFailure.inUse(options.device) : MountFailure.device(options.device, error)
    }
    if let user = device.lastingLoopUser() { throw .inUseByLoop(options.device, user) }
    return device
  }

  /// The range that `offset=`, `sizelimit=` and `partition=` select.
  private static func part(of device: any BlockDevice, _ options: MountOptions) throws(MountFailure)
    -> any BlockDevice
  {
    var (offset, limit) = (options.byteOffset, options.byteLimit)
    if let number = options.partition {
      let partitions: [PartitionTable.Partition]?
      do throws(Errno) {
        partitions = try DeviceContents(device).partitions()
      } catch {
        throw .device(options.device, error)
      }
      guard let partition = partitions?.first(where: { $0.number == number }) else {
        throw .noSuchPart(
          options.device, partitions == nil ? "no partition table" : "there is no partition \(number)")
      }
      guard offset < partition.byteCount else {
        throw .noSuchPart(options.device, "option 'offset=\(offset)': beyond the end of partition \(number)")
      }
      limit = min(limit ?? .max, partition.byteCount - offset)
      offset += partition.byteOffset
    }
    if offset == 0, limit == nil { return device }
    guard let part = PartDevice(device, byteOffset: offset, byteCount: limit) else {
      throw .noSuchPart(
        options.device,
        offset < device.byteCount
          ? "the file system must begin at a multiple of \(device.logicalBlockByteCount) bytes"
          : "option 'offset=\(offset)': beyond the end of the device")
    }
    return part
  }

  /// Whether the file system has blocks that are smaller than the device's.
  private static func hasSmallBlocks(_ device: any BlockDevice, _ options: MountOptions) throws(MountFailure)
    -> Bool
  {
    let unit = device.logicalBlockByteCount
    // The size of the read that contains a superblock.
    guard unit <= 4096, device.byteCount >= 4096 else { return true }
    do throws(Errno) {
      let buffer = try device.allocateBuffer(byteCount: 4096)
      let memory = buffer.slice(0, 4096)
      try device.makeQueue().perform(BlockRequest(.read, byteOffset: 0, memory: memory))
      let superblock = memory.load(ext2_super_block.self, at: SuperblockEditor.byteOffset)
      guard superblock.s_magic == UInt16(EXT2_SUPER_MAGIC), superblock.s_log_block_size <= 6 else {
        return false
      }
      return 1024 << Int(superblock.s_log_block_size) < unit
    } catch {
      throw .device(options.device, error)
    }
  }

  /// The reason to refuse a device without an ext file system; nil if its contents are unknown.
  static func refusal(of device: any BlockDevice) -> MountFailure? {
    do throws(Errno) {
      return try DeviceContents(device).refusal()
    } catch {
      // The device was read before without an error, so that the first message is the better one.
      return nil
    }
  }
}
