public import SystemPackage

/// The reason why a kernel cannot be booted, with the file's path.
public enum BootError: Error, Equatable, CustomStringConvertible, Sendable {
  /// A file that takes part in the boot.
  public enum Subject: Equatable, CustomStringConvertible, Sendable {
    /// The kernel image at a path.
    case kernel(String)
    /// An initial RAM disk, or a piece of one, at a path.
    case initrd(String)
    /// The firmware image at a path.
    case firmware(String)

    /// Its role and path.
    public var description: String {
      switch self {
      case .kernel(let path): "kernel \(path)"
      case .initrd(let path): "initrd \(path)"
      case .firmware(let path): "firmware \(path)"
      }
    }
  }

  /// open(2) or fstat(2) failed.
  case cannotOpen(Subject, Errno)
  /// A directory, a device or a pipe.
  case notARegularFile(Subject)
  /// The file has no bytes.
  case empty(Subject)
  /// The file is shorter than its own headers announce.
  case truncated(Subject, byteCount: UInt64, neededByteCount: UInt64)
  /// pread(2) failed.
  case readFailed(Subject, Errno)
  /// The file has none of the supported formats.
  case notAKernel(Subject)
  /// The kernel is for another processor.
  case otherArchitecture(Subject, String)
  /// The kernel is for 32-bit x86 only.
  case noLongMode(Subject)
  /// The boot protocol is older than 2.02.
  case protocolTooOld(Subject, version: UInt16)
  /// The firmware image is larger than a machine takes.
  case firmwareTooBig(Subject, byteCount: UInt64, limit: UInt64)
  /// The firmware image does not consist of whole pages, so that it cannot end at 4 GiB.
  case firmwareNotOfPages(Subject, byteCount: UInt64)
  /// A flat binary is larger than the conventional memory behind its address.
  case flatBinaryTooBig(Subject, byteCount: UInt64, limit: UInt64)
  /// The format is known but not supported; the text names it.
  case unsupportedImage(Subject, String)
  /// The headers contradict themselves; the text says where.
  case badHeader(Subject, String)
  /// The kernel does not fit into the RAM below the PCI hole.
  case kernelTooBig(Subject, endAddress: UInt64, lowMemoryByteCount: UInt64)
  /// The initial RAM disk does not fit above the kernel.
  case initrdTooBig(String, byteCount: UInt64, availableByteCount: UInt64)
  /// The initial RAM disk that is built for the guest could not be built.
  case cannotMakeInitrd(GuestRootError)
  /// The command line has more bytes than the kernel accepts.
  case commandLineTooLong(byteCount: Int, limit: Int)
  /// The boot structures alone need more RAM.
  case memoryTooSmall(byteCount: UInt64, minimum: UInt64)
  /// The number of vCPUs is 0 or larger than the number of 8-bit local APIC IDs.
  case badVCPUCount(Int, limit: Int)
  /// The kernel at a path starts through PVH or in real mode, and neither boot protocol passes a frame buffer.
  case noFrameBuffer(String)
  /// KVM refused a vCPU's initial state.
  case kvm(KVMError)

  /// The error message: one line.
  public var description: String {
    switch self {
    case .cannotOpen(let file, let errno): "\(file): \(errno)"
    case .notARegularFile(let file): "\(file): not a regular file"
    case .empty(let file): "\(file): the file is empty"
    case .truncated(let file, let byteCount, let needed):
      "\(file): truncated: \(byteCount) bytes of at least \(needed)"
    case .readFailed(let file, let errno): "\(file): cannot be read: \(errno)"
    case .notAKernel(let file): "\(file): not a kernel (a bzImage, an ELF vmlinux, or a flat binary)"
    case .otherArchitecture(let file, let name): "\(file): a kernel for \(name), not for x86-64"
    case .noLongMode(let file): "\(file): a kernel for 32-bit x86, without a 64-bit entry"
    case .protocolTooOld(let file, let version):
      "\(file): boot protocol \(version >> 8).\(version & 0xFF) is older than 2.02"
    case .firmwareTooBig(let file, let byteCount, let limit):
      "\(file): \(byteCount) bytes, but a machine takes at most \(limit >> 20) MiB"
    case .firmwareNotOfPages(let file, let byteCount):
      "\(file): \(byteCount) bytes are not a multiple of 4096, as the size of firmware is"
    case .flatBinaryTooBig(let file, let byteCount, let limit):
      "\(file): no kernel, and its \(byteCount) bytes are too many for a flat real-mode binary (at most \(limit))"
    case .unsupportedImage(let file, let format): "\(file): \(format) is not supported"
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
    case .noFrameBuffer(let path):
      "kernel \(path): entered through PVH or in real mode, with no frame buffer; use a bzImage with a 64-bit entry"
    case .kvm(let error): error.description
    }
  }
}
