import HostSystem

/// An open kernel image whose headers have been checked.
///
/// The payload stays in the file until ``LinuxBoot`` reads it into guest memory.
public final class KernelImage: Sendable {
  /// The supported formats.
  enum Kind: Sendable {
    case bzImage(BzImage)
    case elf(ELFKernel)
    case realModeKernel(RealModeKernel)
    case flatBinary
  }

  /// The path that was opened.
  public let path: String
  let file: BootFile
  let kind: Kind

  /// Opens `path` and reads its headers.
  public init(path: String) throws(BootError) {
    let file = try BootFile(.kernel(path))
    let head = LittleEndianBytes(try file.prefix(BzImage.headerByteCount))
    if BzImage.matches(head) {
      kind =
        BzImage.startsInRealMode(head)
        ? .realModeKernel(try RealModeKernel(head, file: file)) : .bzImage(try BzImage(head, file: file))
    } else if ELFKernel.matches(head) {
      kind = .elf(try ELFKernel(head, file: file))
    } else if let reason = Self.reasonToRefuse(head, file.subject) {
      throw reason
    } else {
      guard file.byteCount <= FlatBinary.byteLimit else {
        throw .flatBinaryTooBig(file.subject, byteCount: file.byteCount, limit: FlatBinary.byteLimit)
      }
      kind = .flatBinary
    }
    self.path = path
    self.file = file
  }

  /// The name of the file's format, for messages.
  public var format: String {
    switch kind {
    case .bzImage(let image): "bzImage, boot protocol \(image.version >> 8).\(image.version & 0xFF)"
    case .elf(let kernel): kernel.pvhEntry == nil ? "ELF vmlinux" : "ELF vmlinux with a PVH entry"
    case .realModeKernel(let kernel):
      "bzImage, boot protocol \(kernel.version >> 8).\(kernel.version & 0xFF), real mode"
    case .flatBinary: "flat real-mode binary"
    }
  }

  /// Whether the file has no format, so that it is started in real mode at its first byte.
  public var isFlatBinary: Bool {
    switch kind {
    case .bzImage, .elf, .realModeKernel: false
    case .flatBinary: true
    }
  }

  /// The kernel's full version text, such as "6.1.0-56-amd64 (someone@somewhere) #1 SMP ..."; nil if the image has none.
  ///
  /// A bzImage has it in its header. An ELF image is searched for it, which takes as long as reading the file.
  public var versionText: String? {
    switch kind {
    case .bzImage(let image): image.versionText
    case .elf: try? ELFKernel.findVersionText(in: file)
    case .realModeKernel(let kernel): kernel.versionText
    case .flatBinary: nil
    }
  }

  /// The first word of ``versionText``, which is the name of the kernel's folder in /lib/modules.
  public var kernelRelease: String? {
    versionText.flatMap { $0.split(separator: " ").first.map(String.init) }
  }

  /// Maximum length of the command line in bytes, without its terminating zero byte.
  public var commandLineLimit: Int {
    switch kind {
    case .bzImage(let image): min(Int(image.commandLineByteCount), BootLayout.commandLineLimit)
    // COMMAND_LINE_SIZE of x86 is 2,048 with the zero byte, and an ELF image has no field for it.
    case .elf: BootLayout.commandLineLimit - 1
    case .realModeKernel(let kernel): min(Int(kernel.commandLineByteCount), BootLayout.commandLineLimit)
    case .flatBinary: 0
    }
  }

  /// Names the format of a file that is neither bzImage nor ELF, as far as its first bytes show it; nil for a flat binary.
  private static func reasonToRefuse(_ head: LittleEndianBytes, _ subject: BootError.Subject) -> BootError? {
    // Image header of arm64 and RISC-V: a magic number at 56 (Documentation/arch/arm64/booting.rst).
    if head.holds("ARM\u{64}", at: 56) { return .otherArchitecture(subject, "ARM64") }
    if head.holds("RSC\u{05}", at: 56) { return .otherArchitecture(subject, "RISC-V") }
    if head.holds("MZ", at: 0), head.holds("zimg", at: 4) {
      return .unsupportedImage(subject, "a compressed EFI image")
    }
    if head.load(UInt16.self, at: 0) == 0x8B1F {
      return .unsupportedImage(subject, "a gzip-compressed image")
    }
    if head.holds("MZ", at: 0) { return .unsupportedImage(subject, "an EFI binary") }
    if let format = ImageFormat(first: head.bytes) {
      return .unsupportedImage(subject, "a file of the format \(format.rawValue)")
    }
    return FlatBinary.matches(head) ? nil : .notAKernel(subject)
  }
}
