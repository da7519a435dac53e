public import SystemPackage

/// Why a kernel cannot be booted; says so in one line that names the file.
public enum BootError: Error, Equatable, CustomStringConvertible, Sendable {
  /// A file that takes part in the boot.
  public enum Subject: Equatable, CustomStringConvertible, Sendable {
    /// The kernel image at a path.
    case kernel(String)
    /// An initial RAM disk, or a piece of one, at a path.
    case initrd(String)

    /// Its role and path.
    public var description: String {
      switch self {
      case .kernel(let path): "kernel \(path)"
      case .initrd(let path): "initrd \(path)"
      }
    }
  }

  /// open(2) or fstat(2) failed.
  case cannotOpen(Subject, Errno)
  /// A directory, a device or a pipe.
  case notARegularFile(Subject)
  /// Zero bytes.
  case empty(Subject)
  /// The file ends before what its own headers announce.
  case truncated(Subject, byteCount: UInt64, neededByteCount: UInt64)
  /// pread(2) failed.
  case readFailed(Subject, Errno)
  /// None of the formats that this hypervisor knows.
  case notAKernel(Subject)
  /// A kernel for another processor.
  case otherArchitecture(Subject, String)
  /// A kernel for 32-bit x86 only.
  case noLongMode(Subject)
  /// A boot protocol before 2.12, which has no 64-bit entry.
  case protocolTooOld(Subject, version: UInt16)
  /// A format that is known but not booted; the text names it.
  case unsupportedImage(Subject, String)
  /// Headers that contradict themselves; the text says where.
  case badHeader(Subject, String)
  /// The kernel does not fit into the RAM below the PCI hole.
  case kernelTooBig(Subject, endAddress: UInt64, lowMemoryByteCount: UInt64)
  /// The initial RAM disk does not fit above the kernel.
  case initrdTooBig(String, byteCount: UInt64, availableByteCount: UInt64)
  /// The initial RAM disk that is made for the guest could not be.
  case cannotMakeInitrd(GuestRootError)
  /// More bytes than the kernel takes.
  case commandLineTooLong(byteCount: Int, limit: Int)
  /// Less RAM than the boot structures alone need.
  case memoryTooSmall(byteCount: UInt64, minimum: UInt64)
  /// More vCPUs than local APIC IDs of 8 bits name, or none.
  case badVCPUCount(Int, limit: Int)
  /// KVM refused a vCPU's state at the start.
  case kvm(KVMError)

  /// One line for a person.
  public var description: String {
    switch self {
    case .cannotOpen(let file, let errno): "\(file): \(errno)"
    case .notARegularFile(let file): "\(file): not a regular file"
    case .empty(let file): "\(file): the file is empty"
    case .truncated(let file, let byteCount, let needed):
      "\(file): truncated: \(byteCount) bytes of at least \(needed)"
    case .readFailed(let file, let errno): "\(file): cannot be read: \(errno)"
    case .notAKernel(let file): "\(file): not a kernel (neither a bzImage nor an ELF vmlinux)"
    case .otherArchitecture(let file, let name): "\(file): a kernel for \(name), not for x86-64"
    case .noLongMode(let file): "\(file): a kernel for 32-bit x86, without a 64-bit entry"
    case .protocolTooOld(let file, let version):
      "\(file): boot protocol \(version >> 8).\(version & 0xFF) is older than 2.12 and has no 64-bit entry"
    case .unsupportedImage(let file, let format): "\(file): \(format) is not supported yet"
    case .badHeader(let file, let reason): "\(file): damaged: \(reason)"
    case .kernelTooBig(let file, let end, let memory):
      "\(file): needs memory up to \(end >> 20) MiB, but the guest has \(memory >> 20) MiB below the PCI hole"
    case .initrdTooBig(let name, let byteCount, let available):
      "initrd \(name): its \(byteCount) bytes do not fit into the \(available) bytes above the kernel"
    case .cannotMakeInitrd(let error): error.description
    case .commandLineTooLong(let byteCount, let limit):
      "kernel command line: \(byteCount) bytes, but the kernel takes \(limit)"
    case .memoryTooSmall(let byteCount, let minimum):
      "guest memory of \(byteCount) bytes: a kernel needs at least \(minimum >> 20) MiB"
    case .badVCPUCount(let count, let limit): "\(count) vCPUs: a kernel is booted on 1 to \(limit)"
    case .kvm(let error): error.description
    }
  }
}
