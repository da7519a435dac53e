import HostSystem
import SystemPackage
import VextProtocol

/// The memory that a vhost-user front end shared (SET_MEM_TABLE), mapped and checked.
struct VhostUserMemoryTable: Sendable {
  /// A region as the front end describes it.
  struct Region: Sendable {
    let guestAddress: UInt64
    let byteCount: UInt64
    /// Where the front end has it: the addresses of rings are of this kind.
    let userAddress: UInt64
    let fileOffset: UInt64
  }

  /// The mapped memory.
  let memory: GuestMemory
  private let regions: [Region]

  /// Maps the regions of `message`, whose files are the descriptors of `packet`.
  ///
  /// - Throws: a reason for the log if the memory is not of whole pages, overlaps, or can shrink, so that an access would raise
  ///   SIGBUS.
  init(
    _ message: VhostUserMessage, _ packet: inout ReceivedPacket
  ) throws(VhostUserError) {
    let words = VhostUserMessage.words(message.payload)
    guard let count = words.first, (1...UInt32(VhostUserProtocol.regionLimit)).contains(count) else {
      throw .badValue(request: message.request, UInt64(words.first ?? 0))
    }
    guard message.payload.count == 8 + Int(count) * 32 else { throw message.badLength }
    guard packet.descriptorCount == Int(count) else {
      throw .badDescriptorCount(request: message.request, count: packet.descriptorCount)
    }
    let fields = Array(VhostUserMessage.longWords(message.payload).dropFirst())
    let regions = (0..<Int(count)).map { index in
      Region(
        guestAddress: fields[index * 4], byteCount: fields[index * 4 + 1],
        userAddress: fields[index * 4 + 2], fileOffset: fields[index * 4 + 3])
    }
    var refusal: SharedMemoryFile.Unfit?
    do throws(Errno) {
      memory = try GuestMemory(
        regions: regions.map {
          GuestMemoryRegion(
            address: GuestAddress($0.guestAddress), byteCount: $0.byteCount, fileOffset: $0.fileOffset)
        }
      ) { () throws(Errno) in
        guard let descriptor = packet.takeDescriptor() else { throw .badFileDescriptor }
        do throws(SharedMemoryFile.Unfit) { return try SharedMemoryFile(checking: descriptor) } catch {
          refusal = error
          throw .permissionDenied
        }
      }
    } catch {
      throw .memory(Self.reason(refusal, error))
    }
    self.regions = regions
  }

  private static func reason(_ refusal: SharedMemoryFile.Unfit?, _ error: Errno) -> String {
    switch refusal {
    case .notMemory, .notSealed:
      "its memory was refused: it is not sealed against shrinking; use memory-backend-memfd with share=on in QEMU"
    case .hugePages: "its memory was refused: it is of huge pages; use memory of ordinary pages"
    case .sealedAgainstWriting, .notWritable: "its memory was refused: it cannot be written"
    case .failed(let error): "its memory was refused: \(error)"
    case nil: "its memory was refused: \(error)"
    }
  }

  /// The guest-physical address of what the front end has at `address`; nil outside of the regions.
  func guestAddress(of address: UInt64) -> GuestAddress? {
    for region in regions {
      let offset = address &- region.userAddress
      if address >= region.userAddress, offset < region.byteCount {
        return GuestAddress(region.guestAddress &+ offset)
      }
    }
    return nil
  }
}
