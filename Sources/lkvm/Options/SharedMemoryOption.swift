import HostSystem
import Hypervisor

/// `--shmem [pci:]ADDR:SIZE[:handle=NAME][:create]`: memory that a guest shares with others.
struct SharedMemoryOption: Equatable {
  /// The object without `handle=`, as in kvmtool.
  static let defaultName = "/kvm_shmem"

  /// The guest-physical address of the memory.
  var address: UInt64
  /// Its size in bytes.
  var byteCount: UInt64
  /// `handle=`: the name of the object.
  var name = SharedMemoryOption.defaultName
  /// `create`: whether to make the object.
  var creates = false

  /// Reads `argument`. A number is decimal, or hexadecimal behind 0x; a size may end in a letter from K to P.
  init(argument: String) throws(OptionProblem) {
    var words = argument.split(separator: ":", omittingEmptySubsequences: false)[...]
    if words.first == "pci" { words.removeFirst() }
    guard words.count >= 2, let address = ByteCountText.byteCount(words.removeFirst(), [.hexadecimal]),
      let byteCount = ByteCountText.byteCount(words.removeFirst(), [.hexadecimal, .binarySuffixes, .binaryB])
    else {
      throw .wanted("[pci:]ADDR:SIZE[:handle=NAME][:create], such as pci:0xc8000000:16M:handle=/name:create")
    }
    guard SharedMemoryDevice.isPossible(byteCount: byteCount) else {
      let (least, most) = (SharedMemoryDevice.byteCounts.lowerBound, SharedMemoryDevice.byteCounts.upperBound)
      throw OptionProblem(text: "the size must be a power of two from \(least) to \(most) bytes")
    }
    let (window, end) = (PCIHost.barWindowStart, PCIHost.barWindowEnd)
    guard address.isMultiple(of: byteCount), address >= window, address < end, byteCount <= end - address
    else {
      throw OptionProblem(
        text: "the address must be a multiple of the size, from 0x\(String(window, radix: 16)), "
          + "and the memory end at 0x\(String(end, radix: 16)) at the latest")
    }
    self.address = address
    self.byteCount = byteCount
    for word in words {
      if word == "create" {
        creates = true
      } else if word.hasPrefix("handle="), word.count > "handle=".count {
        name = String(word.dropFirst("handle=".count))
        guard SharedMemoryArea.accepts(name: name) else {
          throw OptionProblem(text: "\(SharedMemoryError.badName(name))")
        }
      } else {
        throw .wanted("handle=NAME or create behind ADDR:SIZE")
      }
    }
  }

  /// Refuses memories that lie over each other.
  static func check(_ all: [SharedMemoryOption]) throws(LkvmFailure) {
    let sorted = all.sorted { $0.address < $1.address }
    for (lower, upper) in zip(sorted, sorted.dropFirst())
    where lower.address + lower.byteCount > upper.address {
      throw .usage("--shmem: two memories lie over each other at 0x\(String(upper.address, radix: 16))")
    }
  }

  /// Opens the object.
  func opened() throws(SharedMemoryError) -> GuestConfiguration.SharedMemory {
    .init(
      area: try SharedMemoryArea(name: name, byteCount: byteCount, creates: creates), address: address)
  }
}
