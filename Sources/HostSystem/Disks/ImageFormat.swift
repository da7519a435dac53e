/// A format of files that hold something else than the plain bytes of a disk.
///
/// What is written to such a file at a disk's offsets destroys it, so programs that take raw disks ask here first.
public enum ImageFormat: String, CaseIterable, Sendable {
  case qcow = "qcow"
  case qcow2 = "qcow2"
  case qed = "QED"
  case vmdk = "VMDK"
  case vdi = "VDI"
  case vhd = "VHD"
  case vhdx = "VHDX"
  case parallels = "Parallels"
  case bochs = "Bochs"
  case dmg = "DMG"
  case androidSparse = "Android sparse"
  case luks = "LUKS"
  case gzip = "gzip"
  case xz = "xz"
  case zstd = "zstd"
  case bzip2 = "bzip2"
  case lz4 = "LZ4"
  case zip = "ZIP"

  /// Number of a file's first bytes that ``init(first:last:)`` needs.
  public static let firstByteCount = 512
  /// Number of a file's last bytes that ``init(first:last:)`` needs.
  public static let lastByteCount = 512

  /// Recognizes a format; nil for what may be a raw disk.
  ///
  /// - Parameters:
  ///   - first: The first ``firstByteCount`` bytes of the file, fewer if it is shorter.
  ///   - last: The last ``lastByteCount`` bytes: a VHD of fixed size has its mark there alone.
  public init?(first: [UInt8], last: [UInt8] = []) {
    func begins(_ mark: [UInt8], at offset: Int = 0, in bytes: [UInt8]) -> Bool {
      bytes.count >= offset + mark.count && bytes[offset..<offset + mark.count].elementsEqual(mark)
    }
    func begins(_ text: String, in bytes: [UInt8]) -> Bool { begins(Array(text.utf8), in: bytes) }

    if begins([0x51, 0x46, 0x49, 0xFB, 0, 0, 0], in: first), first.count >= 8 {
      self = first[7] == 1 ? .qcow : .qcow2
      return
    }
    if begins([0x7F, 0x10, 0xDA, 0xBE], at: 0x40, in: first) {
      self = .vdi
      return
    }
    let marks: [(ImageFormat, [UInt8])] = [
      (.qed, [0x51, 0x45, 0x44, 0]), (.androidSparse, [0x3A, 0xFF, 0x26, 0xED]),
      (.luks, [0x4C, 0x55, 0x4B, 0x53, 0xBA, 0xBE]), (.gzip, [0x1F, 0x8B, 0x08]),
      (.xz, [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0]), (.zstd, [0x28, 0xB5, 0x2F, 0xFD]),
      (.lz4, [0x04, 0x22, 0x4D, 0x18]), (.zip, [0x50, 0x4B, 3, 4]),
    ]
    let texts: [(ImageFormat, String)] = [
      (.vmdk, "KDMV"), (.vmdk, "COWD"), (.vmdk, "# Disk DescriptorFile"), (.vhd, "conectix"),
      (.vhdx, "vhdxfile"), (.parallels, "WithoutFreeSpace"), (.parallels, "WithouFreSpacExt"),
      (.bochs, "Bochs Virtual HD Image"),
    ]
    if let format = marks.first(where: { begins($0.1, in: first) })?.0
      ?? texts.first(where: { begins($0.1, in: first) })?.0
    {
      self = format
    } else if begins("BZh", in: first), first.count >= 10, begins([0x31, 0x41, 0x59, 0x26], at: 4, in: first)
    {
      self = .bzip2
    } else if begins("conectix", in: last) {
      self = .vhd
    } else if begins("koly", in: last) {
      self = .dmg
    } else {
      return nil
    }
  }

  /// Whether a guest may have written this to the beginning of its raw disk: it is no container of disks on its own.
  public var mayBeginRawDisk: Bool { self == .luks }

  /// What the user can do about a file at `path`, as the end of a message.
  public func remedy(_ path: String) -> String {
    switch self {
    case .qcow, .qcow2, .qed, .vmdk, .vdi, .vhd, .vhdx, .parallels, .bochs, .dmg:
      "convert it with 'qemu-img convert -O raw \(path) NEW'"
    case .androidSparse: "convert it with 'simg2img \(path) NEW'"
    case .luks: "open it with 'cryptsetup open \(path) NAME' and use /dev/mapper/NAME"
    case .gzip: "decompress it with 'gzip -d'"
    case .xz: "decompress it with 'xz -d'"
    case .zstd: "decompress it with 'zstd -d'"
    case .bzip2: "decompress it with 'bzip2 -d'"
    case .lz4: "decompress it with 'lz4 -d'"
    case .zip: "extract it with 'unzip'"
    }
  }

  /// What it is, for a message.
  public var noun: String {
    switch self {
    case .gzip, .xz, .zstd, .bzip2, .lz4: "compressed with \(rawValue)"
    case .zip: "a ZIP archive"
    case .luks: "encrypted with LUKS"
    default: "\(rawValue) image"
    }
  }
}
