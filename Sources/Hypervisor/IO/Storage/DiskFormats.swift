/// The formats of images that a disk may have.
public enum DiskFormats: Equatable, Sendable {
  /// The file's bytes are the disk's, whatever they look like.
  case anyAsRaw
  /// Raw images; what looks like another format is refused.
  case raw
  /// Raw images and those of the qcow family; what looks like another format is refused.
  case qcow(QcowOptions)

  /// The options of qcow images; nil if they are not accepted.
  var options: QcowOptions? {
    switch self {
    case .anyAsRaw, .raw: nil
    case .qcow(let options): options
    }
  }
}

/// How an image of the qcow family is opened.
public struct QcowOptions: Equatable, Sendable {
  /// The name or identifier of the snapshot to read; nil: the disk as it is.
  public var snapshot: String?
  /// Whether backing files may lie outside the image's folder.
  public var allowsAnyBackingFile: Bool

  /// Makes options.
  public init(snapshot: String? = nil, allowsAnyBackingFile: Bool = false) {
    self.snapshot = snapshot
    self.allowsAnyBackingFile = allowsAnyBackingFile
  }
}
