import HostSystem
import SystemPackage
import VextProtocol

/// The registrations of one queue's disk and memory with a ring.
struct RegisteredResources: BitwiseCopyable {
  /// The file's index; -1 if it is not registered.
  private var fileIndex: Int32 = -1
  /// The index of the memory's first piece.
  private var firstBuffer: Int32 = 0
  /// The host address of the registered memory.
  private var base: UInt = 0
  /// The size of the registered memory in bytes; 0 if none is registered.
  private var byteCount: UInt64 = 0

  /// Makes a value without registrations.
  init() {}

  init(fileIndex: Int?, memory: RingRegistrations.Memory?) {
    self.fileIndex = Int32(fileIndex ?? -1)
    guard let memory else { return }
    firstBuffer = Int32(memory.firstBuffer)
    base = memory.base
    byteCount = memory.byteCount
  }

  /// The name of the disk in requests: the registered file's index, or the descriptor.
  @inline(__always)
  func file(_ disk: DiskHandle) -> IOUringFile {
    fileIndex >= 0 ? IOUringFile(registeredAt: Int(fileIndex)) : IOUringFile(descriptor: disk.descriptor)
  }

  /// The registered buffer that holds the whole run, which is not empty; nil if none does.
  @inline(__always)
  func buffer(_ run: IOVector) -> Int? {
    let runByteCount = UInt64(run.byteCount)
    let offset = UInt64(run.address &- base)
    guard offset < byteCount, runByteCount > 0, runByteCount <= byteCount &- offset else { return nil }
    let piece = offset / UInt64(IOUring.bufferByteLimit)
    guard (offset &+ runByteCount &- 1) / UInt64(IOUring.bufferByteLimit) == piece else { return nil }
    return Int(firstBuffer) &+ Int(truncatingIfNeeded: piece)
  }
}

/// The disks and memories that an I/O thread registered with its ring, which it keeps alive.
///
/// If a descriptor or an address were reused during its registration, requests would reach the wrong file or memory. The
/// machine's owner registers once; the guest has no influence, and a queue that is attached only looks registrations up.
struct RingRegistrations {
  /// The low region of a machine's memory, in pieces of ``IOUring/bufferByteLimit``.
  struct Memory {
    let owner: GuestMemory
    let base: UInt
    let byteCount: UInt64
    let firstBuffer: Int
  }

  private var disks: [DiskImage] = []
  private var memories: [Memory] = []
  private var bufferCount = 0

  /// Registers `disk`. Has no effect if the table is full or the kernel refuses; requests use the descriptor then.
  mutating func add(disk: DiskImage, to ring: inout IOUring) {
    guard !disk.handle.isFormatted, disks.count < IOUring.fileLimit, !disks.contains(where: { $0 === disk })
    else { return }
    do throws(Errno) {
      try ring.registerFile(disk.handle.descriptor, at: disks.count)
      disks.append(disk)
    } catch {
      return
    }
  }

  /// Registers the memory below the PCI hole. Has no effect if RLIMIT_MEMLOCK does not allow it.
  mutating func add(memory: GuestMemory, to ring: inout IOUring) {
    guard let region = memory.regions.first, !memories.contains(where: { $0.owner === memory }) else {
      return
    }
    let base = UInt(region.host.rawValue)
    let piece = UInt64(IOUring.bufferByteLimit)
    let count = Int((region.byteCount + piece - 1) / piece)
    guard bufferCount + count <= IOUring.bufferLimit else { return }
    var registeredByteCount: UInt64 = 0
    for index in 0..<count {
      let length = min(piece, region.byteCount - registeredByteCount)
      // The entry below keeps the region mapped as long as the ring lives.
      guard let start = region.start.advanced(by: registeredByteCount),
        let run = memory.map.vector(start, byteCount: length)
      else { return }
      do throws(Errno) {
        try ring.register(run, at: bufferCount + index)
      } catch {
        // The pieces that are registered already stay in use.
        break
      }
      registeredByteCount += length
    }
    guard registeredByteCount > 0 else { return }
    memories.append(
      Memory(owner: memory, base: base, byteCount: registeredByteCount, firstBuffer: bufferCount))
    bufferCount += count
  }

  /// The registrations for the requests of a queue on `disk` with data in `memory`.
  func place(disk: DiskHandle, memory: GuestMemory) -> RegisteredResources {
    RegisteredResources(
      fileIndex: disks.firstIndex { $0.handle.descriptor == disk.descriptor },
      memory: memories.first { $0.owner === memory })
  }
}
