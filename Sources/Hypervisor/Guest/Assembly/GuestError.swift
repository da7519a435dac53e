/// The reason why a guest could not be assembled: the part of its configuration, and the error message.
public struct GuestError: Error, CustomStringConvertible, Sendable {
  /// A part of the configuration.
  public enum Part: Sendable {
    /// The machine: KVM, vCPUs, memory.
    case machine
    /// KVM itself: its device file.
    case kvm
    /// The number of vCPUs.
    case vcpuCount
    /// The CPUs that vCPUs are pinned to.
    case affinity
    /// The NUMA node of its memory.
    case memoryNode
    /// Its memory alone.
    case memory
    /// Its memory of huge pages.
    case hugePages
    /// The merging of its pages with others.
    case merging
    /// The kernel.
    case kernel
    /// The firmware.
    case firmware
    /// The kernel's command line.
    case parameters
    /// The initial RAM disk.
    case initrd
    /// A virtio-blk disk.
    case disk
    /// A disk served through the vext queue.
    case vext
    /// A disk of a vhost-user back end.
    case vhostUserDisk
    /// A file system of a vhost-user back end.
    case vhostUserFileSystem
    /// A shared folder.
    case share
    /// Shared memory.
    case sharedMemory
    /// The virtio socket device.
    case sockets
    /// A network.
    case network
    /// A device of the host.
    case hostDevice
    /// A console or serial port.
    case console
    /// The frame buffer.
    case display
    /// Another resource of the host: threads, descriptors.
    case host
  }

  /// The part of the configuration at fault.
  public let part: Part
  /// The error message: one line.
  public let description: String

  init(_ part: Part, _ description: String) {
    self.part = part
    self.description = description
  }

  /// Runs `body`, and attributes its errors to `part`.
  static func attributing<Value: ~Copyable, Failure: Error>(
    to part: Part, _ body: () throws(Failure) -> Value
  ) throws(GuestError) -> Value {
    do { return try body() } catch { throw GuestError(part, "\(error)") }
  }
}
